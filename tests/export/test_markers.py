"""Markers and options: what every format starts from."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import UsageError
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.export import ExportOptions, Marker, find_format
from streamtags.export.markers import make_markers
from streamtags.export.options import parse_options, parse_rate

VOCABULARY = Vocabulary(
    id="moods",
    version="1",
    axes=(Axis(name="mood"), Axis(name="light")),
    tags=(Tag(name="Calm", axis="mood"), Tag(name="Warm", axis="light")),
)


def markers(state: TimelineState, **options: Any) -> tuple[Marker, ...]:
    return make_markers(state, ExportOptions(**options), VOCABULARY)


def with_segment(state: TimelineState, **fields: Any) -> TimelineState:
    first, *rest = state.segments
    return state.model_copy(update={"segments": (SegmentState.model_validate(first.model_dump() | fields), *rest)})


def test_a_marker_says_when_what_and_how_sure(state: TimelineState) -> None:
    first, second = markers(state, colors={"mood": "Blue"})
    assert (first.segment, first.number, first.name, first.comment) == ("s0000", 1, "Calm, Warm", "A boat.")
    assert (first.start_frame, first.end_frame, first.duration_frames) == (0, 48, 48)
    assert (first.start_timecode, first.end_timecode) == ("01:00:00:00", "01:00:02:00")
    assert (second.start, second.end) == (Fraction(2002, 1000), Fraction(4004, 1000))
    assert [score.confidence for score in first.tags] == [0.9, 0.5]
    assert (first.axis, first.color) == ("mood", "Blue")


def test_frames_count_at_the_target_rate_without_drift(state: TimelineState) -> None:
    assert [(marker.start_frame, marker.end_frame) for marker in markers(state, rate=50)] == [(0, 100), (100, 200)]
    assert [(marker.start_frame, marker.end_frame) for marker in markers(state, rate=Fraction(30000, 1001))] == [(0, 60), (60, 120)]


def test_a_marker_is_at_least_one_frame_long(state: TimelineState) -> None:
    assert [marker.duration_frames for marker in markers(state, rate=Fraction(1, 10))] == [1, 1]


@pytest.mark.parametrize(
    ("options", "tags"),
    [
        ({"axes": ("LIGHT",)}, [["Warm"], ["Warm"]]),
        ({"tags": ("calm",)}, [["Calm"], ["Calm"]]),
        ({"min_confidence": 0.6}, [["Calm"], ["Calm"]]),
        ({"axes": ("light",), "min_confidence": 0.6}, []),
    ],
)
def test_options_select_tags_and_leave_out_segments_without_one(
    state: TimelineState, options: dict[str, Any], tags: list[list[str]]
) -> None:
    assert [[score.tag for score in marker.tags] for marker in markers(state, **options)] == tags


def test_a_segment_without_a_tag_has_its_number_as_name(state: TimelineState) -> None:
    marker = markers(with_segment(state, tags=[], caption=None))[0]
    assert (marker.name, marker.comment, marker.axis) == ("Segment 1", "", None)


def test_gaps_of_a_live_source_are_left_out(state: TimelineState) -> None:
    assert [marker.segment for marker in markers(with_segment(state, kind="gap"))] == ["s0001"]


def test_an_unknown_axis_is_answered_with_a_suggestion(state: TimelineState) -> None:
    with pytest.raises(UsageError, match="no axis 'moood'; did you mean 'mood'"):
        markers(state, axes=("moood",))
    with pytest.raises(UsageError, match="no axis 'lights'"):
        markers(state, colors={"lights": "Red"})


def test_an_unknown_tag_is_answered_with_a_suggestion(state: TimelineState) -> None:
    with pytest.raises(UsageError, match="no tag 'Clam'; did you mean 'Calm'"):
        markers(state, tags=("Clam",))
    # A tag that a person gave need not be of the vocabulary.
    assert len(markers(with_segment(state, tags=[{"tag": "Own", "confidence": 1.0}]), tags=("own",))) == 1


def test_an_option_that_a_format_does_not_use_is_refused() -> None:
    with pytest.raises(UsageError, match="json: has no use for rate; it takes no options"):
        find_format("json").check(ExportOptions(rate=25))
    with pytest.raises(UsageError, match="vtt: has no use for rate; it takes axes, min_confidence, tags"):
        find_format("vtt").check(ExportOptions(rate=25))


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("25", Fraction(25)),
        ("24000/1001", Fraction(24000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        (29.97, Fraction(30000, 1001)),
        ("12.5", Fraction(25, 2)),
        ("24.0", Fraction(24)),
    ],
)
def test_rates_as_people_write_them(text: object, rate: Fraction) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "0", "-25", "25/0", "1e9", "1001", "nan", "inf", None])
def test_rates_that_are_none_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"frame rate|divides by zero"):
        parse_rate(text)


def test_options_come_from_pairs_as_in_a_query() -> None:
    pairs = [("rate", "25"), ("axis", "mood"), ("axis", "light"), ("color", "mood=Light Blue"), ("min_confidence", "0.5"), ("tag", None)]
    assert parse_options(pairs) == ExportOptions(rate=25, axes=("mood", "light"), colors={"mood": "Light Blue"}, min_confidence=0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate", "x"),
        ("min_confidence", "2"),
        ("min_confidence", "nan"),
        ("color", "blue"),
        ("color", "mood=<b>"),
        ("axis", ""),
        ("size", "1"),
    ],
)
def test_an_option_that_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"export option {name}"):
        parse_options([(name, value)])


@given(
    ends=st.lists(st.integers(1, 100_000), min_size=1, max_size=20, unique=True).map(sorted),
    rate=st.sampled_from([Fraction(24), Fraction(25), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)]),
)
def test_markers_of_adjacent_segments_are_adjacent(ends: list[int], rate: Fraction) -> None:
    state = _state_with_ends(ends)
    made = make_markers(state, ExportOptions(rate=rate))
    assert all(one.end == two.start for one, two in itertools.pairwise(made))
    assert all(one.end_timecode == two.start_timecode for one, two in itertools.pairwise(made))
    assert all(abs(marker.start_frame - marker.start * rate) <= Fraction(1, 2) for marker in made)


def _state_with_ends(ends: list[int]) -> TimelineState:
    def at(pts: int) -> dict[str, Any]:
        return {"pts": pts, "time_base": "1/1000", "seconds": pts / 1000, "frame": pts // 40, "timecode": "00:00:00:00"}

    video = {
        "codec": "h264",
        "width": 2,
        "height": 2,
        "rate": "25/1",
        "time_base": "1/1000",
        "start_timecode": "00:00:00:00",
        "duration": None,
    }
    return TimelineState.model_validate(
        {
            "source": {"uri": "a", "name": "a", "size": None, "container": "mov", "video": video},
            "segments": [
                {
                    "segment": f"s{index}",
                    "index": index,
                    "shot": index,
                    "start": at(start),
                    "end": at(end),
                    "kind": "shot",
                    "transition": "cut",
                }
                for index, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
            ],
        }
    )
