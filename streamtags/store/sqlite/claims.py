"""Claims on timelines, in the rows of the timelines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streamtags.core.errors import StoreError
from streamtags.store.process_identity import ProcessIdentity, this_process
from streamtags.store.sqlite.port import SqlitePort

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqliteClaims", "check_unclaimed"]


class SqliteClaims(SqlitePort):
    """The port `Claims`. The death of a process ends its claims at once where it can be seen: on Linux, on the same host.

    A process that lost its claim, because it stood still for too long, can write no further event (see `SqlitePort._check_claim`).
    """

    def claim(self, timeline: str, owner: str, *, ttl_seconds: float = 60.0) -> None:
        """Claim `timeline` for `owner`, or renew the claim."""
        process = this_process()
        with self._database.write() as connection:
            n = self._row(connection, timeline)[0]
            if self._owners.get(timeline) == owner:
                self._check_claim(connection, timeline, n)  # a claim that was lost is not to be had again: what its owner knows is old
            check_unclaimed(connection, n, owner)
            connection.execute(
                "UPDATE timelines SET owner = ?, host = ?, pid = ?, started = ?, claimed_until = ? WHERE n = ?",
                (owner, process.host, process.pid, process.started, time.time() + ttl_seconds, n),
            )
        self._owners[timeline] = owner

    def release(self, timeline: str, owner: str) -> None:
        """End a claim; do nothing if `owner` has none or the timeline does not exist."""
        if self._owners.get(timeline) == owner:
            del self._owners[timeline]
        with self._database.write() as connection:
            connection.execute("UPDATE timelines SET owner = NULL WHERE id = ? AND owner = ?", (timeline, owner))

    def check_free(self, timeline: str) -> None:
        """Check that `timeline` is not claimed."""
        with self._database.read() as connection:
            check_unclaimed(connection, self._row(connection, timeline)[0])


def check_unclaimed(connection: Connection, n: int, owner: str | None = None) -> None:
    """Check that the timeline in row `n` is not claimed, except by `owner`.

    Raises:
        StoreError: it is; the message names the process (code `store.claimed`).
    """
    timeline, claimant, host, pid, started, until = connection.execute(
        "SELECT id, owner, host, pid, started, claimed_until FROM timelines WHERE n = ?", (n,)
    ).fetchone()
    if claimant not in (None, owner) and ProcessIdentity(host, pid, started).keeps_lock(until, time.time()):
        what = f"is being worked on by process {pid} on {host}"
        raise StoreError(what, where=timeline, hint="wait for it, follow it, or stop it first", code="store.claimed")
