"""The values that pass from stage to stage. All are frozen: a stage returns a new one and never mutates."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from streamtags.core.bounded import Label, Title
from streamtags.core.sound import SegmentSound
from streamtags.core.timebase import Clock, Rational, Time, parse_timecode

__all__ = [
    "MEASURED_MODEL_PREFIX",
    "AudioInfo",
    "Boundary",
    "Caption",
    "CaptionRequest",
    "ClassifyRequest",
    "ClipInfo",
    "Described",
    "Dropped",
    "Evidence",
    "EvidenceValue",
    "Frame",
    "Gap",
    "Kind",
    "Lost",
    "Measured",
    "Picture",
    "Recorded",
    "Resumed",
    "Segment",
    "Sound",
    "SourceInfo",
    "Still",
    "Subtitle",
    "TagScore",
    "TagSet",
    "Transition",
    "Usage",
    "VideoInfo",
    "clock_of",
    "is_measured",
    "tag_scores",
]

Kind = Literal["shot", "slice", "gap"]
Transition = Literal["cut", "gradual", "start", "edit"]
Picture = NDArray[np.uint8]
EvidenceValue = float | int | str | bool | list[dict[str, float | str]] | None
Evidence = Mapping[str, EvidenceValue]

MEASURED_MODEL_PREFIX = "embedded"
"""A captioner whose captions restate measurements has a model name that starts with this."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class VideoInfo(_Wire):
    """The picture of a source. `rate` is frames a second; `duration` seconds or None if the container does not say."""

    codec: Label
    width: int
    height: int
    rate: Rational
    time_base: Rational
    start_timecode: Label
    duration: float | None
    rotation: int = 0


class AudioInfo(_Wire):
    """The sound of a source; `rate` in samples a second."""

    codec: Label
    rate: int
    channels: int


class SourceInfo(_Wire):
    """What a source says of itself before anything is decoded. `size` in bytes, None if unknown; `live`: it goes on while it is read."""

    uri: str
    name: Label
    size: int | None
    container: Label
    video: VideoInfo
    audio: AudioInfo | None = None
    title: Title | None = None
    live: bool = False

    @field_validator("uri", "name")
    @classmethod
    def _as_text(cls, value: str) -> str:
        """A file name may be bytes that are no text, which Python holds as lone surrogates and neither JSON nor SQLite takes."""
        return value.encode("utf-8", "backslashreplace").decode()


class ClipInfo(_Wire):
    """The clip of an edit that a segment shows. `source_start` and `source_end` count at the rate of the media, from its timecode zero.

    `speed` is 1 for normal, negative for reverse, 0 for a freeze, and None where it changes or is not known.
    """

    name: Label
    media: Label | None = None
    source_start: Time | None = None
    source_end: Time | None = None
    speed: float | None = None


class Still(Protocol):
    """A decoded picture in full, converted only when it is read."""

    pts: int

    def rgb(self, max_side: int | None = None) -> Picture:
        """RGB uint8 [height, width, 3], upright, pixels square; scaled down so that no side exceeds `max_side`."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame.

    Attributes:
        index: decoded frames before this one.
        pts: in the source's time base; strictly rising, whatever the file's own pts did.
        duration: ticks until the next frame is due, as far as the container says; at least 1.
        bgr: the small analysis picture, uint8 [height, width, 3], upright.
        still: the picture in full.
        between: if the frame was not decoded, the small pictures before and after it, of which `bgr` is made.
    """

    index: int
    pts: int
    duration: int
    bgr: Picture
    still: Still
    between: tuple[Picture, Picture] | None = None


@dataclass(frozen=True, slots=True)
class Sound:
    """A run of sound that begins at `start`, in seconds on the same clock as `pts * time_base` of the frames.

    Attributes:
        samples: float32 [channels, n] in -1..1; one or two channels.
        rate: samples a second.
    """

    start: float
    samples: NDArray[np.float32]
    rate: int


@dataclass(frozen=True, slots=True)
class Subtitle:
    """A line of text that belongs to a stretch of the source; seconds on the frames' clock."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """Frames of a live source that were decoded but not analyzed, because the analysis was too slow.

    Attributes:
        frames: how many.
        first: (index, pts) of the first.
        end: (index, pts) just after the last; frames between may have been looked at.
    """

    frames: int
    first: tuple[int, int]
    end: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Lost:
    """A live source broke off, or still cannot be reached: `code` for programs, `message` for people.

    Attributes:
        attempt: attempts to reach it again so far.
        retry_seconds: until the next; None: there will be none.
    """

    code: str
    message: str
    attempt: int
    retry_seconds: float | None


@dataclass(frozen=True, slots=True)
class Resumed:
    """A live source is back: its next picture comes at `pts`."""

    pts: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of an edit without picture or with missing media, from frame `index` at `pts` to `end_index` at `end_pts` (exclusive)."""

    index: int
    pts: int
    end_index: int
    end_pts: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """How far an earlier analysis of a live source came, for one that goes on from there.

    Attributes:
        info: the source as it was.
        start_pts: of its first frame.
        end_pts: where its last segment ends.
        frames, segments, shots: how many there are up to there.
        ago: seconds since `end_pts` went by.
    """

    info: SourceInfo
    start_pts: int
    end_pts: int
    frames: int
    segments: int
    shots: int
    ago: float


