"""Clips with a known answer, to find out what a captioner sees: colors, directions, order, number, text, length, and nothing at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from streamtags.core.model import Picture
from streamtags.evaluation.drawing import COLORS, Figure, draw

__all__ = ["CHECK_CLIPS", "CheckClip", "Verdict", "direction_in"]

Verdict = Literal["right", "wrong", "not said"]

FRAMES = 8
SIDE = 256
_RADIUS = 0.17


@dataclass(frozen=True, slots=True)
class CheckClip:
    """A clip.

    Attributes:
        name: unique.
        seconds: its length.
        answers: by what is checked, a function from a caption to a verdict.
        frames: draws the pictures, RGB uint8 [256, 256, 3], in order.
        reverse_of: the clip that has the same pictures in the opposite order; None if there is none.
    """

    name: str
    seconds: float
    answers: dict[str, Callable[[str], Verdict]]
    frames: Callable[[], Sequence[Picture]]
    reverse_of: str | None = None


_TURNS = {"left": "right", "right": "left", "up": "down", "down": "up"}
_WORDS = {
    "left": "left",
    "leftward": "left",
    "right": "right",
    "rightward": "right",
    "up": "up",
    "upward": "up",
    "rises": "up",
    "rising": "up",
    "ascends": "up",
    "top": "up",
    "down": "down",
    "downward": "down",
    "falls": "down",
    "falling": "down",
    "descends": "down",
    "bottom": "down",
}
_ANY = "|".join(_WORDS)
_MOVES = r"(?:mov|go|travel|slid|drift|shift|glid|head|float|roll|fl[yi]|pass|cross)\w*"
# The later pattern counts where the earlier ones do not fit: "from left to right", "moves slowly to the right", "rises".
_DIRECTIONS = (
    re.compile(rf"\b(?:left|right|top|bottom)(?: side| edge)?(?:[- ]|\b.{{0,30}}? )to(?:wards?)?(?: the|-)?[ -]?({_ANY})s?\b"),
    re.compile(rf"\b{_MOVES}\b[^.;]{{0,40}}?\b({_ANY})s?\b"),
    re.compile(r"\b(rises|rising|ascends|falls|falling|descends)\b"),
)
_CHANGES = re.compile(
    rf"\b(?:{_MOVES}|rises?|rising|ascend\w*|falls?|falling|descend\w*|sinks?|jump\w*|bounc\w*|turn\w*|becom\w*|chang\w*|switch\w*|motion)\b"
)
_NUMBERS = {2: r"two|2|pair|both", 3: r"three|3", 4: r"four|4"}
_ANY_NUMBER = r"\b(?:one|1|two|2|pair|both|three|3|four|4|five|5|six|6|several|many)\b"
_NOTHING = re.compile(r"\b(?:black|blank|dark|empty|nothing|no (?:visible|objects?|one|content)|solid)\b", re.IGNORECASE)
_THINGS = re.compile(rf"\b(?:{'|'.join(COLORS)}|moves|person|people|man|woman|car|walks?|circle|square|triangle)\b", re.IGNORECASE)
_TEXT = "EXIT"


def direction_in(caption: str) -> str | None:
    """Return the direction of movement that a caption states: left, right, up or down; None if it states none or several."""
    text = caption.lower()
    for pattern in _DIRECTIONS:
        directions = {_WORDS[match] for match in pattern.findall(text)}
        if directions:
            return directions.pop() if len(directions) == 1 else None
    return None


def _says_direction(wanted: str) -> Callable[[str], Verdict]:
    def verdict(caption: str) -> Verdict:
        said = direction_in(caption)
        return "not said" if said is None else "right" if said == wanted else "wrong"

    return verdict


def _says_change(caption: str) -> Verdict:
    return "right" if _CHANGES.search(caption.lower()) else "not said"


def _says_color(wanted: str, others: Sequence[str]) -> Callable[[str], Verdict]:
    def verdict(caption: str) -> Verdict:
        said = set(re.findall(r"[a-z]+", caption.lower())) & set(COLORS)
        if wanted in said:
            return "wrong" if said - {wanted, *others} else "right"
        return "wrong" if said else "not said"

    return verdict


def _says_order(first: str, second: str) -> Callable[[str], Verdict]:
    def verdict(caption: str) -> Verdict:
        at = [caption.lower().find(color) for color in (first, second)]
        return "not said" if min(at) < 0 else "right" if at[0] < at[1] else "wrong"

    return verdict


def _says_number(wanted: int) -> Callable[[str], Verdict]:
    def verdict(caption: str) -> Verdict:
        if re.search(rf"\b(?:{_NUMBERS[wanted]})\b", caption, re.IGNORECASE):
            return "right"
        return "wrong" if re.search(_ANY_NUMBER, caption, re.IGNORECASE) else "not said"

    return verdict


def _says_text(caption: str) -> Verdict:
    if re.search(rf"\b{_TEXT}\b", caption, re.IGNORECASE):
        return "right"
    return "wrong" if re.search(r"\b(?:text|word|letters?|sign|reads)\b", caption, re.IGNORECASE) else "not said"


def _says_seconds(wanted: float) -> Callable[[str], Verdict]:
    def verdict(caption: str) -> Verdict:
        said = re.findall(r"(\d+(?:\.\d+)?)[ -]?(?:s|sec|seconds?)\b", caption.lower())
        return "not said" if not said else "right" if any(abs(float(one) - wanted) <= 0.2 * wanted for one in said) else "wrong"

    return verdict


def _says_nothing(caption: str) -> Verdict:
    if _THINGS.search(caption):
        return "wrong"
    return "right" if _NOTHING.search(caption) else "not said"


def _path(direction: str) -> list[tuple[float, float]]:
    along = np.linspace(0.24, 0.76, FRAMES)
    steps = along if direction in ("right", "down") else along[::-1]
    return [(float(step), 0.5) if direction in ("left", "right") else (0.5, float(step)) for step in steps]


def _moving(direction: str, color: str, background: str, shape: str = "circle") -> list[Picture]:
    return [draw([Figure(shape, color, x, y, _RADIUS)], background, SIDE, SIDE) for x, y in _path(direction)]


def _changing(first: str, second: str) -> list[Picture]:
    half = FRAMES // 2
    return [draw([Figure("circle", first if at < half else second, 0.5, 0.5, 0.3)], "gray", SIDE, SIDE) for at in range(FRAMES)]


def _several(count: int) -> list[Picture]:
    figures = [Figure("circle", "red", (at + 1) / (count + 1), 0.5, 0.09) for at in range(count)]
    return [draw(figures, "white", SIDE, SIDE)] * FRAMES


def _written() -> list[Picture]:
    picture = np.full((SIDE, SIDE, 3), 245, np.uint8)
    cv2.putText(picture, _TEXT, (38, 150), cv2.FONT_HERSHEY_SIMPLEX, 2.4, (10, 10, 10), 7, cv2.LINE_AA)
    return [picture] * FRAMES


_PAIRS = (
    ("right", "red", "black"),
    ("left", "blue", "white"),
    ("down", "green", "black"),
    ("up", "yellow", "gray"),
    ("right", "blue", "gray"),
    ("down", "red", "white"),
)


def _clips() -> Iterator[CheckClip]:
    for number, (direction, color, background) in enumerate(_PAIRS, 1):
        name = f"{color} moves {direction} {number}"
        for way, reverse_of in ((direction, None), (_TURNS[direction], name)):
            answers = {"color": _says_color(color, ()), "motion": _says_change, "direction": _says_direction(way)}
            yield CheckClip(
                name if reverse_of is None else f"{name}, reversed",
                2.0,
                answers,
                lambda way=way, color=color, background=background: _moving(way, color, background),  # type: ignore[misc]
                reverse_of,
            )
    order = "red, then blue"
    yield CheckClip(order, 2.0, {"order of events": _says_order("red", "blue")}, lambda: _changing("red", "blue"))
    yield CheckClip("blue, then red", 2.0, {"order of events": _says_order("blue", "red")}, lambda: _changing("blue", "red"), order)
    yield CheckClip("two circles", 2.0, {"number": _says_number(2)}, lambda: _several(2))
    yield CheckClip("four circles", 2.0, {"number": _says_number(4)}, lambda: _several(4))
    yield CheckClip("text", 2.0, {"text on screen": _says_text}, _written)
    yield CheckClip("twelve seconds", 12.0, {"length": _says_seconds(12.0)}, lambda: _moving("right", "green", "gray"))
    yield CheckClip("nothing", 2.0, {"blank": _says_nothing}, lambda: [np.zeros((SIDE, SIDE, 3), np.uint8)] * FRAMES)


CHECK_CLIPS = tuple(_clips())
"""All clips, in the order in which they are reported."""
