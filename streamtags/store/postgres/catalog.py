"""The timelines of the store."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.records import Head, TimelineIdentity, TimelineSummary
from streamtags.store.catalog_rows import IDENTITY, SUMMARY, identity_row, list_query, summary_of
from streamtags.store.names import resolve_name
from streamtags.store.postgres.claims import check_unclaimed
from streamtags.store.postgres.database import Connection
from streamtags.store.postgres.port import PostgresPort
from streamtags.store.rows import new_epoch, now, time_text

__all__ = ["PostgresCatalog"]

_SAME_EXCEPT_RECORDING = "source = %s AND profile = %s AND captioner = %s AND classifier = %s AND vocabulary = %s AND settings = %s"
_FIND = "SELECT id FROM streamtags.timelines WHERE identity = %s"
_INSERT = (
    f"INSERT INTO streamtags.timelines (id, {IDENTITY}, identity, name, epoch, seq, state, segments, opened, opened_at)"  # noqa: S608
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 'queued', 0, 0, '') ON CONFLICT DO NOTHING"
)


class PostgresCatalog(PostgresPort):
    """The port `Catalog`."""

    def open_timeline(self, timeline: str, identity: TimelineIdentity, *, name: str = "") -> Head:
        """Create `timeline` if it does not exist, and mark it as the one opened last."""
        values = (timeline, *identity_row(identity), _digest(identity), name.replace("\0", "\ufffd"), new_epoch())

        def work(connection: Connection) -> Head:
            connection.execute(_INSERT.encode(), values)
            owner = connection.execute(_FIND, (_digest(identity),)).fetchone()
            self._check_same(timeline, None if owner is None else str(owner[0]))
            row = self._locked_row(connection, timeline)
            connection.execute(
                "UPDATE streamtags.timelines SET opened = nextval('streamtags.openings'), opened_at = %s WHERE n = %s",
                (time_text(now()), row.n),
            )
            return Head(row.epoch, row.seq)

        head = self._database.write(work)
        self._announce(timeline)
        return head

    def by_identity(self, identity: TimelineIdentity) -> str | None:
        """Return the id of the timeline with that identity, None if there is none."""
        rows = self._database.read(_FIND, (_digest(identity),))
        return str(rows[0][0]) if rows else None

    def recordings(self, identity: TimelineIdentity) -> list[TimelineSummary]:
        """Return the timelines that differ from `identity` in nothing but `recording`, the one opened last first."""
        source, _, *others = identity_row(identity)
        return self._summaries(f"WHERE {_SAME_EXCEPT_RECORDING}", source, *others)

    def find(self, name: str) -> str:
        """Return the id that `name` stands for: an id, a unique prefix of one with or without `tl_`, or `last`."""
        rows = self._database.read("SELECT id FROM streamtags.timelines ORDER BY opened DESC")
        return resolve_name(name, [row[0] for row in rows], where=self.where)

    def timelines(
        self, *, captioner: str | None = None, source: str | None = None, before: int | None = None, limit: int | None = None
    ) -> list[TimelineSummary]:
        """Return summaries of all timelines, or of those that fit every argument, the one opened last first."""
        query = list_query("streamtags.timelines", "%s", captioner=captioner, source=source, before=before, limit=limit)
        return [summary_of(row) for row in self._database.read(*query)]

    def summary(self, timeline: str) -> TimelineSummary:
        """Return the summary of one timeline."""
        self._check_id(timeline)
        summaries = self._summaries("WHERE id = %s", timeline)
        if not summaries:
            self._required(None, timeline)
        return summaries[0]

    def remove(self, timeline: str) -> None:
        """Delete a timeline with its events and blobs."""
        attempts = 0

        def work(connection: Connection) -> None:
            nonlocal attempts
            attempts += 1
            try:
                n = self._locked_row(connection, timeline).n
            except NotInStore:
                if attempts > 1:
                    return  # an attempt whose confirmation was lost has removed it
                raise
            check_unclaimed(connection, n)
            connection.execute("DELETE FROM streamtags.timelines WHERE n = %s", (n,))

        self._database.write(work)
        self._forget_objects(timeline)
        self._notify(timeline)

    def _summaries(self, where: str, *values: Any) -> list[TimelineSummary]:
        rows = self._database.read(f"SELECT {SUMMARY} FROM streamtags.timelines {where} ORDER BY opened DESC", values)  # noqa: S608
        return [summary_of(row) for row in rows]

    def _check_same(self, timeline: str, owner: str | None) -> None:
        if owner == timeline:
            return
        if owner is None:
            what = f"timeline {timeline} exists with another source or other settings"
        else:
            what = f"timelines {timeline} and {owner} have the same source and settings"
        raise StoreError(what, where=self.where, hint="use `TimelineIdentity.timeline` as the id", code="store.key")


def _digest(identity: TimelineIdentity) -> bytes:
    return hashlib.sha256(json.dumps(identity_row(identity)).encode()).digest()
