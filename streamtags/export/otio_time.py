"""Times as OpenTimelineIO writes them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

__all__ = ["otio_range", "otio_time"]


def otio_range(start: int, frames: int, rate: Fraction) -> dict[str, Any]:
    """Return a range of frames."""
    return {"OTIO_SCHEMA": "TimeRange.1", "duration": otio_time(frames, rate), "start_time": otio_time(start, rate)}


def otio_time(frame: int, rate: Fraction) -> dict[str, Any]:
    """Return a frame, or a number of frames."""
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(rate), "value": float(frame)}
