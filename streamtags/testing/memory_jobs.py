"""The job queue of an in-memory store."""

from __future__ import annotations

from dataclasses import replace

from streamtags.core.records import Job
from streamtags.testing.memory_data import Lease, MemoryData, StoredJob

__all__ = ["MemoryJobQueue"]


class MemoryJobQueue:
    """The port `JobQueue`; a lease ends after its `ttl_seconds` without renewal."""

    def __init__(self, data: MemoryData) -> None:
        self._data = data

    def submit(self, job: Job, owner: str, *, ttl_seconds: float = 60.0) -> bool:
        """Add `job`, leased to `owner`; return False and change nothing if its timeline has a job already."""
        with self._data.lock:
            if job.timeline in self._data.jobs:
                return False
            self._data.jobs[job.timeline] = StoredJob(job, Lease.for_seconds(owner, ttl_seconds))
            return True

    def take(self, owner: str, *, limit: int | None = None, ttl_seconds: float = 60.0) -> list[Job]:
        """Lease jobs whose lease has ended, the oldest first, to `owner`; they are returned as not running."""
        with self._data.lock:
            free = [stored for stored in self._oldest_first() if stored.lease is None or not stored.lease.is_valid][:limit]
            for stored in free:
                stored.job, stored.lease = replace(stored.job, running=False), Lease.for_seconds(owner, ttl_seconds)
            return [stored.job for stored in free]

    def renew(self, owner: str, *, ttl_seconds: float = 60.0) -> frozenset[str]:
        """Extend the leases of `owner`; return the timelines of the jobs that are still leased to it."""
        with self._data.lock:
            leased = self._leased_to(owner)
            for stored in leased:
                stored.lease = Lease.for_seconds(owner, ttl_seconds)
            return frozenset(stored.job.timeline for stored in leased)

    def save(self, job: Job, owner: str) -> bool:
        """Save `starts`, `started_seq` and `running` of a job; return False and change nothing if it is not leased to `owner`."""
        with self._data.lock:
            stored = self._data.jobs.get(job.timeline)
            if stored is None or stored.lease is None or stored.lease.owner != owner:
                return False
            stored.job = replace(stored.job, starts=job.starts, started_seq=job.started_seq, running=job.running)
            return True

    def finish(self, timeline: str, owner: str) -> None:
        """Remove a job; do nothing if it is not leased to `owner`."""
        with self._data.lock:
            stored = self._data.jobs.get(timeline)
            if stored is not None and stored.lease is not None and stored.lease.owner == owner:
                del self._data.jobs[timeline]

    def release(self, owner: str) -> None:
        """End all leases of `owner`, so that another server can take the jobs at once."""
        with self._data.lock:
            for stored in self._leased_to(owner):
                stored.job, stored.lease = replace(stored.job, running=False), None

    def find(self, timeline: str) -> Job | None:
        """Return the job of a timeline, None if it has none."""
        with self._data.lock:
            stored = self._data.jobs.get(timeline)
            return None if stored is None else stored.job

    def jobs(self) -> list[Job]:
        """Return every job, the oldest first."""
        with self._data.lock:
            return [stored.job for stored in self._oldest_first()]

    def _oldest_first(self) -> list[StoredJob]:
        return sorted(self._data.jobs.values(), key=lambda stored: (stored.job.submitted_at, stored.job.timeline))

    def _leased_to(self, owner: str) -> list[StoredJob]:
        return [stored for stored in self._data.jobs.values() if stored.lease is not None and stored.lease.owner == owner]
