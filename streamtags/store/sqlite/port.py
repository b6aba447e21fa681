"""What the ports of the SQLite store share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.core.errors import NotInStore
from streamtags.store.sqlite.database import Database
from streamtags.store.subscribers import Subscribers

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqlitePort"]


class SqlitePort:
    """Base of the port classes: the database, and the subscribers to its changes.

    Args:
        database: the open file.
        subscribers: notified after each change of a log.
    """

    def __init__(self, database: Database, subscribers: Subscribers) -> None:
        self._database = database
        self._subscribers = subscribers

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
