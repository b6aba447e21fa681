"""What a timeline looks like at one moment: the values that folding its log gives.

Everything here is frozen and JSON-ready: `TimelineState.to_dict` is what `GET /v1/timelines/{id}`, a WebSocket `snapshot` and the
`json` export carry, and `TimelineState.model_validate` takes it back.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from streamtags.core.errors import NotInStore
from streamtags.core.events import (
    CuesSuggested,
    ErrorInfo,
    Reused,
    SceneDetected,
    SegmentFailed,
    SourceLost,
    SourceResumed,
    TimelineProgress,
    VocabularyRef,
)
from streamtags.core.model import EvidenceValue, Kind, SourceInfo, TagScore, Transition
from streamtags.core.timebase import Time

__all__ = ["PERSON", "LiveState", "RunState", "SegmentCorrection", "SegmentError", "SegmentState", "SegmentStatus", "TimelineState"]

RunState = Literal["queued", "running", "completed", "failed", "cancelled"]
SegmentStatus = Literal["detected", "measured", "captioned", "tagged", "failed"]

PERSON = "person"
"""The `caption_model` of a caption that a person wrote."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class SegmentError(ErrorInfo):
    """Why a stage gave up on a segment."""

    stage: Literal["measure", "caption", "tag"]
    will_retry: bool = False

    @classmethod
    def of(cls, failed: SegmentFailed) -> SegmentError:
        """The error that an event tells of."""
        return cls(code=failed.error.code, message=failed.error.message, stage=failed.stage, will_retry=failed.will_retry)


class SegmentCorrection(_Frozen):
    """All that people set on a segment, later over earlier: it lies over whatever a model says, then and later.

    Attributes:
        tags: tags set, with confidences, in the order they were first set.
        untag: tags taken away.
        caption: the caption set, None if the model's stands.
        by: who corrected last.
    """

    tags: tuple[TagScore, ...] = ()
    untag: tuple[str, ...] = ()
    caption: str | None = None
    by: str


class SegmentState(_Frozen):
    """One segment as known now.

    Attributes:
        caption: the model's, or a person's where one was set; then `caption_model` is `PERSON`.
        caption_rev: rev of the model's caption held, None before the first.
        frames: pts shown to the model, in order.
        tags: highest confidence first, a person's corrections applied.
        tags_rev: rev of the tags held; 0 are provisional ones, drawn from measurements before there was a caption.
        rev: the highest rev seen; the next caption, tag set or correction takes one more.
        status: `tagged` from rev 1 on; `failed` while `error` stands.
        error: of the earliest stage that failed and has not succeeded since.
        final: nothing but corrections and retagging will change it: its timeline has ended. Of a live source, its bounds will not change:
            the next one is detected.
    """

    segment: str
    index: int
    shot: int
    start: Time
    end: Time
    kind: Kind
    transition: Transition
    evidence: dict[str, EvidenceValue] | None = None
    thumbnail: str | None = None
    text: str = ""
    caption: str | None = None
    caption_model: str | None = None
    caption_rev: int | None = None
    frames: list[int] = Field(default_factory=list)
    reused_from: Reused | None = None
    tags: list[TagScore] = Field(default_factory=list)
    key_information: list[str] = Field(default_factory=list)
    reasoning: str = ""
    tags_model: str | None = None
    tags_rev: int | None = None
    vocabulary: VocabularyRef | None = None
    rev: int = 0
    status: SegmentStatus = "detected"
    error: SegmentError | None = None
    correction: SegmentCorrection | None = None
    final: bool = False

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float((self.end.pts - self.start.pts) * self.start.time_base)


class LiveState(_Frozen):
    """How a live source has been received.

    Attributes:
        dropped: frames decoded but not looked at.
        lost: why the source is away; None while it is there. At the end of a timeline, why it ended.
        gaps: when it was away before, in order.
    """

    dropped: int = 0
    lost: SourceLost | None = None
    gaps: tuple[SourceResumed, ...] = ()


class TimelineState(_Frozen):
    """A timeline as known after event `seq`: the fold of its log.

    Attributes:
        id: the timeline's; "" before anything is known.
        epoch: which log `seq` counts in.
        segments: in order of `index`.
        scenes: in order of `index`.
        cues: the latest suggestion for each scene or segment, in the order first asked for.
        live: how a live source has been received; None of any other, and before there is anything to tell.
    """

    id: str = ""
    epoch: str = ""
    seq: int = 0
    state: RunState = "queued"
    source: SourceInfo | None = None
    vocabulary: VocabularyRef | None = None
    profile: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    progress: TimelineProgress | None = None
    segments: tuple[SegmentState, ...] = ()
    scenes: tuple[SceneDetected, ...] = ()
    cues: tuple[CuesSuggested, ...] = ()
    live: LiveState | None = None
    summary: dict[str, Any] | None = None
    error: ErrorInfo | None = None

    @cached_property
    def by_id(self) -> dict[str, SegmentState]:
        """Segments by id."""
        return {segment.segment: segment for segment in self.segments}

    def segment(self, name: str) -> SegmentState:
        """The segment of that id.

        Raises:
            NotInStore: there is none.
        """
        if name not in self.by_id:
            known = f"{self.segments[0].segment} to {self.segments[-1].segment}" if self.segments else "none yet"
            raise NotInStore(f"no segment {name!r}", where=self.id, hint=f"its segments: {known}")
        return self.by_id[name]

    def to_dict(self) -> dict[str, Any]:
        """The state in plain JSON types."""
        return self.model_dump(mode="json")
