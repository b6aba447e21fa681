"""The state of a timeline at one moment: the values that folding its log gives.

Everything here is frozen and JSON-ready: `GET /v1/timelines/{id}`, a WebSocket `snapshot` and the `json` export contain
`TimelineState.to_dict()`, and `TimelineState.model_validate` reads it again.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from streamtags.core.cue_events import Cue, CueHit, CueUsage
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
from streamtags.core.model import ClipInfo, EvidenceValue, Kind, SourceInfo, TagScore, Transition
from streamtags.core.timebase import Time

__all__ = [
    "PERSON",
    "LiveState",
    "ModelAnswers",
    "RunState",
    "SceneEdit",
    "SegmentCorrection",
    "SegmentError",
    "SegmentState",
    "SegmentStatus",
    "SpottedCue",
    "TimelineState",
]

RunState = Literal["queued", "running", "completed", "failed", "cancelled"]
SegmentStatus = Literal["detected", "measured", "captioned", "tagged", "failed"]

PERSON = "person"
"""The `caption_model` of a caption that a person wrote."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class SegmentError(ErrorInfo):
    """Why a stage has no answer for a segment."""

    stage: str
    will_retry: bool = False

    @classmethod
    def of(cls, failed: SegmentFailed) -> SegmentError:
        """Return the error of an event."""
        return cls(code=failed.error.code, message=failed.error.message, stage=failed.stage, will_retry=failed.will_retry)


class ModelAnswers(_Frozen):
    """The models' answers for a segment that a person corrected: what a reset returns to."""

    caption: str | None = None
    caption_model: str | None = None
    tags: tuple[TagScore, ...] = ()


class SegmentCorrection(_Frozen):
    """Everything that people set on a segment; a later correction wins. It wins over the answers of all models, earlier and later.

    Attributes:
        tags: tags set, with confidences, in the order in which they were first set.
        untag: tags removed.
        caption: the caption set, None if the model's stands.
        by: who corrected last.
        models: the answers of the models; None in a snapshot of an earlier version.
    """

    tags: tuple[TagScore, ...] = ()
    untag: tuple[str, ...] = ()
    caption: str | None = None
    by: str
    models: ModelAnswers | None = None


class SegmentState(_Frozen):
    """One segment as known now.

    Attributes:
        caption: the model's, or a person's if one was set; then `caption_model` is `PERSON`.
        caption_rev: rev of the model's caption, None before the first.
        frames: pts shown to the model, in order.
        tags: highest confidence first, a person's corrections applied.
        tags_rev: rev of the tags; 0 means provisional tags, chosen from measurements before there was a caption.
        rev: the highest rev so far; the next answer or correction takes one more.
        status: `tagged` from rev 1 on; `failed` while `error` stands.
        error: of the earliest stage that failed and has not succeeded since.
        final: only corrections and retagging will change it, because its timeline has ended. A segment of a live source is final when
            the next one is detected: its bounds will not change.
        answers: answers of optional and installed stages, by the name of their event without `segment.`; each has `rev` and the fields
            of its event. Left out of the JSON if empty.
        clip: the clip of an edit that the segment shows; left out of the JSON if the source is no edit.
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
    answers: dict[str, dict[str, Any]] = Field(default_factory=dict, exclude_if=lambda answers: not answers)
    clip: ClipInfo | None = Field(None, exclude_if=lambda clip: clip is None)

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return float((self.end.pts - self.start.pts) * self.start.time_base)


class SpottedCue(_Frozen):
    """A cue as it is now: where music may be, and what people decided.

    Attributes:
        over_music: spotted as if no music were heard in the film.
        decision: about the cue: accepted once a track is, rejected if there is to be no music.
        chosen: the accepted track.
        rejected: tracks that were rejected for it, in the order of the decisions.
        rejected_in: the libraries in which a track was rejected; a track that is not named here was in every one.
        by: who decided last.
    """

    cue: str
    start: Time
    end: Time
    reason: str
    usage: CueUsage = "background"
    bpm: tuple[float, float] | None = None
    intensity: list[float] = Field(default_factory=list)
    hits: list[CueHit] = Field(default_factory=list)
    over_music: bool = Field(False, exclude_if=lambda is_so: not is_so)
    decision: Literal["accepted", "rejected"] | None = None
    chosen: Cue | None = None
    rejected: tuple[str, ...] = ()
    rejected_in: dict[str, tuple[str, ...]] = Field(default_factory=dict, exclude_if=lambda libraries: not libraries)
    by: str | None = None


class SceneEdit(_Frozen):
    """What a person says about the beginning of a scene: whether one begins with `segment`."""

    segment: str
    begins: bool
    by: str


class LiveState(_Frozen):
    """How a live source has been received.

    Attributes:
        dropped: frames decoded but not analyzed.
        lost: why the source is lost; None while it is there. At the end of a timeline, why the source ended.
        gaps: when it was lost before, in order.
    """

    dropped: int = 0
    lost: SourceLost | None = None
    gaps: tuple[SourceResumed, ...] = ()


class TimelineState(_Frozen):
    """A timeline as known after event `seq`: the fold of its log.

    Attributes:
        id: the timeline's id; "" before the first event.
        epoch: the log in which `seq` counts.
        segments: in order of `index`.
        scenes: in order of `index`, split and merged as people say.
        scene_edits: what people said, in the order in which they first did; left out of the JSON if nothing.
        detected_scenes: the scenes without `scene_edits`; left out of the JSON if there are no edits.
        cues: the latest suggestion for each cue, scene or segment, in the order of the first suggestions.
        spotting: the cues, in the order of their starts; left out of the JSON if there are none.
        live: how a live source has been received; None for any other source, and before the first report.
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
    scene_edits: tuple[SceneEdit, ...] = Field((), exclude_if=lambda edits: not edits)
    detected_scenes: tuple[SceneDetected, ...] = Field((), exclude_if=lambda scenes: not scenes)
    cues: tuple[CuesSuggested, ...] = ()
    spotting: tuple[SpottedCue, ...] = Field((), exclude_if=lambda cues: not cues)
    live: LiveState | None = None
    summary: dict[str, Any] | None = None
    error: ErrorInfo | None = None

    @property
    def models_scenes(self) -> tuple[SceneDetected, ...]:
        """The scenes as they were detected, without what people said."""
        return self.detected_scenes if self.scene_edits else self.scenes

    @cached_property
    def by_id(self) -> dict[str, SegmentState]:
        """Segments by id."""
        return {segment.segment: segment for segment in self.segments}

    def segment(self, name: str) -> SegmentState:
        """Return the segment with that id.

        Raises:
            NotInStore: there is none.
        """
        if name not in self.by_id:
            known = f"{self.segments[0].segment} to {self.segments[-1].segment}" if self.segments else "none yet"
            raise NotInStore(f"no segment {name!r}", where=self.id, hint=f"its segments: {known}")
        return self.by_id[name]

    def to_dict(self) -> dict[str, Any]:
        """Return the state in plain JSON types."""
        return self.model_dump(mode="json")
