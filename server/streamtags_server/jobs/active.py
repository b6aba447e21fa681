"""A job that is leased to this server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from streamtags.core.events import ErrorInfo
from streamtags_server.jobs.job import Job
from streamtags_server.jobs.process import WorkerProcess

__all__ = ["ActiveJob"]


@dataclass(slots=True)
class ActiveJob:
    """A job that is leased to this server; `seq` is the end of the log when its process was started."""

    job: Job
    process: WorkerProcess | None = None
    seq: int = 0
    is_leased: bool = False
    is_lost: bool = False  # another server has taken the job
    is_cancelled: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def end_state(self, error: ErrorInfo | None) -> Literal["cancelled", "failed", "completed"]:
        """Return the state in which the analysis ends."""
        return "cancelled" if self.is_cancelled else "failed" if error else "completed"
