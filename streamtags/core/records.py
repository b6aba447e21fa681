"""What the store hands out and takes in besides events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from streamtags.core.state import RunState

__all__ = ["Candidate", "Fingerprint", "Head", "TimelineSummary"]


class Head(NamedTuple):
    """How far a log reaches: `seq` of its last event, 0 while it is empty."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class TimelineSummary:
    """A timeline in one line.

    Attributes:
        key: what makes it this one: its source and settings.
        name: of its source; "" until it was opened.
        seconds: length of its source, None where the container does not say.
        opened_at: when it was last opened, RFC 3339.
    """

    id: str
    key: str
    name: str
    state: RunState
    epoch: str
    seq: int
    segments: int
    seconds: float | None
    opened_at: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The fingerprint of a segment of so many frames."""

    frames: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored segment that may show the same pictures."""

    timeline: str
    segment: str
    fingerprint: Fingerprint
