"""The event store: an append-only log per timeline in one SQLite file.

An event gets its `seq` inside the transaction that makes it durable, and is handed out only after that. Any number of processes may
read and append at once; readers never wait.
"""

from __future__ import annotations

import gc
import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.events import Event, Payload, SegmentDetected, TimelineOpened, VocabularyRef
from streamtags.core.fold import Fold, run_state_after
from streamtags.core.records import Candidate, Fingerprint, Head, TimelineIdentity, TimelineSummary
from streamtags.core.state import TimelineState
from streamtags.core.vocabulary import Vocabulary
from streamtags.store.names import meant
from streamtags.store.sqlite import claims, identities, vocabularies
from streamtags.store.sqlite.database import Database
from streamtags.store.sqlite.rows import EventRow, decode, decode_payload, lines, now, time_text

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqliteStore"]

_FOLDS_KEPT = 16

_log = logging.getLogger(__name__)


class SqliteStore:
    """Timelines in a SQLite file. Safe to use from several threads; every method may wait for the disk.

    Every method raises `StoreError` where the file cannot be read or written, and `NotInStore` where it is given a timeline that is
    not there.

    Args:
        path: the file; it and its folder are made if missing.
        timeout_seconds: how long to wait for another process that is writing.
    """

    def __init__(self, path: Path | str, *, timeout_seconds: float = 10.0) -> None:
        self._database = Database(Path(path), timeout_seconds=timeout_seconds)
        self._subscribers: list[Callable[[str], None]] = []
        self._folding = threading.Lock()
        self._folds: OrderedDict[str, Fold] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL of the file."""
        return f"sqlite:///{self._database.path}"

    @property
    def folder(self) -> Path:
        """The folder beside the file: `STORE.files`."""
        return self.path.with_name(f"{self.path.name}.files")

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._database.close()

    # Timelines

    def open_timeline(self, timeline: str, identity: TimelineIdentity, *, name: str = "") -> Head:
        """Create `timeline` if it does not exist, and mark it as the one opened last.

        Args:
            timeline: its id.
            identity: what sets it apart; unique in the store.
            name: its display name until its first event states one.

        Raises:
            StoreError: the id or the identity belongs to another timeline (code `store.key`).
        """
        with self._database.write() as connection:
            identities.check_unused(connection, timeline, identity, where=str(self.path))
            connection.execute(
                f"INSERT INTO timelines (id, {identities.COLUMNS}, name, epoch, seq, state, segments, opened, opened_at)"  # noqa: S608 - a constant
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 'queued', 0, 0, '') ON CONFLICT DO NOTHING",
                (timeline, *identities.to_row(identity), name, _new_epoch()),
            )
            connection.execute(
                "UPDATE timelines SET opened = (SELECT max(opened) + 1 FROM timelines), opened_at = ? WHERE id = ?",
                (time_text(now()), timeline),
            )
            return Head(*connection.execute("SELECT epoch, seq FROM timelines WHERE id = ?", (timeline,)).fetchone())

    def by_identity(self, identity: TimelineIdentity) -> str | None:
        """Return the id of the timeline with that identity, None if there is none."""
        with self._database.read() as connection:
            return identities.find(connection, identity)

    def recordings(self, identity: TimelineIdentity) -> list[TimelineSummary]:
        """Return the timelines that differ from `identity` in nothing but `recording`, the one opened last first."""
        with self._database.read() as connection:
            return identities.recordings(connection, identity)

    def find(self, name: str) -> str:
        """The id that `name` stands for: an id, the beginning of one with or without `tl_`, or `last`, the one opened last.

        Raises:
            NotInStore: none, or several; the hint names them.
        """
        return meant(name, [summary.id for summary in self.timelines()], where=str(self.path))

    def timelines(self, *, captioner: str | None = None) -> list[TimelineSummary]:
        """Return a summary of every timeline, or of those with that captioner model, the one opened last first."""
        with self._database.read() as connection:
            return identities.summaries(connection, captioner)

    def remove(self, timeline: str) -> None:
        """Delete a timeline and all that belongs to it.

        Raises:
            StoreError: somebody is at work on it (code `store.claimed`).
        """
        with self._database.write() as connection:
            n = self._row(connection, timeline)[0]
            claims.refuse_claimed(connection, n)
            connection.execute("DELETE FROM timelines WHERE n = ?", (n,))
        self._tell(timeline)

    def replace(self, timeline: str, payloads: Sequence[Payload]) -> list[Event]:
        """Begin the log anew with `payloads`, under a new epoch and from seq 1, in one transaction with the end of the old one.

        Raises:
            ValueError: no payloads: a log must not be thrown away for nothing.
            StoreError: nothing was changed.
        """
        if not payloads:
            raise ValueError("a log is replaced by one that has events")
        rows = _encode(payloads)
        with self._database.write() as connection:
            self._begin_anew(connection, timeline)
            events = self._append(connection, timeline, rows)
        self._tell(timeline)
        return events

    def empty(self, timeline: str) -> Head:
        """Throw the log away, for one that begins under a new epoch with the next event: readers see at once that it is waited for.

        Raises:
            StoreError: somebody is at work on it (code `store.claimed`).
        """
        with self._database.write() as connection:
            claims.refuse_claimed(connection, self._row(connection, timeline)[0])
            self._begin_anew(connection, timeline)
            head = Head(*self._row(connection, timeline)[1:])
        self._tell(timeline)
        return head

    # The log

    def append(
        self,
        timeline: str,
        payloads: Sequence[Payload],
        *,
        expect_epoch: str | None = None,
        thumbnails: Mapping[str, bytes] | None = None,
        fingerprints: Mapping[str, Fingerprint] | None = None,
    ) -> list[Event]:
        """Make `payloads` durable, in order, and return them as events with their `seq`.

        Args:
            timeline: an id.
            payloads: what happened.
            expect_epoch: the log the writer believes to write to.
            thumbnails: JPEG by segment, written in the same transaction.
            fingerprints: by segment, written in the same transaction.

        Raises:
            StoreError: nothing was written; with code `store.epoch`, the log has been replaced.
        """
        rows = _encode(payloads)
        with self._database.write() as connection:
            n, epoch, _ = self._row(connection, timeline)
            if expect_epoch is not None and expect_epoch != epoch:
                raise StoreError(
                    "was begun anew by another process", where=timeline, hint="follow or resume the new one", code="store.epoch"
                )
            events = self._append(connection, timeline, rows)
            for segment, jpeg in (thumbnails or {}).items():
                connection.execute("REPLACE INTO thumbnails VALUES (?, ?, ?)", (n, segment, jpeg))
            for segment, found in (fingerprints or {}).items():
                connection.execute("REPLACE INTO fingerprints VALUES (?, ?, ?, ?)", (n, segment, found.frames, found.data))
        self._tell(timeline)
        return events

    def read(self, timeline: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Events with `seq > after`, in order, at most `limit`."""
        epoch, rows = self._rows(timeline, after, limit)
        return [decode(timeline, epoch, row) for row in rows]

    def read_json(self, timeline: str, after: int = 0, limit: int | None = None) -> list[str]:
        """What `read` gives, as the JSON that `Event.to_json` gives; several times faster, as nothing is parsed."""
        epoch, rows = self._rows(timeline, after, limit)
        return lines(timeline, epoch, rows)

    def head(self, timeline: str) -> Head:
        """How far the log of `timeline` reaches."""
        with self._database.read() as connection:
            return Head(*self._row(connection, timeline)[1:])

    def heads(self) -> dict[str, Head]:
        """How far every log reaches, by timeline."""
        with self._database.read() as connection:
            return {timeline: Head(epoch, seq) for timeline, epoch, seq in connection.execute("SELECT id, epoch, seq FROM timelines")}

    def state(self, timeline: str) -> TimelineState:
        """The fold of the log. The last few timelines asked for are kept folded, so that asking again costs only what is new."""
        with self._folding:
            held = self._folds.pop(timeline, None)
            known = held.state if held is not None else TimelineState()
            epoch, rows = self._rows(timeline, known.seq, None, epoch=known.epoch)
            if held is None or epoch != known.epoch:
                held = Fold.from_snapshot(TimelineState(id=timeline, epoch=epoch))
            with _no_collection():
                for row in rows:
                    held.apply_payload(row[0], decode_payload(timeline, row))
            self._folds[timeline] = held
            while len(self._folds) > _FOLDS_KEPT:
                self._folds.popitem(last=False)
            return held.state

    # What belongs to a timeline besides its log

    def thumbnail(self, timeline: str, segment: str) -> bytes:
        """The JPEG of a segment.

        Raises:
            NotInStore: it has none.
        """
        with self._database.read() as connection:
            n = self._row(connection, timeline)[0]
            row = connection.execute("SELECT jpeg FROM thumbnails WHERE timeline = ? AND segment = ?", (n, segment)).fetchone()
        if row is None:
            raise NotInStore(f"no thumbnail of segment {segment!r}", where=timeline)
        return bytes(row[0])

    def candidates(self, frames: int, *, slack: int = 0, besides: str = "") -> list[Candidate]:
        """Segments with a fingerprint that are `frames` long, give or take `slack`; those of the timeline opened last first.

        Those of the timeline `besides` are left out.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT timelines.id, segment, frames, fingerprint FROM fingerprints JOIN timelines ON timelines.n = fingerprints.timeline"
                " WHERE frames BETWEEN ? AND ? AND timelines.id != ? ORDER BY opened DESC, segment",
                (frames - slack, frames + slack, besides),
            ).fetchall()
        return [Candidate(timeline, segment, Fingerprint(length, data)) for timeline, segment, length, data in rows]

    def save_vocabulary(self, vocabulary: Vocabulary) -> str:
        """Keep what `vocabulary` says under its id and version; returns its digest, by which this very content is found again."""
        with self._database.write() as connection:
            return vocabularies.save(connection, vocabulary)

    def vocabulary(self, ref: VocabularyRef, digest: str | None = None) -> Vocabulary:
        """The vocabulary of that id and version: of that digest, or the one saved last.

        Raises:
            NotInStore: there is none.
        """
        with self._database.read() as connection:
            found = vocabularies.find(connection, ref, digest)
        if found is None:
            raise NotInStore(f"no vocabulary {ref.id} {ref.version}", where=str(self.path), hint="give the file with --tags")
        return found

    # Who is at work, and who wants to know

    def claim(self, timeline: str, owner: str, *, ttl_seconds: float = 60.0) -> None:
        """Take `timeline` for `owner`, or keep it: nobody else analyses, retags or removes it meanwhile.

        A claim ends with `release`, with the death of its process, at once, where that can be told (Linux, same host), else after
        `ttl_seconds` without another `claim`.

        Raises:
            StoreError: another holds it (code `store.claimed`).
        """
        with self._database.write() as connection:
            claims.take(connection, self._row(connection, timeline)[0], owner, ttl_seconds)

    def release(self, timeline: str, owner: str) -> None:
        """Give up a claim; nothing happens if `owner` does not hold it, or the timeline is gone."""
        with self._database.write() as connection:
            claims.give_up(connection, timeline, owner)

    def check_free(self, timeline: str) -> None:
        """See that nobody has claimed `timeline`.

        Raises:
            StoreError: somebody has (code `store.claimed`).
        """
        with self._database.read() as connection:
            claims.refuse_claimed(connection, self._row(connection, timeline)[0])

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Have `callback` called with a timeline's id after each change made through this object; returns what ends that.

        It is called in the thread that wrote, after the change is durable, and should only wake somebody. Changes of other processes
        show in `data_version`.
        """
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def data_version(self) -> int:
        """A number that changes when anybody, in this process or another, has written; cheap enough to poll."""
        return self._database.data_version()

    def _tell(self, timeline: str) -> None:
        for callback in list(self._subscribers):
            try:
                callback(timeline)
            except Exception:  # noqa: BLE001 - the events are durable: a listener's fault must not look like a failed append
                _log.exception("a subscriber of the store failed on %s", timeline)

    def _row(self, connection: Connection, timeline: str) -> tuple[int, str, int]:
        """Number, epoch and last seq of a timeline."""
        row = connection.execute("SELECT n, epoch, seq FROM timelines WHERE id = ?", (timeline,)).fetchone()
        if row is None:
            raise NotInStore(f"no timeline {timeline!r}", where=str(self.path), hint="`streamtags timelines` lists what is there")
        n, epoch, seq = row
        return n, epoch, seq

    def _begin_anew(self, connection: Connection, timeline: str) -> None:
        n = self._row(connection, timeline)[0]
        for table in ("events", "thumbnails", "fingerprints"):
            connection.execute(f"DELETE FROM {table} WHERE timeline = ?", (n,))  # noqa: S608 - names from the line above
        connection.execute(
            "UPDATE timelines SET epoch = ?, seq = 0, state = 'queued', segments = 0, seconds = NULL WHERE n = ?", (_new_epoch(), n)
        )

    def _rows(self, timeline: str, after: int, limit: int | None, *, epoch: str | None = None) -> tuple[str, list[EventRow]]:
        """Epoch, and (seq, type, at, data) of events after `after`; of all, if `epoch` is given and is no longer the log's."""
        with self._database.read() as connection:
            n, current, _ = self._row(connection, timeline)
            start = after if epoch in (None, current) else 0
            rows = connection.execute(
                "SELECT seq, type, at, data FROM events WHERE timeline = ? AND seq > ? ORDER BY seq LIMIT ?",
                (n, start, -1 if limit is None else limit),
            ).fetchall()
        return current, rows

    def _append(self, connection: Connection, timeline: str, rows: Iterable[tuple[Payload, str]]) -> list[Event]:
        n, epoch, seq = self._row(connection, timeline)
        name, state, segments, seconds = connection.execute(
            "SELECT name, state, segments, seconds FROM timelines WHERE n = ?", (n,)
        ).fetchone()
        at = now()
        at_text = time_text(at)
        events = []
        for payload, data in rows:
            seq += 1
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (n, seq, payload.type, at_text, data))
            events.append(Event.of(payload, timeline=timeline, epoch=epoch, seq=seq, at=at))
            state = run_state_after(state, payload)
            match payload:
                case TimelineOpened():
                    name, seconds = payload.source.name, payload.source.video.duration
                case SegmentDetected():
                    segments = max(segments, payload.index + 1)
        connection.execute(
            "UPDATE timelines SET seq = ?, name = ?, state = ?, segments = ?, seconds = ? WHERE n = ?",
            (seq, name, state, segments, seconds, n),
        )
        return events


@contextmanager
def _no_collection() -> Iterator[None]:
    """Folding a log makes much that stays and little garbage: looking for it would take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _encode(payloads: Sequence[Payload]) -> list[tuple[Payload, str]]:
    return [(payload, payload.model_dump_json()) for payload in payloads]


def _new_epoch() -> str:
    return secrets.token_hex(8)
