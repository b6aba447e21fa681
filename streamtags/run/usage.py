"""The tokens that the models of a timeline counted, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streamtags.config.settings import PriceSettings, ProfileSettings
from streamtags.core.events import Event, Payload, SegmentFailed
from streamtags.core.model import Usage
from streamtags.stages.table import BUILT_IN

__all__ = ["TokenCount", "cost_of", "price_of"]

_STAGE_OF_EVENT = {stage.emits[0]: stage.name for stage in BUILT_IN}
_BACKENDS = {stage.name: stage.backend for stage in BUILT_IN}


def cost_of(usage: Usage, price: PriceSettings) -> float:
    """Return what `usage` costs, in the price's currency."""
    return (usage.prompt_tokens * price.prompt + usage.completion_tokens * price.completion) / 1e6


def price_of(stage: str, profile: ProfileSettings) -> PriceSettings | None:
    """Return the price of a stage's tokens; None if the profile sets none."""
    backend = _BACKENDS.get(stage)
    return None if backend is None else getattr(profile, backend).price


class TokenCount:
    """Adds up the tokens in events, those of unusable answers included. A request without an answer counts nothing.

    Attributes:
        money: the cost by currency, for stages that have a price.

    Args:
        profile: has the prices.
    """

    def __init__(self, profile: ProfileSettings) -> None:
        self._profile = profile
        self._prompt = 0
        self._completion = 0
        self._segments: set[str] = set()
        self.money: dict[str, float] = {}

    @property
    def usage(self) -> Usage | None:
        """All tokens; None if no model counted any."""
        return Usage(prompt_tokens=self._prompt, completion_tokens=self._completion) if self._segments else None

    def add(self, events: Iterable[Event]) -> None:
        """Count `events`; pass each event once."""
        for event in events:
            usage = getattr(event.data, "usage", None)
            if not isinstance(usage, Usage):
                continue
            self._prompt += usage.prompt_tokens
            self._completion += usage.completion_tokens
            self._segments.add(getattr(event.data, "segment", ""))
            price = price_of(_stage_of(event.data), self._profile)
            if price is not None:
                self.money[price.currency] = self.money.get(price.currency, 0.0) + cost_of(usage, price)

    def summary(self) -> dict[str, Any]:
        """Return `usage` in tokens, `tokens_per_segment`, and `cost` by currency if prices are set; empty if nothing was counted."""
        usage = self.usage
        if usage is None:
            return {}
        per_segment = (usage.prompt_tokens + usage.completion_tokens) / len(self._segments)
        summary: dict[str, Any] = {"usage": usage.model_dump(), "tokens_per_segment": round(per_segment, 1)}
        if self.money:
            summary["cost"] = {currency: round(amount, 6) for currency, amount in sorted(self.money.items())}
        return summary


def _stage_of(payload: Payload) -> str:
    return payload.stage if isinstance(payload, SegmentFailed) else _STAGE_OF_EVENT.get(type(payload), "")
