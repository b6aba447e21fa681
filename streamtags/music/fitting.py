"""Laying a track under a span of a film: where in the track to begin, so that its accents meet what happens in the picture."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from streamtags.core.music import TrackSound

__all__ = ["HIT_TOLERANCE", "Fit", "fit_track"]

HIT_TOLERANCE = 0.08
"""Seconds: two frames at 24 a second, at which sound and picture still seem to coincide."""
_BEGINNING_BONUS = 0.5  # hits that beginning with the track, or with one of its sections, is worth
_MAX_OFFSETS = 4000
_EDGE_SECONDS = 0.05
_FADE_IN_SECONDS, _MAX_FADE_OUT_SECONDS = 0.5, 3.0
_STILL_LEVEL = 15  # of 100; a track that is so quiet where the cue ends needs no fade


@dataclass(frozen=True, slots=True)
class Fit:
    """How a track lies under a span.

    Attributes:
        offset_seconds: where in the track it begins.
        seconds: how much of it is heard.
        fade_in_seconds: 0 where it begins with its first sound or an accent.
        fade_out_seconds: 0 where the track ends by itself.
        hits: of the given hit points, the places of those that an accent of the track meets.
    """

    offset_seconds: float
    seconds: float
    fade_in_seconds: float
    fade_out_seconds: float
    hits: tuple[int, ...]


def fit_track(sound: TrackSound | None, seconds: float, hits: Sequence[float]) -> Fit | None:
    """Return the offset at which the most hit points meet an accent; the earlier of two that are equal. None for an empty span.

    Args:
        sound: what was measured of the track; without it, the track begins with the span.
        seconds: length of the span.
        hits: hit points in seconds from the start of the span, the most important first or not.
    """
    if seconds <= 0:
        return None
    if sound is None or not sound.seconds:
        return Fit(0.0, seconds, 0.0, min(_MAX_FADE_OUT_SECONDS, seconds / 4), ())
    latest = max(0.0, sound.seconds - seconds)
    inside = [hit for hit in hits if 0 <= hit <= seconds]
    offsets = {0.0, *(edge for edge in sound.sections if edge <= latest)}
    for hit in inside:
        offsets |= {round(accent - hit, 3) for accent in sound.hits if 0 <= accent - hit <= latest}
    natural = {0.0, *sound.sections}
    best = max(sorted(offsets)[:_MAX_OFFSETS], key=lambda offset: (_value(sound, offset, inside, natural), -offset))
    heard = min(seconds, sound.seconds - best)
    return Fit(
        offset_seconds=best,
        seconds=round(heard, 3),
        fade_in_seconds=0.0 if best == 0 or _meets(sound.hits, best, _EDGE_SECONDS) else _FADE_IN_SECONDS,
        fade_out_seconds=_fade_out(sound, best + heard, heard),
        hits=tuple(place for place, hit in enumerate(hits) if 0 <= hit <= seconds and _meets(sound.hits, best + hit, HIT_TOLERANCE)),
    )


def _value(sound: TrackSound, offset: float, hits: Sequence[float], natural: set[float]) -> float:
    return sum(_meets(sound.hits, offset + hit, HIT_TOLERANCE) for hit in hits) + _BEGINNING_BONUS * (offset in natural)


def _meets(accents: Sequence[float], at: float, tolerance: float) -> bool:
    """Return whether an accent lies within `tolerance` of a moment."""
    place = bisect_left(accents, at - tolerance - 1e-9)
    return place < len(accents) and accents[place] <= at + tolerance + 1e-9


def _fade_out(sound: TrackSound, end: float, heard: float) -> float:
    if end >= sound.seconds - _EDGE_SECONDS:
        return 0.0
    place = min(int(end / sound.curve_seconds), len(sound.curve) - 1)
    if place >= 0 and sound.curve[place] <= _STILL_LEVEL:
        return 0.0
    return round(min(_MAX_FADE_OUT_SECONDS, heard / 4), 2)
