"""What a timeline's models have counted, and what that cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streamtags.config.settings import PriceSettings, ProfileSettings
from streamtags.core.events import Event, SegmentCaptioned, SegmentFailed, SegmentTagged
from streamtags.core.model import Usage

__all__ = ["Spent", "cost_of"]


def cost_of(usage: Usage, price: PriceSettings) -> float:
    """Money for `usage`, in the price's currency."""
    return (usage.prompt_tokens * price.prompt + usage.completion_tokens * price.completion) / 1e6


class Spent:
    """Adds up the tokens that events tell of, those of answers nobody could use included; requests without an answer are not counted.

    Attributes:
        money: by currency, as far as prices are set.

    Args:
        profile: whose prices hold.
    """

    def __init__(self, profile: ProfileSettings) -> None:
        self._profile = profile
        self._prompt = 0
        self._completion = 0
        self._segments: set[str] = set()
        self.money: dict[str, float] = {}

    @property
    def usage(self) -> Usage | None:
        """All tokens; None where no model counted any."""
        return Usage(prompt_tokens=self._prompt, completion_tokens=self._completion) if self._segments else None

    def add(self, events: Iterable[Event]) -> None:
        """Count `events`, each once."""
        for event in events:
            told = event.data
            if not isinstance(told, SegmentCaptioned | SegmentTagged | SegmentFailed) or told.usage is None:
                continue
            self._prompt += told.usage.prompt_tokens
            self._completion += told.usage.completion_tokens
            self._segments.add(told.segment)
            tagging = isinstance(told, SegmentTagged) or (isinstance(told, SegmentFailed) and told.stage == "tag")
            price = (self._profile.classifier if tagging else self._profile.captioner).price
            if price is not None:
                self.money[price.currency] = self.money.get(price.currency, 0.0) + cost_of(told.usage, price)

    def summary(self) -> dict[str, Any]:
        """`usage` in tokens, `tokens_per_segment`, and `cost` by currency where prices are set; empty where nothing was counted."""
        usage = self.usage
        if usage is None:
            return {}
        each = (usage.prompt_tokens + usage.completion_tokens) / len(self._segments)
        found: dict[str, Any] = {"usage": usage.model_dump(), "tokens_per_segment": round(each, 1)}
        if self.money:
            found["cost"] = {currency: round(amount, 6) for currency, amount in sorted(self.money.items())}
        return found
