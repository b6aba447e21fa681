"""How long to wait before the next try."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["Backoff"]

_MAX_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

    Attributes:
        first_seconds: the longest wait before the second try; it doubles with each further try.
        most_seconds: the longest wait before any try.
        least_share: the share of the longest wait that is always waited: 0 is full jitter, 1 is none.
    """

    first_seconds: float = 0.25
    most_seconds: float = 30.0
    least_share: float = 0.0

    def seconds(self, attempt: int) -> float:
        """Return how long to wait after `attempt` failed tries, counted from 0 since the last success."""
        longest = min(self.most_seconds, self.first_seconds * 2 ** min(attempt, _MAX_DOUBLINGS))
        return random.uniform(self.least_share * longest, longest)  # noqa: S311 - spreads load, guards nothing
