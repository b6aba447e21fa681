"""The sound of segments as stages take it: mono at 16 kHz, in stretches of several segments."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamtags.core.timebase import Clock

__all__ = ["SAMPLE_RATE", "Samples", "SegmentSound", "Stretch", "as_floats"]

SAMPLE_RATE = 16_000
"""Samples a second of what stages are given: the rate of models of speech."""

Samples = NDArray[np.int16]


@dataclass(slots=True, weakref_slot=True, eq=False)
class Stretch:
    """Consecutive segments without a gap, at most about half a minute, so that a model hears sentences whole.

    Attributes:
        start: seconds at which the first segment begins.
        end: seconds at which the last segment ends so far.
        lead: sound before the first segment.
        parts: sound of each segment.
        tail: sound after the last segment; empty until the stretch is closed, and at the end of a source.
        closed: done when no segment follows; sound is complete from then on.
    """

    start: float
    end: float
    lead: Samples
    parts: list[Samples] = field(default_factory=list)
    tail: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    closed: Future[None] = field(default_factory=Future)

    @property
    def samples(self) -> Samples:
        """Everything, lead and tail included."""
        return np.concatenate([self.lead, *self.parts, self.tail])

    @property
    def samples_start(self) -> float:
        """Seconds at which `samples` begin."""
        return self.start - len(self.lead) / SAMPLE_RATE


@dataclass(frozen=True, slots=True, eq=False)
class SegmentSound:
    """The sound of one segment.

    Attributes:
        start: seconds at which `samples` begin: `lead_seconds` before the segment, unless nothing was heard before.
        samples: int16, mono, to the end of the segment.
        lead_seconds: how much of `samples` lies before the segment.
        stretch: the sound of the segments around it, complete when it is closed.
        clock: of the source, for times.
    """

    start: float
    samples: Samples
    lead_seconds: float
    stretch: Stretch
    clock: Clock

    def floats(self) -> NDArray[np.float32]:
        """Return `samples` as float32 in -1..1."""
        return as_floats(self.samples)


def as_floats(samples: Samples) -> NDArray[np.float32]:
    """Return int16 samples as float32 in -1..1."""
    return samples.astype(np.float32) / np.float32(32768)
