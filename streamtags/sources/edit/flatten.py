"""The visible picture of an edit: tracks from top to bottom and nested sequences, as one row of clips without overlap.

Clips and generators hide what lies below them. Titles are taken for transparent: they show where nothing else does. What no clip covers
is a gap. The reader does not know about opacity, keys and picture-in-picture: a clip on a higher track hides the lower ones.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

from streamtags.core.errors import SourceError
from streamtags.sources.edit.model import Clip, Sequence, Timing

__all__ = ["MAX_CLIPS", "flatten"]

MAX_CLIPS = 100_000
MAX_DEPTH = 32


def flatten(sequence: Sequence) -> tuple[Clip, ...]:
    """The visible clips of `sequence` in record order, gaps included; they cover it from its start to its end without overlap.

    Raises:
        SourceError: nested sequences hold more than 100,000 clips together, or contain themselves.
    """
    clips = _visible(sequence, _Budget(), 0)
    result: list[Clip] = []
    frame = sequence.start_frame
    for clip in clips:
        if clip.record_in > frame:
            result.append(_gap(frame, clip.record_in))
        result.append(clip)
        frame = clip.record_out
    if frame < sequence.end_frame:
        result.append(_gap(frame, sequence.end_frame))
    return tuple(result)


def _gap(record_in: int, record_out: int) -> Clip:
    return Clip("", "gap", record_in, record_out)


class _Budget:
    """Counts clips, so that sequences nested in each other cannot multiply without end."""

    def __init__(self) -> None:
        self.left = MAX_CLIPS

    def take(self, depth: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise SourceError(f"nested sequences hold more than {MAX_CLIPS} clips", code="source.malformed")
        if depth > MAX_DEPTH:
            raise SourceError(f"sequences are nested more than {MAX_DEPTH} deep", code="source.malformed")


class _Uncovered:
    """The record frames that no clip covers yet, as sorted intervals."""

    def __init__(self, start: int, end: int) -> None:
        self.starts = [start]
        self.ends = [end]

    def take(self, start: int, end: int) -> list[tuple[int, int]]:
        """Cover `start` to `end`; the parts of it that were uncovered."""
        low, high = bisect_right(self.ends, start), bisect_left(self.starts, end)
        parts, starts, ends = [], [], []
        for left, right in zip(self.starts[low:high], self.ends[low:high], strict=True):
            parts.append((max(left, start), min(right, end)))
            if left < start:
                starts.append(left)
                ends.append(start)
            if right > end:
                starts.append(end)
                ends.append(right)
        self.starts[low:high] = starts
        self.ends[low:high] = ends
        return parts


def _visible(sequence: Sequence, budget: _Budget, depth: int) -> list[Clip]:
    """The visible clips in record order, without gaps."""
    uncovered = _Uncovered(sequence.start_frame, max(sequence.start_frame, sequence.end_frame))
    pieces: list[Clip] = []
    see_through: list[Clip] = []
    for track in reversed(sequence.tracks):
        # A later clip of a track covers an earlier one that overlaps it.
        for clip in reversed(track.clips):
            if not (clip.enabled and track.enabled) or clip.kind == "gap" or clip.frames <= 0:
                continue
            if clip.kind == "title":
                see_through.append(clip)
                continue
            for part in _expanded(clip, budget, depth):
                pieces += [part.piece(*span) for span in uncovered.take(part.record_in, part.record_out)]
    for clip in see_through:
        budget.take(depth)
        pieces += [clip.piece(*span) for span in uncovered.take(clip.record_in, clip.record_out)]
    return sorted(pieces, key=lambda clip: clip.record_in)


def _expanded(clip: Clip, budget: _Budget, depth: int) -> list[Clip]:
    """A compound clip as the clips it shows, at record frames of the outer sequence; any other clip as it is."""
    budget.take(depth)
    if clip.nested is None or clip.timing is None:
        return [clip]
    inner = _visible(clip.nested, budget, depth + 1)
    inside = (*clip.inside, clip.name)
    parts = []
    for start, end, timing in _straight_pieces(clip):
        for part in inner:
            span = _record_span(timing, part.record_in, part.record_out)
            record_in, record_out = max(start, span[0]), min(end, span[1])
            if record_in < record_out:
                budget.take(depth)
                parts.append(_moved(part, clip, timing, record_in, record_out, inside))
    if parts:
        first = min(range(len(parts)), key=lambda index: parts[index].record_in)
        if clip.transition is not None and parts[first].record_in == clip.record_in:
            parts[first] = replace(parts[first], transition=clip.transition)
    return parts


def _straight_pieces(clip: Clip) -> list[tuple[int, int, Timing]]:
    """The parts of `clip` within which its source advances at one speed, as (record in, record out, timing)."""
    timing = clip.timing
    assert timing is not None  # noqa: S101  # checked by the caller
    if len(timing.points) < 2:
        return [(clip.record_in, clip.record_out, timing)]
    pieces = []
    last = len(timing.points) - 2
    for index, ((x0, y0), (x1, y1)) in enumerate(zip(timing.points, timing.points[1:], strict=False)):
        start = clip.record_in if index == 0 else max(clip.record_in, timing.anchor + ceil(x0))
        end = clip.record_out if index == last else min(clip.record_out, timing.anchor + ceil(x1))
        slope = (y1 - y0) / (x1 - x0)
        if start < end:
            pieces.append((start, end, Timing(start, y0 + (start - timing.anchor - x0) * slope, slope)))
    return pieces


def _record_span(timing: Timing, inner_in: int, inner_out: int) -> tuple[int, int]:
    """The record frames of the outer sequence at which frames `inner_in` to `inner_out` of the nested one are shown."""
    if timing.advance == 0:
        shown = inner_in <= floor(timing.first) < inner_out
        return (-(1 << 62), 1 << 62) if shown else (0, 0)
    enter = (inner_in - timing.first) / timing.advance
    leave = (inner_out - timing.first) / timing.advance
    if timing.advance > 0:
        return timing.anchor + ceil(enter), timing.anchor + ceil(leave)
    return timing.anchor + floor(leave) + 1, timing.anchor + floor(enter) + 1


def _moved(part: Clip, outer: Clip, timing: Timing, record_in: int, record_out: int, inside: tuple[str, ...]) -> Clip:
    """`part` of a nested sequence, at record frames of the outer one."""
    speed = None if part.speed is None or outer.speed is None else part.speed * outer.speed
    starts_inside = timing.at(record_in) == part.record_in
    moved = replace(
        part,
        record_in=record_in,
        record_out=record_out,
        speed=speed,
        transition=part.transition if starts_inside and timing.advance == 1 else None,
        inside=(*inside, *part.inside),
        notes=(*outer.notes, *part.notes),
    )
    if moved.transition is not None and moved.transition.record_in is not None:
        shift = record_in - part.record_in
        moved = replace(moved, transition=replace(moved.transition, record_in=moved.transition.record_in + shift))
    if part.timing is None:
        return moved
    first = part.timing.at(timing.at(record_in))
    advance = timing.advance * part.timing.advance
    if part.timing.points and record_out - record_in > 1:
        last = part.timing.at(timing.at(record_out - 1))
        advance = (last - first) / (record_out - 1 - record_in)
    return replace(moved, timing=Timing(record_in, Fraction(first), Fraction(advance))).with_consumed_frames()
