from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from streamtags.core.model import EvidenceValue, Frame, Picture
from streamtags.stages.measure.motion import CAMERA_MOVES, MotionMeter
from streamtags.testing.source import PictureStill

WIDTH, HEIGHT, RATE = 256, 144, 10


def texture(seed: int, size: tuple[int, int] = (700, 1200), finest: float = 0.25) -> Picture:
    """Cloudy noise with detail at every scale, as a photograph has."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((*size, 3), np.float32)
    for cell, weight in ((4, finest), (12, 0.5), (40, 0.8), (120, 1.0)):
        noise = rng.normal(size=(size[0] // cell + 2, size[1] // cell + 2, 3)).astype(np.float32)
        picture += weight * cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(110 + 45 * (picture - picture.mean()) / picture.std(), 0, 255), np.uint8)


def filmed(scene: Picture, right: float = 0, up: float = 0, zoom: float = 0, seconds: float = 2.0, shake: float = 0) -> Iterator[Picture]:
    """A camera over `scene`: speeds in percent of width (height for `up`, growth for `zoom`) a second; coding noise on top."""
    rng = np.random.default_rng(5)
    count = round(seconds * RATE)
    jitter = cv2.GaussianBlur(rng.normal(size=(count, 2)).astype(np.float32), (1, 5), 0.8) * shake / 100 * WIDTH
    for i in range(count):
        t = i / RATE - seconds / 2
        x = scene.shape[1] / 2 + right / 100 * WIDTH * t + jitter[i, 0]
        y = scene.shape[0] / 2 - up / 100 * HEIGHT * t + jitter[i, 1]
        scale = float(np.exp(zoom / 100 * t))
        matrix = np.array([[scale, 0, WIDTH / 2 - x * scale], [0, scale, HEIGHT / 2 - y * scale]], np.float32)
        picture = cv2.warpAffine(scene, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        yield np.clip(picture + 2 * rng.standard_normal(picture.shape, np.float32), 0, 255).astype(np.uint8)


def with_passer_by(pictures: Iterator[Picture]) -> Iterator[Picture]:
    """A quarter of the picture, busier than the rest, crosses it from left to right."""
    thing = texture(99, (90, 110))
    for i, picture in enumerate(pictures):
        left = 10 + 8 * i % (WIDTH - 120)
        picture[30:120, left : left + 110] = thing
        yield picture


def pushed(pictures: Iterator[Picture], start: float = 0.0, meter: MotionMeter | None = None) -> MotionMeter:
    meter = meter or MotionMeter()
    for i, picture in enumerate(pictures):
        meter.push(Frame(i, i, 1, picture, PictureStill(i, picture)), start + i / RATE)
    return meter


def measured(pictures: Iterator[Picture], seconds: float = 2.0) -> dict[str, EvidenceValue]:
    return pushed(pictures).measure(0, seconds)


def number(evidence: dict[str, EvidenceValue], name: str) -> float:
    value = evidence[name]
    assert isinstance(value, float)
    return value


MOVES: dict[str, dict[str, float]] = {
    "static": {},
    "pan_left": {"right": -1},
    "pan_right": {"right": 1},
    "tilt_up": {"up": 1},
    "tilt_down": {"up": -1},
    "zoom_in": {"zoom": 1},
    "zoom_out": {"zoom": -1},
    "handheld": {"shake": 1},
}


def test_nine_camera_moves_in_ten_are_recognized() -> None:
    wrong: list[tuple[str, float, int, bool]] = []
    count = 0
    scenes = {seed: texture(seed, finest=0.25 * (seed < 3)) for seed in (1, 2, 3)}
    for (move, direction), factor, (seed, scene), passer_by in product(MOVES.items(), (1, 3), scenes.items(), (False, True)):
        slowest = 5 if {"right", "up"} & direction.keys() else 6
        pictures = filmed(scene, **{name: sign * slowest * factor for name, sign in direction.items()})
        recognized = measured(with_passer_by(pictures) if passer_by else pictures)["camera"]
        count += 1
        if recognized != move:
            wrong.append((move, factor, seed, passer_by))
    assert count == 96
    assert len(wrong) <= 9, wrong
    assert [case for case in wrong if not case[3]] == []


@pytest.mark.parametrize("speed", [2.0, 40.0, 100.0])
def test_a_pan_is_recognized_and_measured_at_any_speed(speed: float) -> None:
    evidence = measured(filmed(texture(1), right=speed, seconds=1.2), 1.2)
    assert evidence["camera"] == "pan_right"
    assert number(evidence, "pan_percent_width_per_second") == pytest.approx(speed, rel=0.08, abs=0.15)
    assert number(evidence, "motion_percent_per_second") == pytest.approx(speed, rel=0.15, abs=0.4)
    assert number(evidence, "subject_motion_percent_per_second") < max(1.0, speed / 5)


def test_tilt_and_zoom_speeds_have_the_units_of_their_names() -> None:
    assert number(measured(filmed(texture(1), up=20)), "tilt_percent_height_per_second") == pytest.approx(20, rel=0.08)
    assert number(measured(filmed(texture(1), zoom=-10)), "zoom_percent_per_second") == pytest.approx(-10, rel=0.08)


def test_a_resting_camera_stays_at_rest_when_something_crosses_the_picture() -> None:
    evidence = measured(with_passer_by(filmed(texture(2))))
    assert evidence["camera"] == "static"
    assert evidence["pan_percent_width_per_second"] == pytest.approx(0, abs=0.3)
    assert number(evidence, "subject_motion_percent_per_second") > 3


def test_black_bars_do_not_slow_a_pan_down() -> None:
    def letterboxed() -> Iterator[Picture]:
        for picture in filmed(texture(1), right=15):
            picture[:20] = picture[-20:] = 0
            yield picture

    evidence = measured(letterboxed())
    assert evidence["camera"] == "pan_right"
    assert number(evidence, "pan_percent_width_per_second") == pytest.approx(15, rel=0.1)


def test_a_lone_thing_that_moves_on_a_blank_ground_is_no_camera_move() -> None:
    def lone() -> Iterator[Picture]:
        thing = texture(4, (60, 60))
        for i in range(20):
            picture = np.full((HEIGHT, WIDTH, 3), 12, np.uint8)
            picture[40:100, 20 + 5 * i : 80 + 5 * i] = thing
            yield picture

    evidence = measured(lone())
    assert evidence["camera"] == "static"
    assert number(evidence, "motion_percent_per_second") > 0.5


def test_pairs_that_straddle_a_cut_do_not_count() -> None:
    meter = pushed(filmed(texture(1), right=10, seconds=1.5))
    pushed(filmed(texture(2), right=-10, seconds=1.5), 1.5, meter)
    before, after = meter.measure(0, 1.5), meter.measure(1.5, 3.0)
    assert (before["camera"], after["camera"]) == ("pan_right", "pan_left")
    assert number(before, "pan_percent_width_per_second") == pytest.approx(10, rel=0.05)
    assert number(after, "pan_percent_width_per_second") == pytest.approx(-10, rel=0.05)


def test_measures_of_touching_segments_do_not_depend_on_how_the_stretch_is_cut() -> None:
    whole = pushed(filmed(texture(1), right=10)).measure(0, 2)
    meter = pushed(filmed(texture(1), right=10))
    halves = [meter.measure(0, 1), meter.measure(1, 2)]
    assert {half["camera"] for half in halves} == {whole["camera"]}
    assert number(halves[1], "pan_percent_width_per_second") == pytest.approx(number(whole, "pan_percent_width_per_second"), rel=0.02)


def test_a_measure_that_is_unknown_is_none() -> None:
    nothing = MotionMeter().measure(0, 1)
    one_frame = pushed(filmed(texture(1), seconds=1 / RATE)).measure(0, 0.1)
    for evidence in (nothing, one_frame):
        assert evidence["camera"] is None
        assert evidence["camera_confidence"] == 0
        assert evidence["motion_percent_per_second"] is None


def test_a_black_picture_does_not_move() -> None:
    evidence = measured(np.zeros((HEIGHT, WIDTH, 3), np.uint8) for _ in range(25))
    assert evidence["camera"] is None
    assert evidence["motion_percent_per_second"] == 0


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 256, 3), (455, 256, 3), (144, 2, 3)])
def test_pictures_of_any_shape_are_taken(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(3)
    evidence = measured(rng.integers(0, 255, shape, dtype=np.uint8) for _ in range(25))
    assert evidence["camera"] is None or evidence["camera"] in CAMERA_MOVES


def test_a_picture_may_change_its_size() -> None:
    meter = pushed(filmed(texture(1), right=10, seconds=1))
    pushed((np.rot90(picture) for picture in filmed(texture(1), seconds=1)), 1.0, meter)
    assert meter.measure(0, 2)["camera"] is not None


@pytest.mark.parametrize(
    ("name", "cameras"),
    [
        ("vtest.avi", {"static"}),
        ("test_video.mp4", {"static"}),
        ("run.mp4", {"static"}),
        ("demo_skeleton.mp4", {"static"}),
        ("gizmo.mp4", {"static"}),
        ("world.mp4", {"static"}),
        ("cockatoo.mp4", {"handheld"}),
        ("mma_pool_test.mp4", {"handheld"}),
        ("v_SoccerJuggling_g23_c01.avi", {"handheld", "pan_left"}),
    ],
)
def test_cameras_of_real_shots(shared_media: Path, name: str, cameras: set[str]) -> None:
    meter = MotionMeter()
    with av.open(str(shared_media / "single" / name)) as container:
        rate = float(container.streams.video[0].average_rate or 25)
        for i, frame in enumerate(container.decode(video=0)):
            small = frame.reformat(width=WIDTH, height=round(WIDTH * frame.height / frame.width), format="bgr24")
            picture = np.asarray(small.to_ndarray(), np.uint8)
            meter.push(Frame(i, i, 1, picture, PictureStill(i, picture)), i / rate)
            if i == 240:
                break
    assert meter.measure(0, 240)["camera"] in cameras
