"""Ending a run that has used what it may: tokens, money or time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from streamtags.config.budget import BudgetSettings
from streamtags.config.settings import ProfileSettings
from streamtags.core.errors import ConfigError
from streamtags.core.events import Event
from streamtags.run.outcome import Analyzed
from streamtags.run.stop import Stop
from streamtags.run.usage import TokenCount
from streamtags.run.writer import Publish

__all__ = ["Budget"]


class Budget:
    """Adds up what a run uses, over all its sources, and stops it. Make it in the event loop of the run.

    Answers that are under way when the limit is reached are given up, so a run uses a little more than its limit at most.

    Attributes:
        used_up: what has been used up, such as "1,000 tokens"; None as long as nothing has.

    Args:
        limits: the limits.
        stop: set when one is reached.
    """

    def __init__(self, limits: BudgetSettings, stop: Stop) -> None:
        self.used_up: str | None = None
        self._limits, self._stop = limits, stop
        self._began = datetime.now(UTC)
        self._tokens = 0
        self._money: Counter[str] = Counter()
        if limits.seconds is not None:
            asyncio.get_running_loop().call_later(limits.seconds, self._end, f"{limits.seconds:g} seconds")

    def counting(self, profile: ProfileSettings, publish: Publish) -> Publish:
        """Return `publish` for a source that is analyzed with `profile`, which also counts what the events of this run have used.

        Raises:
            ConfigError: money is limited, and the profile has no price.
        """
        if self._limits.money is not None and profile.captioner.price is None and profile.classifier.price is None:
            hint = "set profiles.NAME.captioner.price.prompt and .completion, or budget.tokens instead"
            raise ConfigError("limits money, but the profile has no prices", where="budget.money", hint=hint)

        def counted(events: Sequence[Event]) -> None:
            count = TokenCount(profile)
            count.add(event for event in events if event.at >= self._began)  # earlier ones are replayed
            if count.usage is not None:
                self._tokens += count.usage.prompt_tokens + count.usage.completion_tokens
                for currency, amount in count.money.items():
                    self._money[currency] += amount  # type: ignore[assignment] # Counter is typed for whole numbers
                self._check()
            publish(events)

        return counted

    def what_is_left(self, state: Analyzed) -> str:
        """Return one line that says what was used up and what a further run would have to do for this timeline."""
        missing = sum(segment.status != "tagged" for segment in state.segments)
        return f"{self._stop.reason}: {missing} of {len(state.segments)} segments so far have no tags yet"

    def _check(self) -> None:
        limits = self._limits
        if limits.tokens is not None and self._tokens >= limits.tokens:
            self._end(f"{limits.tokens:,} tokens")
        for currency, amount in self._money.items():
            if limits.money is not None and amount >= limits.money:
                self._end(f"{limits.money:g} {currency}")

    def _end(self, what: str) -> None:
        if self.used_up is None:
            self.used_up = what
            self._stop.reason = f"the budget of {what} is used up"
            self._stop.set()
