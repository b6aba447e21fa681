"""Shots made of painted pictures: which changes are boundaries, which only look like one, and at which frame."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np
import pytest
from av import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.scene_manager import SceneManager
from scenedetect.stats_manager import StatsManager

from streamtags.shots.detector import StreamtagsDetector
from streamtags.sources.file.pictures import Orientation, Shrinker

Picture = NDArray[np.uint8]
SIZE = (256, 144)
RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(60)]


def scene(seed: int, frames: int, speed: float = 0.4) -> list[Picture]:
    """A painted place of its own colors, seen through a camera that drifts `speed` pixels a frame and a noisy sensor."""
    rng = np.random.default_rng(seed)
    tint = rng.uniform(20, 235, 3)
    relief = cv2.resize(rng.normal(0, 60, (12, 20, 3)).astype(np.float32), (384, 216), interpolation=cv2.INTER_CUBIC)
    detail = cv2.resize(rng.normal(0, 25, (54, 96, 1)).astype(np.float32), (384, 216), interpolation=cv2.INTER_CUBIC)
    place = np.clip(tint.astype(np.float32) + relief + detail[..., None], 0, 255)
    noise = rng.normal(0, 2, (7, 144, 256, 1)).astype(np.float32)
    pictures = []
    for i in range(frames):
        x = int(i * speed) % 128
        pictures.append(np.clip(place[36:180, x : x + 256] + noise[i % 7], 0, 255).astype(np.uint8))
    return pictures


def mix(a: list[Picture], b: list[Picture], length: int) -> list[Picture]:
    """`a` dissolved into `b` over `length` frames."""
    mixed = [cv2.addWeighted(a[len(a) - length + i], 1 - (i + 1) / (length + 1), b[i], (i + 1) / (length + 1), 0) for i in range(length)]
    return a[:-length] + [np.asarray(picture, np.uint8) for picture in mixed] + b[length:]


def fade(pictures: list[Picture], length: int, level: int, *, into: bool) -> list[Picture]:
    """The first (`into`) or last frames faded from or to a grey level."""
    faded = list(pictures)
    for i in range(length):
        at = i if into else len(pictures) - 1 - i
        faded[at] = np.clip(pictures[at] * (i / length) + level * (1 - i / length), 0, 255).astype(np.uint8)
    return faded


def detect(pictures: list[Picture], rate: Fraction = Fraction(25), detector: StreamtagsDetector | None = None) -> list[tuple[int, str]]:
    detector = detector or StreamtagsDetector()
    timecode = None
    for i, picture in enumerate(pictures):
        timecode = FrameTimecode(Timecode(i, 1 / rate), fps=rate)
        for boundary in detector.process_frame(timecode, picture):
            assert 0 < i - boundary.pts <= detector.lookahead(float(rate))
    if timecode is not None:
        detector.post_process(timecode)
    return [(event.timecode.pts, event.kind) for event in detector.events]


@pytest.mark.parametrize("rate", RATES)
def test_hard_cuts_are_detected_at_the_exact_frame(rate: Fraction) -> None:
    pictures = scene(1, 40) + scene(2, 30) + scene(3, 50) + scene(4, 60)
    assert detect(pictures, rate) == [(40, "cut"), (70, "cut"), (120, "cut")]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", [0.25, 0.5, 1.0, 2.0])
def test_a_dissolve_is_one_gradual_boundary_inside_it(rate: Fraction, seconds: float) -> None:
    length, before = round(seconds * rate), round(3.2 * rate)
    (boundary,) = detect(mix(scene(5, before), scene(6, before), length), rate)
    assert boundary[1] == "gradual"
    assert before - length <= boundary[0] <= before


@pytest.mark.parametrize("level", [0, 255], ids=["black", "white"])
@pytest.mark.parametrize(("length", "hold"), [(6, 0), (12, 3), (25, 0), (25, 5)])
def test_a_fade_through_black_or_white_is_one_boundary_near_its_middle(level: int, length: int, hold: int) -> None:
    gap = [np.full((144, 256, 3), level, np.uint8)] * hold
    pictures = fade(scene(7, 80), length, level, into=False) + gap + fade(scene(8, 80), length, level, into=True)
    (boundary,) = detect(pictures)
    assert 80 - length // 2 <= boundary[0] <= 80 + hold + length // 2


def test_a_long_black_is_a_shot_of_its_own() -> None:
    black = [np.zeros((144, 256, 3), np.uint8)] * 40
    boundaries = detect(fade(scene(7, 80), 20, 0, into=False) + black + fade(scene(8, 80), 20, 0, into=True))
    assert [kind for _, kind in boundaries] == ["gradual", "gradual"]
    assert 60 <= boundaries[0][0] <= 80
    assert 120 <= boundaries[1][0] <= 140


@pytest.mark.parametrize("length", [15, 60])
def test_a_fade_at_the_very_start_or_end_is_no_boundary(length: int) -> None:
    assert detect(fade(fade(scene(9, 160), length, 0, into=True), length, 0, into=False)) == []


def flash(pictures: list[Picture]) -> list[Picture]:
    return [np.clip(p.astype(np.int16) + 150, 0, 255).astype(np.uint8) if i in (30, 31, 55) else p for i, p in enumerate(pictures)]


def flicker(pictures: list[Picture]) -> list[Picture]:
    return [np.clip(p * (1 + 0.25 * np.sin(2.1 * i)), 0, 255).astype(np.uint8) for i, p in enumerate(pictures)]


def strobe(pictures: list[Picture]) -> list[Picture]:
    return [(p // 3) if 25 < i < 60 and i // 2 % 2 else p for i, p in enumerate(pictures)]


def title(pictures: list[Picture]) -> list[Picture]:
    shown = [p.copy() for p in pictures]
    for p in shown[40:]:
        cv2.putText(p, "A TITLE", (20, 90), cv2.FONT_HERSHEY_DUPLEX, 1.6, (250, 250, 250), 3)
    return shown


def lower_third(pictures: list[Picture]) -> list[Picture]:
    shown = [p.copy() for p in pictures]
    for p in shown[40:]:
        p[118:, :160] = (140, 40, 20)
    return shown


def zoom(pictures: list[Picture]) -> list[Picture]:
    def crop(p: Picture, scale: float) -> Picture:
        w, h = int(256 / scale), int(144 / scale)
        x, y = (256 - w) // 2, (144 - h) // 2
        return np.asarray(cv2.resize(p[y : y + h, x : x + w], SIZE), np.uint8)

    return [crop(p, 1 + 0.8 * i / len(pictures)) for i, p in enumerate(pictures)]


def light(pictures: list[Picture]) -> list[Picture]:
    share = [min(1.0, max(0.0, (i - 40) / 8)) for i in range(len(pictures))]
    return [np.clip(p * (1 - s * np.array([0.7, 0.6, 0.5])), 0, 255).astype(np.uint8) for p, s in zip(pictures, share, strict=True)]


def lamp(pictures: list[Picture]) -> list[Picture]:
    return [np.clip(p * 0.5, 0, 255).astype(np.uint8) if i < 40 else p for i, p in enumerate(pictures)]


def explosion(pictures: list[Picture]) -> list[Picture]:
    glow = [max(0, 220 - 22 * (i - 40)) if i >= 40 else 0 for i in range(len(pictures))]
    return [np.clip(p.astype(np.int16) + g, 0, 255).astype(np.uint8) for p, g in zip(pictures, glow, strict=True)]


def freeze(pictures: list[Picture]) -> list[Picture]:
    return pictures[:40] + [pictures[40]] * 20 + pictures[40:]


def grain(pictures: list[Picture]) -> list[Picture]:
    rng = np.random.default_rng(0)
    return [np.clip(p + rng.normal(0, 15, (144, 256, 1)), 0, 255).astype(np.uint8) for p in pictures]


def repeated(pictures: list[Picture]) -> list[Picture]:
    return [p for p in pictures for _ in range(2)]


@pytest.mark.parametrize("disturb", [flash, flicker, strobe, title, lower_third, zoom, light, lamp, explosion, freeze, grain, repeated])
def test_a_disturbance_inside_a_shot_is_no_boundary(disturb: Callable[[list[Picture]], list[Picture]]) -> None:
    assert detect(disturb(scene(10, 100))) == []


@pytest.mark.parametrize("disturb", [flash, flicker, title, lower_third, light, lamp, grain])
def test_a_cut_is_detected_next_to_a_disturbance(disturb: Callable[[list[Picture]], list[Picture]]) -> None:
    assert detect(disturb(scene(10, 70) + scene(11, 60))) == [(70, "cut")]


def test_a_fast_pan_is_no_boundary() -> None:
    assert detect(scene(12, 30, 0.0) + scene(12, 30, 6.0)[:20]) == []


@pytest.mark.parametrize("seconds", [1.0, 2.0])
def test_a_camera_that_turns_until_nothing_is_left_of_the_picture_is_no_boundary(seconds: float) -> None:
    turn = round(25 * seconds)
    wide = np.hstack([scene(12, 1)[0], scene(12, 1)[0][:, ::-1], scene(22, 1)[0][:, ::-1]])
    places = [round(512 * min(1.0, max(0.0, (i - 30) / turn))) for i in range(60 + turn)]
    assert detect([np.ascontiguousarray(wide[:, x : x + 256]) for x in places]) == []


def closer(pictures: list[Picture], scale: float) -> list[Picture]:
    """The middle of each picture, `scale` times as large."""
    w, h = round(256 / scale), round(144 / scale)
    x, y = (256 - w) // 2, (144 - h) // 2
    return [np.asarray(cv2.resize(p[y : y + h, x : x + w], SIZE, interpolation=cv2.INTER_AREA), np.uint8) for p in pictures]


def dim(pictures: list[Picture]) -> list[Picture]:
    return [(p // 3 + 8).astype(np.uint8) for p in pictures]


@pytest.mark.parametrize("seed", [31, 32, 33])
def test_a_slight_punch_in_and_out_in_one_dim_take_is_two_cuts(seed: int) -> None:
    take = dim(scene(seed, 110, 0.8))
    assert detect(take[:40] + closer(take[40:70], 1.15) + take[70:]) == [(40, "cut"), (70, "cut")]


@pytest.mark.parametrize("seed", [36, 37])
def test_a_jump_back_from_where_the_camera_came_slowly_is_a_cut(seed: int) -> None:
    take = scene(seed, 90)
    approach = [closer([p], 1 + 0.3 * i / 24)[0] for i, p in enumerate(take[20:45])]
    assert detect(take[:20] + approach + take[45:]) == [(45, "cut")]


def test_a_stream_that_stalls_and_jumps_ahead_is_no_boundary() -> None:
    pictures = zoom(scene(10, 100))
    assert detect(pictures[:40] + [pictures[40]] * 12 + pictures[52:]) == []


def drift(seed: int) -> list[Picture]:
    """A small title before a soft ground of two colors that drifts and changes."""
    rng = np.random.default_rng(seed)
    ground = cv2.resize(rng.uniform(0, 1, (5, 9)).astype(np.float32), (768, 288), interpolation=cv2.INTER_CUBIC)
    (first, second), pictures = rng.uniform(20, 235, (2, 3)), []
    for i in range(100):
        share = np.clip(ground[72:216, 3 * i : 3 * i + 256] + 0.3 * np.sin(i / 15), 0, 1)[..., None]
        pictures.append((first * (1 - share) + second * share).astype(np.uint8))
        cv2.putText(pictures[-1], "Seven Rivers", (66, 77), cv2.FONT_HERSHEY_DUPLEX, 0.6, (240, 240, 240), 2)
    return pictures


@pytest.mark.parametrize("seed", [1, 5, 7])
def test_a_ground_that_drifts_behind_a_title_is_no_boundary(seed: int) -> None:
    assert detect(drift(seed)) == []


def test_a_dissolve_behind_a_title_is_detected() -> None:
    (boundary,) = detect(title(mix(scene(5, 100), scene(6, 60), 12))[40:])
    assert boundary[1] == "gradual"
    assert 48 <= boundary[0] <= 60


def test_a_dissolve_is_detected_though_something_enters_the_picture_until_the_end() -> None:
    entering, behind = scene(8, 24), scene(40, 24)
    for i in range(10):
        width = round(12.8 * (i + 1))
        entering[14 + i][:, :width] = behind[14 + i][:, :width]
    (boundary,) = detect(mix(scene(5, 70), entering, 12), Fraction(15))
    assert boundary[1] == "gradual"
    assert 58 <= boundary[0] <= 70


def test_a_cut_is_detected_where_a_moving_picture_becomes_a_calm_one() -> None:
    rng = np.random.default_rng(5)
    moving = [np.roll(p, int(x), axis=1) for p, x in zip(scene(23, 40, 9.0), rng.integers(-20, 20, 40), strict=True)]
    assert detect(moving + scene(24, 40)) == [(40, "cut")]


@pytest.mark.parametrize("upright", [False, True], ids=["from the left", "from above"])
def test_a_wipe_is_one_gradual_boundary_inside_it(upright: bool) -> None:
    before, after = scene(25, 70), scene(26, 70)
    mixed = []
    for i in range(12):
        picture, edge = before[58 + i].copy(), (i + 1) / 13
        rows, columns = (round(144 * edge), 256) if upright else (144, round(256 * edge))
        picture[:rows, :columns] = after[i][:rows, :columns]
        mixed.append(picture)
    (boundary,) = detect(before[:58] + mixed + after[12:])
    assert boundary[1] == "gradual"
    assert 58 <= boundary[0] <= 70


def test_a_page_on_a_screen_that_changes_in_part_is_no_boundary() -> None:
    page = np.full((144, 256, 3), 245, np.uint8)
    rng = np.random.default_rng(3)
    for y in range(6, 140, 8):
        page[y : y + 3, 8 : int(rng.integers(30, 70))] = 60
        page[y : y + 3, 90 : int(rng.integers(110, 250))] = 60
    other = page.copy()
    other[:, 88:] = 245
    other[20:60, 100:220] = (200, 90, 30)
    for y in range(72, 140, 9):
        other[y : y + 4, 96 : int(rng.integers(110, 250))] = 40
    assert detect([page] * 40 + [other] * 40) == []


def interview(seed: int, wall: int) -> list[Picture]:
    """A person before a wall of one color."""
    people = scene(seed, 40, 1.0)
    y, x = np.ogrid[:144, :256]
    inside = ((x - 128) / 60) ** 2 + ((y - 90) / 70) ** 2 < 1
    return [np.where(inside[..., None], p, np.uint8(wall)).astype(np.uint8) for p in people]


def test_a_cut_between_two_people_before_the_same_wall_is_detected() -> None:
    assert detect(interview(27, 170) + interview(28, 170)) == [(40, "cut")]


@pytest.mark.parametrize("width", [480, 640, 1280, 1920])
def test_a_dark_cut_is_detected_at_every_size_of_the_source(width: int) -> None:
    shrinker = Shrinker(128, Fraction(1), Orientation())
    large = (cv2.resize((p // 7 + 5).astype(np.uint8), (width, width * 9 // 16)) for p in scene(29, 25, 2.0) + scene(30, 25, 2.0))
    assert detect([shrinker.small(VideoFrame.from_ndarray(p, format="bgr24")).copy() for p in large]) == [(25, "cut")]


def test_a_dissolve_between_dark_shots_is_detected() -> None:
    pictures = [(p // 9 + 5).astype(np.uint8) for p in mix(scene(5, 80), scene(6, 80), 12)]
    assert [kind for _, kind in detect(pictures)] == ["gradual"]


def test_a_cut_between_dark_shots_of_low_contrast_is_detected() -> None:
    pictures = [(p // 8 + 6).astype(np.uint8) for p in scene(13, 50) + scene(14, 50)]
    assert detect(pictures) == [(50, "cut")]


def test_pictures_may_have_any_size_and_change_it() -> None:
    take = scene(15, 120)
    tall = [np.asarray(cv2.resize(p, (108, 192)), np.uint8) for p in take[40:80]]
    small = [np.asarray(cv2.resize(p, (31, 17)), np.uint8) for p in take[80:]]
    assert detect(take[:40] + tall + small) == []
    assert detect(small + [np.asarray(cv2.resize(p, (200, 200)), np.uint8) for p in scene(16, 40)]) == [(40, "cut")]


def test_the_shortest_streams_have_no_boundary() -> None:
    detector = StreamtagsDetector()
    assert detector.post_process(FrameTimecode(0, fps=Fraction(25))) == []
    for frames in (1, 2, 3, 5):
        assert detect(scene(17, frames)) == []


def test_gradual_transitions_can_be_left_out() -> None:
    pictures = mix(scene(5, 80), scene(6, 80), 25)
    assert detect(pictures, detector=StreamtagsDetector(gradual=False)) == []


def test_an_absurd_frame_rate_does_not_cost_memory() -> None:
    assert detect(scene(18, 30) + scene(19, 30), Fraction(90000)) == [(30, "cut")]
    assert StreamtagsDetector().lookahead(90000) == StreamtagsDetector().event_buffer_length


@pytest.mark.parametrize("wrong", [{"settle_seconds": -0.1}, {"lookahead_seconds": 0.2}])
def test_impossible_lengths_of_time_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"lookahead_seconds|negative"):
        StreamtagsDetector(**wrong)  # type: ignore[arg-type]  # one keyword at a time


def test_it_runs_in_a_scene_manager_and_fills_its_stats() -> None:
    stats = StatsManager()
    manager = SceneManager(stats)
    manager.add_detector(StreamtagsDetector())
    pictures = scene(20, 60) + scene(21, 60)
    for i, picture in enumerate(pictures):
        manager._process_frame(FrameTimecode(i, fps=Fraction(25)), picture)
    manager._post_process(FrameTimecode(len(pictures) - 1, fps=Fraction(25)))
    assert [cut.frame_num for cut in manager._get_cutting_list()] == [60]
    step, calm = (stats.get_metrics(FrameTimecode(i, fps=Fraction(25)), ["layout_step", "palette_step"]) for i in (60, 30))
    assert step[0] > 5 * calm[0]
    assert step[1] > 3 * calm[1]


@settings(max_examples=15)
@given(lengths=st.lists(st.integers(12, 40), min_size=1, max_size=5), seed=st.integers(0, 10**6))
def test_boundaries_rise_and_stay_inside_the_stream(lengths: list[int], seed: int) -> None:
    pictures = [picture for i, length in enumerate(lengths) for picture in scene(seed + i, length, 2.0)]
    boundaries = [at for at, _ in detect(pictures)]
    assert all(0 < at < len(pictures) for at in boundaries)
    assert all(b - a >= 2 for a, b in itertools.pairwise(boundaries))
