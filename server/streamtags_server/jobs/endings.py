"""How the log of an analysis ends when its process did not write the end itself, and how other servers are made to end one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from streamtags.core.errors import NotInStore
from streamtags.core.events import ErrorInfo, TimelineCancelled, TimelineFailed
from streamtags.core.job_queue import JobQueue
from streamtags.core.stores import Store
from streamtags.operations.errors import OverloadedError
from streamtags.operations.services import Blocking
from streamtags_server.http.problems import without_folders
from streamtags_server.jobs.active import ActiveJob
from streamtags_server.jobs.job import Job

__all__ = ["END_STATES", "WRITTEN_ELSEWHERE", "cancel_elsewhere", "release_jobs", "write_end"]

END_STATES = ("completed", "failed", "cancelled")
# Errors of an analysis whose log another process writes, its end as well.
WRITTEN_ELSEWHERE = ("store.claimed", "store.claim_lost")
# Interval at which a request to cancel looks whether another server has done it.
_POLL_SECONDS = 0.2

_log = logging.getLogger(__name__)


async def write_end(store: Store, blocking: Blocking, active: ActiveJob, error: ErrorInfo | None, seq: int) -> None:
    """Write how the analysis ended, if the log does not say so after `seq`.

    Raises:
        StoreError: the store cannot be written.
    """
    timeline, how = active.job.timeline, active.end_state(error)
    if how == "completed":
        _log.info("%s ended", timeline)
        return
    _log.info("%s %s: %s", timeline, how, error.message if error else "on request")
    payload: TimelineCancelled | TimelineFailed = TimelineCancelled()
    if error is not None and not active.is_cancelled:
        payload = TimelineFailed(error=ErrorInfo(code=error.code, message=without_folders(error.message)))

    def write() -> None:
        state = store.state(timeline)
        if state.seq <= seq or state.state not in END_STATES:
            store.append(timeline, [payload])

    try:
        await blocking(write)
    except NotInStore:
        _log.info("%s was removed before its end was written", timeline)


def release_jobs(queue: JobQueue, owner: str, stopped: Sequence[Job]) -> None:
    """End the leases of a server that shuts down; the start of each job in `stopped` does not count, because a shutdown is no crash.

    Raises:
        StoreError: the store cannot be written.
    """
    for job in stopped:
        job.starts, job.running = max(0, job.starts - 1), False
        queue.save(job.to_stored(), owner)
    queue.release(owner)


async def cancel_elsewhere(store: Store, blocking: Blocking, timeline: str, seconds: float) -> None:
    """Mark a job for the server that runs it, and wait at most `seconds` until that server has ended it.

    Raises:
        OverloadedError: it has not.
        StoreError: the store cannot be read or written.
    """
    await blocking(lambda: store.job_queue.cancel(timeline))
    deadline = time.monotonic() + seconds
    while await blocking(lambda: store.job_queue.find(timeline)) is not None:
        if time.monotonic() > deadline:
            raise OverloadedError("is to be ended by the server that runs it, which has not done so yet", where=timeline)
        await asyncio.sleep(_POLL_SECONDS)
