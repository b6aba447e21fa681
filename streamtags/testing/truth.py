"""The known content of a generated video."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from streamtags.core.timebase import rational_text

__all__ = ["Distraction", "Into", "TrueBoundary", "TrueSound", "Truth"]

Into = Literal["cut", "dissolve", "black", "white"]


@dataclass(frozen=True, slots=True)
class TrueBoundary:
    """Where a shot begins. `frame` is its first frame, of a gradual transition the middle; `first` to `last` are the mixed frames."""

    frame: int
    kind: Into
    first: int
    last: int

    @property
    def transition(self) -> Literal["cut", "gradual"]:
        """The name that a detector should give it."""
        return "cut" if self.kind == "cut" else "gradual"


@dataclass(frozen=True, slots=True)
class Distraction:
    """A flash or title, which is not a boundary: frames `first` to `last`."""

    kind: Literal["flash", "title"]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class TrueSound:
    """The sound from `start` to `end`, in seconds from the first frame; `bpm` is the tempo of clicks."""

    start: float
    end: float
    kind: str
    level: float
    bpm: float | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that is known about a generated video.

    Attributes:
        path: the file.
        size: width and height of the upright picture.
        rate: frames per second.
        time_base: seconds of one tick in the file.
        pts: pts of every frame, in order, as stored in the file.
        timecodes: timecode of every frame.
        boundaries: where shots begin, except the first.
        distractions: flashes and titles.
        sounds: one for each shot; empty if the file has no sound.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    time_base: Fraction
    pts: tuple[int, ...]
    timecodes: tuple[str, ...]
    boundaries: tuple[TrueBoundary, ...]
    distractions: tuple[Distraction, ...] = ()
    sounds: tuple[TrueSound, ...] = ()

    @property
    def frames(self) -> int:
        """The number of frames."""
        return len(self.pts)

    @property
    def seconds(self) -> float:
        """The duration at the frame rate."""
        return float(self.frames / self.rate)

    @property
    def shots(self) -> tuple[tuple[int, int], ...]:
        """First frame and end (exclusive) of each shot."""
        starts = (0, *(boundary.frame for boundary in self.boundaries))
        return tuple(zip(starts, (*starts[1:], self.frames), strict=True))

    def to_json(self) -> str:
        """The truth as indented JSON; rationals as `"24/1"`."""
        plain: dict[str, Any] = asdict(self)
        plain |= {"path": self.path.name, "rate": rational_text(self.rate), "time_base": rational_text(self.time_base)}
        return json.dumps({**plain, "frames": self.frames, "seconds": self.seconds}, indent=1)
