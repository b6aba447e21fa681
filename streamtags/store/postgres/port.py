"""What the ports of the PostgreSQL store share."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import psycopg

from streamtags.core.errors import NotInStore
from streamtags.core.state import RunState
from streamtags.store.objects import ObjectFolder
from streamtags.store.postgres.database import Connection, Database
from streamtags.store.row_log import check_claim
from streamtags.store.subscribers import Subscribers

__all__ = ["PostgresPort", "TimelineRow"]

_log = logging.getLogger(__name__)


_ROW = "SELECT n, epoch, seq, owner, name, state, segments, seconds FROM streamtags.timelines WHERE id = %s FOR UPDATE"


class TimelineRow(NamedTuple):
    """The row of a timeline, with the owner of its claim."""

    n: int
    epoch: str
    seq: int
    owner: str | None
    name: str
    state: RunState
    segments: int
    seconds: float | None


class PostgresPort:
    """Base of the port classes: the database, the subscribers to its changes, and the claims that were made through this object.

    Args:
        database: the open database.
        subscribers: notified after each change of a log.
    """

    def __init__(self, database: Database, subscribers: Subscribers) -> None:
        self._database = database
        self._subscribers = subscribers
        self._owners: dict[str, str] = {}
        self._objects: ObjectFolder | None = None

    @property
    def where(self) -> str:
        """The URL of the store without its password, for messages."""
        return self._database.address.shown

    def _locked_row(self, connection: Connection, timeline: str) -> TimelineRow:
        """Return the row of a timeline and lock it until the transaction ends: transactions that append to a log take turns.

        Raises:
            NotInStore: there is no such timeline.
        """
        self._check_id(timeline)
        return TimelineRow(*self._required(connection.execute(_ROW, (timeline,)).fetchone(), timeline))

    def _check_claim(self, timeline: str, row: TimelineRow) -> None:
        """Check that a claim which was made through this object has not gone to another process in the meantime.

        Raises:
            StoreError: it has (code `store.claim_lost`).
        """
        check_claim(timeline, self._owners.get(timeline), row.owner)

    def _moved(self, timeline: str, thumbnails: Mapping[str, bytes] | None) -> Mapping[str, bytes]:
        """Write thumbnails to their place outside of the database, if there is one; return what the database keeps of them.

        That is an empty value for each: it shows that the event of the thumbnail is durable.
        """
        if self._objects is None or not thumbnails:
            return thumbnails or {}
        self._objects.write(timeline, thumbnails)
        return dict.fromkeys(thumbnails, b"")

    def _forget_objects(self, timeline: str) -> None:
        """Delete the thumbnails of a timeline outside of the database; the change in the database is durable already."""
        if self._objects is not None:
            self._objects.remove(timeline)

    def _required(self, row: tuple[Any, ...] | None, timeline: str) -> tuple[Any, ...]:
        if row is None:
            raise NotInStore(f"no timeline {timeline!r}", where=self.where, hint="`streamtags timelines` lists what is there")
        return row

    def _check_id(self, timeline: str) -> None:
        """Refuse an id that PostgreSQL cannot compare: no timeline has it."""
        if not is_text(timeline):
            self._required(None, timeline)

    def _notify(self, timeline: str) -> None:
        """Notify the subscribers of this object, and the listeners of every process; the change is durable already."""
        self._subscribers.notify(timeline)
        self._announce(timeline)

    def _announce(self, timeline: str) -> None:
        """Notify the listeners of every process."""
        try:
            self._database.announce(timeline)
        except psycopg.Error as error:
            _log.warning("a change of %s could not be announced; other servers see it a second later: %s", timeline, error)


def is_text(value: str) -> bool:
    """Return whether PostgreSQL can store `value`: it contains no NUL and no half of a surrogate pair."""
    return "\0" not in value and value.encode(errors="replace").decode() == value
