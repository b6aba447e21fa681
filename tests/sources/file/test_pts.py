"""Repaired time, for any timestamps a file may claim."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamtags.sources.file.pts import TimeRepair

TICK = Fraction(1, 90_000)
STEP = 3_600
WRAP = 1 << 33


def transport_stream() -> TimeRepair:
    return TimeRepair(TICK, STEP, wrap_bits=33, longest_gap=10)


@given(
    pts=st.lists(st.none() | st.integers(-(1 << 63), 1 << 63) | st.integers(0, 20).map(lambda n: n * STEP), min_size=1),
    durations=st.integers(-5, 1 << 40),
    wrap=st.sampled_from([None, 33]),
    gap=st.sampled_from([None, 10]),
)
def test_pts_rise_strictly_for_any_timestamps(pts: list[int | None], durations: int, wrap: int | None, gap: int | None) -> None:
    repair = TimeRepair(TICK, STEP, wrap_bits=wrap, longest_gap=gap)
    times = [repair.picture(value, durations) for value in pts]
    assert all(later > earlier for earlier, later in itertools.pairwise(times))
    assert all(abs(time) < 1 << 63 for time in times)


@given(start=st.integers(-1000, 1 << 40), gaps=st.lists(st.integers(1, 30 * 90_000), max_size=60))
def test_a_sound_file_is_left_alone_however_uneven_its_frames(start: int, gaps: list[int]) -> None:
    repair = TimeRepair(TICK, STEP)
    pts = [start]
    for gap in gaps:
        pts.append(pts[-1] + gap)
    assert [repair.picture(value) for value in pts] == pts
    assert repair.splices == 0


@given(start=st.integers(0, WRAP - 1), frames=st.integers(1, 200), step=st.sampled_from([3_003, 3_600, 900_000]))
def test_a_wrapping_counter_is_unwrapped(start: int, frames: int, step: int) -> None:
    repair = transport_stream()
    times = [repair.picture((start + i * step) % WRAP, step) for i in range(frames)]
    assert [time - times[0] for time in times] == [i * step for i in range(frames)]


def test_many_turns_of_the_counter_are_all_counted() -> None:
    repair = TimeRepair(TICK, STEP, wrap_bits=33)
    times = [repair.picture(i * (WRAP // 3) % WRAP) for i in range(12)]
    assert times[-1] - times[0] == 11 * (WRAP // 3)


@pytest.mark.parametrize("jump", [-(10**9), -(10**6), 10**6, 10**9])
def test_time_goes_on_after_a_splice(jump: int) -> None:
    repair = transport_stream()
    before = [repair.picture(i * STEP, STEP) for i in range(10)]
    after = [repair.picture(5 * 10**8 + jump + i * STEP, STEP) for i in range(10)]
    assert [*before, *after] == [i * STEP for i in range(20)]


def test_a_long_gap_is_real_where_containers_do_not_jump() -> None:
    repair = TimeRepair(TICK, STEP)
    assert [repair.picture(pts) for pts in (0, STEP, 3600 * 90_000)] == [0, STEP, 3600 * 90_000]


def test_one_repeated_or_swapped_timestamp_moves_one_frame_only() -> None:
    repair = TimeRepair(TICK, STEP)
    times = [repair.picture(n * STEP, STEP) for n in (0, 1, 1, 3, 2, 4)]
    assert times == [0, STEP, STEP + STEP // 2, 3 * STEP, 3 * STEP + STEP // 2, 4 * STEP]
    assert repair.splices == 0


def test_a_clock_that_stands_still_runs_at_the_nominal_rate() -> None:
    repair = TimeRepair(TICK, STEP)
    times = [repair.picture(0, STEP) for _ in range(50)]
    assert times[-1] - times[-11] == 10 * STEP


def test_missing_timestamps_count_on() -> None:
    repair = TimeRepair(TICK, STEP)
    assert [repair.picture(pts, STEP) for pts in (None, None, 2 * STEP, None)] == [0, STEP, 2 * STEP, 3 * STEP]


@settings(max_examples=25)
@given(lead=st.integers(-40, 40), seconds=st.integers(-90_000, 90_000).filter(lambda s: abs(s) > 30))
def test_sound_stays_with_the_picture_across_a_splice(lead: int, seconds: int) -> None:
    """Either of the two may reach the splice first, by up to 1.6 s."""
    repair = transport_stream()
    length = Fraction(STEP) * TICK
    pictures, sounds = {}, {}
    for i in range(160):
        for kind, n in (("picture", i), ("sound", i + lead)):
            raw = Fraction(n * STEP) * TICK + 100_000 + (seconds if n >= 80 else 0)
            if n < 0:
                continue
            if kind == "picture":
                pictures[n] = repair.picture(int(raw / TICK), STEP) * TICK
            else:
                sounds[n] = repair.sound(raw, length)
    apart = {n: sounds[n] - pictures[n] for n in pictures.keys() & sounds.keys()}
    assert apart[50] == 0
    assert abs(apart[110] - apart[50]) <= 2 * length
    assert all(later > earlier for earlier, later in zip(sounds.values(), list(sounds.values())[1:], strict=False))


def test_sound_without_timestamps_runs_on_from_the_picture() -> None:
    repair = TimeRepair(TICK, STEP)
    repair.picture(90_000)
    assert [repair.sound(None, Fraction(1, 2)) for _ in range(3)] == [1, Fraction(3, 2), 2]
