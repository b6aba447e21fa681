"""The child process of one analysis: started, followed to its end, stopped."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from streamtags.core.events import ErrorInfo
from streamtags_server.jobs.task import Task

__all__ = ["KILLED", "WorkerProcess"]

KILLED = "worker.killed"
"""The code of an analysis whose process was killed by the system or a person, which says nothing about the source."""


# From SIGTERM to SIGKILL.
_GRACE_SECONDS = 5.0


class WorkerProcess:
    """A process that runs `streamtags_server.jobs.worker`. Made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: Sequence[str]) -> WorkerProcess:
        """Start the program, in a session of its own, so that signals for the server do not reach it.

        Raises:
            OSError: it cannot be started.
        """
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True))

    async def follow(
        self, task: Task, *, silence_seconds: float, wall_seconds: float, on_progress: Callable[[dict[str, Any]], None]
    ) -> ErrorInfo | None:
        """Send the task and follow the process to its end; return what went wrong, if anything.

        Args:
            task: what to analyze.
            silence_seconds: end the process if it reports nothing for so long.
            wall_seconds: end it after so long in any case.
            on_progress: called with each report; events are durable then.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise AssertionError("the child was started with pipes")
        stdin.write(task.model_dump_json().encode() + b"\n")
        with suppress(ConnectionError):  # it died at once: its exit status says how
            await stdin.drain()
        deadline, report = time.monotonic() + wall_seconds, dict[str, Any]()
        try:
            while True:
                async with asyncio.timeout(min(silence_seconds, deadline - time.monotonic())):
                    line = await stdout.readline()
                if not line:
                    break
                report = json.loads(line)
                on_progress(report)
        except TimeoutError:
            await self.kill()
            if time.monotonic() >= deadline:
                return ErrorInfo(code="limit.wall", message=f"took longer than {wall_seconds:g} s")
            return ErrorInfo(code="worker.stalled", message=f"reported nothing for {silence_seconds:g} s and was ended")
        except ValueError:
            await self.kill()
            return ErrorInfo(code="worker.crashed", message="the analysis process wrote a line that is not a report")
        return self._outcome(report, await self._process.wait())

    def detach(self) -> None:
        """Close its standard input: it stops where it is, and writes nothing more into the log."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def stop(self) -> None:
        """Ask it to end, and kill it if it does not within the grace period."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """Kill it, and wait until it is gone; do nothing if it has ended."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    @staticmethod
    def _outcome(report: dict[str, Any], status: int) -> ErrorInfo | None:
        if "error" in report:
            return ErrorInfo.model_validate(report["error"])
        if "done" in report:
            return None
        if status == -signal.SIGKILL:
            return ErrorInfo(code=KILLED, message="the analysis process was killed again and again, perhaps because memory ran out")
        how = f"by signal {-status} ({signal.strsignal(-status)})" if status < 0 else f"with status {status}"
        return ErrorInfo(code="worker.crashed", message=f"the analysis process ended {how}; the server and other timelines go on")
