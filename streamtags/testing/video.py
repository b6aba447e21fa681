"""Generated videos with known content."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from streamtags.core.timebase import Clock, nominal, parse_timecode
from streamtags.testing.edit import ShotSpec, lay_out, render_shots, render_sound
from streamtags.testing.mux import Encoding, write_media
from streamtags.testing.truth import Truth

__all__ = ["make_video"]


def make_video(
    path: Path,
    shots: Sequence[ShotSpec],
    *,
    rate: Fraction | int = 25,
    size: tuple[int, int] = (640, 360),
    sound: bool = True,
    encoding: Encoding | None = None,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    seed: int = 0,
) -> Truth:
    """Write a video and return its truth.

    Args:
        path: the file; `.mp4`, `.mov`, `.mkv`, `.ts`, `.webm` or another suffix that FFmpeg knows.
        shots: in order.
        rate: frames per second, `Fraction(24000, 1001)` for example.
        size: width and height of the upright picture, in pixels.
        sound: write a sound track (48 kHz mono).
        encoding: codec, quality, pixel format, keyframes, start timecode, rotation; H.264 at CRF 20 unless given.
        pts: for a variable rate, when each frame is shown, in ticks of `time_base`; rising. Sound is laid out at the constant rate.
        time_base: seconds of a tick of `pts`; one frame unless given.
        seed: the same seed gives the same file.

    Raises:
        ValueError: a shot without frames, transitions that overlap, or `pts` that are not one for each frame.
        av.FFmpegError: the codec or container does not support the arguments.
    """
    rate = Fraction(rate)
    encoding = encoding or Encoding()
    edit = lay_out(shots, rate, size, seed)
    base = time_base or 1 / rate
    times = list(pts) if pts is not None else [round(frame / rate / base) for frame in range(edit.frames)]
    if len(times) != edit.frames or any(b <= a for a, b in pairwise(times)):
        raise ValueError(f"{edit.frames} frames need as many rising pts, not these {len(times)}")
    stored_base, stored = write_media(
        path,
        render_shots(shots, rate=rate, size=size, seed=seed),
        size=size,
        rate=rate,
        times=times,
        time_base=base,
        sound=render_sound(shots, rate=rate, seed=seed) if sound else None,
        encoding=encoding,
    )
    start = encoding.start_timecode or "00:00:00:00"
    number, drop = parse_timecode(start, rate) if nominal(rate) > 1 else (0, False)
    clock = Clock(stored_base, rate, start_pts=stored[0], start_frame=number, drop=drop)
    return Truth(
        path=path,
        size=size,
        rate=rate,
        time_base=stored_base,
        pts=stored,
        timecodes=tuple(clock.at(moment, frame).timecode for frame, moment in enumerate(stored)),
        boundaries=edit.boundaries,
        distractions=edit.distractions,
        sounds=edit.sounds if sound else (),
    )
