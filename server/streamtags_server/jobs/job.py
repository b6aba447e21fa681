"""A job: an analysis that a client requested, as the queue of the store keeps it."""

from __future__ import annotations

from streamtags.core.records import Job as StoredJob
from streamtags.operations.services import AnalysisRequest

__all__ = ["Job"]


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

    def to_stored(self) -> StoredJob:
        """Return the job as the store keeps it."""
        request = self.model_dump_json(include=set(AnalysisRequest.model_fields))
        return StoredJob(self.timeline, request, self.submitted_at, self.starts, self.started_seq, self.running)

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
