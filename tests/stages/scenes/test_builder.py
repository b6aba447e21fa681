from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.events import SceneDetected
from streamtags.core.model import tag_scores
from streamtags.core.scene_fold import mean_tags
from streamtags.core.state import SegmentState
from streamtags.core.voices import COEFFICIENTS, Timbre
from streamtags.stages.scenes.builder import SceneBuilder
from streamtags.stages.scenes.look import difference, look_of

FOREST = {
    "brightness_percent": 35.0,
    "saturation_percent": 45.0,
    "warmth": -0.1,
    "palette": [{"name": "green", "hex": "#2f5d34", "share": 1.0}],
}
SNOW = {
    "brightness_percent": 85.0,
    "saturation_percent": 5.0,
    "warmth": -0.05,
    "palette": [{"name": "white", "hex": "#eef2f5", "share": 1.0}],
}
FIRE = {
    "brightness_percent": 30.0,
    "saturation_percent": 80.0,
    "warmth": 0.6,
    "palette": [{"name": "orange", "hex": "#d05a10", "share": 1.0}],
}
BLACK = {
    "brightness_percent": 1.0,
    "saturation_percent": 0.0,
    "warmth": 0.0,
    "palette": [{"name": "black", "hex": "#020202", "share": 1.0}],
}
NOTHING: dict[str, Any] = {}


def segments(
    make: Any, *evidence: dict[str, Any] | None, gradual: tuple[int, ...] = (), shots: list[int] | None = None
) -> list[SegmentState]:
    return [
        SegmentState(
            segment=f"s{i:04d}",
            index=i,
            shot=shots[i] if shots else i,
            start=make.time(i),
            end=make.time(i + 1),
            kind="shot",
            transition="gradual" if i in gradual else "cut",
            evidence=values,
        )
        for i, values in enumerate(evidence)
    ]


def scenes(given_segments: list[SegmentState]) -> list[SceneDetected]:
    builder = SceneBuilder()
    built = [scene for segment in given_segments for scene in builder.push(segment)]
    return built + builder.finish()


def lengths(given_segments: list[SegmentState]) -> list[int]:
    return [int(scene.last[1:]) - int(scene.first[1:]) + 1 for scene in scenes(given_segments)]


def test_a_change_of_look_parts_scenes(make: Any) -> None:
    assert lengths(segments(make, FOREST, FOREST, FOREST, SNOW, SNOW)) == [3, 2]


def test_a_dialogue_of_two_looks_stays_together(make: Any) -> None:
    assert lengths(segments(make, *[FOREST, SNOW] * 5, *[FIRE] * 3)) == [10, 3]
    assert lengths(segments(make, *[FOREST, SNOW] * 5, FOREST, *[FIRE] * 3)) == [11, 3]


def test_a_look_that_comes_back_after_many_shots_is_another_scene(make: Any) -> None:
    assert lengths(segments(make, FOREST, *[SNOW] * 4, FOREST)) == [6]
    assert lengths(segments(make, FOREST, *[SNOW] * 5, FOREST)) == [1, 5, 1]


def test_a_look_that_comes_back_after_long_is_another_scene(make: Any) -> None:
    slices = segments(make, FOREST, *[SNOW] * 20, FOREST, shots=[0, *[1] * 20, 2])  # one shot of 40 s between
    assert lengths(slices) == [1, 20, 1]


def test_a_fade_to_another_picture_parts_what_would_be_linked(make: Any) -> None:
    looks = [FOREST, SNOW, FIRE, SNOW, FOREST]
    assert lengths(segments(make, *looks)) == [5]
    assert lengths(segments(make, *looks, gradual=(2,))) == [1, 1, 1, 1, 1]
    assert lengths(segments(make, FOREST, FOREST, gradual=(1,))) == [2]


def test_black_with_another_picture_after_it_parts_scenes(make: Any) -> None:
    looks = [FOREST, SNOW, FOREST]
    assert lengths(segments(make, *looks, BLACK, SNOW, FOREST, SNOW)) == [4, 3]
    assert lengths(segments(make, FOREST, BLACK, FOREST)) == [3]
    assert lengths(segments(make, BLACK, FOREST)) == [1, 1]


def test_slices_of_a_shot_stay_together_whatever_they_show(make: Any) -> None:
    assert lengths(segments(make, FOREST, SNOW, FIRE, shots=[0, 0, 1])) == [2, 1]


def test_segments_of_which_nothing_is_known_join_their_neighbors(make: Any) -> None:
    assert lengths(segments(make, FOREST, None, NOTHING, SNOW)) == [4]


def test_a_scene_is_published_as_soon_as_it_is_certain(make: Any) -> None:
    builder = SceneBuilder()
    counts = [len(builder.push(segment)) for segment in segments(make, *[FOREST] * 2, *[SNOW] * 7)]
    assert counts == [0, 0, 0, 0, 0, 0, 0, 1, 0]


