"""How much a model server is asked at once, and whether it is asked at all.

`AdaptiveLimit` and `Breaker` are pure: they are told what happened and when. A `Lane` holds one of each for a stage of a run, and makes
askers wait.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from streamtags.config.settings import ProfileSettings
from streamtags.core.errors import ModelError

__all__ = ["AdaptiveLimit", "Breaker", "Lane"]

_log = logging.getLogger(__name__)

# The server may be fine, but was not reached, broke off or took too long.
_TRANSPORT = frozenset({"model.unreachable", "model.timeout", "model.deadline", "model.server_error"})
# It says, or shows, that it is asked too much.
_OVERLOAD = frozenset({"model.busy", "model.timeout", "model.deadline", "model.server_error"})
# An answer that took more than this share of the deadline is about to become a timeout.
_SLOW_SHARE = 0.5


class AdaptiveLimit:
    """How many may ask at once: one more after every full round of answers, half after an overload ("AIMD").

    D. Chiu, R. Jain, "Analysis of the increase and decrease algorithms for congestion avoidance in computer networks", Computer Networks
    and ISDN Systems 17, 1989. It begins at `most`, which is what a person believes the server can take. Overloads of requests that were
    sent before the last halving count once: one burst of refusals is one message.
    """

    def __init__(self, most: int) -> None:
        self.now = most
        self._most = most
        self._answered = 0
        self._halved = -math.inf

    def answered(self) -> None:
        """A request came back well and in time."""
        self._answered += 1
        if self._answered >= self.now and self.now < self._most:
            self.now += 1
            self._answered = 0

    def overloaded(self, began: float, now: float) -> None:
        """A request sent at `began` was turned away for load, or took too long."""
        if began >= self._halved:
            self.now = max(1, self.now // 2)
            self._answered = 0
            self._halved = now


class Breaker:
    """A circuit breaker: after `after` failures in a row nobody asks, save one probe now and then, until a probe succeeds.

    M. Nygard, "Release It!", 2007, chapter 5. All times in seconds on one clock.

    Args:
        after: failures in a row that open it.
        first_wait: before the first probe; doubled after each that fails.
        longest_wait: the most between two probes.
    """

    def __init__(self, after: int = 5, first_wait: float = 1.0, longest_wait: float = 15.0) -> None:
        self._after = after
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._failures = 0
        self._wait = first_wait
        self._probe_at = 0.0
        self._probing = False
        self.opened: float | None = None  # since when; None while closed

    def must_wait(self, now: float) -> float:
        """Seconds until one may ask: 0 now (where it is open, the asker is the probe), infinity while a probe is under way."""
        if self.opened is None:
            return 0.0
        if self._probing:
            return math.inf
        if now < self._probe_at:
            return self._probe_at - now
        self._probing = True
        return 0.0

    def succeeded(self) -> bool:
        """The server answered, whatever it said; whether that closed the breaker."""
        was_open = self.opened is not None
        self.opened, self._failures, self._wait, self._probing = None, 0, self._first_wait, False
        return was_open

    def failed(self, began: float, now: float) -> bool:
        """The server did not answer a request sent at `began`; whether that opened the breaker."""
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

    def given_up(self, began: float) -> None:
        """Whoever asked at `began` went away without having heard anything: if it was the probe, another may be it."""
        if began >= self._probe_at:
            self._probing = False


class Lane:
    """One stage's way to its model: everybody who asks goes through it.

    At most `profile.concurrency` ask at once, fewer while the server is overloaded; the others wait in order, without bound, holding
    nothing but their place. While the breaker is open those inside wait, until the server answers again or has been away for
    `profile.deadline_seconds`; from then on they fail at once, one probe at a time excepted, so that a run ends.

    Args:
        name: of the stage, for people.
        profile: limits.
        breaker: for tests.
    """

    def __init__(self, name: str, profile: ProfileSettings, breaker: Breaker | None = None) -> None:
        self.limit = AdaptiveLimit(profile.concurrency)
        self.breaker = breaker or Breaker()
        self.profile = profile
        self._name = name
        self._inside = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._changed = asyncio.Event()
        self._not_before = 0.0  # the server asked everybody to stay away until then

    @property
    def busy(self) -> bool:
        """Whether anybody asks, or may and waits only for the server."""
        return self._inside > 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place among those who may ask, and hold it."""
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._admit()
        try:
            await turn
            yield
        finally:
            if not turn.cancelled():
                self._inside -= 1
                self._admit()

    def _admit(self) -> None:
        while self._queue and self._inside < self.limit.now:
            turn = self._queue.popleft()
            if not turn.cancelled():
                turn.set_result(None)
                self._inside += 1

    async def go_ahead(self) -> float:
        """Wait until the server may be asked; return the time, to be given back with what came of it.

        Raises:
            ModelError: it has been away for longer than a segment may take (code `model.circuit_open`).
        """
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            wait = self._not_before - now
            if wait <= 0:
                wait = self.breaker.must_wait(now)
            if wait <= 0:
                return now
            if self.away(now) >= self.profile.deadline_seconds:
                raise self.unavailable()
            changed = self._changed
            with suppress(TimeoutError):
                async with asyncio.timeout(None if math.isinf(wait) else wait):
                    await changed.wait()

    def answered(self, began: float) -> None:
        """A request sent at `began` was answered."""
        now = asyncio.get_running_loop().time()
        if now - began > _SLOW_SHARE * self.profile.deadline_seconds:
            self.limit.overloaded(began, now)
        else:
            self.limit.answered()
        self._alive()

    def failed(self, error: ModelError, began: float) -> None:
        """A request sent at `began` failed."""
        now = asyncio.get_running_loop().time()
        if error.code in _OVERLOAD:
            self.limit.overloaded(began, now)
        if error.retry_after:
            self._not_before = max(self._not_before, now + error.retry_after)
        if error.code not in _TRANSPORT:
            self._alive()
        elif self.breaker.failed(began, now):
            _log.warning(
                "the model that is to %s does not answer (%s); waiting for it, up to %g s", self._name, error, self.profile.deadline_seconds
            )
        self._tell()

    def given_up(self, began: float) -> None:
        """A request sent at `began` was abandoned before anything came of it."""
        self.breaker.given_up(began)
        self._tell()

    def away(self, now: float) -> float:
        """For how many seconds the server has not answered, as far as the breaker knows; 0 while it is closed."""
        return 0.0 if self.breaker.opened is None else now - self.breaker.opened

    def unavailable(self) -> ModelError:
        """What to tell of a segment that waited in vain."""
        return ModelError(
            f"the model did not answer for {self.profile.deadline_seconds:g} s",
            where=self._name,
            hint="start it again (`streamtags doctor` looks for it), then run the same command: it does only what is missing",
            code="model.circuit_open",
        )

    def _alive(self) -> None:
        if self.breaker.succeeded():
            _log.warning("the model that is to %s answers again", self._name)
            self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
