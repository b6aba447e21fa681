from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.stages.measure.sample import Sampler


@dataclass(frozen=True)
class Item:
    pts: int


def items(count: int, step: int = 10, start: int = 0) -> list[Item]:
    return [Item(start + step * i) for i in range(count)]


def picked(sampler: Sampler[Item], start: int, end: int) -> list[int]:
    return [item.pts for item in sampler.pick(start, end)]


def feed(sampler: Sampler[Item], run: list[Item]) -> None:
    for item in run:
        sampler.push(item)


def stride_of(frames: int, count: int) -> int:
    """Frames between two candidates of a segment of so many frames."""
    stride = 1
    while frames > 4 * count * stride:
        stride *= 2
    return stride


def test_pictures_are_in_the_middle_of_equal_shares() -> None:
    sampler: Sampler[Item] = Sampler(4)
    feed(sampler, items(16, step=1))
    assert picked(sampler, 0, 16) == [2, 6, 10, 14]


@given(count=st.integers(1, 20), frames=st.integers(1, 3000), lookahead=st.integers(0, 60), step=st.integers(1, 1001))
def test_every_picture_is_within_one_stride_of_its_ideal_place(count: int, frames: int, lookahead: int, step: int) -> None:
    sampler: Sampler[Item] = Sampler(count, lookahead=lookahead)
    feed(sampler, items(frames, step))
    got = picked(sampler, 0, frames * step)
    assert len(got) == min(count, frames)
    assert all(a < b for a, b in pairwise(got))
    reach = step * stride_of(frames, count)
    for part, pts in enumerate(got):
        assert abs(pts - frames * step * (part + 0.5) / len(got)) <= reach


@given(
    frames=st.integers(1, 2000),
    start=st.integers(0, 100_000),
    rate=st.sampled_from([Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001)]),
)
def test_a_container_that_rounds_to_milliseconds_changes_nothing(frames: int, start: int, rate: Fraction) -> None:
    exact, rounded = Sampler[Item](8), Sampler[Item](8)
    step = Fraction(30000 * 1001) / rate  # whole ticks
    ticks = [int((start + i) * step) for i in range(frames + 1)]
    millis = [round(Fraction(tick, 30000 * 1001) * 1000) for tick in ticks]
    feed(exact, [Item(tick) for tick in ticks[:-1]])
    feed(rounded, [Item(milli) for milli in millis[:-1]])
    assert [ticks.index(pts) for pts in picked(exact, ticks[0], ticks[-1])] == [
        millis.index(pts) for pts in picked(rounded, millis[0], millis[-1])
    ]


@given(count=st.integers(1, 10), gaps=st.lists(st.integers(1, 500), min_size=1, max_size=300), lookahead=st.integers(0, 20))
def test_a_variable_rate_gives_distinct_frames_in_order(count: int, gaps: list[int], lookahead: int) -> None:
    sampler: Sampler[Item] = Sampler(count, lookahead=lookahead)
    times = [sum(gaps[:i]) for i in range(len(gaps))]
    feed(sampler, [Item(pts) for pts in times])
    got = picked(sampler, 0, sum(gaps))
    assert len(got) == min(count, len(times))
    assert set(got) <= set(times)
    assert got == sorted(set(got))


@given(count=st.integers(1, 12), frames=st.integers(1, 12))
def test_a_segment_shorter_than_the_count_gives_all_its_frames(count: int, frames: int) -> None:
    sampler: Sampler[Item] = Sampler(count, lookahead=3)
    feed(sampler, items(min(frames, count)))
    assert picked(sampler, 0, 10 * min(frames, count)) == [item.pts for item in items(min(frames, count))]


@given(
    count=st.integers(1, 10),
    before=st.integers(1, 400),
    after=st.integers(0, 400),
    lookahead=st.integers(0, 40),
    late=st.integers(0, 40),
)
def test_the_choice_does_not_depend_on_when_the_boundary_is_reported(
    count: int, before: int, after: int, lookahead: int, late: int
) -> None:
    run = items(before + after)
    cut, end = 10 * before, 10 * (before + after)
    late = min(late, lookahead, after)

    def halves(delay: int) -> tuple[list[int], list[int]]:
        sampler: Sampler[Item] = Sampler(count, lookahead=lookahead)
        feed(sampler, run[: before + delay])
        first = picked(sampler, 0, cut)
        sampler.split(cut)
        feed(sampler, run[before + delay :])
        return first, picked(sampler, cut, end)

    at_once, delayed = halves(0), halves(late)
    assert at_once == delayed
    assert len(delayed[0]) == min(count, before)
    assert len(delayed[1]) == min(count, after)
    assert all(pts < cut for pts in delayed[0])
    assert all(pts >= cut for pts in delayed[1])


@given(
    count=st.integers(1, 10),
    lengths=st.lists(st.integers(1, 30), min_size=2, max_size=12),
    lookahead=st.integers(30, 60),
)
def test_boundaries_reported_together_each_get_their_frames(count: int, lengths: list[int], lookahead: int) -> None:
    sampler: Sampler[Item] = Sampler(count, lookahead=lookahead)
    total = 0
    pending: list[tuple[int, int]] = []
    for length in lengths:
        feed(sampler, items(length, start=10 * total))
        pending.append((10 * total, 10 * (total + length)))
        total += length
        if total - pending[0][1] // 10 + lengths[0] > lookahead:
            for start, end in pending:
                assert len(picked(sampler, start, end)) <= count
                sampler.split(end)
            pending.clear()
    assert len(sampler) <= 4 * count + lookahead + 1


@given(count=st.integers(1, 10), frames=st.integers(2, 2000), lookahead=st.integers(0, 40))
def test_a_shot_halved_afterwards_still_gives_both_halves_their_pictures(count: int, frames: int, lookahead: int) -> None:
    sampler: Sampler[Item] = Sampler(count, lookahead=lookahead)
    feed(sampler, items(frames))
    middle = 10 * (frames // 2)
    first = picked(sampler, 0, middle)
    sampler.split(middle)
    second = picked(sampler, middle, 10 * frames)
    assert len(first) == min(count, frames // 2)
    assert len(second) == min(count, frames - frames // 2)


@pytest.mark.parametrize(("count", "lookahead"), [(1, 0), (8, 30), (3, 5)])
def test_memory_stays_bounded_in_a_long_segment(count: int, lookahead: int) -> None:
    sampler: Sampler[Item] = Sampler(count, lookahead=lookahead)
    most = 0
    for item in items(50_000):
        sampler.push(item)
        most = max(most, len(sampler))
    assert most == 4 * count + lookahead + 1
    assert len(picked(sampler, 0, 500_000)) == count


def test_a_segment_of_which_no_frame_was_kept_gives_the_last_one_before_it() -> None:
    sampler: Sampler[Item] = Sampler(1)
    feed(sampler, items(6))  # of which every second is kept
    sampler.push(Item(5000))
    assert picked(sampler, 50, 5000) == [40]
    sampler.split(50)
    assert picked(sampler, 50, 5000) == [40]


def test_a_segment_without_a_length_gives_nothing() -> None:
    sampler: Sampler[Item] = Sampler(4)
    feed(sampler, items(5))
    assert sampler.pick(1000, 1000) == ()


def test_a_count_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="count 0"):
        Sampler(0)
