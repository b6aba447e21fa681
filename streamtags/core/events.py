"""The event union: everything a timeline can say, one payload class a type.

An `Event` wraps a payload with its place in the log. `seq`, `epoch` and `at` are given by the store, at the moment the event becomes
durable; nothing else makes events.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SerializeAsAny, model_validator

from streamtags.core.bounded import Label, LongText, Message, Title
from streamtags.core.model import EvidenceValue, Kind, SourceInfo, TagScore, Transition, Usage
from streamtags.core.timebase import Time

__all__ = [
    "PAYLOADS",
    "CuesSuggested",
    "ErrorInfo",
    "Event",
    "Payload",
    "SceneDetected",
    "SegmentCaptioned",
    "SegmentCorrected",
    "SegmentDetected",
    "SegmentFailed",
    "SegmentMeasured",
    "SegmentTagged",
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
]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Payload(_Wire):
    """The `data` of an event. Readers ignore fields they do not know."""

    type: ClassVar[str] = ""


class VocabularyRef(_Wire):
    """Names a vocabulary; `digest` tells two contents of the same id and version apart."""

    id: str
    version: str
    digest: str = ""


class ErrorInfo(_Wire):
    """An error on the wire: a stable `code` for programs, a `message` for people."""

    code: Label
    message: Message


class TimelineOpened(Payload):
    """The source could be opened. Once in a log; nothing comes before it but the ends of analyses that did not get so far."""

    type: ClassVar[str] = "timeline.opened"
    source: SourceInfo
    vocabulary: VocabularyRef
    profile: str
    settings: dict[str, Any] = Field(default_factory=dict)


class SegmentDetected(Payload):
    """A segment's bounds are known; `end` is exclusive. `transition` is how its shot begins: all slices of a shot say the same."""

    type: ClassVar[str] = "segment.detected"
    segment: str
    index: int
    shot: int
    start: Time
    end: Time
    kind: Kind
    transition: Transition


class SegmentMeasured(Payload):
    """What was measured, with units in the names; `thumbnail` is a path relative to the timeline; `text` what the source says there."""

    type: ClassVar[str] = "segment.measured"
    segment: str
    evidence: dict[str, EvidenceValue]
    thumbnail: str | None = None
    text: LongText = ""


class Reused(_Wire):
    """Where a caption or tag set was taken from instead of asking a model."""

    timeline: str
    segment: str


class SegmentCaptioned(Payload):
    """A caption; `frames` are the pts shown to the model, in order; `ms` the time it took."""

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
    """What a person set: tags with confidences, tags taken away, a caption. Wins over every model, now and later."""

    type: ClassVar[str] = "segment.corrected"
    segment: str
    rev: int
    tags: list[TagScore] = Field(default_factory=list)
    untag: list[str] = Field(default_factory=list)
    caption: str | None = None
    by: str
    reused_from: Reused | None = None


class SegmentFailed(Payload):
    """A stage gave up on a segment; `will_retry` says whether this run tries again by itself.

    `usage` counts the tokens of answers that came and could not be used.
    """

    type: ClassVar[str] = "segment.failed"
    segment: str
    stage: Literal["measure", "caption", "tag"]
    error: ErrorInfo
    will_retry: bool = False
    usage: Usage | None = None


class SceneDetected(Payload):
    """Consecutive segments, `first` to `last` inclusive, that belong together; `tags` sum them up."""

    type: ClassVar[str] = "scene.detected"
    scene: str
    index: int
    first: str
    last: str
    start: Time
    end: Time
    tags: list[TagScore] = Field(default_factory=list)


class Cue(_Wire):
    """A music track suggested; `score` in 0..1, `why` in plain words."""

    track: str
    title: str
    artist: str
    score: float
    why: str


class CuesSuggested(Payload):
    """Music for a scene or a segment, best first."""

    type: ClassVar[str] = "cues.suggested"
    scene: str | None = None
    segment: str | None = None
    guide: str | None = None
    library: str
    cues: list[Cue]


class SourceDropped(Payload):
    """Frames of a live source that were decoded but not looked at, because the analysis did not keep up; at most one such event a second.

    They lie from `start` to `end`, perhaps with others between them that were looked at; `frames` since the last such event, `total` since
    the analysis began.
    """

    type: ClassVar[str] = "source.dropped"
    frames: int
    start: Time
    end: Time
    total: int


class SourceLost(Payload):
    """A live source broke off at `at`, or still cannot be reached; tried again in `retry_seconds`, or no more where that is null."""

    type: ClassVar[str] = "source.lost"
    at: Time
    error: ErrorInfo
    attempt: int
    retry_seconds: float | None


class SourceResumed(Payload):
    """A lost source is back; nothing is known of `start` to `end`, `seconds` in all, which is a segment of kind `gap`."""

    type: ClassVar[str] = "source.resumed"
    start: Time
    end: Time
    seconds: float


class TimelineProgress(Payload):
    """How far the analysis has come; counts are segments."""

    type: ClassVar[str] = "timeline.progress"
    decoded_seconds: float
    duration_seconds: float | None
    segments: int
    captioned: int
    tagged: int
    failed: int


class TimelineCompleted(Payload):
    """The analysis is done; `summary` counts what it holds."""

    type: ClassVar[str] = "timeline.completed"
    summary: dict[str, Any]


class TimelineFailed(Payload):
    """The analysis could not go on; what is in the log stands, and the same command resumes it.

    May be a log's first event: the source could not be opened.
    """

    type: ClassVar[str] = "timeline.failed"
    error: ErrorInfo


class TimelineCancelled(Payload):
    """A person stopped the analysis; the same command resumes it. May be a log's first event: it was still waiting."""

    type: ClassVar[str] = "timeline.cancelled"
    summary: dict[str, Any] = Field(default_factory=dict)


class UnknownPayload(Payload):
    """An event of a type this version does not know, kept as it came."""

    model_config = ConfigDict(frozen=True, extra="allow")


PAYLOADS: dict[str, type[Payload]] = {
    cls.type: cls
    for cls in (
        TimelineOpened,
        SegmentDetected,
        SegmentMeasured,
        SegmentCaptioned,
        SegmentTagged,
        SegmentCorrected,
        SegmentFailed,
        SceneDetected,
        CuesSuggested,
        SourceDropped,
        SourceLost,
        SourceResumed,
        TimelineProgress,
        TimelineCompleted,
        TimelineFailed,
        TimelineCancelled,
    )
}


class Event(_Wire):
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
            kind = PAYLOADS.get(str(value.get("type")), UnknownPayload)
            return {**value, "data": kind.model_validate(value["data"])}
        return value

    @classmethod
    def of(cls, payload: Payload, *, timeline: str, epoch: str, seq: int, at: datetime) -> Event:
        """Wrap `payload`; for stores only."""
        return cls(timeline=timeline, epoch=epoch, seq=seq, type=payload.type, at=at, data=payload)

    def to_json(self) -> str:
        """The event as one line of JSON, as it stands on the wire and in `--jsonl`."""
        return self.model_dump_json()
