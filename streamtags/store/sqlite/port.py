"""What the ports of the SQLite store share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.core.errors import NotInStore
from streamtags.store.row_log import check_claim
from streamtags.store.sqlite.database import Database
from streamtags.store.subscribers import Subscribers

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqlitePort"]


class SqlitePort:
    """Base of the port classes: the database, the subscribers to its changes, and the claims that were made through this object.

    Args:
        database: the open file.
        subscribers: notified after each change of a log.
    """

    def __init__(self, database: Database, subscribers: Subscribers) -> None:
        self._database = database
        self._subscribers = subscribers
        self._owners: dict[str, str] = {}

    @property
    def path(self) -> Path:
        """The file of the store."""
        return self._database.path

    def _row(self, connection: Connection, timeline: str) -> tuple[int, str, int]:
        """Return row number, epoch and last seq of a timeline."""
        row = connection.execute("SELECT n, epoch, seq FROM timelines WHERE id = ?", (timeline,)).fetchone()
        if row is None:
            raise NotInStore(f"no timeline {timeline!r}", where=str(self.path), hint="`streamtags timelines` lists what is there")
        n, epoch, seq = row
        return n, epoch, seq

    def _check_claim(self, connection: Connection, timeline: str, n: int) -> None:
        """Check that a claim which was made through this object has not gone to another process in the meantime.

        Raises:
            StoreError: it has (code `store.claim_lost`).
        """
        owner = self._owners.get(timeline)
        if owner is not None:
            check_claim(timeline, owner, connection.execute("SELECT owner FROM timelines WHERE n = ?", (n,)).fetchone()[0])
