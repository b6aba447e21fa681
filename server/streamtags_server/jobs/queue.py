"""Analyses in supervised child processes, and the queue they wait in.

The store's job queue keeps the jobs, each leased to one server. When a server dies its leases end, and another server, or the same one
started again, takes its jobs and resumes them: the log in the store says how far they were.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Literal

from pydantic import ValidationError

from streamtags.config.settings import Settings
from streamtags.core.errors import StreamtagsError
from streamtags.core.events import ErrorInfo
from streamtags.core.stores import Store
from streamtags.operations.errors import ConflictError, OverloadedError, QueueFullError
from streamtags.operations.services import AnalysisRequest, Blocking
from streamtags.run.backends import needs_model
from streamtags.sources.file.access import Access
from streamtags_server.jobs.active import ActiveJob
from streamtags_server.jobs.counting import add_counts
from streamtags_server.jobs.endings import END_STATES, WRITTEN_ELSEWHERE, cancel_elsewhere, release_jobs, write_end
from streamtags_server.jobs.job import Job
from streamtags_server.jobs.job_files import import_job_files
from streamtags_server.jobs.limits import check_user, submit_job
from streamtags_server.jobs.process import KILLED, WorkerProcess
from streamtags_server.metrics import Metrics
from streamtags_server.threads import run_in_thread
from streamtags_server.ws.hub import Hub

__all__ = ["Jobs"]

# Interval at which leases are renewed, and failed writes are tried again.
_RETRY_SECONDS = 5.0
# Interval at which a server with room looks for jobs that wait or whose server died, and for requests to cancel its own.
_LOOK_SECONDS = 1.0
# How long a request waits for a worker that has written its final event.
_EXIT_SECONDS = 5.0
# How long a cancel request waits for the log to say so; the store may be full.
_CANCEL_SECONDS = 15.0
# At shutdown, how long workers have to stop before they are killed.
_SHUTDOWN_SECONDS = 2.5
# A job whose server died so often without progress is not tried again: the job may be the cause.
_MAX_STARTS = 5

_log = logging.getLogger(__name__)


class Jobs:
    """The queue of a server; implements `streamtags.operations.services.Analyses`.

    At most `server.queue` jobs wait in the store, a further one is refused; `server.analyses` run at once at this server. A job waits in
    the store until a server has room for it.

    Args:
        store: where the jobs and the logs are.
        hub: woken when a worker reports new events.
        settings: the settings of the server; a job changes profile and vocabulary.
        access: what workers may read.
        metrics: where jobs are counted.
        blocking: runs the reads and writes of the store.
        command: the program that runs a task, for tests.
    """

    def __init__(
        self,
        store: Store,
        hub: Hub,
        settings: Settings,
        access: Access,
        metrics: Metrics,
        *,
        blocking: Blocking = run_in_thread,
        command: tuple[str, ...] = (sys.executable, "-P", "-m", "streamtags_server.jobs.worker"),
    ) -> None:
        self._store, self._hub, self._settings, self._access = store, hub, settings, access
        self._metrics, self._blocking, self._command = metrics, blocking, command
        self._owner = secrets.token_hex(8)
        self._active: dict[str, ActiveJob] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._look = asyncio.Event()
        self._draining = self._closing = False

    async def state(self, timeline: str) -> Literal["queued", "running"] | None:
        """Return whether the timeline is queued or running, here or at another server of the store.

        Raises:
            StoreError: the store cannot be read.
        """
        active = self._active.get(timeline)
        if active is not None:
            return "running" if active.process is not None else "queued"
        stored = await self._blocking(lambda: self._store.job_queue.find(timeline))
        if stored is None:
            return None
        return "running" if stored.running else "queued"

    async def submit(self, request: AnalysisRequest) -> None:
        """Queue an analysis; do nothing if its timeline is queued or running already, here or at another server.

        Raises:
            QueueFullError: too many are queued, or too many of this user.
            StoreError: the job could not be saved; it is not queued.
        """
        if await self.state(request.timeline) is not None or request.timeline in self._active:
            return
        await self.check_room(request.user)
        job = Job.model_validate({"submitted_at": time.time(), **request.model_dump()})
        if not self._room():
            await self._blocking(lambda: submit_job(self._store, self._settings.server, job, None))
            return
        active = self._active[job.timeline] = ActiveJob(job)  # takes its place while it is being saved
        try:
            is_new = await self._blocking(lambda: submit_job(self._store, self._settings.server, job, self._owner))
        except BaseException:
            del self._active[job.timeline]
            raise
        if is_new and not active.is_cancelled:
            self._begin(active)
            return
        self._active.pop(job.timeline, None)
        if is_new:
            await self._blocking(lambda: self._store.job_queue.finish(job.timeline, self._owner))

    async def check_room(self, user: str) -> None:
        """Check that a further job of this user may wait.

        Raises:
            QueueFullError: too many do, at all servers together; or too many of this user.
            StoreError: the store cannot be read.
        """
        await self._blocking(lambda: check_user(self._store, self._settings.server, user))
        if self._room():
            return
        jobs = await self._blocking(self._store.job_queue.jobs)
        if sum(not job.running and job.timeline not in self._active for job in jobs) >= self._settings.server.queue:
            raise QueueFullError(f"{self._settings.server.queue} analyses are queued already", hint="try again later")

    def _room(self) -> int:
        """Return how many further analyses this server can start now."""
        return 0 if self._draining or self._closing else max(0, self._settings.server.analyses - len(self._active))

    async def wait_for_exit(self, timeline: str) -> None:
        """Wait for a worker that has already written its final event to exit."""
        active = self._active.get(timeline)
        if active is None or active.process is None:
            return
        state = await self._blocking(lambda: self._store.state(timeline))
        if state.seq > active.seq and state.state in END_STATES:
            with suppress(TimeoutError):
                async with asyncio.timeout(_EXIT_SECONDS):
                    await active.ended.wait()

    async def cancel(self, timeline: str) -> None:
        """Cancel an analysis that is queued, or running here or at another server; return when its log says so.

        Raises:
            ConflictError: it is neither.
            OverloadedError: it is stopped, but the store cannot be written now; or its server does not answer.
        """
        active = self._active.get(timeline)
        if active is None:
            if await self.state(timeline) is None:
                raise ConflictError("is not being analyzed", where=timeline)
            waiting = await self._blocking(lambda: self._store.job_queue.take(self._owner, timeline=timeline))
            if not waiting:
                await cancel_elsewhere(self._store, self._blocking, timeline, _CANCEL_SECONDS)
                return
            active = self._active[timeline] = ActiveJob(Job.from_stored(waiting[0]))
        active.is_cancelled = True
        if active.process is not None:
            await active.process.stop()
        else:
            head = await self._blocking(lambda: self._store.head(timeline))
            self._add_task(self._conclude_waiting(active, head.seq))
        try:
            async with asyncio.timeout(_CANCEL_SECONDS):
                await active.ended.wait()
        except TimeoutError:
            what = "is stopped, but the store cannot be written; its end is written as soon as it can"
            raise OverloadedError(what, where=timeline) from None

    async def run(self) -> None:
        """Renew leases, take jobs that wait or whose server died, and end cancelled ones, at intervals, until cancelled."""
        imported, renewed_at = False, 0.0
        while True:
            pause = _LOOK_SECONDS
            try:
                if not imported:
                    await self._blocking(lambda: import_job_files(self._store))
                    imported = True
                if time.monotonic() > renewed_at + _RETRY_SECONDS:
                    await self._renew()
                    renewed_at = time.monotonic()
                await self._end_cancelled()
                await self._adopt()
                self._metrics.set("streamtags_jobs_queued", await self._blocking(self._store.job_queue.count_waiting))
            except StreamtagsError as error:
                _log.warning("the job queue cannot be read or written: %s", error)
                pause = _RETRY_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._look.wait()
            self._look.clear()

    def drain(self) -> None:
        """Start no further jobs; what is submitted waits for another server, and what runs goes on."""
        self._draining = True

    async def close(self) -> None:
        """Stop every worker; the jobs stay, to be resumed by the next server."""
        self._closing = True
        for active in self._active.values():
            if active.process is not None:
                active.process.detach()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_SHUTDOWN_SECONDS)
            for task in late:
                task.cancel()
            for active in self._active.values():
                if active.process is not None:
                    await active.process.kill()
            await asyncio.gather(*late, return_exceptions=True)
        stopped = [active.job for active in self._active.values() if active.job.running]
        self._active.clear()
        try:
            await self._blocking(lambda: release_jobs(self._store.job_queue, self._owner, stopped))
        except StreamtagsError as error:
            _log.warning("jobs could not be released; other servers take them when this process has ended: %s", error)

    # The queue of the store

    async def _renew(self) -> None:
        known = [active for active in self._active.values() if active.is_leased]
        if not known:
            return
        leased = await self._blocking(lambda: self._store.job_queue.renew(self._owner))
        for active in known:
            if active.is_leased and active.job.timeline not in leased:
                self._lose(active)
                if active.process is not None:
                    await active.process.kill()

    def _lose(self, active: ActiveJob) -> None:
        _log.warning("%s was taken by another server", active.job.timeline)
        active.is_lost = True

    async def _end_cancelled(self) -> None:
        """End the analyses that clients of other servers have cancelled."""
        if not any(active.is_leased for active in self._active.values()):
            return
        for timeline in await self._blocking(lambda: self._store.job_queue.cancelled(self._owner)):
            active = self._active.get(timeline)
            if active is not None and not active.is_cancelled:
                active.is_cancelled = True
                if active.process is not None:
                    self._add_task(active.process.stop())

    async def _adopt(self) -> None:
        room = self._room()
        if not room:
            return
        for stored in await self._blocking(lambda: self._store.job_queue.take(self._owner, limit=room)):
            try:
                job = Job.from_stored(stored)
            except ValidationError as error:
                _log.warning("the job of %s cannot be read and is removed: %s", stored.timeline, error)
                timeline = stored.timeline
                await self._blocking(lambda timeline=timeline: self._store.job_queue.finish(timeline, self._owner))  # type: ignore[misc]
                continue
            active = ActiveJob(job, is_cancelled=stored.cancelled)
            self._begin(active)
            if active.is_cancelled:
                self._add_task(self._conclude_waiting(active, job.started_seq))

    async def _conclude(self, active: ActiveJob, error: ErrorInfo | None, seq: int) -> None:
        """Write the end of the log and remove the job; while the store cannot be written, try again at intervals.

        If the server stops before that, the job stays, and the next server resumes it. If another server has taken the job, because
        this one stood still for too long, the end is not this server's to write.
        """
        active.is_leased = False
        timeline = active.job.timeline
        while not self._closing:
            try:
                if timeline not in await self._blocking(lambda: self._store.job_queue.renew(self._owner)):
                    self._lose(active)
                    return
                if error is None or error.code not in WRITTEN_ELSEWHERE:
                    await write_end(self._store, self._blocking, active, error, seq)
                await self._blocking(lambda: self._store.job_queue.finish(timeline, self._owner))
            except StreamtagsError as failure:
                _log.warning("the end of %s cannot be written yet: %s", timeline, failure)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._active.pop(timeline, None)
                self._metrics.add("streamtags_jobs_ended_total", label=f'how="{active.end_state(error)}"')
                self._update_metrics()
                return

    def _update_metrics(self) -> None:
        self._metrics.set("streamtags_jobs_running", sum(active.process is not None for active in self._active.values()))

    # Running

    def _begin(self, active: ActiveJob) -> None:
        self._active[active.job.timeline] = active
        active.is_leased = True
        self._add_task(self._wait_and_run(active))
        self._update_metrics()

    def _add_task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _conclude_waiting(self, active: ActiveJob, seq: int) -> None:
        """Conclude a job that was cancelled while it waited for its turn."""
        await self._conclude(active, None, seq)
        active.ended.set()

    async def _wait_and_run(self, active: ActiveJob) -> None:
        try:
            if not active.is_cancelled and not self._closing and not active.is_lost:
                await self._run(active)
        except (StreamtagsError, OSError) as error:
            _log.warning("the analysis of %s could not be supervised: %s", active.job.timeline, error)
            if not self._closing and not active.is_lost:
                info = ErrorInfo(code=getattr(error, "code", "worker.failed"), message=str(error))
                await self._conclude(active, info, active.seq)
        finally:
            if active.is_lost:
                self._active.pop(active.job.timeline, None)
                self._update_metrics()
            if active.process is not None or not active.is_cancelled:  # otherwise `_conclude_waiting` has not finished
                active.ended.set()
            self._look.set()

    async def _run(self, active: ActiveJob) -> None:
        job = active.job
        seq = active.seq = (await self._blocking(lambda: self._store.head(job.timeline))).seq
        if seq > job.started_seq:
            job.starts = 0
        if job.starts >= _MAX_STARTS:
            crashed = ErrorInfo(code="worker.crashed", message=f"the server died {job.starts} times while it ran")
            await self._conclude(active, crashed, seq)
            return
        job.starts, job.started_seq, job.running = job.starts + 1, seq, True
        if not await self._save(active):
            return
        _log.info("resuming %s" if seq else "starting %s", job.timeline)
        active.process = await WorkerProcess.start(self._command)
        self._update_metrics()
        settings = job.settings(self._settings)
        server, profile = settings.server, settings.choose_profile()
        silence_seconds = max(server.stall_seconds, profile.deadline_seconds if needs_model(profile) else 0)
        try:
            error = await active.process.follow(
                job.task(settings, self._settings.server, self._store.url, self._access),
                silence_seconds=silence_seconds,
                wall_seconds=server.wall_seconds,
                on_progress=self._on_progress,
            )
        finally:
            await active.process.kill()
        if self._closing or active.is_lost:
            return
        if error is not None and error.code == KILLED and not active.is_cancelled and job.starts < _MAX_STARTS:
            _log.warning("the process of %s was killed; it goes on in another one", job.timeline)
            self._metrics.add("streamtags_workers_replaced_total")
            active.process = None
            await self._run(active)
            return
        await self._conclude(active, error, seq)

    def _on_progress(self, report: dict[str, Any]) -> None:
        self._hub.wake()
        add_counts(self._metrics, report)

    async def _save(self, active: ActiveJob) -> bool:
        """Save the state of a job; return whether it may start. While the store cannot be written, try again at intervals."""
        while not self._closing and not active.is_cancelled:
            try:
                active.is_lost = not await self._blocking(lambda: self._store.job_queue.save(active.job.to_stored(), self._owner))
            except StreamtagsError as failure:
                _log.warning("%s cannot start yet: %s", active.job.timeline, failure)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                break
        return not (self._closing or active.is_cancelled or active.is_lost)
