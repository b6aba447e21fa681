"""The job queue of the servers of a store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from streamtags.core.records import DAY_SECONDS, Job, JobQuota
from streamtags.store.process_identity import ProcessIdentity, this_process
from streamtags.store.sqlite.database import Database

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqliteJobQueue"]

_COLUMNS = "timeline, request, submitted_at, starts, started_seq, running, priority, cancelled"
_SELECT = f"SELECT {_COLUMNS} FROM jobs"  # noqa: S608 - constants
_IN_ORDER = "ORDER BY priority DESC, submitted_at, timeline"
_SUBMIT = (
    f"INSERT INTO jobs ({_COLUMNS}, owner, host, pid, started, leased_until)"  # noqa: S608 - constants
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class SqliteJobQueue:
    """The port `JobQueue`. The death of a server ends its leases at once where it can be seen: on Linux, on the same host."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(self, job: Job, owner: str | None, *, ttl_seconds: float = 60.0, quota: JobQuota | None = None) -> bool:
        """Add `job`, leased to `owner`, if any; return False and change nothing if its timeline has a job already."""
        state = (job.starts, job.started_seq, job.running, job.priority, job.cancelled)
        values = (job.timeline, job.request, job.submitted_at, *state, *_lease(owner, ttl_seconds))
        with self._database.write() as connection:
            if connection.execute("SELECT 1 FROM jobs WHERE timeline = ?", (job.timeline,)).fetchone() is not None:
                return False
            if quota is not None:
                _check_quota(connection, quota)
                connection.execute("DELETE FROM submissions WHERE at < ? AND timeline NOT IN (SELECT timeline FROM jobs)", (_yesterday(),))
                connection.execute("INSERT INTO submissions VALUES (?, ?, ?)", (quota.user, job.timeline, job.submitted_at))
            connection.execute(_SUBMIT, values)
            return True

    def check_quota(self, quota: JobQuota) -> None:
        """Check that the user of `quota` may submit a further job."""
        with self._database.read() as connection:
            _check_quota(connection, quota)

    def take(self, owner: str, *, limit: int | None = None, timeline: str | None = None, ttl_seconds: float = 60.0) -> list[Job]:
        """Lease jobs without a valid lease to `owner`, in order; they are returned as not running."""
        with self._database.read() as connection:
            if not _orphans(connection, timeline):
                return []  # spares a write transaction
        with self._database.write() as connection:
            timelines = _orphans(connection, timeline)[:limit]
            for one in timelines:
                connection.execute(
                    "UPDATE jobs SET running = 0, owner = ?, host = ?, pid = ?, started = ?, leased_until = ? WHERE timeline = ?",
                    (*_lease(owner, ttl_seconds), one),
                )
            return [_job(connection.execute(f"{_SELECT} WHERE timeline = ?", (one,)).fetchone()) for one in timelines]

    def renew(self, owner: str, *, ttl_seconds: float = 60.0) -> frozenset[str]:
        """Extend the leases of `owner`; return the timelines of the jobs that are still leased to it."""
        with self._database.write() as connection:
            connection.execute("UPDATE jobs SET leased_until = ? WHERE owner = ?", (time.time() + ttl_seconds, owner))
            return frozenset(row[0] for row in connection.execute("SELECT timeline FROM jobs WHERE owner = ?", (owner,)))

    def save(self, job: Job, owner: str) -> bool:
        """Save `starts`, `started_seq` and `running` of a job; return False and change nothing if it is not leased to `owner`."""
        values = (job.starts, job.started_seq, job.running, job.timeline, owner)
        with self._database.write() as connection:
            statement = "UPDATE jobs SET starts = ?, started_seq = ?, running = ? WHERE timeline = ? AND owner = ?"
            return connection.execute(statement, values).rowcount == 1

    def finish(self, timeline: str, owner: str) -> None:
        """Remove a job; do nothing if it is not leased to `owner`."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM jobs WHERE timeline = ? AND owner = ?", (timeline, owner))

    def release(self, owner: str) -> None:
        """End all leases of `owner`, so that another server can take the jobs at once."""
        with self._database.write() as connection:
            connection.execute("UPDATE jobs SET owner = NULL, running = 0 WHERE owner = ?", (owner,))

    def cancel(self, timeline: str) -> None:
        """Mark a job as cancelled, for the server that it is leased to; do nothing if there is none."""
        with self._database.write() as connection:
            connection.execute("UPDATE jobs SET cancelled = 1 WHERE timeline = ?", (timeline,))

    def cancelled(self, owner: str) -> frozenset[str]:
        """Return the timelines of the jobs that are leased to `owner` and marked as cancelled."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT timeline FROM jobs WHERE owner = ? AND cancelled", (owner,)).fetchall()
        return frozenset(timeline for (timeline,) in rows)

    def find(self, timeline: str) -> Job | None:
        """Return the job of a timeline, None if it has none."""
        with self._database.read() as connection:
            row = connection.execute(f"{_SELECT} WHERE timeline = ?", (timeline,)).fetchone()
        return None if row is None else _job(row)

    def count_waiting(self) -> int:
        """Return how many jobs do not run."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM jobs WHERE NOT running").fetchone()[0])

    def jobs(self) -> list[Job]:
        """Return every job, in the order in which `take` leases them."""
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(f"{_SELECT} {_IN_ORDER}")]


def _yesterday() -> float:
    return time.time() - DAY_SECONDS


def _check_quota(connection: Connection, quota: JobQuota) -> None:
    at_once, today = connection.execute(
        "SELECT (SELECT count(*) FROM submissions JOIN jobs USING (timeline) WHERE user = ?1 AND at = submitted_at),"
        " (SELECT count(*) FROM submissions WHERE user = ?1 AND at > ?2)",
        (quota.user, _yesterday()),
    ).fetchone()
    quota.check(at_once, today)


def _lease(owner: str | None, ttl_seconds: float) -> tuple[str | None, str, int, str, float]:
    process = this_process()
    return owner, process.host, process.pid, process.started, time.time() + ttl_seconds


def _orphans(connection: Connection, timeline: str | None) -> list[str]:
    """Return the timelines of jobs without a valid lease, in order."""
    rows = connection.execute(
        f"SELECT timeline, owner, host, pid, started, leased_until FROM jobs WHERE timeline = coalesce(?, timeline) {_IN_ORDER}",  # noqa: S608
        (timeline,),
    )
    now = time.time()
    return [
        one
        for one, owner, host, pid, started, until in rows
        if owner is None or not ProcessIdentity(host, pid, started).keeps_lock(until, now)
    ]


def _job(row: tuple[Any, ...]) -> Job:
    timeline, request, submitted_at, starts, started_seq, running, priority, cancelled = row
    return Job(timeline, request, submitted_at, starts, started_seq, bool(running), priority, bool(cancelled))
