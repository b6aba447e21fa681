"""The timelines of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamtags.core.errors import StoreError
from streamtags.core.records import Head, TimelineIdentity, TimelineSummary
from streamtags.store.catalog_rows import IDENTITY, SUMMARY, identity_row, list_query, summary_of
from streamtags.store.names import resolve_name
from streamtags.store.rows import new_epoch, now, time_text
from streamtags.store.sqlite.claims import check_unclaimed
from streamtags.store.sqlite.port import SqlitePort

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqliteCatalog"]

_SAME_EXCEPT_RECORDING = "source = ? AND profile = ? AND captioner = ? AND classifier = ? AND vocabulary = ? AND settings = ?"
_FIND = f"SELECT id FROM timelines WHERE ({IDENTITY}) = (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant
_INSERT = (
    f"INSERT INTO timelines (id, {IDENTITY}, name, epoch, seq, state, segments, opened, opened_at)"  # noqa: S608 - a constant
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 'queued', 0, 0, '') ON CONFLICT DO NOTHING"
)
_SUMMARIES = f"SELECT {SUMMARY} FROM timelines"  # noqa: S608 - a constant


class SqliteCatalog(SqlitePort):
    """The port `Catalog`."""

    def open_timeline(self, timeline: str, identity: TimelineIdentity, *, name: str = "") -> Head:
        """Create `timeline` if it does not exist, and mark it as the one opened last."""
        with self._database.write() as connection:
            self._check_unused(connection, timeline, identity)
            connection.execute(_INSERT, (timeline, *identity_row(identity), name, new_epoch()))
            connection.execute(
                "UPDATE timelines SET opened = (SELECT max(opened) + 1 FROM timelines), opened_at = ? WHERE id = ?",
                (time_text(now()), timeline),
            )
            return Head(*self._row(connection, timeline)[1:])

    def by_identity(self, identity: TimelineIdentity) -> str | None:
        """Return the id of the timeline with that identity, None if there is none."""
        with self._database.read() as connection:
            return _find(connection, identity)

    def recordings(self, identity: TimelineIdentity) -> list[TimelineSummary]:
        """Return the timelines that differ from `identity` in nothing but `recording`, the one opened last first."""
        source, _, *others = identity_row(identity)
        with self._database.read() as connection:
            return _summaries(connection, f"WHERE {_SAME_EXCEPT_RECORDING}", source, *others)

    def find(self, name: str) -> str:
        """Return the id that `name` stands for: an id, a unique prefix of one with or without `tl_`, or `last`."""
        with self._database.read() as connection:
            timelines = [row[0] for row in connection.execute("SELECT id FROM timelines ORDER BY opened DESC")]
        return resolve_name(name, timelines, where=str(self.path))

    def timelines(
        self, *, captioner: str | None = None, source: str | None = None, before: int | None = None, limit: int | None = None
    ) -> list[TimelineSummary]:
        """Return summaries of all timelines, or of those that fit every argument, the one opened last first."""
        statement, values = list_query("timelines", "?", captioner=captioner, source=source, before=before, limit=limit)
        with self._database.read() as connection:
            return [summary_of(row) for row in connection.execute(statement, values)]

    def summary(self, timeline: str) -> TimelineSummary:
        """Return the summary of one timeline."""
        with self._database.read() as connection:
            return _summaries(connection, "WHERE n = ?", self._row(connection, timeline)[0])[0]

    def remove(self, timeline: str) -> None:
        """Delete a timeline with its events and blobs."""
        with self._database.write() as connection:
            n = self._row(connection, timeline)[0]
            check_unclaimed(connection, n)
            connection.execute("DELETE FROM timelines WHERE n = ?", (n,))
        self._subscribers.notify(timeline)

    def _check_unused(self, connection: Connection, timeline: str, identity: TimelineIdentity) -> None:
        owner = _find(connection, identity)
        if owner == timeline:
            return
        if owner is not None:
            what = f"timelines {timeline} and {owner} have the same source and settings"
        elif connection.execute("SELECT 1 FROM timelines WHERE id = ?", (timeline,)).fetchone() is not None:
            what = f"timeline {timeline} exists with another source or other settings"
        else:
            return
        raise StoreError(what, where=str(self.path), hint="use `TimelineIdentity.timeline` as the id", code="store.key")


def _find(connection: Connection, identity: TimelineIdentity) -> str | None:
    row = connection.execute(_FIND, identity_row(identity)).fetchone()
    return None if row is None else str(row[0])


def _summaries(connection: Connection, where: str, *values: Any) -> list[TimelineSummary]:
    return [summary_of(row) for row in connection.execute(f"{_SUMMARIES} {where} ORDER BY opened DESC", values)]
