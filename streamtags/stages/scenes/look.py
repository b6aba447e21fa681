"""How alike two segments look, or sound where there is no picture, from their measured evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log2

from streamtags.core.model import Evidence

__all__ = ["Look", "difference", "look_of", "sound_change", "sound_difference"]

_HEX = re.compile(r"#[0-9a-fA-F]{6}")

# Differences that make two shots clearly unlike, in the units of the measures; from single-shot clips, cut up and
# compared with each other and with themselves (see docs/topics/timeline.md).
_PALETTE_SCALE = 22.0  # CIE76 delta E
_SCALES = {"brightness_percent": 18.0, "contrast_percent": 12.0, "saturation_percent": 20.0, "warmth": 0.3}

# The same for sound, from 26 recordings that were joined in random orders (see the docs).
_LOUDNESS_SCALE = 12.0  # LUFS
_CENTROID_SCALE = 1.5  # octaves
_ONSETS_SCALE = 2.0  # a second
_HEARD_SHARE = 1 / 3  # of the difference where speech or music begins or ends

Color = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Look:
    """What of the evidence is compared. `palette` holds (CIELAB color, share of the picture), shares summing to 1."""

    palette: tuple[tuple[Color, float], ...]
    numbers: dict[str, float]


def look_of(evidence: Evidence | None) -> Look:
    """The look of a segment; measures that are missing or of the wrong kind are left out."""
    evidence = evidence or {}
    numbers = {name: float(value) for name in _SCALES if isinstance(value := evidence.get(name), int | float)}
    return Look(palette=tuple(_palette(evidence.get("palette"))), numbers=numbers)


def difference(one: Look, other: Look) -> float | None:
    """How unlike two looks are: 0 the same, 1 clearly different; None if they have no measure in common.

    The mean over the measures both have, palettes counting as much as all the rest together: color separates scenes best.
    """
    rest = [
        min(2.0, abs(one.numbers[name] - other.numbers[name]) / _SCALES[name])
        for name in _SCALES
        if name in one.numbers and name in other.numbers
    ]
    parts = [sum(rest) / len(rest)] if rest else []
    if one.palette and other.palette:
        parts.append(min(2.0, _move(one.palette, other.palette) / _PALETTE_SCALE))
    return sum(parts) / len(parts) if parts else None


def sound_change(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """How much of what is heard changes: 1 if speech or music begins or ends, 0 if it goes on; None where no stage has listened.

    Args:
        one: shares of speech, singing and music of a segment.
        other: those of another.
    """
    if not one or not other:
        return None

    def music(shares: Mapping[str, float]) -> float:
        return max(shares.get("music", 0.0), shares.get("singing", 0.0))

    return max(abs(music(one) - music(other)), abs(one.get("speech", 0.0) - other.get("speech", 0.0)))


def sound_difference(one: Evidence | None, other: Evidence | None, change: float | None) -> float | None:
    """How unlike two segments sound: 0 the same, 1 clearly different; None if they have no measure of sound in common.

    The mean over loudness, spectral centroid and onsets, of those both have, and a third for what is heard.

    Args:
        one: measures of a segment.
        other: those of another.
        change: from `sound_change`.
    """
    one, other = one or {}, other or {}
    parts = [
        _apart(one.get("loudness_lufs"), other.get("loudness_lufs"), _LOUDNESS_SCALE),
        _apart(_octaves(one), _octaves(other), _CENTROID_SCALE),
        _apart(one.get("onsets_per_second"), other.get("onsets_per_second"), _ONSETS_SCALE),
    ]
    known = [part for part in parts if part is not None]
    return sum(known) / len(known) + _HEARD_SHARE * (change or 0.0) if known else None


def _apart(one: object, other: object, scale: float) -> float | None:
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return None
    return min(2.0, abs(one - other) / scale)


def _octaves(evidence: Evidence) -> float | None:
    hertz = evidence.get("spectral_centroid_hz")
    return log2(hertz) if isinstance(hertz, int | float) and hertz > 0 else None


def _palette(value: object) -> Iterable[tuple[Color, float]]:
    if not isinstance(value, list):
        return
    colors = [
        (_lab(hexes), float(share))
        for entry in value
        if isinstance(entry, dict) and isinstance(hexes := entry.get("hex"), str) and _HEX.fullmatch(hexes)
        if isinstance(share := entry.get("share"), int | float) and share > 0
    ]
    total = sum(share for _, share in colors)
    yield from ((color, share / total) for color, share in colors)


def _move(one: tuple[tuple[Color, float], ...], other: tuple[tuple[Color, float], ...]) -> float:
    """Mean CIE76 distance that one palette's colors travel to become the other's.

    The earth mover's distance of Rubner, Tomasi and Guibas (IJCV 40(2), 2000), with the cheapest moves taken first: for a handful of
    colors near enough to the best plan.
    """
    left, right = [share for _, share in one], [share for _, share in other]
    moves = sorted(
        (sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5, i, j)
        for i, (a, _) in enumerate(one)
        for j, (b, _) in enumerate(other)
    )
    cost = 0.0
    for distance, i, j in moves:
        moved = min(left[i], right[j])
        left[i] -= moved
        right[j] -= moved
        cost += moved * distance
    return cost


def _lab(hexes: str) -> Color:
    """Color `#rrggbb` in sRGB as CIELAB under D65. Source: IEC 61966-2-1 (sRGB), CIE 15:2004 (L*a*b*)."""
    red, green, blue = (_linear(int(hexes[at : at + 2], 16) / 255) for at in (1, 3, 5))
    x = _root((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505)
    y = _root(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    z = _root((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(value: float) -> float:
    return float(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)


def _root(value: float) -> float:
    return float(value ** (1 / 3) if value > (6 / 29) ** 3 else value / (3 * (6 / 29) ** 2) + 4 / 29)
