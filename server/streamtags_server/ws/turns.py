"""Admission: how many readers are brought up to date from the store at once.

When a server restarts, all its clients connect again within seconds. Served side by side, each would wait until nearly all are served, and
the reads of the store would pile up. Served a few at a time and in order of arrival, half of them are done after half of the time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamtags.operations.errors import OverloadedError
from streamtags_server.metrics import Metrics

__all__ = ["Turns"]

_log = logging.getLogger(__name__)


class Turns:
    """Turns of readers, first come, first served.

    When `waiting` readers wait, a further one is refused. Its connection is closed with code 4500, on which clients reconnect with backoff
    and resume where they were.

    Args:
        running: the most turns at once.
        waiting: the most readers that wait for one.
        metrics: where waiting and refused readers are counted.
    """

    def __init__(self, *, running: int, waiting: int, metrics: Metrics) -> None:
        self._free = asyncio.Semaphore(running)  # wakes in order of arrival
        self._most, self._waiting = waiting, 0
        self._metrics = metrics
        self._refusing = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the block. Do not wait for a client in it.

        Raises:
            OverloadedError: too many readers wait.
        """
        self._check_room()
        self._count(1)
        try:
            await self._free.acquire()
        finally:
            self._count(-1)
        try:
            yield
        finally:
            self._free.release()

    def _check_room(self) -> None:
        if self._waiting < self._most or not self._free.locked():
            return
        self._metrics.add("streamtags_readers_refused_total")
        if not self._refusing:
            self._refusing = True
            _log.warning("%d readers wait to be brought up to date; more must reconnect later", self._waiting)
        raise OverloadedError("too many readers wait to be brought up to date", hint="connect again later")

    def _count(self, by: int) -> None:
        self._waiting += by
        self._metrics.add("streamtags_readers_waiting", by)
        if self._waiting < self._most // 2:
            self._refusing = False
