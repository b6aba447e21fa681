"""Limits that adapt to a model server: how many requests at once, and whether to send any.

Both classes are pure: the caller passes in what happened and when. `Lane` uses one of each.
"""

from __future__ import annotations

import math

__all__ = ["AdaptiveLimit", "Breaker"]


class AdaptiveLimit:
    """The number of requests that may be in flight: one more after each full round of answers, half after an overload ("AIMD").

    D. Chiu, R. Jain, "Analysis of the increase and decrease algorithms for congestion avoidance in computer networks", Computer Networks
    and ISDN Systems 17, 1989. The limit starts at `most`. Several overloads of requests that were sent before the last halving count
    as one, because they report one event.

    Attributes:
        now: the current limit, from 1 to `most`.
    """

    def __init__(self, most: int) -> None:
        self.now = most
        self._most = most
        self._answered = 0
        self._halved = -math.inf

    def answered(self) -> None:
        """Record that a request was answered in time."""
        self._answered += 1
        if self._answered >= self.now and self.now < self._most:
            self.now += 1
            self._answered = 0

    def overloaded(self, began: float, now: float) -> None:
        """Record that a request sent at `began` was refused because of load, or took too long."""
        if began >= self._halved:
            self.now = max(1, self.now // 2)
            self._answered = 0
            self._halved = now


class Breaker:
    """A circuit breaker: after `after` failures in a row only one probe at a time is sent, until a probe succeeds.

    M. Nygard, "Release It!", 2007, chapter 5. All times are seconds on one clock.

    Args:
        after: failures in a row that open the breaker.
        first_wait: seconds before the first probe; doubled after each probe that fails.
        longest_wait: the longest time between two probes, in seconds.

    Attributes:
        opened: when the breaker opened; None while it is closed.
    """

    def __init__(self, after: int = 5, first_wait: float = 1.0, longest_wait: float = 15.0) -> None:
        self._after = after
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._failures = 0
        self._wait = first_wait
        self._probe_at = 0.0
        self._probing = False
        self.opened: float | None = None

    def must_wait(self, now: float) -> float:
        """Return the seconds until a request may be sent: 0 for now, infinity while a probe is in flight.

        If the breaker is open and this returns 0, the caller's request is the probe.
        """
        if self.opened is None:
            return 0.0
        if self._probing:
            return math.inf
        if now < self._probe_at:
            return self._probe_at - now
        self._probing = True
        return 0.0

    def succeeded(self) -> bool:
        """Record that the server answered; return whether that closed the breaker."""
        was_open = self.opened is not None
        self.opened, self._failures, self._wait, self._probing = None, 0, self._first_wait, False
        return was_open

    def failed(self, began: float, now: float) -> bool:
        """Record that the server did not answer a request sent at `began`; return whether that opened the breaker."""
        self._failures += 1
        if self.opened is None:
            if self._failures < self._after:
                return False
            self.opened = now
            self._probe_at = now + self._wait
            return True
        if self._probing and began >= self._probe_at:
            self._probing = False
            self._wait = min(self._longest_wait, 2 * self._wait)
            self._probe_at = now + self._wait
        return False

    def abandoned(self, began: float) -> None:
        """Record that a request sent at `began` was cancelled; if it was the probe, the next request is the probe."""
        if began >= self._probe_at:
            self._probing = False
