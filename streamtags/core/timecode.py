"""SMPTE ST 12-1 timecode: labels of frames, and the rates they count at.

A label counts frames at the nominal rate: at 24000/1001 frames a second it counts 24 frames per labeled second, so a labeled hour lasts
3603.6 seconds. Drop-frame timecode skips labels, never frames: at 29.97 the labels 0 and 1, at 59.94 the labels 0 to 3, are skipped at the
start of every minute that is not a multiple of ten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from math import floor

from streamtags.core.errors import UsageError

__all__ = [
    "constant_frames",
    "convert_frame",
    "format_timecode",
    "frame_at",
    "frames_per_day",
    "has_drop_frame",
    "nominal",
    "parse_rate",
    "parse_timecode",
    "rational_seconds",
]

_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})", re.ASCII)
_DROP_RATES = (Fraction(30000, 1001), Fraction(60000, 1001))
_NTSC_RATES = {
    name: Fraction(base * 1000, 1001)
    for base, names in {
        24: ("23.976", "23.98", "23.9760"),
        30: ("29.97",),
        48: ("47.952", "47.95"),
        60: ("59.94",),
        120: ("119.88",),
    }.items()
    for name in names
}
_MAX_RATE = 1000
_MAX_DENOMINATOR = (1 << 31) - 1


def _rate_text(rate: Fraction) -> str:
    return f"{rate.numerator}/{rate.denominator}"


def parse_rate(text: str) -> Fraction:
    """The frame rate that a person writes: `23.976`, `29.97`, `25`, `24000/1001`.

    The decimal names of the NTSC rates mean the exact rational: `23.976` is 24000/1001.

    Raises:
        UsageError: not a positive rate of at most 1000 frames a second.
    """
    stripped = text.strip()
    try:
        rate = _NTSC_RATES.get(stripped) or Fraction(stripped)
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError("not a frame rate", where=text, hint="for example 25, 23.976 or 30000/1001") from error
    if not 0 < rate <= _MAX_RATE:
        raise UsageError("not a frame rate between 0 and 1000", where=text, hint="for example 25, 23.976 or 30000/1001")
    return rate


def nominal(rate: Fraction) -> int:
    """Frames that SMPTE timecode counts in a second: 24 for 24000/1001, 30 for 30000/1001."""
    return max(1, floor(rate + Fraction(1, 2)))


def has_drop_frame(rate: Fraction) -> bool:
    """Whether drop-frame timecode exists at `rate`: at 30000/1001 and 60000/1001 only."""
    return rate in _DROP_RATES


def _dropped_per_minute(rate: Fraction, where: str) -> int:
    if rate not in _DROP_RATES:
        raise UsageError("drop-frame timecode exists at 30000/1001 and 60000/1001 only", where=where)
    return nominal(rate) // 15


def frames_per_day(rate: Fraction, *, drop: bool = False) -> int:
    """Frames between 00:00:00:00 and the same label a day later: 2589408 at 29.97 drop-frame.

    Raises:
        UsageError: `drop` at a rate that has no drop-frame timecode.
    """
    skipped = _dropped_per_minute(rate, _rate_text(rate)) * 9 * 6 * 24 if drop else 0
    return nominal(rate) * 86400 - skipped


def format_timecode(frame: int, rate: Fraction, *, drop: bool = False) -> str:
    """The SMPTE label of frame number `frame` (from 0 at 00:00:00:00), wrapping at 24 hours.

    Args:
        frame: count of frames since midnight; may be negative (counts back from 24 hours).
        rate: frames a second.
        drop: drop-frame counting; the separator before the frames is then `;`.

    Raises:
        UsageError: `drop` at a rate that has no drop-frame timecode.
    """
    base = nominal(rate)
    frame %= frames_per_day(rate, drop=drop)
    if drop:
        dropped = _dropped_per_minute(rate, _rate_text(rate))
        per_minute = 60 * base - dropped
        tens, rest = divmod(frame, 10 * per_minute + dropped)
        minutes = 0 if rest < 60 * base else 1 + (rest - 60 * base) // per_minute
        frame += dropped * (9 * tens + minutes)
    seconds, frames = divmod(frame, base)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    width = 3 if base > 100 else 2
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if drop else ':'}{frames:0{width}d}"


def parse_timecode(text: str, rate: Fraction) -> tuple[int, bool]:
    """An SMPTE label as (frame number from 00:00:00:00, drop-frame).

    `;` or `,` before the frames means drop-frame. Hours up to 99 are accepted: some lists count on after midnight.

    Raises:
        UsageError: not a timecode, a label that drop-frame skips, or drop-frame at a rate that has none.
    """
    match = _TIMECODE.fullmatch(text.strip())
    if match is None:
        raise UsageError("not a timecode such as 01:00:00:00", where=text)
    hours, minutes, seconds, frames = (int(match[i]) for i in (1, 2, 3, 5))
    base = nominal(rate)
    if minutes > 59 or seconds > 59 or frames >= base:
        raise UsageError(f"not a timecode at {_rate_text(rate)} frames a second", where=text)
    count = ((hours * 60 + minutes) * 60 + seconds) * base + frames
    if match[4] not in ";,":
        return count, False
    dropped = _dropped_per_minute(rate, f"{text} at {_rate_text(rate)}")
    if seconds == 0 and frames < dropped and minutes % 10:
        raise UsageError("drop-frame timecode skips this label", where=text)
    total_minutes = hours * 60 + minutes
    return count - dropped * (total_minutes - total_minutes // 10), True


def frame_at(seconds: Fraction, rate: Fraction) -> int:
    """The frame that is nearest to `seconds` after frame 0; a tie goes to the later frame."""
    return floor(seconds * rate + Fraction(1, 2))


def convert_frame(frame: int, from_rate: Fraction, to_rate: Fraction) -> int:
    """The frame at `to_rate` that is nearest in time to frame `frame` at `from_rate`."""
    return frame_at(frame / from_rate, to_rate)


def rational_seconds(time: Fraction) -> str:
    """Seconds as FCPXML writes them: `1001/30000s`, `5s`.

    A denominator must fit in 32 bits there; a time that does not is less than a billionth of a second off.
    """
    time = time.limit_denominator(_MAX_DENOMINATOR)
    return f"{time.numerator}s" if time.denominator == 1 else f"{time.numerator}/{time.denominator}s"


def constant_frames(pts: Iterable[int], time_base: Fraction, rate: Fraction, start_pts: int = 0) -> list[int]:
    """Map the pictures of a variable-rate source to frames of a constant rate.

    Args:
        pts: presentation times of the pictures, rising, in ticks of `time_base`.
        time_base: seconds of one tick.
        rate: the chosen constant rate.
        start_pts: the tick of frame 0.

    Returns:
        For each picture the frame at which it appears. Two pictures closer than half a frame may share a frame; the later one is shown.
    """
    return [frame_at((tick - start_pts) * time_base, rate) for tick in pts]
