"""What a span of a film wants of music, and the port of a matcher that was trained on what people chose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamtags.music.guide import Guide, Range
from streamtags.music.index import TrackIndex

__all__ = ["Matcher", "Wanted", "WantedSegment"]


@dataclass(frozen=True, slots=True)
class WantedSegment:
    """A segment of the span.

    Attributes:
        words: its caption; "" where nothing describes it.
        tags: with confidence 0..1.
        energy: 0 still to 1 driving; None if unknown.
        seconds: its length inside the span; None if unknown.
    """

    words: str = ""
    tags: tuple[tuple[str, float], ...] = ()
    energy: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a span of a film wants of music.

    Attributes:
        words: captions, and whatever else says what happens.
        tags: with confidence 0..1.
        energy: 0 still to 1 driving; None if unknown.
        bpm: tempo range that fits the picture; open if unknown.
        seconds: length of the span; None if unknown.
        dialogue_share: share of the span in which people speak.
        expressions: apparent expressions of faces, by the labels of `EXPRESSION_WORDS`, with confidence 0..1.
        segments: the same in order of time; empty if only the whole is known.
    """

    words: str = ""
    tags: tuple[tuple[str, float], ...] = ()
    energy: float | None = None
    bpm: Range = field(default_factory=Range)
    seconds: float | None = None
    dialogue_share: float = 0.0
    expressions: tuple[tuple[str, float], ...] = ()
    segments: tuple[WantedSegment, ...] = ()

    def in_segments(self) -> tuple[WantedSegment, ...]:
        """Return the segments; the whole as one where they are not known."""
        return self.segments or (WantedSegment(self.words, self.tags, self.energy, self.seconds),)


class Matcher(Protocol):
    """Says how well tracks fit, apart from the measured and weighted parts of the score. The ranking adds it as one more part."""

    def fits(self, index: TrackIndex, wanted: Wanted, guide: Guide) -> NDArray[np.float32]:
        """Return float32 [tracks], on any scale: the larger, the better a track fits.

        Raises:
            UsageError: the matcher was made for other vectors than those of the index.
        """
        ...
