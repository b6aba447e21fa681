"""The seam of the transcribers: sound in, timed words out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spoken", "SpokenWord", "Transcriber", "Transcript"]


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word, in seconds from the beginning of the sound; `text` may begin with a space, as words of a line are joined."""

    start: float
    end: float
    text: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line, in seconds from the beginning of the sound; without words if the model gives no times for them."""

    start: float
    end: float
    text: str
    words: tuple[SpokenWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said; `language` is None if it is not known."""

    lines: Sequence[Spoken] = field(default=())
    language: str | None = None


class Transcriber(Protocol):
    """Turns speech into text.

    Attributes:
        concurrency: the most calls of `transcribe` at once.
    """

    concurrency: int

    @property
    def model(self) -> str:
        """Names the transcriber and its model."""
        ...

    async def ready(self) -> None:
        """Return when it can work.

        Raises:
            ModelError: the model cannot be loaded, or the server cannot be reached.
        """
        ...

    async def transcribe(self, samples: NDArray[np.float32], language: str | None) -> Transcript:
        """Return what is said in about half a minute of mono sound at 16 kHz.

        Raises:
            ModelError: there is no answer.
        """
        ...

    async def close(self) -> None:
        """Release the model or the connections."""
        ...
