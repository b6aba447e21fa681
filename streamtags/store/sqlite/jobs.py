"""The job queue of the servers of a store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from streamtags.core.records import Job
from streamtags.store.process_identity import ProcessIdentity, this_process
from streamtags.store.sqlite.database import Database

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqliteJobQueue"]

_SELECT = "SELECT timeline, request, submitted_at, starts, started_seq, running FROM jobs"


class SqliteJobQueue:
    """The port `JobQueue`. The death of a server ends its leases at once where it can be seen: on Linux, on the same host."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(self, job: Job, owner: str, *, ttl_seconds: float = 60.0) -> bool:
        """Add `job`, leased to `owner`; return False and change nothing if its timeline has a job already."""
        values = (job.timeline, job.request, job.submitted_at, job.starts, job.started_seq, job.running, *_lease(owner, ttl_seconds))
        with self._database.write() as connection:
            statement = "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
            return connection.execute(statement, values).rowcount == 1

    def take(self, owner: str, *, limit: int | None = None, ttl_seconds: float = 60.0) -> list[Job]:
        """Lease jobs whose lease has ended, the oldest first, to `owner`; they are returned as not running."""
        with self._database.read() as connection:
            if not _orphans(connection):
                return []  # spares a write transaction
        with self._database.write() as connection:
            timelines = _orphans(connection)[:limit]
            for timeline in timelines:
                connection.execute(
                    "UPDATE jobs SET running = 0, owner = ?, host = ?, pid = ?, started = ?, leased_until = ? WHERE timeline = ?",
                    (*_lease(owner, ttl_seconds), timeline),
                )
            return [_job(connection.execute(f"{_SELECT} WHERE timeline = ?", (timeline,)).fetchone()) for timeline in timelines]

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

    def find(self, timeline: str) -> Job | None:
        """Return the job of a timeline, None if it has none."""
        with self._database.read() as connection:
            row = connection.execute(f"{_SELECT} WHERE timeline = ?", (timeline,)).fetchone()
        return None if row is None else _job(row)

    def jobs(self) -> list[Job]:
        """Return every job, the oldest first."""
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(f"{_SELECT} ORDER BY submitted_at, timeline")]


def _lease(owner: str, ttl_seconds: float) -> tuple[str, str, int, str, float]:
    process = this_process()
    return owner, process.host, process.pid, process.started, time.time() + ttl_seconds


def _orphans(connection: Connection) -> list[str]:
    """Return the timelines of jobs whose lease has ended, the oldest first."""
    rows = connection.execute("SELECT timeline, owner, host, pid, started, leased_until FROM jobs ORDER BY submitted_at, timeline")
    now = time.time()
    return [
        timeline
        for timeline, owner, host, pid, started, until in rows
        if owner is None or not ProcessIdentity(host, pid, started).keeps_lock(until, now)
    ]


def _job(row: tuple[Any, ...]) -> Job:
    timeline, request, submitted_at, starts, started_seq, running = row
    return Job(timeline, request, submitted_at, starts, started_seq, bool(running))
