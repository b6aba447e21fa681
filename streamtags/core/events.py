"""The event union: everything that a timeline's log can contain, one payload class for each type.

An `Event` wraps a payload with its place in the log. The store assigns `seq`, `epoch` and `at` when the event becomes durable; nothing
else creates events.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field, SerializeAsAny, model_validator

from streamtags.core.answers import SegmentFaces, SegmentHeard, SegmentRead, SegmentTranscribed
from streamtags.core.bounded import Label, LongText, Message, Title
from streamtags.core.cue_events import Cue, CueDecided, CueDetected, CuesSuggested
from streamtags.core.model import ClipInfo, EvidenceValue, Kind, SourceInfo, TagScore, Transition, Usage
from streamtags.core.payload import Payload, SegmentAnswer, UnknownPayload, Wire, installed_payloads, parse_installed
from streamtags.core.timebase import Time

__all__ = [
    "PAYLOADS",
    "Cue",
    "CueDecided",
    "CueDetected",
    "CuesSuggested",
    "ErrorInfo",
    "Event",
    "Payload",
    "SceneCorrected",
    "SceneDetected",
    "SegmentAnswer",
    "SegmentCaptioned",
    "SegmentCorrected",
    "SegmentDetected",
    "SegmentFaces",
    "SegmentFailed",
    "SegmentHeard",
    "SegmentMeasured",
    "SegmentRead",
    "SegmentTagged",
    "SegmentTranscribed",
    "SourceDropped",
    "SourceLost",
    "SourceResumed",
    "TimelineCancelled",
    "TimelineCompleted",
    "TimelineFailed",
    "TimelineOpened",
    "TimelineProgress",
    "UnknownPayload",
    "VocabularyRef",
    "known_payloads",
    "parse_payload",
]


class VocabularyRef(Wire):
    """Names a vocabulary; `digest` differs between two contents with the same id and version."""

    id: str
    version: str
    digest: str = ""


class ErrorInfo(Wire):
    """An error on the wire: a stable `code` for programs, a `message` for people."""

    code: Label
    message: Message


class TimelineOpened(Payload):
    """The source could be opened. Once in a log; only the ends of analyses that could not open the source come before it."""

    type: ClassVar[str] = "timeline.opened"
    source: SourceInfo
    vocabulary: VocabularyRef
    profile: str
    settings: dict[str, Any] = Field(default_factory=dict)


class SegmentDetected(Payload):
    """A segment's bounds are known; `end` is exclusive. `transition` is how its shot begins, the same for all slices of a shot.

    `clip` is left out unless the source is an edit.
    """

    type: ClassVar[str] = "segment.detected"
    segment: str
    index: int
    shot: int
    start: Time
    end: Time
    kind: Kind
    transition: Transition
    clip: ClipInfo | None = Field(None, exclude_if=lambda clip: clip is None)


class SegmentMeasured(Payload):
    """Measurements, with units in their names; `thumbnail` is a path relative to the timeline; `text` comes from the source."""

    type: ClassVar[str] = "segment.measured"
    segment: str
    evidence: dict[str, EvidenceValue]
    thumbnail: str | None = None
    text: LongText = ""


class Reused(Wire):
    """The segment that a caption or tag set was copied from."""

    timeline: str
    segment: str


class SegmentCaptioned(Payload):
    """A caption; `frames` are the pts shown to the model, in order; `ms` is the time that the answer took."""

    type: ClassVar[str] = "segment.captioned"
    segment: str
    rev: int
    caption: LongText
    model: Label
    frames: list[int] = Field(default_factory=list)
    ms: float = 0.0
    reused_from: Reused | None = None
    usage: Usage | None = None


class SegmentTagged(Payload):
    """Tags, highest confidence first."""

    type: ClassVar[str] = "segment.tagged"
    segment: str
    rev: int
    tags: list[TagScore]
    key_information: list[Title] = Field(default_factory=list)
    reasoning: LongText = ""
    model: Label
    vocabulary: VocabularyRef
    usage: Usage | None = None
    ms: float = 0.0
    reused_from: Reused | None = None


class SegmentCorrected(Payload):
    """What a person set: tags with confidences, tags removed, a caption. Wins over every model, now and later.

    `reset` first discards all earlier corrections of the segment, so that without tags and caption the models' answers return.
    """

    type: ClassVar[str] = "segment.corrected"
    segment: str
    rev: int
    tags: list[TagScore] = Field(default_factory=list)
    untag: list[str] = Field(default_factory=list)
    caption: str | None = None
    by: str
    reset: bool = Field(False, exclude_if=lambda reset: not reset)
    reused_from: Reused | None = None


class SegmentFailed(Payload):
    """A stage has no answer for a segment; `will_retry` says whether this run tries again by itself.

    `stage` is the name of any stage, also of one that another package registers. `usage` counts the tokens of answers that could not be
    used.
    """

    type: ClassVar[str] = "segment.failed"
    segment: str
    stage: str
    error: ErrorInfo
    will_retry: bool = False
    usage: Usage | None = None


class SceneDetected(Payload):
    """Consecutive segments, `first` to `last` inclusive, that belong together; `tags` are their mean."""

    type: ClassVar[str] = "scene.detected"
    scene: str
    index: int
    first: str
    last: str
    start: Time
    end: Time
    tags: list[TagScore] = Field(default_factory=list)


class SceneCorrected(Payload):
    """A person says whether a scene begins with `segment`; it wins over the detector, now and later.

    True splits the scene before the segment, false merges the scene that begins with it into the one before, null leaves it to the
    detector again.
    """

    type: ClassVar[str] = "scene.corrected"
    segment: Label
    begins: bool | None
    by: Label


class SourceDropped(Payload):
    """Frames of a live source that were decoded but not analyzed, because the analysis was too slow; at most one such event a second.

    They lie between `start` and `end`, where some frames may have been analyzed. `frames` counts since the last such event, `total` since
    the analysis began.
    """

    type: ClassVar[str] = "source.dropped"
    frames: int
    start: Time
    end: Time
    total: int


class SourceLost(Payload):
    """A live source broke off at `at`, or still cannot be reached. The next attempt is in `retry_seconds`; null means none follows."""

    type: ClassVar[str] = "source.lost"
    at: Time
    error: ErrorInfo
    attempt: int
    retry_seconds: float | None


class SourceResumed(Payload):
    """A lost source is back. The time from `start` to `end`, `seconds` long, is a segment of kind `gap`."""

    type: ClassVar[str] = "source.resumed"
    start: Time
    end: Time
    seconds: float


class TimelineProgress(Payload):
    """How far the analysis has come; counts are segments. `stages` counts the answers of the other stages by name."""

    type: ClassVar[str] = "timeline.progress"
    decoded_seconds: float
    duration_seconds: float | None
    segments: int
    captioned: int
    tagged: int
    failed: int
    stages: dict[str, int] = Field(default_factory=dict, exclude_if=lambda stages: not stages)


class TimelineCompleted(Payload):
    """The analysis is done; `summary` has its counts."""

    type: ClassVar[str] = "timeline.completed"
    summary: dict[str, Any]


class TimelineFailed(Payload):
    """The analysis could not go on; the log stays valid, and the same command resumes it.

    May be the first event of a log: the source could not be opened.
    """

    type: ClassVar[str] = "timeline.failed"
    error: ErrorInfo


class TimelineCancelled(Payload):
    """The analysis was stopped; the same command resumes it. May be the first event of a log: the analysis was still queued.

    `summary.reason` says why if it was not a person who stopped it, such as a budget that is used up.
    """

    type: ClassVar[str] = "timeline.cancelled"
    summary: dict[str, Any] = Field(default_factory=dict)


PAYLOADS: dict[str, type[Payload]] = {
    cls.type: cls
    for cls in (
        TimelineOpened,
        SegmentDetected,
        SegmentMeasured,
        SegmentRead,
        SegmentTranscribed,
        SegmentFaces,
        SegmentHeard,
        SegmentCaptioned,
        SegmentTagged,
        SegmentCorrected,
        SegmentFailed,
        SceneDetected,
        SceneCorrected,
        CueDetected,
        CuesSuggested,
        CueDecided,
        SourceDropped,
        SourceLost,
        SourceResumed,
        TimelineProgress,
        TimelineCompleted,
        TimelineFailed,
        TimelineCancelled,
    )
}


def known_payloads() -> dict[str, type[Payload]]:
    """Return the payload classes by event type: the built-in ones, and those of installed stages.

    Raises:
        ConfigError: an installed stage cannot be imported.
    """
    return PAYLOADS | installed_payloads()


def parse_payload(event_type: str, data: Any) -> Payload:
    """Return the payload of an event from its `data`: a mapping, or JSON text.

    Raises:
        pydantic.ValidationError: `data` is not what a built-in type requires.
    """
    known = PAYLOADS.get(event_type)
    if known is None:
        return parse_installed(event_type, data)
    return known.model_validate_json(data) if isinstance(data, (str, bytes)) else known.model_validate(data)


class Event(Wire):
    """A payload and its place in a timeline's log: `seq` from 1, gapless; `epoch` changes when the log is replaced."""

    v: Literal[1] = 1
    timeline: str
    epoch: str
    seq: int
    type: str
    at: AwareDatetime
    data: SerializeAsAny[Payload]

    @model_validator(mode="before")
    @classmethod
    def _typed_data(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("data"), dict):
            return {**value, "data": parse_payload(str(value.get("type")), value["data"])}
        return value

    @classmethod
    def of(cls, payload: Payload, *, timeline: str, epoch: str, seq: int, at: datetime) -> Event:
        """Wrap `payload`; for stores only."""
        return cls(timeline=timeline, epoch=epoch, seq=seq, type=payload.event_type, at=at, data=payload)

    def to_json(self) -> str:
        """Return the event as one line of JSON, as on the wire and in `--jsonl`."""
        return self.model_dump_json()
