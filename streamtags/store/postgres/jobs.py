"""The job queue of the servers of a store. The clock of the database decides when a lease has ended."""

from __future__ import annotations

import secrets
from typing import Any

from streamtags.core.records import DAY_SECONDS, Job, JobQuota
from streamtags.store.postgres.database import Connection, Database
from streamtags.store.process_identity import ProcessIdentity, this_process

__all__ = ["PostgresJobQueue"]

_COLUMNS = "timeline, request, submitted_at, starts, started_seq, running, priority, cancelled"
_IN_ORDER = "ORDER BY priority DESC, submitted_at, timeline"
_SELECT = f"SELECT {_COLUMNS} FROM streamtags.jobs"  # noqa: S608 - constants
_SUBMIT = (
    f"INSERT INTO streamtags.jobs ({_COLUMNS}, owner, host, pid, started, leased_until, call)"  # noqa: S608 - constants
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s), %s) ON CONFLICT DO NOTHING"
)
_YESTERDAY = f"extract(epoch FROM clock_timestamp())::float8 - {DAY_SECONDS}"
_COUNTS = f"""
SELECT (SELECT count(*) FROM streamtags.submissions JOIN streamtags.jobs USING (timeline) WHERE username = %(user)s AND at = submitted_at),
    (SELECT count(*) FROM streamtags.submissions WHERE username = %(user)s AND at > {_YESTERDAY})
"""  # noqa: S608 - constants
_FORGET = f"""
DELETE FROM streamtags.submissions
WHERE username = %s AND at < {_YESTERDAY} AND timeline NOT IN (SELECT timeline FROM streamtags.jobs)
"""  # noqa: S608 - constants
# A job that another server locks at this moment is skipped: that server is taking it.
_TAKE = f"""
UPDATE streamtags.jobs
SET running = false, owner = %(owner)s, host = %(host)s, pid = %(pid)s, started = %(started)s,
    leased_until = clock_timestamp() + make_interval(secs => %(ttl)s), call = %(call)s
WHERE timeline IN (
    SELECT timeline FROM streamtags.jobs
    WHERE timeline = coalesce(%(timeline)s, timeline)
        AND (owner IS NULL OR owner = ANY(%(dead)s) OR leased_until < clock_timestamp() AND owner != ALL(%(alive)s))
    {_IN_ORDER} LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants
_OWNERS = "SELECT DISTINCT owner, host, pid, started FROM streamtags.jobs WHERE host = %s AND owner IS NOT NULL"


class PostgresJobQueue:
    """The port `JobQueue`. The death of a server ends its leases at once where it can be seen: on Linux, on the same host."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(self, job: Job, owner: str | None, *, ttl_seconds: float = 60.0, quota: JobQuota | None = None) -> bool:
        """Add `job`, leased to `owner`, if any; return False and change nothing if its timeline has a job already."""
        process, call = this_process(), secrets.token_hex(8)
        place = (owner, process.host, process.pid, process.started, ttl_seconds, call)
        state = (job.starts, job.started_seq, job.running, job.priority, job.cancelled)
        values = (job.timeline, job.request, job.submitted_at, *state, *place)

        def work(connection: Connection) -> bool:
            row = connection.execute("SELECT call FROM streamtags.jobs WHERE timeline = %s", (job.timeline,)).fetchone()
            if row is not None:
                return row == (call,)  # an earlier try was committed, or another job is there
            if quota is not None:
                # Servers that count the jobs of a user at the same time do so one after the other.
                connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"streamtags {quota.user}",))
                _check_quota(connection, quota)
            is_new = connection.execute(_SUBMIT.encode(), values).rowcount == 1
            if is_new and quota is not None:
                connection.execute(_FORGET.encode(), (quota.user,))
                connection.execute("INSERT INTO streamtags.submissions VALUES (%s, %s, %s)", (quota.user, job.timeline, job.submitted_at))
            return is_new

        return self._database.write(work)

    def check_quota(self, quota: JobQuota) -> None:
        """Check that the user of `quota` may submit a further job."""
        self._database.write(lambda connection: _check_quota(connection, quota))

    def take(self, owner: str, *, limit: int | None = None, timeline: str | None = None, ttl_seconds: float = 60.0) -> list[Job]:
        """Lease jobs without a valid lease to `owner`, in order; they are returned as not running."""
        process, call = this_process(), secrets.token_hex(8)
        others = [
            (name, ProcessIdentity(host, pid, started).is_alive)
            for name, host, pid, started in self._database.read(_OWNERS, (process.host,))
        ]
        values = {
            "owner": owner,
            "host": process.host,
            "pid": process.pid,
            "started": process.started,
            "ttl": ttl_seconds,
            "call": call,
            "limit": limit,
            "timeline": timeline,
            "dead": [name for name, alive in others if alive is False],
            "alive": [name for name, alive in others if alive],
        }

        def work(connection: Connection) -> list[tuple[Any, ...]]:
            earlier = connection.execute(f"{_SELECT} WHERE call = %s".encode(), (call,)).fetchall()
            return earlier or connection.execute(_TAKE.encode(), values).fetchall()

        jobs = [Job(*row) for row in self._database.write(work)]
        return sorted(jobs, key=lambda job: (-job.priority, job.submitted_at, job.timeline))

    def renew(self, owner: str, *, ttl_seconds: float = 60.0) -> frozenset[str]:
        """Extend the leases of `owner`; return the timelines of the jobs that are still leased to it."""
        statement = (
            "UPDATE streamtags.jobs SET leased_until = clock_timestamp() + make_interval(secs => %s) WHERE owner = %s RETURNING timeline"
        )
        rows = self._database.write(lambda connection: connection.execute(statement, (ttl_seconds, owner)).fetchall())
        return frozenset(row[0] for row in rows)

    def save(self, job: Job, owner: str) -> bool:
        """Save `starts`, `started_seq` and `running` of a job; return False and change nothing if it is not leased to `owner`."""
        statement = "UPDATE streamtags.jobs SET starts = %s, started_seq = %s, running = %s WHERE timeline = %s AND owner = %s"
        values = (job.starts, job.started_seq, job.running, job.timeline, owner)
        return self._database.write(lambda connection: connection.execute(statement, values).rowcount == 1)

    def finish(self, timeline: str, owner: str) -> None:
        """Remove a job; do nothing if it is not leased to `owner`."""
        statement = "DELETE FROM streamtags.jobs WHERE timeline = %s AND owner = %s"
        self._database.write(lambda connection: connection.execute(statement, (timeline, owner)).rowcount)

    def release(self, owner: str) -> None:
        """End all leases of `owner`, so that another server can take the jobs at once."""
        statement = "UPDATE streamtags.jobs SET owner = NULL, running = false WHERE owner = %s"
        self._database.write(lambda connection: connection.execute(statement, (owner,)).rowcount)

    def cancel(self, timeline: str) -> None:
        """Mark a job as cancelled, for the server that it is leased to; do nothing if there is none."""
        statement = "UPDATE streamtags.jobs SET cancelled = true WHERE timeline = %s"
        self._database.write(lambda connection: connection.execute(statement, (timeline,)).rowcount)

    def cancelled(self, owner: str) -> frozenset[str]:
        """Return the timelines of the jobs that are leased to `owner` and marked as cancelled."""
        rows = self._database.read("SELECT timeline FROM streamtags.jobs WHERE owner = %s AND cancelled", (owner,))
        return frozenset(timeline for (timeline,) in rows)

    def find(self, timeline: str) -> Job | None:
        """Return the job of a timeline, None if it has none."""
        rows = self._database.read(f"{_SELECT} WHERE timeline = %s", (timeline,))
        return Job(*rows[0]) if rows else None

    def count_waiting(self) -> int:
        """Return how many jobs do not run."""
        return int(self._database.read("SELECT count(*) FROM streamtags.jobs WHERE NOT running")[0][0])

    def jobs(self) -> list[Job]:
        """Return every job, in the order in which `take` leases them."""
        return [Job(*row) for row in self._database.read(f"{_SELECT} {_IN_ORDER}")]


def _check_quota(connection: Connection, quota: JobQuota) -> None:
    row = connection.execute(_COUNTS.encode(), {"user": quota.user}).fetchone()
    at_once, today = row if row is not None else (0, 0)
    quota.check(at_once, today)
