"""Exact time: integer pts over a rational base, and SMPTE timecode.

Floats appear only in `Time.seconds`, for display. Drop-frame counting follows SMPTE ST 12-1: at 29.97 the numbers 0 and 1, at 59.94
the numbers 0 to 3, are left out at the start of every minute that is not a multiple of ten.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from streamtags.core.errors import UsageError

__all__ = ["Clock", "Rational", "Time", "format_timecode", "nominal", "parse_rational", "parse_timecode", "rational_text", "seconds_of"]

_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})")
_DROP_RATES = (Fraction(30000, 1001), Fraction(60000, 1001))


def parse_rational(value: object) -> Fraction:
    """`"24000/1001"`, `25` or a Fraction as a Fraction.

    Raises:
        ValueError: not a rational number.
    """
    if isinstance(value, (Fraction, int)):
        return Fraction(value)
    if isinstance(value, str):
        return _parsed(value)
    raise ValueError(f"{value!r} is not a rational number such as '24000/1001'")


@lru_cache(maxsize=64)  # a log says the same few, twice a segment
def _parsed(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError as error:
        raise ValueError(f"{text!r} divides by zero") from error


def rational_text(value: Fraction) -> str:
    """`Fraction(25)` as `"25/1"`: always numerator and denominator."""
    return f"{value.numerator}/{value.denominator}"


Rational = Annotated[Fraction, BeforeValidator(parse_rational), PlainSerializer(rational_text, return_type=str)]


def seconds_of(pts: int, time_base: Fraction) -> float:
    """`float(pts * time_base)`, to the last bit, in a tenth of the time; for what is asked of every frame."""
    return pts * time_base.numerator / time_base.denominator


def nominal(rate: Fraction) -> int:
    """Frames that SMPTE timecode counts in a second: 24 for 24000/1001, 30 for 30000/1001."""
    return max(1, floor(rate + Fraction(1, 2)))


def _dropped_per_minute(rate: Fraction) -> int:
    return 2 * nominal(rate) // 30


def format_timecode(frame: int, rate: Fraction, *, drop: bool = False) -> str:
    """The SMPTE label of frame number `frame` (from 0 at 00:00:00:00), wrapping at 24 hours.

    Args:
        frame: count of frames since midnight; may be negative (counts back from 24 hours).
        rate: frames a second.
        drop: drop-frame counting; the separator before the frames is then `;`.

    Raises:
        UsageError: drop-frame asked for at a rate that has none (it exists at 29.97 and 59.94 only).
    """
    base = nominal(rate)
    if drop:
        if rate not in _DROP_RATES:
            raise UsageError("drop-frame timecode exists at 30000/1001 and 60000/1001 only", where=rational_text(rate))
        dropped = _dropped_per_minute(rate)
        per_minute = 60 * base - dropped
        per_ten = 10 * per_minute + dropped
        tens, rest = divmod(frame % (per_ten * 144), per_ten)
        minutes = 0 if rest < 60 * base else 1 + (rest - 60 * base) // per_minute
        frame = frame % (per_ten * 144) + dropped * (9 * tens + minutes)
    seconds, frames = divmod(frame, base)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    width = 3 if base > 100 else 2
    return f"{hours % 24:02d}:{minutes:02d}:{seconds:02d}{';' if drop else ':'}{frames:0{width}d}"


def parse_timecode(text: str, rate: Fraction) -> tuple[int, bool]:
    """An SMPTE label as (frame number from 00:00:00:00, drop-frame).

    Raises:
        UsageError: not a timecode, a label that drop-frame leaves out, or drop-frame at a rate that has none.
    """
    match = _TIMECODE.fullmatch(text.strip())
    if match is None:
        raise UsageError("not a timecode such as 01:00:00:00", where=text)
    hours, minutes, seconds, frames = (int(match[i]) for i in (1, 2, 3, 5))
    base = nominal(rate)
    if minutes > 59 or seconds > 59 or frames >= base:
        raise UsageError(f"not a timecode at {rational_text(rate)} frames a second", where=text)
    drop = match[4] in ";,"
    count = ((hours * 60 + minutes) * 60 + seconds) * base + frames
    if not drop:
        return count, False
    if rate not in _DROP_RATES:
        raise UsageError("drop-frame timecode exists at 30000/1001 and 60000/1001 only", where=f"{text} at {rational_text(rate)}")
    dropped = _dropped_per_minute(rate)
    if seconds == 0 and frames < dropped and minutes % 10:
        raise UsageError("drop-frame leaves this label out", where=text)
    total_minutes = hours * 60 + minutes
    return count - dropped * (total_minutes - total_minutes // 10), True


class Time(BaseModel):
    """One moment of a source, as it stands on the wire.

    `pts` and `time_base` are exact; `seconds` is `pts * time_base` for display; `frame` counts decoded frames from 0; `timecode` is
    SMPTE at the nominal rate from the source's start timecode.
    """

    model_config = ConfigDict(frozen=True)

    pts: int
    time_base: Rational
    seconds: float
    frame: int
    timecode: str


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns the pts of one source into `Time`.

    Args:
        time_base: seconds of one pts tick.
        rate: frames a second, exact; of a variable-rate source, the one its timecode runs at.
        start_pts: pts of the first decoded frame; the start timecode stands there.
        start_frame: the start timecode as a frame number.
        drop: the timecode is drop-frame.
    """

    time_base: Fraction
    rate: Fraction
    start_pts: int = 0
    start_frame: int = 0
    drop: bool = False

    def at(self, pts: int, frame: int) -> Time:
        """The moment of `pts`, which is the `frame`-th decoded frame."""
        elapsed = (pts - self.start_pts) * self.time_base * self.rate
        label = format_timecode(self.start_frame + floor(elapsed + Fraction(1, 2)), self.rate, drop=self.drop)
        return Time(pts=pts, time_base=self.time_base, seconds=seconds_of(pts, self.time_base), frame=frame, timecode=label)

    def ticks(self, seconds: float | Fraction) -> int:
        """`seconds` in pts ticks, rounded to the nearest."""
        return floor(Fraction(seconds) / self.time_base + Fraction(1, 2))
