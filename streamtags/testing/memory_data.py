"""What the handles of an in-memory store share."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.events import Event
from streamtags.core.records import Fingerprint, Head, HeadChanges, Job, TimelineIdentity, TimelineSummary, Waveform
from streamtags.core.vocabulary import Vocabulary
from streamtags.store.log_columns import LogColumns

__all__ = ["Lease", "MemoryData", "MemoryTimeline", "StoredJob", "new_epoch"]


def new_epoch() -> str:
    """Return an epoch that no log has had."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Lease:
    """A lock of `owner` that ends at `until`, in seconds of the monotonic clock."""

    owner: str
    until: float

    @classmethod
    def for_seconds(cls, owner: str, ttl_seconds: float) -> Lease:
        """Return a lease that starts now."""
        return cls(owner, time.monotonic() + ttl_seconds)

    @property
    def is_valid(self) -> bool:
        """Whether the lease has not ended."""
        return time.monotonic() < self.until


@dataclass(slots=True)
class StoredJob:
    """A job and its lease."""

    job: Job
    lease: Lease | None


@dataclass(slots=True)
class MemoryTimeline:
    """A timeline: its row in the catalog, its log, its blobs and its claim."""

    id: str
    identity: TimelineIdentity
    columns: LogColumns
    epoch: str = field(default_factory=new_epoch)
    events: list[Event] = field(default_factory=list)
    opened: int = 0
    opened_at: str = ""
    thumbnails: dict[str, bytes] = field(default_factory=dict)
    fingerprints: dict[str, Fingerprint] = field(default_factory=dict)
    waveforms: dict[str, Waveform] = field(default_factory=dict)
    claim: Lease | None = None

    @property
    def head(self) -> Head:
        """Epoch and last seq of the log."""
        return Head(self.epoch, len(self.events))

    @property
    def summary(self) -> TimelineSummary:
        """The row in the catalog."""
        return TimelineSummary(
            id=self.id,
            identity=self.identity,
            name=self.columns.name,
            state=self.columns.state,
            epoch=self.epoch,
            seq=len(self.events),
            segments=self.columns.segments,
            seconds=self.columns.seconds,
            opened_at=self.opened_at,
            opened=self.opened,
        )

    @property
    def claimant(self) -> str | None:
        """Whose claim was the last, if it has not been released; it may have expired."""
        return None if self.claim is None else self.claim.owner

    def clear(self) -> None:
        """Delete events and blobs, and begin a new epoch."""
        self.epoch, self.columns = new_epoch(), LogColumns(self.columns.name, "queued", 0, None)
        self.events, self.thumbnails, self.fingerprints, self.waveforms = [], {}, {}, {}

    def check_unclaimed(self, owner: str | None = None) -> None:
        """Check that the timeline is not claimed, except by `owner`.

        Raises:
            StoreError: it is (code `store.claimed`).
        """
        if self.claim is not None and self.claim.is_valid and self.claim.owner != owner:
            raise StoreError("is being worked on", where=self.id, hint="wait for it, follow it, or stop it first", code="store.claimed")


@dataclass(slots=True)
class MemoryData:
    """Everything in a store. Handles hold `lock` while they use the rest."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    timelines: dict[str, MemoryTimeline] = field(default_factory=dict)
    vocabularies: list[tuple[str, Vocabulary]] = field(default_factory=list)
    jobs: dict[str, StoredJob] = field(default_factory=dict)
    submissions: list[tuple[str, str, float]] = field(default_factory=list)  # user, timeline and time of each job
    version: int = 0
    changes: dict[str, int] = field(default_factory=dict)  # number of the last change of each log, also of one that was removed
    last_change: int = 0
    last_waveform: int = 0

    def timeline(self, name: str) -> MemoryTimeline:
        """Return the timeline with that id.

        Raises:
            NotInStore: there is none.
        """
        if name not in self.timelines:
            raise NotInStore(f"no timeline {name!r}", where="memory:", hint="`streamtags timelines` lists what is there")
        return self.timelines[name]

    def note_change(self, name: str) -> None:
        """Number a change of a log."""
        self.last_change += 1
        self.changes[name] = self.last_change

    def changes_since(self, cursor: str | None) -> HeadChanges:
        """Return what the port `EventLog` returns."""
        if cursor is None:
            return HeadChanges(str(self.last_change), {name: stored.head for name, stored in self.timelines.items()}, is_complete=True)
        changed = {name for name, number in self.changes.items() if number > int(cursor)}
        heads = {name: self.timelines[name].head for name in changed & self.timelines.keys()}
        return HeadChanges(str(self.last_change), heads, frozenset(changed - heads.keys()))

    def write_blobs(
        self,
        stored: MemoryTimeline,
        thumbnails: Mapping[str, bytes],
        fingerprints: Mapping[str, Fingerprint],
        waveforms: Mapping[str, bytes],
    ) -> None:
        """Keep blobs of a timeline, in place of earlier ones of the same segments."""
        stored.thumbnails |= thumbnails
        stored.fingerprints |= fingerprints
        for segment, peaks in waveforms.items():
            stored.waveforms.pop(segment, None)
            self.last_waveform += 1
            stored.waveforms[segment] = Waveform(self.last_waveform, segment, peaks)

    def newest_first(self) -> list[MemoryTimeline]:
        """Return every timeline, the one opened last first."""
        return sorted(self.timelines.values(), key=lambda timeline: -timeline.opened)