def test_a_scene_says_where_it_lies_and_what_it_is_about(make: Any) -> None:
    first, second = segments(make, FOREST, FOREST)
    first = first.model_copy(update={"tags": list(tag_scores([("Calm", 0.9), ("Warm", 0.4)]))})
    longer = second.model_copy(update={"end": make.time(4), "tags": list(tag_scores([("Calm", 0.5), ("Tense", 0.8)]))})
    assert [scene.model_dump() for scene in scenes([first, longer])] == [
        {
            "scene": "sc0000",
            "index": 0,
            "first": "s0000",
            "last": "s0001",
            "start": make.time(0).model_dump(),
            "end": make.time(4).model_dump(),
            "tags": [{"tag": "Calm", "confidence": 0.6}, {"tag": "Tense", "confidence": 0.6}, {"tag": "Warm", "confidence": 0.1}],
        }
    ]
    assert mean_tags([second]) == []


def test_no_segments_no_scenes() -> None:
    assert SceneBuilder().finish() == []


EVIDENCE = st.sampled_from([FOREST, SNOW, FIRE, BLACK, NOTHING, None, {"warmth": 0.5}, {"palette": "broken", "brightness_percent": None}])


@given(evidence=st.lists(EVIDENCE, max_size=40), gradual=st.sets(st.integers(0, 40)), sliced=st.sets(st.integers(0, 40)))
def test_scenes_cover_all_segments_once_in_order(make: Any, evidence: list[Any], gradual: set[int], sliced: set[int]) -> None:
    shots = [i - sum(at <= i for at in sliced) for i in range(len(evidence))]
    taken = segments(make, *evidence, gradual=tuple(gradual), shots=shots)
    built = scenes(taken)
    covered = [segment for scene in built for segment in taken[int(scene.first[1:]) : int(scene.last[1:]) + 1]]
    assert covered == taken
    assert [scene.index for scene in built] == list(range(len(built)))
    assert all(one.end == other.start for one, other in pairwise(built))
    assert built == scenes(taken)
    shot_of_first = {taken[int(scene.first[1:])].shot for scene in built}
    assert len(shot_of_first) == len(built), "a shot was split"


@given(
    palette=st.lists(
        st.fixed_dictionaries({"hex": st.from_regex(r"\A#[0-9a-f]{6}\Z"), "share": st.floats(0.01, 1)}), min_size=1, max_size=6
    ),
    brightness=st.floats(0, 100),
)
def test_a_look_differs_from_itself_by_nothing_and_both_ways_alike(palette: list[Any], brightness: float) -> None:
    one, other = look_of({"palette": palette, "brightness_percent": brightness}), look_of(FIRE)
    assert difference(one, one) == pytest.approx(0, abs=1e-9)
    assert difference(one, other) == pytest.approx(difference(other, one))


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        {},
        {"palette": [{"hex": "red", "share": 1.0}, {"hex": "#ffffff"}, {"share": 1.0}, {"hex": "#ffffff", "share": 0.0}, 5]},
        {"palette": 3, "brightness_percent": "bright", "warmth": None},
        {"loudness_lufs": -20.0},
    ],
)
def test_evidence_without_a_look_cannot_be_compared(evidence: Any) -> None:
    assert difference(look_of(evidence), look_of(FIRE)) is None


def with_sound(states: list[SegmentState], *contents: dict[str, float]) -> list[SegmentState]:
    return [
        state.model_copy(update={"answers": {"heard": {"content": {"speech": 0.0, "singing": 0.0, "music": 0.0, "other": 0.0, **content}}}})
        for state, content in zip(states, contents, strict=True)
    ]


def brightness(percent: float) -> dict[str, Any]:
    return {"brightness_percent": percent}


def test_what_is_heard_decides_where_looks_leave_it_open(make: Any) -> None:
    alike, unlike = brightness(40.0), [brightness(40.0), brightness(48.6)]  # .48 apart, just beyond the limit of .45
    assert lengths(segments(make, *unlike)) == [1, 1]
    assert lengths(with_sound(segments(make, *unlike), {"music": 1.0}, {"music": 0.9})) == [2]
    assert lengths(with_sound(segments(make, *unlike), {"other": 1.0}, {"other": 1.0})) == [1, 1]
    close = [alike, brightness(47.4)]  # .41 apart
    assert lengths(segments(make, *close)) == [2]
    assert lengths(with_sound(segments(make, *close), {"speech": 0.9}, {"music": 1.0})) == [1, 1]


