"""Exact time: integer pts over a rational base, and SMPTE timecode.

Floats appear only in `Time.seconds`, for display. Drop-frame counting follows SMPTE ST 12-1: at 29.97 the numbers 0 and 1, at 59.94
the numbers 0 to 3, are left out at the start of every minute that is not a multiple of ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from streamtags.core.timecode import format_timecode, nominal, parse_timecode

__all__ = ["Clock", "Rational", "Time", "format_timecode", "nominal", "parse_rational", "parse_timecode", "rational_text", "seconds_of"]


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
    """Return exactly `float(pts * time_base)`, in a tenth of the time, for calls made for every frame."""
    return pts * time_base.numerator / time_base.denominator


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
