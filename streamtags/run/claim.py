"""Claiming a timeline while a process works on it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from streamtags.core.errors import StoreError
from streamtags.core.stores import Store

__all__ = ["CLAIM_SECONDS", "claimed"]

_log = logging.getLogger(__name__)

CLAIM_SECONDS = 60.0
"""Lifetime of a claim, which is renewed three times in it: how long the timeline of a machine that died stays claimed."""


@asynccontextmanager
async def claimed(store: Store, timeline: str) -> AsyncIterator[None]:
    """Prevent other processes from analyzing, retagging or removing `timeline` inside the block.

    Raises:
        StoreError: another process has claimed it (code `store.claimed`).
    """
    owner = secrets.token_hex(8)
    store.claim(timeline, owner, ttl_seconds=CLAIM_SECONDS)

    async def renew() -> None:
        while True:
            await asyncio.sleep(CLAIM_SECONDS / 3)
            try:
                await asyncio.to_thread(store.claim, timeline, owner, ttl_seconds=CLAIM_SECONDS)
            except StoreError as error:  # the next one may succeed; if the claim is lost, so is the next append, and the block ends
                _log.warning("the claim of %s could not be renewed: %s", timeline, error)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(StoreError):  # a full disk must not hide how the work ended; an old claim expires
            store.release(timeline, owner)