def timbre(middle: float) -> dict[str, Any]:
    mean = np.zeros(COEFFICIENTS)
    mean[0] = middle
    return {"frames": 150, "timbre": Timbre(150, mean, np.eye(COEFFICIENTS)).packed()}


def with_voices(states: list[SegmentState], *middles: float | None) -> list[SegmentState]:
    spoken = with_sound(states, *[{"speech": 0.9}] * len(states))
    return [
        state.model_copy(update={"answers": {"heard": {**state.answers["heard"], "voices": [] if middle is None else [timbre(middle)]}}})
        for state, middle in zip(spoken, middles, strict=True)
    ]


def test_a_voice_that_goes_on_holds_a_scene_together_and_other_voices_do_not(make: Any) -> None:
    looks = [brightness(40.0), brightness(49.4)]  # .52 apart, at the limit where speech goes on
    assert lengths(with_voices(segments(make, *looks), None, 0.0)) == [1, 1]
    assert lengths(with_voices(segments(make, *looks), 0.0, 0.0)) == [2]
    close = [brightness(40.0), brightness(48.1)]  # .45 apart, under the limit where speech goes on
    assert lengths(with_voices(segments(make, *close), None, 0.0)) == [2]
    assert lengths(with_voices(segments(make, *close), 0.0, 1.7)) == [2]
    assert lengths(with_voices(segments(make, *close), 0.0, 5.0)) == [1, 1]


def test_the_voice_of_a_narrator_holds_nothing_together(make: Any) -> None:
    here, there = brightness(40.0), brightness(49.4)  # .52 apart, at the limit where speech goes on
    pictures = [brightness(10.0)] * 4 + [brightness(70.0)] * 4 + [brightness(90.0)] * 3 + [here] * 2 + [there] * 4
    assert lengths(with_voices(segments(make, *pictures), *[0.0] * 17)) == [4, 4, 3, 2, 4]
    assert lengths(with_voices(segments(make, *pictures[:15]), *[0.0] * 15)) == [4, 4, 3, 4]  # it is not known before 30 s


def test_a_person_who_speaks_for_long_in_one_place_is_no_narrator(make: Any) -> None:
    here, there = brightness(40.0), brightness(49.4)
    assert lengths(with_voices(segments(make, *[here] * 20, *[there] * 2), *[0.0] * 22)) == [22]


def test_two_who_take_turns_are_no_narrators(make: Any) -> None:
    here, there = brightness(40.0), brightness(49.4)
    pictures = [brightness(10.0)] * 4 + [brightness(70.0)] * 4 + [brightness(90.0)] * 4 + [here, here, there, there]
    assert lengths(with_voices(segments(make, *pictures), *[0.0, 5.0] * 8))[-1] == 4


def test_other_voices_part_no_pictures_that_are_the_same(make: Any) -> None:
    assert lengths(with_voices(segments(make, FOREST, FOREST, FOREST), 0.0, 5.0, 10.0)) == [3]
    assert lengths(with_voices(segments(make, FOREST, SNOW), 0.0, 0.0)) == [1, 1]


def test_without_pictures_a_voice_that_goes_on_holds_a_scene_together_and_turns_part_none(make: Any) -> None:
    near = {"loudness_lufs": -20.0, "spectral_centroid_hz": 1500.0, "onsets_per_second": 3.0}
    far = {**near, "loudness_lufs": -38.0}  # .5 apart
    assert lengths(with_voices(segments(make, near, far), 0.0, 0.0)) == [2]
    assert lengths(with_voices(segments(make, near, far), 0.0, None)) == [1, 1]
    softer = {**near, "loudness_lufs": -36.0}  # .44 apart
    assert lengths(with_voices(segments(make, near, softer), 0.0, 5.0)) == [2]


def test_without_pictures_a_change_of_sound_parts_scenes(make: Any) -> None:
    strings = {"loudness_lufs": -24.0, "spectral_centroid_hz": 600.0, "onsets_per_second": 0.2}
    drums = {"loudness_lufs": -12.0, "spectral_centroid_hz": 2400.0, "onsets_per_second": 2.4}
    assert lengths(segments(make, strings, strings, drums, drums, strings)) == [2, 2, 1]
    softer = {**strings, "loudness_lufs": -30.0, "onsets_per_second": 0.9}  # .28 apart
    assert lengths(segments(make, strings, softer)) == [2]
    assert lengths(with_sound(segments(make, strings, softer), {"speech": 0.9}, {"music": 1.0})) == [1, 1]
    assert lengths(segments(make, strings, {"loudness_lufs": None, "silence_share": 1.0}, NOTHING)) == [3]


def test_sound_parts_no_pictures_that_are_the_same(make: Any) -> None:
    assert lengths(with_sound(segments(make, FOREST, FOREST), {"speech": 0.9}, {"music": 1.0})) == [2]
