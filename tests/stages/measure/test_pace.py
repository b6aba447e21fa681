from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import EvidenceValue, Kind, Segment, Transition
from streamtags.core.timebase import Clock
from streamtags.stages.measure.pace import PaceMeter

CLOCK = Clock(time_base=Fraction(1, 10), rate=Fraction(10))


def segments(shots: list[list[int]], start: int = 0) -> list[Segment]:
    """Segments of shots given as the lengths of their slices, in tenths of a second."""
    segments: list[Segment] = []
    at = start
    for shot, slices in enumerate(shots):
        for i, length in enumerate(slices):
            transition: Transition = "start" if shot == 0 else "cut"
            kind: Kind = "shot" if len(slices) == 1 else "slice"
            segments.append(
                Segment(f"s{shot}.{i}", len(segments), shot, CLOCK.at(at, at), CLOCK.at(at + length, at + length), kind, transition)
            )
            at += length
    return segments


def paces(shots: list[list[int]], start: int = 0) -> list[dict[str, EvidenceValue]]:
    meter = PaceMeter()
    return [meter.measure(segment) for segment in segments(shots, start)]


def test_one_shot_has_no_cuts_however_it_is_sliced() -> None:
    assert paces([[200, 200, 50]]) == [
        {"shot_seconds": 20.0, "cuts_per_minute": 0.0},
        {"shot_seconds": 40.0, "cuts_per_minute": 0.0},
        {"shot_seconds": 45.0, "cuts_per_minute": 0.0},
    ]


def test_even_cutting_settles_at_its_rate_and_a_montage_shows_within_eight_shots() -> None:
    measured = paces([[40]] * 20 + [[10]] * 8)
    assert measured[19]["cuts_per_minute"] == 15
    assert measured[27]["cuts_per_minute"] == 60
    assert measured[23]["cuts_per_minute"] == pytest.approx(24)


def test_the_start_of_the_source_is_no_cut_wherever_its_clock_begins() -> None:
    assert [pace["cuts_per_minute"] for pace in paces([[20], [20]], start=36_000)] == [0, 15]


@given(st.lists(st.lists(st.integers(1, 300), min_size=1, max_size=3), min_size=1, max_size=30), st.integers(1, 30))
def test_a_result_does_not_depend_on_later_shots(shots: list[list[int]], kept: int) -> None:
    assert paces(shots)[: sum(map(len, shots[:kept]))] == paces(shots[:kept])


@given(st.lists(st.integers(1, 300), min_size=1, max_size=30))
def test_slicing_shots_changes_nothing_at_their_ends(lengths: list[int]) -> None:
    sliced = paces([[length, length] for length in lengths])
    assert sliced[1::2] == paces([[2 * length] for length in lengths])
