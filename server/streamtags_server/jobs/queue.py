"""Analyses in supervised child processes, and the queue they wait in.

The store's job queue keeps the jobs, each leased to one server. When a server dies its leases end, and another server, or the same one
started again, takes its jobs and resumes them: the log in the store says how far they were.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from streamtags.config.settings import Settings
from streamtags.core.errors import NotInStore, StoreError, StreamtagsError
from streamtags.core.events import ErrorInfo, TimelineCancelled, TimelineFailed
from streamtags.core.records import Job as StoredJob
from streamtags.core.stores import Store
from streamtags.operations.errors import ConflictError, QueueFullError
from streamtags.operations.services import AnalysisRequest
from streamtags.run.backends import needs_model
from streamtags.sources.file.access import Access
from streamtags_server.http.problems import without_folders
from streamtags_server.jobs.job_files import import_job_files
from streamtags_server.jobs.worker import Task
from streamtags_server.metrics import Metrics
from streamtags_server.ws.hub import Hub

__all__ = ["Job", "Jobs"]

# Interval at which leases are renewed and jobs of servers that died are taken.
_ADOPT_SECONDS = 5.0
# From a polite request to end to a kill.
_GRACE_SECONDS = 5.0
# A timeline whose process died so often with its server is not tried again: it may be what kills it.
_STARTS = 5
_ENDS = ("completed", "failed", "cancelled")

_log = logging.getLogger(__name__)


class Job(AnalysisRequest):
    """A requested analysis, and how often it was started."""

    asked: float = 0.0
    starts: int = 0
    started_seq: int = 0
    running: bool = False

    def to_stored(self) -> StoredJob:
        """Return the job as the store keeps it."""
        request = self.model_dump_json(include=set(AnalysisRequest.model_fields))
        return StoredJob(self.timeline, request, self.asked, self.starts, self.started_seq, self.running)

    @classmethod
    def from_stored(cls, stored: StoredJob) -> Job:
        """Return the job that the store keeps.

        Raises:
            ValidationError: this release cannot read its request.
        """
        request = AnalysisRequest.model_validate_json(stored.request)
        return cls(
            asked=stored.submitted_at,
            starts=stored.starts,
            started_seq=stored.started_seq,
            running=stored.running,
            **request.model_dump(),
        )


@dataclass(slots=True)
class _Held:
    """A job that is leased to this server; `seq` is the end of the log when its process was started."""

    job: Job
    process: asyncio.subprocess.Process | None = None
    seq: int = 0
    is_leased: bool = False
    is_lost: bool = False  # another server has taken the job
    cancelled: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end_state(self, error: ErrorInfo | None) -> Literal["cancelled", "failed", "completed"]:
        """Return the state in which the analysis ends."""
        return "cancelled" if self.cancelled else "failed" if error else "completed"


class Jobs:
    """The queue of a server: at most `server.queue` wait, a further one is refused; `server.analyses` run at once.

    Args:
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
        command: tuple[str, ...] = (sys.executable, "-P", "-m", "streamtags_server.jobs.worker"),
    ) -> None:
        self._store, self._hub, self._settings, self._access = store, hub, settings, access
        self._metrics, self._command = metrics, command
        self._owner = secrets.token_hex(8)
        self._held: dict[str, _Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(settings.server.analyses)
        self._closing = False

    def state(self, timeline: str) -> Literal["queued", "running"] | None:
        """Whether the timeline waits or runs, here or at another server of the store."""
        held = self._held.get(timeline)
        if held is not None:
            return "running" if held.process is not None else "queued"
        stored = self._store.job_queue.find(timeline)
        if stored is None:
            return None
        return "running" if stored.running else "queued"

    def is_here(self, timeline: str) -> bool:
        """Return whether the timeline is queued or running at this server."""
        return timeline in self._held

    async def submit(self, request: AnalysisRequest) -> None:
        """Queue an analysis; do nothing if its timeline is queued or running already, here or at another server.

        Raises:
            QueueFullError: too many are queued.
            StoreError: the job could not be saved; it is not queued.
        """
        if self.state(request.timeline) is not None:
            return
        self.check_room()
        job = Job.model_validate({"asked": time.time(), **request.model_dump()})
        held = self._held[job.timeline] = _Held(job)  # takes its place in the queue while it is being saved
        try:
            is_new = await asyncio.to_thread(self._store.job_queue.submit, job.to_stored(), self._owner)
        except BaseException:
            del self._held[job.timeline]
            raise
        if is_new and not held.cancelled:
            self._begin(held)
            return
        self._held.pop(job.timeline, None)
        if is_new:
            await asyncio.to_thread(self._store.job_queue.finish, job.timeline, self._owner)

    def check_room(self) -> None:
        """See that a further job may wait.

        Raises:
            QueueFullError: too many do.
        """
        if sum(held.process is None for held in self._held.values()) >= self._settings.server.queue:
            raise QueueFullError(f"{self._settings.server.queue} analyses wait already", hint="try again later")

    async def wait_for_exit(self, timeline: str) -> None:
        """Wait for a worker that has already written its final event to exit."""
        held = self._held.get(timeline)
        if held is None or held.process is None:
            return
        state = await asyncio.to_thread(self._store.state, timeline)
        if state.seq > held.seq and state.state in _ENDS:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_SECONDS):
                    await held.ended.wait()

    async def cancel(self, timeline: str) -> None:
        """End an analysis that waits or runs here; returns when its log says so.

        Raises:
            ConflictError: it does neither; says whether it does elsewhere.
        """
        held = self._held.get(timeline)
        if held is None:
            match self.state(timeline):
                case None:
                    raise ConflictError("is not being analyzed", where=timeline)
                case state:
                    raise ConflictError(f"is {state} at another server of this store", where=timeline, hint="cancel it there")
        held.cancelled = True
        if held.process is not None:
            await self._end(held.process)
            await held.ended.wait()
        else:
            await self._conclude(held, None, self._store.head(timeline).seq)

    async def run(self) -> None:
        """Renew leases and take the jobs of servers that died, at intervals, until cancelled."""
        await asyncio.to_thread(import_job_files, self._store)
        while True:
            try:
                await self._renew()
                await self._adopt()
            except StoreError as error:
                _log.warning("the job queue cannot be read or written: %s", error)
            await asyncio.sleep(_ADOPT_SECONDS)

    async def close(self) -> None:
        """Stop every child; the jobs stay, to be resumed by the next server."""
        self._closing = True
        for held in self._held.values():
            if held.process is not None and held.process.stdin is not None:
                held.process.stdin.close()  # it ends where it is, without a word in the log
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_GRACE_SECONDS / 2)
            for task in late:
                task.cancel()
            for held in self._held.values():
                if held.process is not None and held.process.returncode is None:
                    held.process.kill()
            await asyncio.gather(*late, return_exceptions=True)
        stopped = [held.job for held in self._held.values() if held.job.running]
        self._held.clear()
        try:
            for job in stopped:  # a shutdown is not a crash
                job.starts, job.running = max(0, job.starts - 1), False
                await asyncio.to_thread(self._store.job_queue.save, job.to_stored(), self._owner)
            await asyncio.to_thread(self._store.job_queue.release, self._owner)
        except StoreError as error:
            _log.warning("jobs could not be released; other servers take them when this process has ended: %s", error)

    # The queue of the store

    async def _renew(self) -> None:
        known = [held for held in self._held.values() if held.is_leased]
        leased = await asyncio.to_thread(self._store.job_queue.renew, self._owner) if known else frozenset()
        for held in known:
            if held.is_leased and held.job.timeline not in leased:
                _log.warning("%s was taken by another server", held.job.timeline)
                held.is_lost = True
                if held.process is not None:
                    await self._kill(held.process)

    async def _adopt(self) -> None:
        for stored in await asyncio.to_thread(self._store.job_queue.take, self._owner):
            try:
                job = Job.from_stored(stored)
            except ValidationError as error:
                _log.warning("the job of %s cannot be read and is removed: %s", stored.timeline, error)
                await asyncio.to_thread(self._store.job_queue.finish, stored.timeline, self._owner)
                continue
            _log.info("resuming %s", job.timeline)
            self._begin(_Held(job))

    async def _conclude(self, held: _Held, error: ErrorInfo | None, seq: int) -> None:
        """Write the end of the log and remove the job; while the store cannot be written, try again at intervals.

        If the server stops before that, the job stays, and the next server resumes it.
        """
        held.is_leased = False
        while not self._closing:
            try:
                if error is None or error.code != "store.claimed":  # otherwise another process writes the log, its end as well
                    await self._settle(held, error, seq)
                await asyncio.to_thread(self._store.job_queue.finish, held.job.timeline, self._owner)
            except StoreError as failure:
                _log.warning("the end of %s cannot be written yet: %s", held.job.timeline, failure)
                await asyncio.sleep(_ADOPT_SECONDS)
            else:
                self._held.pop(held.job.timeline, None)
                self._metrics.add("streamtags_jobs_ended_total", label=f'how="{held.end_state(error)}"')
                self._gauge()
                return

    def _gauge(self) -> None:
        running = sum(held.process is not None for held in self._held.values())
        for name, value in (("running", running), ("queued", len(self._held) - running)):
            self._metrics.add(f"streamtags_jobs_{name}", value - self._metrics.value(f"streamtags_jobs_{name}"))

    # Running

    def _begin(self, held: _Held) -> None:
        self._held[held.job.timeline] = held
        held.is_leased = True
        task = asyncio.create_task(self._wait_and_run(held))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._gauge()

    async def _wait_and_run(self, held: _Held) -> None:
        try:
            async with self._slots:
                if not held.cancelled and not self._closing and not held.is_lost:
                    await self._run(held)
        except (StreamtagsError, OSError) as error:
            _log.warning("the analysis of %s could not be supervised: %s", held.job.timeline, error)
            if not self._closing and not held.is_lost:
                info = ErrorInfo(code=getattr(error, "code", "worker.failed"), message=str(error))
                await self._conclude(held, info, held.seq)
        finally:
            if held.is_lost:
                self._held.pop(held.job.timeline, None)
                self._gauge()
            held.ended.set()

    async def _run(self, held: _Held) -> None:
        job = held.job
        seq = held.seq = (await asyncio.to_thread(self._store.head, job.timeline)).seq
        if seq > job.started_seq:
            job.starts = 0
        if job.starts >= _STARTS:
            crashed = ErrorInfo(code="worker.crashed", message=f"the server died {job.starts} times while it ran")
            await self._conclude(held, crashed, seq)
            return
        job.starts, job.started_seq, job.running = job.starts + 1, seq, True
        if not await self._save(held):
            return
        held.process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True
        )
        self._gauge()
        try:
            error = await self._supervise(held, held.process)
        finally:
            if held.process.returncode is None:
                held.process.kill()
                await held.process.wait()
        if not self._closing and not held.is_lost:
            await self._conclude(held, error, seq)

    async def _save(self, held: _Held) -> bool:
        """Save the state of a job; return whether it may start. While the store cannot be written, try again at intervals."""
        while not self._closing and not held.cancelled:
            try:
                held.is_lost = not await asyncio.to_thread(self._store.job_queue.save, held.job.to_stored(), self._owner)
            except StoreError as failure:
                _log.warning("%s cannot start yet: %s", held.job.timeline, failure)
                await asyncio.sleep(_ADOPT_SECONDS)
            else:
                break
        return not (self._closing or held.cancelled or held.is_lost)

    async def _supervise(self, held: _Held, process: asyncio.subprocess.Process) -> ErrorInfo | None:
        """Follow the child to its end; what went wrong, if anything."""
        if process.stdin is None or process.stdout is None:
            raise AssertionError("the child was started with pipes")
        process.stdin.write(self._task(held.job).model_dump_json().encode() + b"\n")
        with suppress(ConnectionError):  # it died at once: its status says how
            await process.stdin.drain()
        server, deadline = self._settings.server, time.monotonic() + self._settings.server.wall_seconds
        profile = self._settings_of(held.job).choose_profile()
        patience = max(server.stall_seconds, profile.deadline_seconds if needs_model(profile) else 0)
        report: dict[str, Any] = {}
        try:
            while True:
                async with asyncio.timeout(min(patience, deadline - time.monotonic())):
                    line = await process.stdout.readline()
                if not line:
                    break
                report = json.loads(line)
                self._hub.wake()
        except TimeoutError:
            await self._kill(process)
            if time.monotonic() >= deadline:
                return ErrorInfo(code="limit.wall", message=f"took longer than {server.wall_seconds:g} s")
            return ErrorInfo(code="worker.stalled", message=f"said nothing for {patience:g} s and was ended")
        except ValueError:
            await self._kill(process)
            return ErrorInfo(code="worker.crashed", message="the analysis process wrote what it should not")
        status = await process.wait()
        if "error" in report:
            return ErrorInfo.model_validate(report["error"])
        if "done" in report:
            return None
        how = f"by signal {-status} ({signal.strsignal(-status)})" if status < 0 else f"with status {status}"
        return ErrorInfo(code="worker.crashed", message=f"the analysis process ended {how}; the server and other timelines go on")

    def _settings_of(self, job: Job) -> Settings:
        return job.settings(self._settings)

    def _task(self, job: Job) -> Task:
        return Task(
            uri=job.uri,
            timeline=job.timeline,
            settings=self._settings_of(job).model_dump(mode="json"),
            store=self._store.url,
            schemes=self._access.schemes,
            allow_private=self._access.allow_private,
            roots=self._access.roots,
            max_seconds=self._settings.server.max_seconds,
            memory_bytes=self._settings.server.memory_bytes,
        )

    async def _settle(self, held: _Held, error: ErrorInfo | None, seq: int) -> None:
        """Write how the analysis ended, if the log does not say so."""
        timeline = held.job.timeline
        how = held.end_state(error)
        if how == "completed":
            return
        _log.info("%s %s: %s", timeline, how, error.message if error else "on request")
        try:
            await asyncio.to_thread(self._write_end, timeline, None if held.cancelled else error, seq)
        except NotInStore:
            _log.info("%s was removed before its end was written", timeline)

    def _write_end(self, timeline: str, error: ErrorInfo | None, seq: int) -> None:
        state = self._store.state(timeline)
        if state.seq <= seq or state.state not in _ENDS:
            said = error and ErrorInfo(code=error.code, message=without_folders(error.message))
            self._store.append(timeline, [TimelineFailed(error=said) if said else TimelineCancelled()])

    @staticmethod
    async def _kill(process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.kill()
            await process.wait()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await process.wait()
        except TimeoutError:
            await self._kill(process)
