"""Analyses in supervised child processes, and the queue they wait in.

A job is a file in a folder beside the store, locked by the server that has it. A server that dies loses its locks, and any other, or the
same one started again, takes its jobs over and resumes them: the log in the store says how far they were.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from streamtags.config.settings import Settings
from streamtags.core.errors import StoreError, StreamtagsError
from streamtags.core.events import ErrorInfo, TimelineCancelled, TimelineFailed
from streamtags.core.stores import Store
from streamtags.operations.errors import ConflictError, QueueFullError
from streamtags.operations.services import AnalysisRequest
from streamtags.run.backends import needs_model
from streamtags.sources.file.access import Access
from streamtags_server.http.problems import without_folders
from streamtags_server.jobs.worker import Task
from streamtags_server.metrics import Metrics
from streamtags_server.ws.hub import Hub

__all__ = ["Job", "Jobs"]

# How often jobs of servers that died are looked for.
_ADOPT_SECONDS = 5.0
# From a polite request to end to a kill.
_GRACE_SECONDS = 5.0
# A timeline whose process died so often with its server is not tried again: it may be what kills it.
_STARTS = 5
_ENDS = ("completed", "failed", "cancelled")

_log = logging.getLogger(__name__)


class Job(AnalysisRequest):
    """One requested analysis, as kept on disk."""

    asked: float = 0.0
    starts: int = 0
    running: bool = False


@dataclass(slots=True)
class _Held:
    """A job of this server; `lock` is the open, locked file, `seq` how far the log went when its process began."""

    job: Job
    lock: int
    process: asyncio.subprocess.Process | None = None
    seq: int = 0
    cancelled: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


def _write(file: int, job: Job) -> None:
    content = job.model_dump_json().encode()
    os.pwrite(file, content, 0)
    os.ftruncate(file, len(content))
    os.fsync(file)


class Jobs:
    """The queue of a server: at most `server.queue` wait, a further one is refused; `server.analyses` run at once.

    Args:
        folder: where jobs are kept; one folder for all servers of a store.
        command: what runs a task, for tests.
    """

    def __init__(
        self,
        store: Store,
        hub: Hub,
        settings: Settings,
        access: Access,
        folder: Path,
        metrics: Metrics,
        *,
        command: tuple[str, ...] = (sys.executable, "-P", "-m", "streamtags_server.jobs.worker"),
    ) -> None:
        self._store, self._hub, self._settings, self._access = store, hub, settings, access
        self._folder, self._metrics, self._command = folder, metrics, command
        self._held: dict[str, _Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(settings.server.analyses)
        self._closing = False
        folder.mkdir(parents=True, exist_ok=True)

    def state(self, timeline: str) -> Literal["queued", "running"] | None:
        """Whether the timeline waits or runs, here or at another server of the store."""
        held = self._held.get(timeline)
        if held is not None:
            return "running" if held.process is not None else "queued"
        try:
            return "running" if Job.model_validate_json(self._path(timeline).read_bytes()).running else "queued"
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):  # no job, or one that is just being written
            return "queued"

    def is_here(self, timeline: str) -> bool:
        """Return whether the timeline is queued or running at this server."""
        return timeline in self._held

    def submit(self, request: AnalysisRequest) -> None:
        """Save the job and queue it; do nothing if the timeline is queued or running already.

        Raises:
            QueueFullError: too many are queued.
        """
        if self.state(request.timeline) is not None:
            return
        self.check_room()
        job = Job.model_validate({"asked": time.time(), **request.model_dump()})
        self._begin(_Held(job, self._write(job)))

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
            await self._settle(held, None, self._store.head(timeline).seq)
            self._forget(held)

    async def run(self) -> None:
        """Take over what servers that died have left, now and then, until cancelled."""
        while True:
            self._adopt()
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
        for held in self._held.values():
            os.close(held.lock)
        self._held.clear()

    # Files

    def _path(self, timeline: str) -> Path:
        return self._folder / f"{timeline}.json"

    def _write(self, job: Job) -> int:
        """Write the job, whole and locked before anybody can see it."""
        partial = self._folder / f".{job.timeline}.{os.getpid()}.part"
        lock = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        _write(lock, job)
        partial.replace(self._path(job.timeline))
        return lock

    def _adopt(self) -> None:
        found = [
            held for path in self._folder.glob("*.json") if path.stem not in self._held and (held := self._take_over(path)) is not None
        ]
        for held in sorted(found, key=lambda held: held.job.asked):
            _log.info("resuming %s", held.job.timeline)
            self._begin(held)

    def _take_over(self, path: Path) -> _Held | None:
        try:
            lock = os.open(path, os.O_RDWR)
        except OSError:
            return None  # done meanwhile
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_ino == path.stat().st_ino:
                job = Job.model_validate_json(os.pread(lock, 1 << 20, 0))
                job.running = False
                _write(lock, job)
                return _Held(job, lock)
        except OSError:  # another server has it, or it is done
            os.close(lock)
            return None
        except ValidationError as error:
            _log.warning("%s is not a job and is left alone: %s", path, error.errors()[0]["msg"])
        os.close(lock)
        return None

    def _forget(self, held: _Held) -> None:
        self._held.pop(held.job.timeline, None)
        self._path(held.job.timeline).unlink(missing_ok=True)
        os.close(held.lock)
        self._gauge()

    def _gauge(self) -> None:
        running = sum(held.process is not None for held in self._held.values())
        for name, value in (("running", running), ("queued", len(self._held) - running)):
            self._metrics.add(f"streamtags_jobs_{name}", value - self._metrics.value(f"streamtags_jobs_{name}"))

    # Running

    def _begin(self, held: _Held) -> None:
        self._held[held.job.timeline] = held
        task = asyncio.create_task(self._wait_and_run(held))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._gauge()

    async def _wait_and_run(self, held: _Held) -> None:
        try:
            async with self._slots:
                if not held.cancelled and not self._closing:
                    await self._run(held)
        except (StreamtagsError, OSError) as error:
            _log.warning("the analysis of %s could not be supervised: %s", held.job.timeline, error)
            if not self._closing and held.job.timeline in self._held:
                self._forget(held)
        finally:
            held.ended.set()

    async def _run(self, held: _Held) -> None:
        job = held.job
        seq = held.seq = (await asyncio.to_thread(self._store.head, job.timeline)).seq
        if job.starts >= _STARTS:
            await self._settle(held, ErrorInfo(code="worker.crashed", message=f"the server died {job.starts} times while it ran"), seq)
            self._forget(held)
            return
        job.starts += 1
        job.running = True
        _write(held.lock, job)
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
        if self._closing:
            return
        if error is None or error.code != "store.claimed":  # else somebody else analyses it: their log, their word
            await self._settle(held, error, seq)
        self._forget(held)

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
        """See to it that the log says how the analysis ended, if it does not already."""
        timeline = held.job.timeline
        how = "cancelled" if held.cancelled else "failed" if error else "completed"
        self._metrics.add("streamtags_jobs_ended_total", label=f'how="{how}"')
        if how == "completed":
            return
        _log.info("%s %s: %s", timeline, how, error.message if error else "asked to")
        with suppress(StoreError):
            await asyncio.to_thread(self._write_end, timeline, None if held.cancelled else error, seq)

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
