"""Who is at work on a timeline, as its row in the store says: a claim of one owner, in one process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streamtags.core.errors import StoreError
from streamtags.store.sqlite.process import Process, this_process

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["give_up", "refuse_claimed", "take"]


def take(connection: Connection, n: int, owner: str, ttl_seconds: float) -> None:
    """Claim row `n` for `owner`, or keep it.

    Raises:
        StoreError: another holds it (code `store.claimed`).
    """
    refuse_claimed(connection, n, owner)
    here = this_process()
    connection.execute(
        "UPDATE timelines SET owner = ?, host = ?, pid = ?, started = ?, claimed_until = ? WHERE n = ?",
        (owner, here.host, here.pid, here.started, time.time() + ttl_seconds, n),
    )


def give_up(connection: Connection, timeline: str, owner: str) -> None:
    """End the claim of `owner`, if there is one."""
    connection.execute("UPDATE timelines SET owner = NULL WHERE id = ? AND owner = ?", (timeline, owner))


def refuse_claimed(connection: Connection, n: int, owner: str | None = None) -> None:
    """See that nobody, or nobody but `owner`, holds row `n`.

    Raises:
        StoreError: somebody does; says which process (code `store.claimed`).
    """
    timeline, holder, host, pid, started, until = connection.execute(
        "SELECT id, owner, host, pid, started, claimed_until FROM timelines WHERE n = ?", (n,)
    ).fetchone()
    if holder not in (None, owner) and Process(host, pid, started).holds(until, time.time()):
        what = f"is being worked on by process {pid} on {host}"
        raise StoreError(what, where=timeline, hint="wait for it, follow it, or stop it first", code="store.claimed")
