"""Thread pools of the server: one for each kind of blocking call, each with a deadline and a bounded queue.

With one pool for everything, a locked store or a dead name server would take every thread, and readiness and events would wait behind it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from streamtags.operations.errors import OverloadedError

__all__ = ["ServerThreads", "ThreadPool", "run_in_thread"]

T = TypeVar("T")


async def run_in_thread(call: Callable[[], T], /) -> T:
    """Return what `call` returns; it runs in the event loop's own pool, without a deadline. For tests and embedding."""
    return await asyncio.to_thread(call)


class ThreadPool:
    """Runs blocking calls in at most `threads` threads.

    A call that is not done within `deadline_seconds` is abandoned: one that waits is dropped, one that runs keeps its thread until it
    returns. When `waiting` calls wait for a thread, a further one is refused.

    Args:
        name: for error messages and thread names.
        threads: how many calls run at once.
        deadline_seconds: how long a caller waits for a result.
        waiting: how many calls may wait for a thread.
    """

    def __init__(self, name: str, *, threads: int, deadline_seconds: float, waiting: int = 1000) -> None:
        self._name, self._deadline_seconds = name, deadline_seconds
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"streamtags-{name}")
        self._most = threads + waiting
        self._pending = 0
        self._counting = threading.Lock()

    async def __call__(self, call: Callable[[], T], /) -> T:
        """Return what `call` returns.

        Raises:
            OverloadedError: too many calls wait, or it was not done within the deadline.
        """
        with self._counting:
            if self._pending >= self._most:
                raise OverloadedError(f"too many requests wait ({self._name})", hint="try again later")
            self._pending += 1
        future = self._executor.submit(call)
        future.add_done_callback(self._count_down)
        try:
            async with asyncio.timeout(self._deadline_seconds) as deadline:
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if not deadline.expired():
                raise  # of the call itself
            what = f"not done within {self._deadline_seconds:g} s ({self._name})"
            raise OverloadedError(what, hint="try again later; a change may still be made") from None

    def close(self) -> None:
        """Drop the calls that wait; do not wait for those that run."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _count_down(self, _: Future[Any]) -> None:
        with self._counting:
            self._pending -= 1


class ServerThreads:
    """The pools of one server.

    Attributes:
        tail: the hub's reads of new events; nothing else may delay them.
        reading: reads of the store.
        writing: writes to the store.
        searching: searches of segments.
        lookups: name servers, media folders, vocabulary files.
        uploads: writes of uploaded files.
        jobs: what the job queue reads and writes.
        probes: the readiness checks.
    """

    def __init__(self) -> None:
        self.tail = ThreadPool("tail", threads=1, deadline_seconds=60)
        self.reading = ThreadPool("store reads", threads=8, deadline_seconds=20)
        self.writing = ThreadPool("store writes", threads=4, deadline_seconds=20)
        self.lookups = ThreadPool("source lookups", threads=8, deadline_seconds=30, waiting=200)
        self.searching = ThreadPool("searches", threads=2, deadline_seconds=20, waiting=100)
        self.uploads = ThreadPool("uploads", threads=4, deadline_seconds=120)
        self.jobs = ThreadPool("jobs", threads=4, deadline_seconds=60)
        self.probes = ThreadPool("probes", threads=1, deadline_seconds=60)

    def close(self) -> None:
        """Close every pool."""
        for pool in (self.tail, self.reading, self.writing, self.searching, self.lookups, self.uploads, self.jobs, self.probes):
            pool.close()
