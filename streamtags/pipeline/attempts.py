"""Asking a model until it answers, refuses or time is up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streamtags.config import ProfileSettings
from streamtags.errors import ModelError

__all__ = ["attempt"]

Answer = TypeVar("Answer")

# Waits between attempts, in seconds, before jitter: doubling from the first to the last.
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0


async def attempt(ask: Callable[[], Awaitable[Answer]], profile: ProfileSettings, *, where: str) -> Answer:
    """`ask()`, asked again while the failure is retryable, at most `profile.retries` times and `profile.deadline_seconds` in all.

    The wait before the n-th retry is drawn evenly from 0 to 2**n half seconds ("full jitter", so that many segments do not come back
    at once; https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), or is what the server asked for if that is longer.

    Raises:
        ModelError: it was refused, kept failing, or took too long (code `model.deadline`).
    """
    try:
        async with asyncio.timeout(profile.deadline_seconds):
            return await _persist(ask, profile.retries)
    except TimeoutError as error:
        raise ModelError(
            f"no answer within {profile.deadline_seconds:g} s",
            where=where,
            hint="raise deadline_seconds of the profile, or lower its concurrency",
            code="model.deadline",
        ) from error


async def _persist(ask: Callable[[], Awaitable[Answer]], retries: int) -> Answer:
    for retry in range(retries + 1):
        try:
            return await ask()
        except ModelError as error:
            if not error.retryable or retry == retries:
                raise
            wait = random.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2**retry))  # noqa: S311 - jitter, not a secret
            await asyncio.sleep(max(wait, error.retry_after or 0.0))
    raise AssertionError("unreachable: the last retry returns or raises")
