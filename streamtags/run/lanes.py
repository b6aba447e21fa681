"""Lanes: every request to a model goes through the lane of its stage, which limits, retries and times out."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from streamtags.core.backoff import Backoff
from streamtags.core.errors import ModelError
from streamtags.core.model import Usage
from streamtags.run.congestion import AdaptiveLimit, Breaker

__all__ = ["Lane", "Limits"]

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)

# The server was not reached, closed the connection or took too long.
_TRANSPORT = frozenset({"model.unreachable", "model.timeout", "model.deadline", "model.server_error"})
# The server has too many requests.
_OVERLOAD = frozenset({"model.busy", "model.timeout", "model.deadline", "model.server_error"})
# An answer that took more than this share of the deadline counts as an overload.
_SLOW_SHARE = 0.5
_BACKOFF = Backoff(first_seconds=0.5, most_seconds=30.0)


class Limits(Protocol):
    """The limits of a lane; a profile has them too."""

    @property
    def concurrency(self) -> int:
        """The most requests in flight."""
        ...

    @property
    def retries(self) -> int:
        """The most retries of one request."""
        ...

    @property
    def deadline_seconds(self) -> float:
        """The longest time for one request, retries included."""
        ...


class Lane:
    """Limits the requests of one stage, or of several stages that share a model.

    At most `limits.concurrency` requests are in flight, fewer while the server is overloaded. The others wait in order; the queue is not
    bounded, but a waiting request holds nothing except its place. While the breaker is open, requests wait until the server answers
    again or has been away for `limits.deadline_seconds`. From then on they fail at once, except for one probe at a time, so that the run
    ends.

    Args:
        name: the lane's name, for messages.
        limits: concurrency, retries and deadline.
        breaker: the circuit breaker; tests pass their own.
    """

    def __init__(self, name: str, limits: Limits, breaker: Breaker | None = None) -> None:
        self.limit = AdaptiveLimit(limits.concurrency)
        self.breaker = breaker or Breaker()
        self._limits = limits
        self._name = name
        self._inside = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._changed = asyncio.Event()
        self._not_before = 0.0  # the server requested that no request comes before this time

    @property
    def busy(self) -> bool:
        """Whether any request is in flight or waits for the server."""
        return self._inside > 0

    async def ask(self, question: Callable[[], Awaitable[Answer]], *, where: str) -> Answer:
        """Await `question()` when it is its turn, and again while it fails in a way that a retry may fix.

        The wait before the n-th retry is drawn evenly from 0 to 2**n half seconds ("full jitter",
        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), or is what the server requested if that is longer.
        A server that cannot be reached uses up time but no retries. The deadline starts when the turn comes.

        Args:
            question: sends the request; called once for each attempt.
            where: the segment, for messages.

        Raises:
            ModelError: it was refused, kept failing, or took too long (code `model.deadline`; `model.circuit_open` if the server was away).
        """
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._admit()
        try:
            await turn
            async with asyncio.timeout(self._limits.deadline_seconds) as deadline:
                return await self._retry(question, deadline)
        except TimeoutError as error:
            if self.breaker.opened is not None:
                raise self._unavailable() from error
            raise ModelError(
                f"no answer within {self._limits.deadline_seconds:g} s",
                where=where,
                hint="raise deadline_seconds of the profile, or lower its concurrency",
                code="model.deadline",
            ) from error
        finally:
            if not turn.cancelled():
                self._inside -= 1
                self._admit()

    async def _retry(self, question: Callable[[], Awaitable[Answer]], deadline: asyncio.Timeout) -> Answer:
        tries = retries = 0
        usage: Usage | None = None  # of answers that could not be used
        while True:
            began = await self._wait_for_server()
            try:
                answer = await question()
            except ModelError as error:
                self._record_failure(error, began)
                error.usage = usage = error.usage + usage if error.usage else usage
                tries += 1
                retries += error.code != "model.unreachable"
                if not error.retryable or retries > self._limits.retries:
                    raise
                wait = max(_BACKOFF.seconds(tries), error.retry_after or 0.0)
                until = deadline.when()
                if until is not None and asyncio.get_running_loop().time() + wait >= until and error.code != "model.unreachable":
                    raise  # the server's reason says more than a deadline error
                await asyncio.sleep(wait)
            except asyncio.CancelledError:
                if deadline.expired():
                    self._record_failure(ModelError("no answer in time", code="model.deadline"), began)
                else:
                    self._record_cancelled(began)
                raise
            except BaseException:
                self._record_cancelled(began)
                raise
            else:
                self._record_answer(began)
                return answer

    def _admit(self) -> None:
        while self._queue and self._inside < self.limit.now:
            turn = self._queue.popleft()
            if not turn.cancelled():
                turn.set_result(None)
                self._inside += 1

    async def _wait_for_server(self) -> float:
        """Wait until a request may be sent; return the time.

        Raises:
            ModelError: the server has been away for longer than the deadline (code `model.circuit_open`).
        """
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            wait = self._not_before - now
            if wait <= 0:
                wait = self.breaker.must_wait(now)
            if wait <= 0:
                return now
            if self.breaker.opened is not None and now - self.breaker.opened >= self._limits.deadline_seconds:
                raise self._unavailable()
            changed = self._changed
            with suppress(TimeoutError):
                async with asyncio.timeout(None if math.isinf(wait) else wait):
                    await changed.wait()

    def _record_answer(self, began: float) -> None:
        now = asyncio.get_running_loop().time()
        if now - began > _SLOW_SHARE * self._limits.deadline_seconds:
            self.limit.overloaded(began, now)
        else:
            self.limit.answered()
        self._record_alive()

    def _record_failure(self, error: ModelError, began: float) -> None:
        now = asyncio.get_running_loop().time()
        if error.code in _OVERLOAD:
            self.limit.overloaded(began, now)
        if error.retry_after:
            self._not_before = max(self._not_before, now + error.retry_after)
        if error.code not in _TRANSPORT:
            self._record_alive()
        elif self.breaker.failed(began, now):
            _log.warning(
                "the model of stage %s does not answer (%s); waiting up to %g s for it", self._name, error, self._limits.deadline_seconds
            )
        self._wake()

    def _record_cancelled(self, began: float) -> None:
        self.breaker.abandoned(began)
        self._wake()

    def _record_alive(self) -> None:
        if self.breaker.succeeded():
            _log.warning("the model of stage %s answers again", self._name)
            self._wake()

    def _wake(self) -> None:
        """Let every waiting request look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _unavailable(self) -> ModelError:
        return ModelError(
            f"the model did not answer for {self._limits.deadline_seconds:g} s",
            where=self._name,
            hint="start it again (`streamtags doctor` looks for it), then run the same command: it does only what is missing",
            code="model.circuit_open",
        )
