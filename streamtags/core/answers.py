"""The answers of the optional stages that ship: text on screen, transcripts, what is heard.

The fold keeps them under `answers` of a segment, like the answers of stages that other packages register.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from streamtags.core.bounded import Label, Title
from streamtags.core.payload import SegmentAnswer, Wire
from streamtags.core.timebase import Time

__all__ = [
    "STAGE_OF_ANSWER",
    "HeardShares",
    "HeardWindow",
    "ScreenLine",
    "SegmentHeard",
    "SegmentRead",
    "SegmentTranscribed",
    "TranscriptLine",
    "Word",
    "heard_shares",
    "screen_text",
    "transcript_text",
]

STAGE_OF_ANSWER: Mapping[str, str] = {"transcribed": "transcribe", "heard": "hear"}
"""The stage of an answer, where its event is not named like the stage."""

_MAX_LINES = 200


class ScreenLine(Wire):
    """One line of text in the picture.

    Attributes:
        confidence: of the reader, 0..1.
        box: x, y, width and height in shares of the picture, from its upper left corner.
        pts: of the picture in which it was read.
    """

    text: Title
    confidence: float
    box: tuple[float, float, float, float]
    pts: int


class SegmentRead(SegmentAnswer):
    """The text on screen, in reading order. `frames` are the pts of the pictures that were read.

    `skipped` says why no picture was read, and is left out otherwise.
    """

    type: ClassVar[str] = "segment.read"
    lines: list[ScreenLine] = Field(default_factory=list, max_length=_MAX_LINES)
    frames: list[int] = Field(default_factory=list)
    model: Label
    ms: float = 0.0
    skipped: str | None = Field(None, exclude_if=lambda skipped: skipped is None)


class Word(Wire):
    """A word with the pts at which it begins and ends (exclusive), in the time base of the segment; `confidence` of the model, 0..1."""

    start: int
    end: int
    text: Label
    confidence: float | None = None


class TranscriptLine(Wire):
    """What is said or sung between two times, with its words where the model gives their times."""

    start: Time
    end: Time
    text: Title
    words: list[Word] = Field(default_factory=list, exclude_if=lambda words: not words)


class SegmentTranscribed(SegmentAnswer):
    """The words of a segment: those whose middle lies in it. `language` is a code such as `en`; null if unknown."""

    type: ClassVar[str] = "segment.transcribed"
    language: Label | None = None
    lines: list[TranscriptLine] = Field(default_factory=list)
    model: Label
    ms: float = 0.0


class HeardShares(Wire):
    """Shares of the time in which people speak, people sing, music plays, and nothing of these is heard; more than one may be at once."""

    speech: float
    singing: float
    music: float
    other: float


class HeardWindow(Wire):
    """The shares of a part of a segment, from pts `start` to `end` (exclusive)."""

    start: int
    end: int
    content: HeardShares


class SegmentHeard(SegmentAnswer):
    """What is heard in a segment, and in each of its windows."""

    type: ClassVar[str] = "segment.heard"
    content: HeardShares
    windows: list[HeardWindow] = Field(default_factory=list)
    model: Label
    ms: float = 0.0


def screen_text(answers: Mapping[str, Any]) -> str:
    """Return the text on screen of a segment's `answers`, one line each; "" if none was read."""
    return "\n".join(_texts(answers.get("read")))


def transcript_text(answers: Mapping[str, Any]) -> str:
    """Return the words of a segment's `answers`, one line each; "" if nothing was transcribed."""
    return "\n".join(_texts(answers.get("transcribed")))


def heard_shares(answers: Mapping[str, Any]) -> dict[str, float]:
    """Return the shares of speech, singing, music and other sound of a segment's `answers`; empty if no stage has listened."""
    heard = answers.get("heard")
    content = heard.get("content") if isinstance(heard, Mapping) else None
    if not isinstance(content, Mapping):
        return {}
    return {str(name): float(share) for name, share in content.items() if isinstance(share, int | float)}


def _texts(answer: object) -> list[str]:
    """Return the texts of an answer's lines; the answer may be of another version of the stage."""
    lines = answer.get("lines") if isinstance(answer, Mapping) else None
    if not isinstance(lines, list):
        return []
    return [str(line["text"]) for line in lines if isinstance(line, Mapping) and line.get("text")]
