"""What a timeline's models have counted, and what that cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streamtags.config import BackendSettings, PriceSettings, ProfileSettings
from streamtags.events import Event, SegmentCaptioned, SegmentTagged
from streamtags.model import Usage

__all__ = ["Spent", "cost_of"]


def cost_of(usage: Usage, price: PriceSettings) -> float:
    """Money for `usage`, in the price's currency."""
    return (usage.prompt_tokens * price.prompt + usage.completion_tokens * price.completion) / 1e6


class Spent:
    """Adds up the tokens that events tell of, failed attempts excepted: a server tells nobody what those cost.

    Args:
        profile: whose prices hold.
    """

    def __init__(self, profile: ProfileSettings) -> None:
        self._backends: dict[type[object], BackendSettings] = {SegmentCaptioned: profile.captioner, SegmentTagged: profile.classifier}
        self._prompt = 0
        self._completion = 0
        self._segments: set[str] = set()
        self._money: dict[str, float] = {}

    def add(self, events: Iterable[Event]) -> None:
        """Count `events`, each once."""
        for event in events:
            told = event.data
            if not isinstance(told, SegmentCaptioned | SegmentTagged) or told.usage is None:
                continue
            self._prompt += told.usage.prompt_tokens
            self._completion += told.usage.completion_tokens
            self._segments.add(told.segment)
            price = self._backends[type(told)].price
            if price is not None:
                self._money[price.currency] = self._money.get(price.currency, 0.0) + cost_of(told.usage, price)

    def summary(self) -> dict[str, Any]:
        """`usage` in tokens, `tokens_per_segment`, and `cost` by currency where prices are set; empty where nothing was counted."""
        if not self._segments:
            return {}
        total = self._prompt + self._completion
        found: dict[str, Any] = {
            "usage": {"prompt_tokens": self._prompt, "completion_tokens": self._completion},
            "tokens_per_segment": round(total / len(self._segments), 1),
        }
        if self._money:
            found["cost"] = {currency: round(amount, 6) for currency, amount in sorted(self._money.items())}
        return found
