"""Events about music: cues that are spotted, tracks that are suggested for them, and what people decide."""

from __future__ import annotations

import operator
from typing import ClassVar, Literal

from pydantic import Field

from streamtags.core.bounded import Label, LongText, Title
from streamtags.core.payload import Payload, Wire
from streamtags.core.timebase import Time

__all__ = ["Cue", "CueDecided", "CueDetected", "CueFit", "CueHit", "CueUsage", "CuesSuggested"]

CueUsage = Literal["background", "featured", "source"]
"""Under dialogue or action, in the foreground, or heard by the people in the film."""


class CueHit(Wire):
    """A moment of the picture that the music may meet, and why."""

    at: Time
    reason: Title


class CueFit(Wire):
    """How a track lies under a cue: it begins at `offset_seconds` of the track; `hits` are the hit points that its accents meet."""

    offset_seconds: float
    seconds: float
    fade_in_seconds: float = 0.0
    fade_out_seconds: float = 0.0
    hits: list[int] = Field(default_factory=list)


class Cue(Wire):
    """A suggested music track; `score` in 0..1, `why` in plain words.

    `rights` has what the library says about composer, publisher, society and license. `library` is named once a person chose the
    track; that of a suggestion is named by its event. Fields that say nothing are left out.
    """

    track: str
    title: str
    artist: str
    score: float
    why: str
    fit: CueFit | None = Field(None, exclude_if=operator.not_)
    rights: dict[str, str] = Field(default_factory=dict, exclude_if=operator.not_)
    library: str = Field("", exclude_if=operator.not_)


class CuesSuggested(Payload):
    """Music for a cue, a scene or a segment, best first."""

    type: ClassVar[str] = "cues.suggested"
    scene: str | None = None
    segment: str | None = None
    cue: str | None = Field(None, exclude_if=operator.not_)
    guide: str | None = None
    library: str
    cues: list[Cue]


class CueDetected(Payload):
    """A span that wants music, from `start` to `end` (exclusive); a later event with the same `cue` replaces it.

    `cue` is reel, M and number: `1M1`; `1M2S` is music that people in the film hear. `bpm` is the range of tempo that fits the picture,
    `intensity` the wanted energy over the span in equal steps, 0..1. `over_music` says that the film was spotted as if no music were heard
    in it, `removed` that there is no such cue any more.
    """

    type: ClassVar[str] = "cue.detected"
    cue: Label
    start: Time
    end: Time
    reason: LongText
    usage: CueUsage = "background"
    bpm: tuple[float, float] | None = None
    intensity: list[float] = Field(default_factory=list)
    hits: list[CueHit] = Field(default_factory=list)
    over_music: bool = Field(False, exclude_if=operator.not_)
    removed: bool = Field(False, exclude_if=operator.not_)


class CueDecided(Payload):
    """What a person decided about a track for a cue; without a track, about the cue itself. It wins over later suggestions.

    `chosen` is the accepted track as it was suggested, or as the library has it. `reset` takes back what was decided about the track;
    without a track, everything that was decided about the cue. `library` is that of a track that is rejected or reset; left out, the
    decision is about tracks of this id in every library.
    """

    type: ClassVar[str] = "cue.decided"
    cue: Label
    track: str | None
    decision: Literal["accepted", "rejected", "reset"]
    by: Label
    chosen: Cue | None = Field(None, exclude_if=operator.not_)
    library: str = Field("", exclude_if=operator.not_)
