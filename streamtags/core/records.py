"""The values that a store takes and returns, apart from events."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import NamedTuple

from streamtags.core.errors import StoreError
from streamtags.core.state import RunState

__all__ = [
    "DAY_SECONDS",
    "MAX_TRAITS",
    "Candidate",
    "Fingerprint",
    "Head",
    "HeadChanges",
    "Job",
    "JobQuota",
    "TimelineIdentity",
    "TimelineSummary",
    "Trait",
    "Waveform",
]

DAY_SECONDS = 86_400.0
"""The time in which the jobs of a day count."""

MAX_TRAITS = 4
"""The most traits of a fingerprint that stores keep."""

Trait = tuple[int, int]
"""Lowest and highest value of a property of pictures, within 16 bits. Of fingerprints of the same pictures, the ranges overlap."""

_RECORDING_MARK = "#recording-"


class Head(NamedTuple):
    """The end of a log: its epoch and the `seq` of its last event, 0 if it is empty."""

    epoch: str
    seq: int


class HeadChanges(NamedTuple):
    """The ends of logs that have changed.

    Attributes:
        cursor: where the next read goes on; only the store that made it understands it.
        heads: by timeline. Some may have been returned before.
        removed: timelines that do not exist any more.
        is_complete: `heads` has every log of the store; a timeline that it lacks does not exist.
    """

    cursor: str
    heads: dict[str, Head]
    removed: frozenset[str] = frozenset()
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class TimelineIdentity:
    """What sets a timeline apart: its source and everything that can change the result of the analysis.

    Attributes:
        source: identity of the source, such as a path with size and modification time.
        recording: distinguishes further recordings of a live source; None for a file and for the first recording.
        profile: name of the profile.
        captioner: model that captions.
        classifier: model that tags.
        vocabulary: digest of the vocabulary.
        settings: the settings that change the result, as canonical JSON text (sorted keys).
    """

    source: str
    recording: str | None = None
    profile: str = ""
    captioner: str = ""
    classifier: str = ""
    vocabulary: str = ""
    settings: str = "{}"

    @property
    def key(self) -> str:
        """The identity as canonical JSON text."""
        source = self.source if self.recording is None else f"{self.source}{_RECORDING_MARK}{self.recording}"
        return (
            f'{{"captioner": {json.dumps(self.captioner)}, "classifier": {json.dumps(self.classifier)}, '
            f'"profile": {json.dumps(self.profile)}, "settings": {self.settings}, '
            f'"source": {json.dumps(source)}, "vocabulary": {json.dumps(self.vocabulary)}}}'
        )

    @property
    def timeline(self) -> str:
        """The timeline's id. The same identity has the same id in every store and in every release."""
        return "tl_" + hashlib.sha256(self.key.encode()).hexdigest()[:16]

    def is_same_source(self, other: TimelineIdentity) -> bool:
        """Return whether `other` differs in nothing but `recording`."""
        return replace(self, recording=None) == replace(other, recording=None)


@dataclass(frozen=True, slots=True)
class TimelineSummary:
    """A row of the list of timelines.

    Attributes:
        name: name of the source; "" until the source is opened.
        seconds: duration of the source, None if the container does not state it.
        opened_at: time of the last opening, RFC 3339.
        opened: rises with each opening in the store; lists are in its order, the highest first.
    """

    id: str
    identity: TimelineIdentity
    name: str
    state: RunState
    epoch: str
    seq: int
    segments: int
    seconds: float | None
    opened_at: str
    opened: int


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The fingerprint of a segment that has `frames` frames.

    Attributes:
        frames: their number.
        data: the fingerprint; stores do not interpret it.
        traits: what distinguishes it quickly from others, at most `MAX_TRAITS`; empty if nothing does.
    """

    frames: int
    data: bytes
    traits: tuple[Trait, ...] = ()


@dataclass(frozen=True, slots=True)
class Waveform:
    """The loudest samples of a segment, 10 a second.

    Attributes:
        number: rises with each waveform that is written to a store; a cursor for reading on.
        segment: the segment's id.
        peaks: one byte for each 0.1 s from the start of the segment: 0 is -60 dBFS or less, 255 is full scale, linear in decibels.
    """

    number: int
    segment: str
    peaks: bytes


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored segment that may show the same pictures."""

    timeline: str
    segment: str
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Job:
    """An analysis in the queue of a store's servers.

    Attributes:
        timeline: the timeline that it writes to.
        request: what to do, as JSON text; the store does not interpret it.
        submitted_at: seconds since the epoch.
        starts: how often a process was started for it without progress in the log.
        started_seq: end of the log when a process was last started.
        running: whether a process is running for it now.
        priority: jobs with a higher one are taken first.
        cancelled: a client wants it to end; the server that runs it does so.
    """

    timeline: str
    request: str
    submitted_at: float
    starts: int = 0
    started_seq: int = 0
    running: bool = False
    priority: int = 0
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class JobQuota:
    """How many jobs a user may have in the queue of a store's servers; a limit of None is none.

    Attributes:
        user: whom the limits are for.
        at_once: jobs that wait or run.
        per_day: jobs submitted in the last 24 hours, those that have ended included.
    """

    user: str
    at_once: int | None = None
    per_day: int | None = None

    def check(self, at_once: int, today: int) -> None:
        """Check that the user may submit a further job.

        Args:
            at_once: how many jobs of the user wait or run.
            today: how many the user has submitted in the last 24 hours.

        Raises:
            StoreError: a limit is reached (code `store.quota`).
        """
        if self.at_once is not None and at_once >= self.at_once:
            what = f"the user has {at_once} analyses that wait or run; the limit is {self.at_once}"
            raise StoreError(what, where=self.user, hint="wait until one has ended, or cancel one", code="store.quota")
        if self.per_day is not None and today >= self.per_day:
            what = f"the user has begun {today} analyses in the last 24 hours; the limit is {self.per_day}"
            raise StoreError(what, where=self.user, hint="go on later", code="store.quota")
