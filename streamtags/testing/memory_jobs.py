"""The job queue of an in-memory store."""

from __future__ import annotations

import time
from dataclasses import replace

from streamtags.core.records import DAY_SECONDS, Job, JobQuota
from streamtags.testing.memory_data import Lease, MemoryData, StoredJob

__all__ = ["MemoryJobQueue"]


class MemoryJobQueue:
    """The port `JobQueue`; a lease ends after its `ttl_seconds` without renewal."""

    def __init__(self, data: MemoryData) -> None:
        self._data = data

    def submit(self, job: Job, owner: str | None, *, ttl_seconds: float = 60.0, quota: JobQuota | None = None) -> bool:
        """Add `job`, leased to `owner`, if any; return False and change nothing if its timeline has a job already."""
        with self._data.lock:
            if job.timeline in self._data.jobs:
                return False
            if quota is not None:
                self.check_quota(quota)
                self._data.submissions.append((quota.user, job.timeline, job.submitted_at))
            self._data.jobs[job.timeline] = StoredJob(job, Lease.for_seconds(owner, ttl_seconds) if owner is not None else None)
            return True

    def check_quota(self, quota: JobQuota) -> None:
        """Check that the user of `quota` may submit a further job."""
        since = time.time() - DAY_SECONDS
        with self._data.lock:
            own = [one for one in self._data.submissions if one[0] == quota.user]
            present = {(job.timeline, job.submitted_at) for job in self.jobs()}
            quota.check(sum((timeline, at) in present for _, timeline, at in own), sum(at > since for _, _, at in own))

    def take(self, owner: str, *, limit: int | None = None, timeline: str | None = None, ttl_seconds: float = 60.0) -> list[Job]:
        """Lease jobs without a valid lease to `owner`, in order; they are returned as not running."""
        with self._data.lock:
            wanted = [stored for stored in self._in_order() if timeline in (None, stored.job.timeline)]
            free = [stored for stored in wanted if stored.lease is None or not stored.lease.is_valid][:limit]
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

    def cancel(self, timeline: str) -> None:
        """Mark a job as cancelled, for the server that it is leased to; do nothing if there is none."""
        with self._data.lock:
            stored = self._data.jobs.get(timeline)
            if stored is not None:
                stored.job = replace(stored.job, cancelled=True)

    def cancelled(self, owner: str) -> frozenset[str]:
        """Return the timelines of the jobs that are leased to `owner` and marked as cancelled."""
        with self._data.lock:
            return frozenset(stored.job.timeline for stored in self._leased_to(owner) if stored.job.cancelled)

    def find(self, timeline: str) -> Job | None:
        """Return the job of a timeline, None if it has none."""
        with self._data.lock:
            stored = self._data.jobs.get(timeline)
            return None if stored is None else stored.job

    def count_waiting(self) -> int:
        """Return how many jobs do not run."""
        return sum(not job.running for job in self.jobs())

    def jobs(self) -> list[Job]:
        """Return every job, in the order in which `take` leases them."""
        with self._data.lock:
            return [stored.job for stored in self._in_order()]

    def _in_order(self) -> list[StoredJob]:
        return sorted(self._data.jobs.values(), key=lambda stored: (-stored.job.priority, stored.job.submitted_at, stored.job.timeline))

    def _leased_to(self, owner: str) -> list[StoredJob]:
        return [stored for stored in self._data.jobs.values() if stored.lease is not None and stored.lease.owner == owner]
