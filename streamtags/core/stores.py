"""The ports of a store: small protocols for the event log, the catalog, vocabularies, claims, blobs and change notification.

`Store` is all of them together. Every implementation passes the suite in `streamtags.testing.store_conformance`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

from streamtags.core.events import Event, Payload, VocabularyRef
from streamtags.core.job_queue import JobQueue
from streamtags.core.records import (
    Candidate,
    Fingerprint,
    Head,
    HeadChanges,
    TimelineIdentity,
    TimelineSummary,
    Trait,
    Waveform,
)
from streamtags.core.state import TimelineState
from streamtags.core.vocabulary import Vocabulary

__all__ = ["Blobs", "Catalog", "Changes", "Claims", "EventLog", "Store", "Vocabularies"]


class EventLog(Protocol):
    """An append-only log per timeline.

    The `seq` of a log's events starts at 1 and rises by 1; the transaction that makes an event durable assigns it. Every method raises
    `StoreError` if the store cannot be read or written, and `NotInStore` if the timeline does not exist.
    """

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
        """Make `payloads` durable, in order, and return them as events with their `seq`.

        Args:
            timeline: its id.
            payloads: the events to append.
            expect_epoch: refuse to write if the log has another epoch.
            thumbnails: JPEG by segment, written in the same transaction.
            fingerprints: by segment, written in the same transaction.
            waveforms: peaks by segment (see `Waveform`), written in the same transaction.

        Raises:
            StoreError: nothing was written; with code `store.epoch`, the log has been replaced.
        """
        ...

    def read(self, timeline: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Return events with `seq > after`, in order, at most `limit`."""
        ...

    def read_json(self, timeline: str, after: int = 0, limit: int | None = None) -> list[str]:
        """Return what `read` returns, each event as the JSON text of `Event.to_json`, without parsing it."""
        ...

    def replace(self, timeline: str, payloads: Sequence[Payload]) -> list[Event]:
        """Begin the log anew with `payloads`, under a new epoch and from seq 1, in one transaction.

        Raises:
            ValueError: there are no payloads.
            StoreError: nothing was changed.
        """
        ...

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
        """Append events of a log in another store as they are: with their epoch, `seq` and time. Events that the log has are skipped.

        Args:
            timeline: its id.
            lines: consecutive events as `read_json` returns them, of one epoch.
            replace: delete a log of another epoch.
            thumbnails: JPEG by segment, written in the same transaction.
            fingerprints: by segment, written in the same transaction.
            waveforms: peaks by segment, written in the same transaction.

        Returns:
            The end of the log.

        Raises:
            StoreError: nothing was written: the log has another epoch (code `store.epoch`), the first line does not follow its end
                (code `store.gap`), or the timeline is claimed (code `store.claimed`).
        """
        ...

    def empty(self, timeline: str) -> Head:
        """Delete all events and begin a new epoch; the next event has seq 1.

        Raises:
            StoreError: the timeline is claimed (code `store.claimed`).
        """
        ...

    def head(self, timeline: str) -> Head:
        """Return epoch and last seq of the log."""
        ...

    def heads(self) -> dict[str, Head]:
        """Return epoch and last seq of every log, by timeline."""
        ...

    def heads_since(self, cursor: str | None) -> HeadChanges:
        """Return the ends of the logs that any process has changed, created or removed since `cursor`; it costs nothing for the others.

        Nothing is missed, whatever was announced; what changes during the call is returned by it or by the next one.

        Args:
            cursor: of an earlier call; None, and one that the store does not know any more, return every log.
        """
        ...

    def state(self, timeline: str) -> TimelineState:
        """Return the fold of the log. Implementations cache folds, so that a second call costs only what is new."""
        ...


class Catalog(Protocol):
    """The timelines of the store."""

    def open_timeline(self, timeline: str, identity: TimelineIdentity, *, name: str = "") -> Head:
        """Create `timeline` if it does not exist, and mark it as the one opened last.

        Args:
            timeline: its id.
            identity: what sets it apart; unique in the store.
            name: its display name until its first event states one.

        Raises:
            StoreError: the id or the identity belongs to another timeline (code `store.key`).
        """
        ...

    def by_identity(self, identity: TimelineIdentity) -> str | None:
        """Return the id of the timeline with that identity, None if there is none."""
        ...

    def recordings(self, identity: TimelineIdentity) -> list[TimelineSummary]:
        """Return the timelines that differ from `identity` in nothing but `recording`, the one opened last first."""
        ...

    def find(self, name: str) -> str:
        """Return the id that `name` stands for: an id, a unique prefix of one with or without `tl_`, or `last`.

        Raises:
            NotInStore: no timeline matches, or several do; the hint names them.
        """
        ...

    def timelines(
        self, *, captioner: str | None = None, source: str | None = None, before: int | None = None, limit: int | None = None
    ) -> list[TimelineSummary]:
        """Return summaries of all timelines, or of those that fit every argument, the one opened last first.

        Args:
            captioner: only with this captioner model.
            source: only of this source, as in `TimelineIdentity.source`.
            before: only with an `opened` below this: a list goes on after its last line, whatever was opened or removed since.
            limit: at most so many.
        """
        ...

    def summary(self, timeline: str) -> TimelineSummary:
        """Return the summary of one timeline.

        Raises:
            NotInStore: the timeline does not exist.
        """
        ...

    def remove(self, timeline: str) -> None:
        """Delete a timeline with its events and blobs.

        Raises:
            StoreError: the timeline is claimed (code `store.claimed`).
        """
        ...


