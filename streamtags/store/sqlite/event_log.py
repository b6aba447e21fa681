"""The event log: an append-only log per timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streamtags.core.events import Event, Payload
from streamtags.core.records import Fingerprint, Head, HeadChanges
from streamtags.store.fold_cache import FoldCache
from streamtags.store.log_columns import LogColumns
from streamtags.store.row_log import RowLog, changes_of, check_epoch
from streamtags.store.rows import Encoded, EventRow, decode_payload, encode, new_epoch, now, rows_of, time_text
from streamtags.store.sqlite.blobs import write_blobs
from streamtags.store.sqlite.claims import check_unclaimed
from streamtags.store.sqlite.database import Database
from streamtags.store.sqlite.port import SqlitePort
from streamtags.store.subscribers import Subscribers

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqliteEventLog"]

_COLUMNS = 5
_ROW = "(?, ?, ?, ?, ?)"
# One statement for many events: during each statement other threads run, and to get its turn again costs more than the statement.
_VALUES_AT_ONCE = 200 * _COLUMNS
_CHANGES = "SELECT c.timeline, t.epoch, t.seq FROM changes AS c LEFT JOIN timelines AS t ON t.id = c.timeline WHERE c.number > ?"


class SqliteEventLog(SqlitePort, RowLog):
    """The port `EventLog`. Readers never wait for a writer."""

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
        with self._database.write() as connection:
            n, epoch, _ = self._row(connection, timeline)
            self._check_claim(connection, timeline, n)
            check_epoch(timeline, epoch, expect_epoch)
            events = self._insert(connection, timeline, encoded)
            write_blobs(connection, n, thumbnails or {}, fingerprints or {}, waveforms or {})
        self._subscribers.notify(timeline)
        return events

    def replace(self, timeline: str, payloads: Sequence[Payload]) -> list[Event]:
        """Begin the log anew with `payloads`, under a new epoch and from seq 1, in one transaction."""
        if not payloads:
            raise ValueError("a log is replaced by one that has events")
        encoded = encode(payloads)
        with self._database.write() as connection:
            self._check_claim(connection, timeline, self._row(connection, timeline)[0])
            self._clear(connection, timeline)
            events = self._insert(connection, timeline, encoded)
        self._subscribers.notify(timeline)
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
        with self._database.write() as connection:
            n, epoch, seq = self._row(connection, timeline)
            check_unclaimed(connection, n)
            head, rows = rows_of(timeline, lines, Head(epoch, seq), replace=replace)
            if head.epoch != epoch:
                self._clear(connection, timeline, head.epoch)
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", [(n, *row) for row in rows])
            self._advance(connection, n, head.seq + len(rows), [decode_payload(timeline, row) for row in rows])
            write_blobs(connection, n, thumbnails or {}, fingerprints or {}, waveforms or {})
        self._subscribers.notify(timeline)
        return Head(head.epoch, head.seq + len(rows))

    def empty(self, timeline: str) -> Head:
        """Delete all events and begin a new epoch; the next event has seq 1."""
        with self._database.write() as connection:
            check_unclaimed(connection, self._row(connection, timeline)[0])
            self._clear(connection, timeline)
            head = Head(*self._row(connection, timeline)[1:])
        self._subscribers.notify(timeline)
        return head

    def head(self, timeline: str) -> Head:
        """Return epoch and last seq of the log."""
        with self._database.read() as connection:
            return Head(*self._row(connection, timeline)[1:])

    def heads(self) -> dict[str, Head]:
        """Return epoch and last seq of every log, by timeline."""
        with self._database.read() as connection:
            return _heads(connection)

    def heads_since(self, cursor: str | None) -> HeadChanges:
        """Return the ends of the logs that any process has changed, created or removed since `cursor`."""
        with self._database.read() as connection:
            (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM changes").fetchone()
            if cursor is None or int(cursor) > last:
                return HeadChanges(str(last), _heads(connection), is_complete=True)
            return changes_of(str(last), connection.execute(_CHANGES, (int(cursor),)))

    def _rows(self, timeline: str, after: int, limit: int | None, *, epoch: str | None = None) -> tuple[str, list[EventRow]]:
        with self._database.read() as connection:
            n, current, _ = self._row(connection, timeline)
            start = after if epoch in (None, current) else 0
            rows = connection.execute(
                "SELECT seq, type, at, data FROM events WHERE timeline = ? AND seq > ? ORDER BY seq LIMIT ?",
                (n, start, -1 if limit is None else limit),
            ).fetchall()
        return current, rows

    def _clear(self, connection: Connection, timeline: str, epoch: str | None = None) -> None:
        n = self._row(connection, timeline)[0]
        for table in ("events", "thumbnails", "fingerprints", "waveforms"):
            connection.execute(f"DELETE FROM {table} WHERE timeline = ?", (n,))  # noqa: S608 - names from the line above
        connection.execute(
            "UPDATE timelines SET epoch = ?, seq = 0, state = 'queued', segments = 0, seconds = NULL WHERE n = ?", (epoch or new_epoch(), n)
        )

    def _insert(self, connection: Connection, timeline: str, encoded: Encoded) -> list[Event]:
        n, epoch, seq = self._row(connection, timeline)
        at = now()
        at_text = time_text(at)
        events, values = list[Event](), list[int | str]()
        for payload, data in encoded:
            seq += 1
            values += (n, seq, payload.type, at_text, data)
            events.append(Event.of(payload, timeline=timeline, epoch=epoch, seq=seq, at=at))
        for begin in range(0, len(values), _VALUES_AT_ONCE):
            some = values[begin : begin + _VALUES_AT_ONCE]
            rows = ", ".join([_ROW] * (len(some) // _COLUMNS))
            connection.execute(f"INSERT INTO events VALUES {rows}", some)  # noqa: S608 - question marks alone
        self._advance(connection, n, seq, [payload for payload, _ in encoded])
        return events

    def _advance(self, connection: Connection, n: int, seq: int, payloads: Sequence[Payload]) -> None:
        """Bring the row of a timeline up to the end of its log, after `payloads` were appended."""
        row = connection.execute("SELECT name, state, segments, seconds FROM timelines WHERE n = ?", (n,)).fetchone()
        columns = LogColumns(*row)
        for payload in payloads:
            columns.apply(payload)
        connection.execute(
            "UPDATE timelines SET seq = ?, name = ?, state = ?, segments = ?, seconds = ? WHERE n = ?",
            (seq, columns.name, columns.state, columns.segments, columns.seconds, n),
        )


def _heads(connection: Connection) -> dict[str, Head]:
    return {timeline: Head(epoch, seq) for timeline, epoch, seq in connection.execute("SELECT id, epoch, seq FROM timelines")}
