"""Segments cover the source, whatever the shots, the rates and the delays."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import Boundary, Segment
from streamtags.core.timebase import Clock
from streamtags.run.segmenter import Segmenter

BASE = Fraction(1, 1000)


def run(pts: list[int], end: int, cuts: list[int], *, max_seconds: float, lookahead: int, lateness: int) -> list[Segment]:
    clock = Clock(time_base=BASE, rate=Fraction(25), start_pts=pts[0])
    segmenter = Segmenter(clock, max_seconds, lookahead)
    closed: list[Segment] = []
    reported = 0
    for index, at in enumerate(pts):
        due = [Boundary(cut, "cut") for cut in cuts[reported:] if cut + lateness <= index]
        reported += len(due)
        closed += segmenter.push(index, at, due)
    return closed + segmenter.finish(end, [Boundary(cut, "cut") for cut in cuts[reported:]])


@st.composite
def sources(draw: st.DrawFn) -> tuple[list[int], int, list[int]]:
    gaps = draw(st.lists(st.integers(1, 400), min_size=1, max_size=300))
    start = draw(st.integers(-5000, 5000))
    pts = [start]
    for gap in gaps[:-1]:
        pts.append(pts[-1] + gap)
    cuts = sorted(draw(st.sets(st.integers(1, len(pts)), max_size=12))) if len(pts) > 1 else []
    return pts, pts[-1] + gaps[-1], [cut for cut in cuts if cut < len(pts)]


@given(sources(), st.sampled_from([1.0, 2.5, 20.0]), st.integers(0, 30), st.data())
def test_segments_cover_the_source_and_do_not_depend_on_lateness(source: Any, max_seconds: float, lookahead: int, data: Any) -> None:
    pts, end, cuts = source
    lateness = data.draw(st.integers(0, lookahead))
    segments = run(pts, end, cuts, max_seconds=max_seconds, lookahead=lookahead, lateness=lateness)

    assert [s.index for s in segments] == list(range(len(segments)))
    assert segments[0].start.pts == pts[0]
    assert segments[0].start.frame == 0
    assert segments[-1].end.pts == end
    assert segments[-1].end.frame == len(pts)
    for one, two in pairwise(segments):
        assert one.end == two.start
    assert {s.start.frame for s in segments} >= {0, *cuts}
    assert len({s.shot for s in segments}) == len(cuts) + 1
    for segment in segments:
        assert segment.end.frame > segment.start.frame
        one_frame = segment.end.frame - segment.start.frame == 1
        longest_gap = max((b - a for a, b in zip(pts, [*pts[1:], end], strict=True)), default=0)
        assert (
            segment.seconds <= max_seconds + 1e-9
            or one_frame
            or (segment.end.pts - segment.start.pts) <= max_seconds * 1000 / 2 + longest_gap
        )
    assert segments == run(pts, end, cuts, max_seconds=max_seconds, lookahead=0, lateness=0)


def test_a_long_take_is_sliced_while_it_runs() -> None:
    clock = Clock(time_base=BASE, rate=Fraction(25))
    segmenter = Segmenter(clock, max_seconds=2.0, lookahead=5)
    closed = [(index, segment) for index in range(200) for segment in segmenter.push(index, index * 40)]
    first_at, first = closed[0]
    assert first.seconds == 2.0
    assert first.kind == "slice"
    assert first_at <= 50 + 13 + 5  # its end, a quarter of the longest slice, the lookahead


def test_the_rest_of_a_shot_is_never_very_short() -> None:
    pts = [i * 40 for i in range(52)]  # 2.08 s
    segments = run(pts, 52 * 40, [], max_seconds=2.0, lookahead=0, lateness=0)
    assert [round(s.seconds, 2) for s in segments] == [1.04, 1.04]


def test_a_slice_says_so_and_a_shot_says_how_it_began() -> None:
    pts = [i * 40 for i in range(150)]
    segments = run(pts, 6000, [50], max_seconds=3.0, lookahead=0, lateness=0)
    assert [(s.kind, s.transition, s.shot) for s in segments] == [("shot", "start", 0), ("slice", "cut", 1), ("slice", "cut", 1)]
    begins = {segment.shot: segment.transition for segment in reversed(segments)}  # of a shot's segments, what the first one says
    assert list(begins.values()).count("cut") == 1


def test_frames_out_of_order_are_refused() -> None:
    segmenter = Segmenter(Clock(time_base=BASE, rate=Fraction(25)), 20.0, 0)
    segmenter.push(2, 80)
    with pytest.raises(ValueError, match="does not follow"):
        segmenter.push(1, 120)
    with pytest.raises(ValueError, match="does not follow"):
        segmenter.push(3, 80)


def test_frames_left_out_still_count() -> None:
    segmenter = Segmenter(Clock(time_base=BASE, rate=Fraction(25)), 20.0, 2)
    for index in (0, 1, 5, 6, 9):
        segmenter.push(index, index * 40)
    (shot,) = segmenter.push(10, 400, [Boundary(6, "cut")])
    assert (shot.start.frame, shot.end.frame, shot.end.pts) == (0, 6, 240)
    with pytest.raises(ValueError, match="not inside"):
        segmenter.push(11, 440, [Boundary(8, "cut")])  # no frame of it was pushed


def test_a_gap_is_a_segment_without_frames_and_the_next_shot_follows_it() -> None:
    segmenter = Segmenter(Clock(time_base=BASE, rate=Fraction(25)), 20.0, 0)
    for index in range(25):
        segmenter.push(index, index * 40)
    (before,) = segmenter.finish(1000)
    (gap,) = segmenter.resume(31_000)
    segmenter.push(25, 31_000)
    (after,) = segmenter.finish(31_040)
    assert before.end == gap.start
    assert gap.end == after.start
    assert (gap.kind, gap.seconds, gap.start.frame, gap.end.frame, gap.shot) == ("gap", 30.0, 25, 25, before.shot)
    assert (after.kind, after.transition, after.shot, after.start.frame, after.end.frame) == ("shot", "start", 1, 25, 26)
    assert [s.index for s in (before, gap, after)] == [0, 1, 2]


def test_without_a_hole_in_time_there_is_no_gap() -> None:
    segmenter = Segmenter(Clock(time_base=BASE, rate=Fraction(25)), 20.0, 0)
    segmenter.push(0, 0)
    segmenter.finish(40)
    assert segmenter.resume(40) == []
    segmenter.push(1, 40)
    (after,) = segmenter.finish(80)
    assert (after.index, after.shot, after.start.pts) == (1, 1, 40)