class Vocabularies(Protocol):
    """The vocabularies that timelines were tagged under. Contents with the same id and version are kept side by side."""

    def save_vocabulary(self, vocabulary: Vocabulary) -> str:
        """Save `vocabulary` under its id and version; return the digest that finds this very content again."""
        ...

    def vocabulary(self, ref: VocabularyRef, digest: str | None = None) -> Vocabulary:
        """Return the vocabulary with that id and version: the one with `digest`, or the one saved last.

        Raises:
            NotInStore: there is none.
        """
        ...

    def vocabularies(self) -> list[Vocabulary]:
        """Return every vocabulary, with all its contents, the one saved last at the end."""
        ...


class Claims(Protocol):
    """Locks on timelines: at most one owner at a time analyzes, retags or empties a timeline."""

    def claim(self, timeline: str, owner: str, *, ttl_seconds: float = 60.0) -> None:
        """Claim `timeline` for `owner`, or renew the claim.

        A claim ends with `release` and with the death of its process. Where the store cannot see whether the process lives, a claim
        ends after `ttl_seconds` without renewal. When another owner has claimed the timeline after that, this object can neither renew
        its claim nor change the log until it has released the claim, even if the other owner has finished: `append`, `replace` and
        `claim` raise `StoreError` with code `store.claim_lost`.

        Raises:
            StoreError: another owner has claimed it (code `store.claimed`).
        """
        ...

    def release(self, timeline: str, owner: str) -> None:
        """End a claim; do nothing if `owner` has none or the timeline does not exist."""
        ...

    def check_free(self, timeline: str) -> None:
        """Check that `timeline` is not claimed.

        Raises:
            StoreError: it is (code `store.claimed`).
        """
        ...


class Blobs(Protocol):
    """Bytes that belong to segments: thumbnails, waveforms and fingerprints. `EventLog.append` writes them with their event."""

    def thumbnail(self, timeline: str, segment: str) -> bytes:
        """Return the JPEG of a segment.

        Raises:
            NotInStore: it has none.
        """
        ...

    def waveforms(self, timeline: str, after: int = 0, limit: int = 2000) -> list[Waveform]:
        """Return the waveforms with `number > after`, in the order in which they were written, at most `limit`."""
        ...

    def fingerprints(self, timeline: str) -> dict[str, Fingerprint]:
        """Return the fingerprints of a timeline, by segment."""
        ...

    def candidates(self, frames: int, *, traits: Sequence[Trait] = (), slack: int = 0, exclude: str = "") -> list[Candidate]:
        """Return segments whose fingerprint may be of the same pictures; those of the timeline opened last come first.

        Args:
            frames: their number of frames.
            traits: of the pictures; each overlaps that of every result at the same place, if it has one there.
            slack: by how much the number of frames may differ.
            exclude: without the segments of this timeline.
        """
        ...


class Changes(Protocol):
    """Notification that logs have changed."""

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with a timeline's id after each durable change made through this object; return a function that stops that.

        The callback runs in the thread that wrote and must return at once. An exception in it is logged and does not reach the writer.
        """
        ...

    def watch(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call `callback` with the data version soon after any process has written; return a function that stops that.

        The callback runs in a thread of its own and must return at once. It is called first with the present version, and again after the
        store could not be read for a time.
        """
        ...

    def data_version(self) -> int:
        """Return a number that changes when any process has written; cheap enough to ask for with every read."""
        ...


class Store(EventLog, Catalog, Vocabularies, Claims, Blobs, Changes, Protocol):
    """Every port of one store. Safe to use from several threads; every method may wait for the disk or the network."""

    @property
    def url(self) -> str:
        """The URL that `open_store` takes."""
        ...

    @property
    def folder(self) -> Path:
        """A folder on this machine for files that belong to the store, such as uploads; it may not exist yet."""
        ...

    @property
    def job_queue(self) -> JobQueue:
        """The jobs of the servers of this store."""
        ...

    def check_health(self) -> None:
        """Check, without writing, that the store can still be read and is the one that was opened; cheap enough for a readiness probe.

        Raises:
            StoreError: it is not; with code `store.replaced`, the store was deleted or replaced while it was open.
        """
        ...

    def close(self) -> None:
        """Close files and connections; safe to call twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