@dataclass(frozen=True, slots=True)
class Boundary:
    """A new shot begins at frame `index`; for a gradual transition, the middle of it."""

    index: int
    transition: Transition


@dataclass(frozen=True, slots=True)
class Segment:
    """The unit that is captioned and tagged: a shot, or a slice of one. `end` is exclusive.

    A `gap` is a stretch in which a live source sent nothing, or for which an edit has no picture: no frame, nothing measured, no caption,
    no tag. It has the number of the shot before it.
    """

    id: str
    index: int
    shot: int
    start: Time
    end: Time
    kind: Kind
    transition: Transition

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float((self.end.pts - self.start.pts) * self.start.time_base)


@dataclass(frozen=True, slots=True)
class Measured:
    """A segment with everything measured of it: what the captioner and the classifier are given.

    Attributes:
        evidence: named numbers with units in their names.
        text: what the source itself says there (subtitles, notes), or "".
        stills: the pictures that stand for the segment, in order.
        thumbnail: JPEG, or b"".
        sound: what stages that listen need; None if the run has none.
        waveform: loudest samples of each 0.1 s (see `streamtags.core.records.Waveform`), or b"" without sound.
        fingerprint: bytes that survive re-encoding and not a change of picture (see `streamtags.stages.measure.fingerprint`).
    """

    segment: Segment
    evidence: Evidence
    text: str = ""
    stills: tuple[Still, ...] = ()
    thumbnail: bytes = b""
    waveform: bytes = b""
    fingerprint: bytes = b""
    sound: SegmentSound | None = None


class TagScore(_Wire):
    """A vocabulary entry with a confidence in 0..1.

    `source` is what the tag comes from, if the classifier says so: `measurement`, `heard`, `subtitle`, `transcript`, `screen` or
    `caption`. It is left out of the JSON if None.
    """

    tag: str
    confidence: float
    source: str | None = Field(None, max_length=40, exclude_if=operator.not_)


class Usage(_Wire):
    """Tokens a model counted."""

    prompt_tokens: int
    completion_tokens: int

    def __add__(self, other: Usage | None) -> Usage:
        """Both together; None counts nothing."""
        if other is None:
            return self
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens, completion_tokens=self.completion_tokens + other.completion_tokens
        )


@dataclass(frozen=True, slots=True)
class CaptionRequest:
    """What a captioner is given. `previous` is the caption before, where one is known; `answers` as of `ClassifyRequest`."""

    measured: Measured
    previous: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caption:
    """One or two sentences that say what happens. `frames` are the pts shown to the model, in order."""

    text: str
    model: str
    frames: tuple[int, ...] = ()
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class ClassifyRequest:
    """What a classifier is given: never pictures, so that tags can be changed without captioning again.

    Attributes:
        caption: the caption, a person's correction included.
        caption_model: who wrote it; "person" for a correction.
        evidence: as measured.
        text: subtitles, notes; "" if none.
        answers: of optional stages, as in the state of a segment; `streamtags.core.answers` reads them.
    """

    segment: str
    caption: str
    caption_model: str
    evidence: Evidence = field(default_factory=dict)
    text: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TagSet:
    """A classifier's answer: tags highest confidence first."""

    tags: tuple[TagScore, ...]
    model: str
    key_information: tuple[str, ...] = ()
    reasoning: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """Caption and tags in one answer. Its tokens are counted with the caption."""

    caption: Caption
    tags: TagSet


def clock_of(video: VideoInfo, start_pts: int) -> Clock:
    """The clock of a source whose first decoded frame has `start_pts`."""
    start_frame, drop = parse_timecode(video.start_timecode, video.rate)
    return Clock(time_base=Fraction(video.time_base), rate=Fraction(video.rate), start_pts=start_pts, start_frame=start_frame, drop=drop)


def tag_scores(pairs: Sequence[tuple[str, float]], sources: Mapping[str, str] | None = None) -> tuple[TagScore, ...]:
    """(tag, confidence) pairs as scores, highest first, ties by name; confidences rounded to 4 places and kept in 0..1.

    `sources` says for a tag what it comes from.
    """
    known = sources or {}
    scores = [TagScore(tag=tag, confidence=round(min(1.0, max(0.0, c)), 4), source=known.get(tag)) for tag, c in pairs]
    return tuple(sorted(scores, key=lambda score: (-score.confidence, score.tag)))


def is_measured(model: str | None) -> bool:
    """Whether captions of that model restate measurements, so that a classifier gains nothing from their words."""
    return model is not None and model.startswith(MEASURED_MODEL_PREFIX)
