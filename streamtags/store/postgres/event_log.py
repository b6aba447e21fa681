"""The event log: an append-only log per timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamtags.core.events import Event, Payload
from streamtags.core.records import Fingerprint, Head, HeadChanges
from streamtags.store.fold_cache import FoldCache
from streamtags.store.log_columns import LogColumns
from streamtags.store.postgres.blobs import check_sizes, write_blobs
from streamtags.store.postgres.claims import check_unclaimed
from streamtags.store.postgres.database import Connection, Database
from streamtags.store.postgres.port import PostgresPort, TimelineRow
from streamtags.store.row_log import RowLog, changes_of, check_epoch
from streamtags.store.rows import Encoded, EventRow, decode_payload, encode, new_epoch, now, rows_of, time_text
from streamtags.store.subscribers import Subscribers

__all__ = ["PostgresEventLog"]

_EVENTS = """
SELECT t.epoch, e.seq, e.type, e.at, e.data
FROM streamtags.timelines t
LEFT JOIN streamtags.events e ON e.timeline = t.n AND e.seq > CASE WHEN coalesce(%s::text, t.epoch) = t.epoch THEN %s ELSE 0 END
WHERE t.id = %s ORDER BY e.seq LIMIT %s
"""
_INSERT = """
INSERT INTO streamtags.events (timeline, seq, type, at, data)
SELECT %s, event.* FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS event
"""
# A cursor names the file of the table, which a restored backup does not share, and the oldest transaction that had not ended then:
# what a later read can see and this one cannot was written by that transaction or a later one.
_CURSOR = """
SELECT pg_relation_filenode('streamtags.changes')::bigint AS file, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest
"""
_CHANGES = f"""
SELECT cursor.file, cursor.oldest, changes.timeline, timelines.epoch, timelines.seq FROM ({_CURSOR}) AS cursor
LEFT JOIN streamtags.changes ON changes.transaction >= %s
LEFT JOIN streamtags.timelines ON timelines.id = changes.timeline
"""  # noqa: S608 - a constant


class PostgresEventLog(PostgresPort, RowLog):
    """The port `EventLog`. Processes that append to one log take turns; readers never wait for a writer."""

    def __init__(self, database: Database, subscribers: Subscribers) -> None:
        super().__init__(database, subscribers)
        self._folds = FoldCache()

    def append(
        self,
        timeline: str,
        payloads: Sequence[Payload],
        *,
        expect_epoch: str | None = None,
        thumbnails: Mapping[str, bytes] | None = None,
        fingerprints: Mapping[str, Fingerprint] | None = None,
        waveforms: Mapping[str, bytes] | None = None,
    ) -> list[Event]:
        """Make `payloads` durable, in order, and return them as events with their `seq`."""
        encoded = encode(payloads)
        check_sizes(timeline, thumbnails or {}, waveforms or {})
        kept = self._moved(timeline, thumbnails)

        def work(connection: Connection) -> list[Event]:
            row = self._locked_row(connection, timeline)
            self._check_claim(timeline, row)
            check_epoch(timeline, row.epoch, expect_epoch)
            with connection.pipeline():
                write_blobs(connection, row.n, kept, fingerprints or {}, waveforms or {})
                return self._insert_new(connection, timeline, row, encoded)

        events = self._database.write(work, is_committed=self._has_events)
        self._notify(timeline)
        return events

    def replace(self, timeline: str, payloads: Sequence[Payload]) -> list[Event]:
        """Begin the log anew with `payloads`, under a new epoch and from seq 1, in one transaction."""
        if not payloads:
            raise ValueError("a log is replaced by one that has events")
        encoded = encode(payloads)

        def work(connection: Connection) -> list[Event]:
            row = self._locked_row(connection, timeline)
            self._check_claim(timeline, row)
            return self._insert_new(connection, timeline, self._cleared(connection, row, new_epoch()), encoded)

        events = self._database.write(work, is_committed=self._has_events)
        self._forget_objects(timeline)
        self._notify(timeline)
        return events

    def restore(
        self,
        timeline: str,
        lines: Sequence[str],
        *,
        replace: bool = False,
        thumbnails: Mapping[str, bytes] | None = None,
        fingerprints: Mapping[str, Fingerprint] | None = None,
        waveforms: Mapping[str, bytes] | None = None,
    ) -> Head:
        """Append events of a log in another store as they are, without those that the log has; return the end of the log."""
        check_sizes(timeline, thumbnails or {}, waveforms or {})
        kept = self._moved(timeline, thumbnails)

        def work(connection: Connection) -> Head:
            row = self._locked_row(connection, timeline)
            check_unclaimed(connection, row.n)
            head, rows = rows_of(timeline, lines, Head(row.epoch, row.seq), replace=replace)
            if head.epoch != row.epoch:
                row = self._cleared(connection, row, head.epoch)
            with connection.pipeline():
                write_blobs(connection, row.n, kept, fingerprints or {}, waveforms or {})
                self._insert(connection, row, rows, [decode_payload(timeline, one) for one in rows])
            return Head(head.epoch, head.seq + len(rows))

        head = self._database.write(work)
        self._notify(timeline)
        return head

    def empty(self, timeline: str) -> Head:
        """Delete all events and begin a new epoch; the next event has seq 1."""

        def work(connection: Connection) -> Head:
            row = self._locked_row(connection, timeline)
            check_unclaimed(connection, row.n)
            return Head(self._cleared(connection, row, new_epoch()).epoch, 0)

        head = self._database.write(work)
        self._forget_objects(timeline)
        self._notify(timeline)
        return head

    def head(self, timeline: str) -> Head:
        """Return epoch and last seq of the log."""
        self._check_id(timeline)
        rows = self._database.read("SELECT epoch, seq FROM streamtags.timelines WHERE id = %s", (timeline,))
        return Head(*self._required(rows[0] if rows else None, timeline))

    def heads(self) -> dict[str, Head]:
        """Return epoch and last seq of every log, by timeline."""
        rows = self._database.read("SELECT id, epoch, seq FROM streamtags.timelines")
        return {timeline: Head(epoch, seq) for timeline, epoch, seq in rows}

    def heads_since(self, cursor: str | None) -> HeadChanges:
        """Return the ends of the logs that any process has changed, created or removed since `cursor`."""
        if cursor is not None:
            known_file, known_oldest = map(int, cursor.split(":"))
            rows = self._database.read(_CHANGES, (known_oldest,))
            file, oldest = rows[0][:2]
            if file == known_file and oldest >= known_oldest:
                return changes_of(f"{file}:{oldest}", (row[2:] for row in rows if row[2] is not None))
        ((file, oldest),) = self._database.read(_CURSOR)  # first: what changes before `heads` is returned again
        return HeadChanges(f"{file}:{oldest}", self.heads(), is_complete=True)

    def _rows(self, timeline: str, after: int, limit: int | None, *, epoch: str | None = None) -> tuple[str, list[EventRow]]:
        self._check_id(timeline)
        rows = self._database.read(_EVENTS, (epoch, after, timeline, None if limit is None else max(1, limit)))
        current = self._required(rows[0] if rows else None, timeline)[0]
        events = [(seq, kind, at, data) for _, seq, kind, at, data in rows if seq is not None]
        return current, events[:limit]

    def _has_events(self, connection: Connection, events: Sequence[Event]) -> bool:
        """Return whether exactly these events are in the log."""
        if not events:
            return False
        first = events[0]
        row = self._locked_row(connection, first.timeline)  # waits until a transaction that still runs has ended
        if row.epoch != first.epoch:
            return False
        stored = connection.execute(
            "SELECT type, at FROM streamtags.events WHERE timeline = %s AND seq = %s", (row.n, first.seq)
        ).fetchone()
        return stored == (first.type, time_text(first.at))

    def _cleared(self, connection: Connection, row: TimelineRow, epoch: str) -> TimelineRow:
        """Delete the events and blobs of a timeline; return its row with another epoch."""
        for table in ("events", "thumbnails", "fingerprints", "waveforms"):
            connection.execute(f"DELETE FROM streamtags.{table} WHERE timeline = %s".encode(), (row.n,))  # noqa: S608 - the names above
        emptied = row._replace(epoch=epoch, seq=0, state="queued", segments=0, seconds=None)
        connection.execute(
            "UPDATE streamtags.timelines SET epoch = %s, seq = 0, state = 'queued', segments = 0, seconds = NULL WHERE n = %s",
            (emptied.epoch, row.n),
        )
        return emptied

    def _insert_new(self, connection: Connection, timeline: str, row: TimelineRow, encoded: Encoded) -> list[Event]:
        """Insert events that happen now."""
        at = now()
        text = time_text(at)
        numbered = list(enumerate(encoded, row.seq + 1))
        rows = [(number, payload.type, text, data) for number, (payload, data) in numbered]
        self._insert(connection, row, rows, [payload for payload, _ in encoded])
        return [Event.of(payload, timeline=timeline, epoch=row.epoch, seq=number, at=at) for number, (payload, _) in numbered]

    def _insert(self, connection: Connection, row: TimelineRow, rows: Sequence[EventRow], payloads: Sequence[Payload]) -> None:
        columns = LogColumns(row.name, row.state, row.segments, row.seconds)
        for payload in payloads:
            columns.apply(payload)
        seqs, kinds, times, data = ([one[column] for one in rows] for column in range(4))
        connection.execute(_INSERT, (row.n, seqs, kinds, times, data))
        connection.execute(
            "UPDATE streamtags.timelines SET seq = %s, name = %s, state = %s, segments = %s, seconds = %s WHERE n = %s",
            (row.seq + len(rows), columns.name.replace("\0", "\ufffd"), columns.state, columns.segments, columns.seconds, row.n),
        )
