"""Which frame rate a source has, of those that its container and its codec state. Pure: numbers in, a number out."""

from __future__ import annotations

from fractions import Fraction

__all__ = ["DEFAULT_RATE", "STANDARD_RATES", "choose_rate"]

DEFAULT_RATE = Fraction(25)
"""The rate of a source that states none."""

# SMPTE ST 428-11, ST 12-1 and the NTSC family; rates that editing systems know.
STANDARD_RATES = (
    *(Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 144, 240)),
    *(Fraction(n * 1000, 1001) for n in (12, 15, 24, 30, 48, 60, 120, 240)),
)

_SLOWEST, _FASTEST = Fraction(1, 10), Fraction(480)  # of usual material; other rates are believed only if nothing else is stated
_SNAP = Fraction(2, 1000)  # MPEG-TS rates are estimated from a few frames: 29.917 stands for 29.97
_AGREEMENT = Fraction(1, 100)  # by which the average and the codec's rate may differ and still confirm each other
_TICK_SHARE = Fraction(9, 10)  # a rate of one frame a tick is believed if at least this share of the ticks has a frame


def choose_rate(
    *,
    average: Fraction | None = None,
    codec: Fraction | None = None,
    guess: Fraction | None = None,
    tick_rate: Fraction | None = None,
) -> Fraction:
    """Choose a rate and snap it to a standard one within 0.2 %.

    A rate that the codec states and the average confirms is the rate, and so is a guess that the average confirms. A codec that states
    twice the average counts fields: a guess that is neither does not count. Otherwise the first usual one of FFmpeg's guess, the average
    and the codec's is taken; a guess of one frame a tick counts only if most ticks have a frame. If none is usual, the average is taken
    as it is, as of a time lapse or a high-speed camera.

    Args:
        average: frames divided by duration.
        codec: from the codec's parameters.
        guess: FFmpeg's guess from the timestamps.
        tick_rate: ticks of the stream's time base a second.
    """
    if codec and average and _agree(codec, average) and _is_usual(codec):
        return _snapped(codec)
    if guess and average and guess == tick_rate and average < guess * _TICK_SHARE:
        guess = None
    if guess and average and _agree(guess, average):
        return _snapped(guess)
    if guess and codec and average and _agree(codec, 2 * average) and not _agree(guess, codec):
        guess = None
    stated = [rate for rate in (guess, average, codec) if rate is not None and rate > 0]
    usual = [rate for rate in stated if _is_usual(rate)]
    if usual:
        return _snapped(usual[0])
    unusual = [rate for rate in (average, codec, guess) if rate is not None and rate > 0 and rate != tick_rate]
    if average is not None and average == tick_rate and guess == average:  # every tick has a frame
        unusual.append(average)
    return unusual[0] if unusual else DEFAULT_RATE


def _agree(one: Fraction, other: Fraction) -> bool:
    return abs(one - other) <= _AGREEMENT * other


def _is_usual(rate: Fraction) -> bool:
    return _SLOWEST <= rate <= _FASTEST


def _snapped(rate: Fraction) -> Fraction:
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest - rate) <= _SNAP * rate else rate
