"""The lines of a segment from the readings of its pictures. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

from streamtags.core.answers import ScreenLine
from streamtags.core.vocabulary import folded
from streamtags.stages.read.reader import Reading

__all__ = ["MAX_LINES", "merged"]

MAX_LINES = 40
_SAME = 0.8  # likeness of two readings of one line
_SHORT, _SURE = 3, 0.95  # patterns are often misread as a few letters, with less confidence
_ROW = 0.5  # of the height of a line: lines whose middles are nearer than this are in one row


def merged(pictures: Iterable[tuple[int, Iterable[Reading]]], min_confidence: float) -> list[ScreenLine]:
    """Return each line once, in reading order within its picture, at most `MAX_LINES`.

    A line that was read in several pictures is kept where its confidence is highest. Readings without letters, of one letter, and short
    ones that are not sure are left out: they are mostly patterns that were taken for text.

    Args:
        pictures: pts and readings of each picture.
        min_confidence: readings below it are left out.
    """
    kept: list[ScreenLine] = []
    for pts, readings in pictures:
        for reading in _in_reading_order([one for one in map(_cleaned, readings) if _is_text(one, min_confidence)]):
            line = ScreenLine(text=reading.text, confidence=round(reading.confidence, 4), box=reading.box, pts=pts)
            at = next((i for i, other in enumerate(kept) if other.pts != pts and _is_same(other.text, line.text)), None)
            if at is None:
                kept.append(line)
            elif kept[at].confidence < line.confidence:
                kept[at] = line
    return kept[:MAX_LINES]


def _cleaned(reading: Reading) -> Reading:
    """`reading` without control and format characters."""
    text = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in reading.text)
    return Reading(" ".join(text.split()), reading.confidence, reading.box)


def _is_text(reading: Reading, min_confidence: float) -> bool:
    letters = [char for char in reading.text if char.isalnum()]
    if not letters or reading.confidence < min_confidence:
        return False
    if any(ord(char) > 0x2E7F for char in letters):  # one sign of Chinese, Japanese or Korean is a word
        return reading.confidence >= _SURE or len(letters) > 1
    return len(letters) > 1 and (len(letters) > _SHORT or reading.confidence >= _SURE)


def _in_reading_order(readings: list[Reading]) -> list[Reading]:
    """Return `readings` row by row from the top, each row from the left."""
    rows: list[list[Reading]] = []
    for reading in sorted(readings, key=_middle):
        last = rows[-1][-1] if rows else None
        if last is not None and _middle(reading) - _middle(last) < _ROW * max(reading.box[3], last.box[3]):
            rows[-1].append(reading)
        else:
            rows.append([reading])
    return [reading for row in rows for reading in sorted(row, key=lambda one: one.box[0])]


def _middle(reading: Reading) -> float:
    return reading.box[1] + reading.box[3] / 2


def _is_same(one: str, two: str) -> bool:
    one, two = folded(one), folded(two)
    return one == two or SequenceMatcher(None, one, two, autojunk=False).ratio() >= _SAME
