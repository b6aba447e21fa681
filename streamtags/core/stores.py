"""The ports of a store: what the rest of the package may ask of it.

`Store` is all of them together. SQLite is the embedded implementation; every implementation passes the same conformance suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

from streamtags.core.events import Event, Payload, VocabularyRef
from streamtags.core.records import Candidate, Fingerprint, Head, TimelineIdentity, TimelineSummary
from streamtags.core.state import TimelineState
from streamtags.core.vocabulary import Vocabulary

__all__ = ["Blobs", "Catalog", "Changes", "Claims", "EventLog", "Store"]


class EventLog(Protocol):
    """An append-only log per timeline.

    Every method raises `StoreError` if the store cannot be read or written, and `NotInStore` if the timeline does not exist.
    """

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
            timeline: its id.
            payloads: the events to append.
            expect_epoch: refuse to write if the log has another epoch.
            thumbnails: JPEG by segment, written in the same transaction.
            fingerprints: by segment, written in the same transaction.

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

    def state(self, timeline: str) -> TimelineState:
        """Return the fold of the log. Implementations cache folds, so that a second call costs only what is new."""
        ...


class Catalog(Protocol):
    """Which timelines exist, and the vocabularies they were tagged under."""

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

    def timelines(self, *, captioner: str | None = None) -> list[TimelineSummary]:
        """Return a summary of every timeline, or of those with that captioner model, the one opened last first."""
        ...

    def remove(self, timeline: str) -> None:
        """Delete a timeline and all that belongs to it.

        Raises:
            StoreError: the timeline is claimed (code `store.claimed`).
        """
        ...

    def save_vocabulary(self, vocabulary: Vocabulary) -> str:
        """Save the content of `vocabulary` under its id and version; return its digest, by which `vocabulary` finds this content."""
        ...

    def vocabulary(self, ref: VocabularyRef, digest: str | None = None) -> Vocabulary:
        """Return the vocabulary with that id and version: the one with `digest`, or the one saved last.

        Raises:
            NotInStore: there is none.
        """
        ...


class Claims(Protocol):
    """Who works on a timeline: at most one owner at a time."""

    def claim(self, timeline: str, owner: str, *, ttl_seconds: float = 60.0) -> None:
        """Claim `timeline` for `owner`, or renew the claim.

        A claim ends with `release`, with the death of its process where that can be seen, or after `ttl_seconds` without renewal.

        Raises:
            StoreError: another owner has claimed it (code `store.claimed`).
        """
        ...

    def release(self, timeline: str, owner: str) -> None:
        """End a claim; do nothing if `owner` has none or the timeline does not exist."""
        ...

    def check_free(self, timeline: str) -> None:
        """Check that nobody has claimed `timeline`.

        Raises:
            StoreError: somebody has (code `store.claimed`).
        """
        ...


class Blobs(Protocol):
    """Bytes that belong to segments: thumbnails and fingerprints. They are written with `EventLog.append`."""

    def thumbnail(self, timeline: str, segment: str) -> bytes:
        """Return the JPEG of a segment.

        Raises:
            NotInStore: it has none.
        """
        ...

    def candidates(self, frames: int, *, slack: int = 0, besides: str = "") -> list[Candidate]:
        """Return segments with a fingerprint whose length is `frames` give or take `slack`, not of timeline `besides`.

        Segments of the timeline opened last come first.
        """
        ...


class Changes(Protocol):
    """Notifies readers that a log has grown."""

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with a timeline's id after each durable change made through this object; return what ends that.

        The callback runs in the thread that wrote and must return at once.
        """
        ...

    def data_version(self) -> int:
        """Return a number that changes when any process has written; cheap enough to poll."""
        ...


class Store(EventLog, Catalog, Claims, Blobs, Changes, Protocol):
    """Every port of one store. Safe to use from several threads; every method may wait for the disk or the network."""

    @property
    def url(self) -> str:
        """The URL that `open_store` takes."""
        ...

    @property
    def folder(self) -> Path:
        """A folder on this machine for files that belong to the store, such as uploads; it may not exist yet."""
        ...

    def close(self) -> None:
        """Release files and connections; safe to call twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
