"""A job: an analysis that a client requested, as the queue of the store keeps it."""

from __future__ import annotations

from streamtags.config.settings import ServerSettings, Settings
from streamtags.core.records import Job as StoredJob
from streamtags.operations.services import AnalysisRequest
from streamtags.sources.file.access import SCHEMES, Access
from streamtags_server.jobs.task import Task

__all__ = ["Job"]

_LIVE_PRIORITY = 10


class Job(AnalysisRequest):
    """A requested analysis, and how often it was started.

    Attributes:
        submitted_at: when it was requested, seconds since 1970.
        starts: how often a server died while it ran, without progress in between; the current start included.
        started_seq: the end of the log at the last start.
        running: it has a worker process.
    """

    submitted_at: float = 0.0
    starts: int = 0
    started_seq: int = 0
    running: bool = False

    @property
    def priority(self) -> int:
        """Live sources go first: what they show now cannot be read later."""
        scheme = SCHEMES.get(self.uri.partition("://")[0].lower())
        return _LIVE_PRIORITY if self.follow or (scheme is not None and scheme.live) else 0

    def to_stored(self) -> StoredJob:
        """Return the job as the store keeps it."""
        request = self.model_dump_json(include=set(AnalysisRequest.model_fields))
        return StoredJob(self.timeline, request, self.submitted_at, self.starts, self.started_seq, self.running, self.priority)

    @classmethod
    def from_stored(cls, stored: StoredJob) -> Job:
        """Return the job that the store keeps.

        Raises:
            ValidationError: this release cannot read its request.
        """
        request = AnalysisRequest.model_validate_json(stored.request)
        return cls(
            submitted_at=stored.submitted_at,
            starts=stored.starts,
            started_seq=stored.started_seq,
            running=stored.running,
            **request.model_dump(),
        )

    def task(self, settings: Settings, limits: ServerSettings, store: str, access: Access) -> Task:
        """Return what a process needs to run the job.

        Args:
            settings: of this job.
            limits: of the server.
            store: URL of the store.
            access: what it may read.
        """
        return Task(
            uri=self.uri,
            timeline=self.timeline,
            settings=settings.model_dump(mode="json"),
            store=store,
            schemes=access.schemes,
            allow_private=access.allow_private,
            roots=access.roots,
            max_seconds=limits.max_seconds,
            memory_bytes=limits.memory_bytes,
            traceparent=self.traceparent,
        )
