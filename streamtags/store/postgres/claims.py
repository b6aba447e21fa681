"""Claims on timelines, in the rows of the timelines. The clock of the database decides when a claim has expired."""

from __future__ import annotations

from streamtags.core.errors import StoreError
from streamtags.store.postgres.database import Connection
from streamtags.store.postgres.port import PostgresPort
from streamtags.store.process_identity import ProcessIdentity, this_process

__all__ = ["PostgresClaims", "check_unclaimed"]

_CLAIM = """
UPDATE streamtags.timelines
SET owner = %s, host = %s, pid = %s, started = %s, claimed_until = clock_timestamp() + make_interval(secs => %s)
WHERE n = %s
"""


class PostgresClaims(PostgresPort):
    """The port `Claims`.

    A claim expires unless it is renewed, and at once where the death of its process can be seen: on Linux, on the same host. A process
    that lost its claim, because it stood still for too long, can write no further event (see `PostgresPort._check_claim`).
    """

    def claim(self, timeline: str, owner: str, *, ttl_seconds: float = 60.0) -> None:
        """Claim `timeline` for `owner`, or renew the claim."""
        process = this_process()

        def work(connection: Connection) -> None:
            row = self._locked_row(connection, timeline)
            if self._owners.get(timeline) == owner:
                self._check_claim(timeline, row)  # a claim that was lost is not to be had again: what its owner knows is old
            check_unclaimed(connection, row.n, owner)
            connection.execute(_CLAIM, (owner, process.host, process.pid, process.started, ttl_seconds, row.n))

        self._database.write(work)
        self._owners[timeline] = owner

    def release(self, timeline: str, owner: str) -> None:
        """End a claim; do nothing if `owner` has none or the timeline does not exist."""
        if self._owners.get(timeline) == owner:
            del self._owners[timeline]
        statement = "UPDATE streamtags.timelines SET owner = NULL WHERE id = %s AND owner = %s"
        self._database.write(lambda connection: connection.execute(statement, (timeline, owner)) and None)

    def check_free(self, timeline: str) -> None:
        """Check that `timeline` is not claimed."""
        self._database.write(lambda connection: check_unclaimed(connection, self._locked_row(connection, timeline).n))


def check_unclaimed(connection: Connection, n: int, owner: str | None = None) -> None:
    """Check that the timeline in row `n` is not claimed, except by `owner`.

    Raises:
        StoreError: it is; the message names the process (code `store.claimed`).
    """
    row = connection.execute(
        "SELECT id, host, pid, started, extract(epoch FROM claimed_until - clock_timestamp())::float8"
        " FROM streamtags.timelines WHERE n = %s AND owner IS NOT NULL AND owner != coalesce(%s, '')",
        (n, owner),
    ).fetchone()
    if row is None:
        return
    timeline, host, pid, started, seconds_left = row
    if ProcessIdentity(host, pid, started).keeps_lock(seconds_left, 0.0):
        what = f"is being worked on by process {pid} on {host}"
        raise StoreError(what, where=timeline, hint="wait for it, follow it, or stop it first", code="store.claimed")
