"""A store in memory, for tests: every port, no file."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.events import Event, Payload, VocabularyRef
from streamtags.core.records import Candidate, Fingerprint, Head, HeadChanges, TimelineIdentity, TimelineSummary, Trait, Waveform
from streamtags.core.state import TimelineState
from streamtags.core.vocabulary import Vocabulary
from streamtags.store.fold_cache import FoldCache
from streamtags.store.log_columns import LogColumns
from streamtags.store.names import resolve_name
from streamtags.store.polling import watch_by_polling
from streamtags.store.row_log import check_claim, check_epoch
from streamtags.store.rows import decode, rows_of
from streamtags.store.subscribers import Subscribers
from streamtags.testing.memory_data import Lease, MemoryData, MemoryTimeline, new_epoch
from streamtags.testing.memory_jobs import MemoryJobQueue

__all__ = ["MemoryStore"]


class MemoryStore:
    """A `Store` in memory. Safe to use from several threads; nothing outlives the process.

    Claims and leases of jobs end after their `ttl_seconds` without renewal.

    Args:
        shared: another handle, whose data this one uses, too.
        folder: for files that belong to the store; a name in the temporary folder if None.
    """

    def __init__(self, shared: MemoryStore | None = None, *, folder: Path | None = None) -> None:
        self._data: MemoryData = MemoryData() if shared is None else shared._data
        self._folder = folder or Path(tempfile.gettempdir()) / f"streamtags-{new_epoch()}"
        self._subscribers = Subscribers()
        self._folds = FoldCache()
        self._job_queue = MemoryJobQueue(self._data)
        self._owners: dict[str, str] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """`memory:`, which `open_store` does not take."""
        return "memory:"

    @property
    def folder(self) -> Path:
        """A folder for files that belong to the store; it may not exist yet."""
        return self._folder

    @property
    def job_queue(self) -> MemoryJobQueue:
        """The jobs of the servers of this store."""
        return self._job_queue

    def check_health(self) -> None:
        """Check that the store is open."""
        with self._reading():
            pass

    def close(self) -> None:
        """Refuse every further call through this handle."""
        self._closed = True

    # Event log

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
        """Append `payloads`, in order, and return them as events with their `seq`."""
        with self._changing(timeline) as (data, stored):
            check_claim(timeline, self._owners.get(timeline), stored.claimant)
            check_epoch(timeline, stored.epoch, expect_epoch)
            events = _insert(stored, payloads)
            data.write_blobs(stored, thumbnails or {}, fingerprints or {}, waveforms or {})
        return events

    def read(self, timeline: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Return events with `seq > after`, in order, at most `limit`."""
        with self._reading() as data:
            return data.timeline(timeline).events[after:][:limit]

    def read_json(self, timeline: str, after: int = 0, limit: int | None = None) -> list[str]:
        """Return what `read` returns, each event as the JSON text of `Event.to_json`."""
        return [event.to_json() for event in self.read(timeline, after, limit)]

    def replace(self, timeline: str, payloads: Sequence[Payload]) -> list[Event]:
        """Begin the log anew with `payloads`, under a new epoch and from seq 1."""
        if not payloads:
            raise ValueError("a log is replaced by one that has events")
        with self._changing(timeline) as (_, stored):
            check_claim(timeline, self._owners.get(timeline), stored.claimant)
            stored.clear()
            return _insert(stored, payloads)

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
        with self._changing(timeline) as (data, stored):
            stored.check_unclaimed()
            head, rows = rows_of(timeline, lines, stored.head, replace=replace)
            if head.epoch != stored.epoch:
                stored.clear()
                stored.epoch = head.epoch
            events = [decode(timeline, head.epoch, row) for row in rows]
            for event in events:
                stored.columns.apply(event.data)
            stored.events += events
            data.write_blobs(stored, thumbnails or {}, fingerprints or {}, waveforms or {})
            return stored.head

    def empty(self, timeline: str) -> Head:
        """Delete all events and begin a new epoch; the next event has seq 1."""
        with self._changing(timeline) as (_, stored):
            stored.check_unclaimed()
            stored.clear()
            return stored.head

    def head(self, timeline: str) -> Head:
        """Return epoch and last seq of the log."""
        with self._reading() as data:
            return data.timeline(timeline).head

    def heads(self) -> dict[str, Head]:
        """Return epoch and last seq of every log, by timeline."""
        with self._reading() as data:
            return {name: stored.head for name, stored in data.timelines.items()}

    def heads_since(self, cursor: str | None) -> HeadChanges:
        """Return the ends of the logs that any handle has changed, created or removed since `cursor`."""
        with self._reading() as data:
            return data.changes_since(cursor)

    def state(self, timeline: str) -> TimelineState:
        """Return the fold of the log."""

        def read(epoch: str | None, after: int) -> tuple[str, Iterable[tuple[int, Payload]]]:
            with self._reading() as data:
                stored = data.timeline(timeline)
                events = stored.events[after if epoch in (None, stored.epoch) else 0 :]
                return stored.epoch, [(event.seq, event.data) for event in events]

        return self._folds.state(timeline, read)

    # Catalog

    def open_timeline(self, timeline: str, identity: TimelineIdentity, *, name: str = "") -> Head:
        """Create `timeline` if it does not exist, and mark it as the one opened last."""
        with self._writing() as data:
            stored = data.timelines.get(timeline)
            owner = self._owner_of(identity)
            if owner not in (None, timeline) or (stored is not None and stored.identity != identity):
                raise StoreError(f"the id or the identity of {timeline} belongs to another timeline", where=self.url, code="store.key")
            if stored is None:
                stored = data.timelines[timeline] = MemoryTimeline(timeline, identity, LogColumns(name, "queued", 0, None))
                data.note_change(timeline)
            stored.opened = max(other.opened for other in data.timelines.values()) + 1
            stored.opened_at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            return stored.head

    def by_identity(self, identity: TimelineIdentity) -> str | None:
        """Return the id of the timeline with that identity, None if there is none."""
        with self._reading():
            return self._owner_of(identity)

    def recordings(self, identity: TimelineIdentity) -> list[TimelineSummary]:
        """Return the timelines that differ from `identity` in nothing but `recording`, the one opened last first."""
        return [summary for summary in self.timelines() if summary.identity.is_same_source(identity)]

    def find(self, name: str) -> str:
        """Return the id that `name` stands for: an id, a unique prefix of one with or without `tl_`, or `last`."""
        return resolve_name(name, [summary.id for summary in self.timelines()], where=self.url)

    def timelines(
        self, *, captioner: str | None = None, source: str | None = None, before: int | None = None, limit: int | None = None
    ) -> list[TimelineSummary]:
        """Return summaries of all timelines, or of those that fit every argument, the one opened last first."""
        with self._reading() as data:
            fitting = [
                stored.summary
                for stored in data.newest_first()
                if captioner in (None, stored.identity.captioner)
                and source in (None, stored.identity.source)
                and (before is None or stored.opened < before)
            ]
            return fitting if limit is None else fitting[: max(0, limit)]

    def summary(self, timeline: str) -> TimelineSummary:
        """Return the summary of one timeline."""
        with self._reading() as data:
            return data.timeline(timeline).summary

    def remove(self, timeline: str) -> None:
        """Delete a timeline with its events and blobs."""
        with self._changing(timeline) as (data, stored):
            stored.check_unclaimed()
            del data.timelines[timeline]

    # Vocabularies

    def save_vocabulary(self, vocabulary: Vocabulary) -> str:
        """Save `vocabulary` under its id and version; return the digest that finds this very content again."""
        digest = hashlib.sha256(vocabulary.model_dump_json().encode()).hexdigest()
        with self._writing() as data:
            data.vocabularies = [saved for saved in data.vocabularies if saved[0] != digest] + [(digest, vocabulary)]
        return digest

    def vocabulary(self, ref: VocabularyRef, digest: str | None = None) -> Vocabulary:
        """Return the vocabulary with that id and version: the one with `digest`, or the one saved last."""
        with self._reading() as data:
            for saved, vocabulary in reversed(data.vocabularies):
                if (vocabulary.id, vocabulary.version) == (ref.id, ref.version) and digest in (None, saved):
                    return vocabulary
        raise NotInStore(f"no vocabulary {ref.id} {ref.version}", where=self.url, hint="give the file with --tags")

    def vocabularies(self) -> list[Vocabulary]:
        """Return every vocabulary, with all its contents, the one saved last at the end."""
        with self._reading() as data:
            return [vocabulary for _, vocabulary in data.vocabularies]

    # Claims

    def claim(self, timeline: str, owner: str, *, ttl_seconds: float = 60.0) -> None:
        """Claim `timeline` for `owner`, or renew the claim."""
        with self._writing() as data:
            stored = data.timeline(timeline)
            if self._owners.get(timeline) == owner:
                check_claim(timeline, owner, stored.claimant)
            stored.check_unclaimed(owner)
            stored.claim = Lease.for_seconds(owner, ttl_seconds)
            self._owners[timeline] = owner

    def release(self, timeline: str, owner: str) -> None:
        """End a claim; do nothing if `owner` has none or the timeline does not exist."""
        with self._writing() as data:
            if self._owners.get(timeline) == owner:
                del self._owners[timeline]
            stored = data.timelines.get(timeline)
            if stored is not None and stored.claim is not None and stored.claim.owner == owner:
                stored.claim = None

    def check_free(self, timeline: str) -> None:
        """Check that `timeline` is not claimed."""
        with self._reading() as data:
            data.timeline(timeline).check_unclaimed()

    # Blobs and changes

    def thumbnail(self, timeline: str, segment: str) -> bytes:
        """Return the JPEG of a segment."""
        with self._reading() as data:
            thumbnails = data.timeline(timeline).thumbnails
            if segment not in thumbnails:
                raise NotInStore(f"no thumbnail of segment {segment!r}", where=timeline)
            return thumbnails[segment]

    def waveforms(self, timeline: str, after: int = 0, limit: int = 2000) -> list[Waveform]:
        """Return the waveforms with `number > after`, in the order in which they were written, at most `limit`."""
        with self._reading() as data:
            return [one for one in data.timeline(timeline).waveforms.values() if one.number > after][:limit]

    def fingerprints(self, timeline: str) -> dict[str, Fingerprint]:
        """Return the fingerprints of a timeline, by segment."""
        with self._reading() as data:
            return dict(data.timeline(timeline).fingerprints)

    def candidates(self, frames: int, *, traits: Sequence[Trait] = (), slack: int = 0, exclude: str = "") -> list[Candidate]:
        """Return segments whose fingerprint may be of the same pictures; those of the timeline opened last come first."""
        with self._reading() as data:
            return [
                Candidate(stored.id, segment, fingerprint)
                for stored in data.newest_first()
                if stored.id != exclude
                for segment, fingerprint in sorted(stored.fingerprints.items())
                if abs(fingerprint.frames - frames) <= slack
                and all(low <= high_ and low_ <= high for (low, high), (low_, high_) in zip(traits, fingerprint.traits, strict=False))
            ]

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with a timeline's id after each change made through this handle; return a function that stops that."""
        return self._subscribers.add(callback)

    def watch(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call `callback` with the data version soon after any handle has written; return a function that stops that."""
        return watch_by_polling(self.data_version, callback)

    def data_version(self) -> int:
        """Return a number that changes when any handle has written."""
        with self._reading() as data:
            return data.version

    @contextmanager
    def _reading(self) -> Iterator[MemoryData]:
        with self._data.lock:
            if self._closed:
                raise StoreError("is closed", where=self.url, code="store.closed")
            yield self._data

    @contextmanager
    def _writing(self) -> Iterator[MemoryData]:
        with self._reading() as data:
            yield data
            data.version += 1

    @contextmanager
    def _changing(self, timeline: str) -> Iterator[tuple[MemoryData, MemoryTimeline]]:
        """Change a log; its change is numbered and the subscribers are notified if the block does not raise."""
        with self._writing() as data:
            yield data, data.timeline(timeline)
            data.note_change(timeline)
        self._subscribers.notify(timeline)

    def _owner_of(self, identity: TimelineIdentity) -> str | None:
        return next((stored.id for stored in self._data.timelines.values() if stored.identity == identity), None)


def _insert(stored: MemoryTimeline, payloads: Sequence[Payload]) -> list[Event]:
    at, seq = datetime.now(UTC), len(stored.events)
    events = [
        Event.of(payload, timeline=stored.id, epoch=stored.epoch, seq=seq + number, at=at) for number, payload in enumerate(payloads, 1)
    ]
    for payload in payloads:
        stored.columns.apply(payload)
    stored.events += events
    return events
