"""Asking a model until it answers, refuses or time is up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streamtags.core.errors import ModelError
from streamtags.core.model import Usage
from streamtags.run.load import Lane

__all__ = ["attempt"]

Answer = TypeVar("Answer")

# Waits between attempts, in seconds, before jitter: doubling from the first to the last.
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0


async def attempt(ask: Callable[[], Awaitable[Answer]], lane: Lane, *, where: str) -> Answer:
    """`ask()` when it is its turn in `lane`, and again while the failure is retryable: `retries` times, and `deadline_seconds` in all.

    The wait before the n-th retry is drawn evenly from 0 to 2**n half seconds ("full jitter", so that many segments do not come back
    at once; https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), or is what the server asked for if that is longer.
    A server that cannot be reached has not been asked: that uses up no retry, only time. The wait for a turn does not count.

    Raises:
        ModelError: it was refused, kept failing, or took too long (code `model.deadline`; `model.circuit_open` where the server was away).
    """
    profile = lane.profile
    async with lane.place():
        try:
            async with asyncio.timeout(profile.deadline_seconds) as deadline:
                return await _persist(ask, lane, deadline)
        except TimeoutError as error:
            if lane.breaker.opened is not None:
                raise lane.unavailable() from error
            raise ModelError(
                f"no answer within {profile.deadline_seconds:g} s",
                where=where,
                hint="raise deadline_seconds of the profile, or lower its concurrency",
                code="model.deadline",
            ) from error


async def _persist(ask: Callable[[], Awaitable[Answer]], lane: Lane, deadline: asyncio.Timeout) -> Answer:
    tries = retries = 0
    spent: Usage | None = None  # on answers nobody could use
    while True:
        began = await lane.go_ahead()
        try:
            answer = await ask()
        except ModelError as error:
            lane.failed(error, began)
            error.usage = spent = error.usage + spent if error.usage else spent
            tries += 1
            retries += error.code != "model.unreachable"
            if not error.retryable or retries > lane.profile.retries:
                raise
            wait = random.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(tries, 10)))  # noqa: S311 - jitter, not a secret
            wait = max(wait, error.retry_after or 0.0)
            until = deadline.when()
            if until is not None and asyncio.get_running_loop().time() + wait >= until and error.code != "model.unreachable":
                raise  # the server's own reason tells more than that time ran out
            await asyncio.sleep(wait)
        except asyncio.CancelledError:
            if deadline.expired():
                lane.failed(ModelError("no answer in time", code="model.deadline"), began)
            else:
                lane.given_up(began)
            raise
        except BaseException:
            lane.given_up(began)
            raise
        else:
            lane.answered(began)
            return answer
