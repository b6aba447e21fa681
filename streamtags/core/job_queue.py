"""The port of a store's job queue. Part of `streamtags.core.stores.Store`."""

from __future__ import annotations

from typing import Protocol

from streamtags.core.records import Job, JobQuota

__all__ = ["JobQueue"]


class JobQueue(Protocol):
    """Analyses that wait for a server or run at one: at most one job per timeline, leased to at most one server at a time.

    A lease ends with `release`, with the death of the server's process, or, where the store cannot see whether the process lives, after
    `ttl_seconds` without `renew`. Every method raises `StoreError` if the store cannot be read or written.
    """

    def submit(self, job: Job, owner: str | None, *, ttl_seconds: float = 60.0, quota: JobQuota | None = None) -> bool:
        """Add `job`, leased to `owner`, or to no server if None; return False and change nothing if its timeline has a job already.

        With a `quota` the job counts for its user, also among servers that call this at the same time.

        Raises:
            StoreError: the quota is used up (code `store.quota`); nothing was changed.
        """
        ...

    def check_quota(self, quota: JobQuota) -> None:
        """Check that the user of `quota` may submit a further job.

        Raises:
            StoreError: the quota is used up (code `store.quota`).
        """
        ...

    def take(self, owner: str, *, limit: int | None = None, timeline: str | None = None, ttl_seconds: float = 60.0) -> list[Job]:
        """Lease jobs without a valid lease to `owner`: those of the highest priority first, of these the oldest.

        They are returned as not running. Each job goes to exactly one of the servers that call this at the same time.

        Args:
            owner: the server.
            limit: the most jobs; all if None.
            timeline: only the job of this timeline.
            ttl_seconds: lifetime of the leases.
        """
        ...

    def cancel(self, timeline: str) -> None:
        """Mark a job as cancelled, for the server that it is leased to; do nothing if there is none."""
        ...

    def cancelled(self, owner: str) -> frozenset[str]:
        """Return the timelines of the jobs that are leased to `owner` and marked as cancelled."""
        ...

    def renew(self, owner: str, *, ttl_seconds: float = 60.0) -> frozenset[str]:
        """Extend the leases of `owner`; return the timelines of the jobs that are still leased to it."""
        ...

    def save(self, job: Job, owner: str) -> bool:
        """Save `starts`, `started_seq` and `running` of a job; return False and change nothing if it is not leased to `owner`."""
        ...

    def finish(self, timeline: str, owner: str) -> None:
        """Remove a job; do nothing if it is not leased to `owner`."""
        ...

    def release(self, owner: str) -> None:
        """End all leases of `owner`, so that another server can take the jobs at once."""
        ...

    def find(self, timeline: str) -> Job | None:
        """Return the job of a timeline, None if it has none."""
        ...

    def count_waiting(self) -> int:
        """Return how many jobs do not run, at all servers together."""
        ...

    def jobs(self) -> list[Job]:
        """Return every job, in the order in which `take` leases them."""
        ...
