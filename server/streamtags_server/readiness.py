"""Whether the server takes work, measured on request and in a thread of its own."""

from __future__ import annotations

import asyncio
import shutil

from streamtags.core.errors import StreamtagsError
from streamtags.core.stores import Store
from streamtags_server.threads import ThreadPool
from streamtags_server.ws.hub import Hub

__all__ = ["Readiness"]

_ANSWER_SECONDS = 2.0
# Readers wait at most so long for an event that is durable.
_MAX_DELAY_SECONDS = 5.0
# With less space than this a transaction of the store may fail.
_MIN_FREE_BYTES = 1 << 20


class Readiness:
    """Measures whether the store answers, has space, and whether events reach readers.

    One probe runs at a time, in a thread that nothing else uses; concurrent calls share its result.

    Attributes:
        is_draining: the server will stop soon, so that a load balancer has to choose another one.
    """

    def __init__(self, store: Store, hub: Hub, probes: ThreadPool) -> None:
        self._store, self._hub, self._probes = store, hub, probes
        self._probe: asyncio.Task[str | None] | None = None
        self.is_draining = False

    async def trouble(self) -> str | None:
        """Return why the server cannot take work, None if it can; takes two seconds at most."""
        if self.is_draining or self._hub.stopped.is_set():
            return "the server is shutting down"
        if self._hub.delay_seconds() > _MAX_DELAY_SECONDS:
            return f"events have not been published for {self._hub.delay_seconds():.0f} s"
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._measure())
        done, _ = await asyncio.wait({self._probe}, timeout=_ANSWER_SECONDS)
        return self._probe.result() if done else f"the store has not answered within {_ANSWER_SECONDS:g} s"

    async def _measure(self) -> str | None:
        try:
            free = await self._probes(self._free_bytes)
        except StreamtagsError as error:
            return f"the store cannot be used: {error.what}"
        return f"the volume of the store is full ({free} bytes are free)" if free < _MIN_FREE_BYTES else None

    def _free_bytes(self) -> int:
        self._store.check_health()
        folder = self._store.folder
        return shutil.disk_usage(folder if folder.is_dir() else folder.parent).free
