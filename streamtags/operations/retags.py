"""Retag runs in the background, at most one per timeline."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from streamtags.config.settings import Settings
from streamtags.core.errors import StreamtagsError
from streamtags.core.stores import Store
from streamtags.operations.errors import ConflictError
from streamtags.run.retag import retag

__all__ = ["Retags"]

# Retag runs at once; more wait.
_AT_ONCE = 4

_log = logging.getLogger(__name__)


class Retags:
    """The retag runs of this process. Its methods run in one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="streamtags-retag")
        # Locked while an analysis or a retag is accepted, so that two requests do not both start one.
        self.accepting = asyncio.Lock()

    def check_free(self, timeline: str) -> None:
        """Check that no retag of the timeline runs here.

        Raises:
            ConflictError: one does.
        """
        if timeline in self._tasks:
            raise ConflictError("is being retagged", where=timeline, hint="try again when that is done")

    def start(self, timeline: str, settings: Settings) -> None:
        """Retag the timeline in a thread of its own; failures are logged."""
        task = asyncio.create_task(self._run(timeline, settings))
        self._tasks[timeline] = task
        task.add_done_callback(lambda _: self._tasks.pop(timeline, None))

    async def close(self, timeout_seconds: float = 2.0) -> None:
        """Wait for the retag runs that are under way."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=timeout_seconds)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, timeline: str, settings: Settings) -> None:
        loop = asyncio.get_running_loop()
        try:
            failed = await loop.run_in_executor(self._threads, lambda: asyncio.run(retag(timeline, settings, self._store)))
            _log.info("%s retagged, %d segments failed", timeline, failed)
        except StreamtagsError as error:
            _log.warning("%s could not be retagged: %s", timeline, error)
