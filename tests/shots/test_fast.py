"""The cheap content score is PySceneDetect's own, to the last bit."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detectors import AdaptiveDetector, ContentDetector
from scenedetect.stats_manager import StatsManager

from streamtags.shots.fast import FastAdaptiveDetector, FastContentDetector

Picture = NDArray[np.uint8]
RATE = Fraction(25)
PAIRS = [(ContentDetector, FastContentDetector), (AdaptiveDetector, FastAdaptiveDetector)]


def run(detector: ContentDetector, pictures: list[Picture]) -> tuple[list[int], list[float]]:
    """Cuts by frame, and every frame's score."""
    cuts, scores = [], []
    timecode = None
    for i, picture in enumerate(pictures):
        timecode = FrameTimecode(Timecode(i, 1 / RATE), fps=RATE)
        cuts += [cut.pts for cut in detector.process_frame(timecode, picture)]
        scores.append(float(detector._frame_score or 0.0))
    if timecode is not None:
        cuts += [cut.pts for cut in detector.post_process(timecode)]
    return cuts, scores


def edit(seed: int, lengths: list[int], size: tuple[int, int]) -> list[Picture]:
    """Shots of moving painted pictures with sensor noise."""
    rng = np.random.default_rng(seed)
    pictures = []
    for length in lengths:
        place = cv2.resize(rng.integers(0, 256, (9, 16, 3)).astype(np.uint8), (size[0] * 2, size[1]), interpolation=cv2.INTER_CUBIC)
        for i in range(length):
            x = i * 2 % size[0]
            noisy = place[:, x : x + size[0]] + rng.normal(0, 4, (size[1], size[0], 3))
            pictures.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return pictures


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
@settings(max_examples=12)
@given(
    seed=st.integers(0, 10**6),
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    size=st.tuples(st.integers(8, 90), st.integers(8, 60)),
)
def test_scores_and_cuts_are_identical(
    theirs: type[ContentDetector], ours: type[ContentDetector], seed: int, lengths: list[int], size: tuple[int, int]
) -> None:
    pictures = edit(seed, lengths, size)
    assert run(ours(), pictures) == run(theirs(), pictures)


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
@pytest.mark.parametrize("options", [{"luma_only": True}, {"weights": ContentDetector.Components(1.0, 0.5, 2.0, 0.7), "kernel_size": 5}])
def test_scores_and_cuts_are_identical_under_options(
    theirs: type[ContentDetector], ours: type[ContentDetector], options: dict[str, object]
) -> None:
    pictures = edit(3, [20, 25, 18], (80, 45))
    cuts, scores = run(ours(**options), pictures)
    assert (cuts, scores) == run(theirs(**options), pictures)
    assert 20 in cuts


def test_the_same_numbers_go_to_the_stats_file() -> None:
    pictures = edit(4, [12, 12], (64, 36))
    written = []
    for make in (ContentDetector, FastContentDetector):
        detector = make()
        detector.stats_manager = StatsManager()
        run(detector, pictures)
        written.append([detector.stats_manager.get_metrics(FrameTimecode(i, fps=RATE), detector.get_metrics()) for i in range(24)])
    assert written[0] == written[1]


def test_a_change_of_size_is_no_cut() -> None:
    (picture,) = edit(5, [1], (64, 36))
    pictures = [picture] * 30 + [np.asarray(cv2.resize(picture, (32, 18)), np.uint8)] * 30
    assert run(FastContentDetector(), pictures)[0] == []


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
@pytest.mark.parametrize("name", ["shots/SOX5yA1l24A.mp4", "edits/edit2_dissolves_fades.mp4"])
def test_real_footage_scores_and_cuts_identically(
    shared_media: Path, theirs: type[ContentDetector], ours: type[ContentDetector], name: str
) -> None:
    with av.open(str(shared_media / name)) as container:
        frames = islice(container.decode(video=0), 250)
        pictures = [np.asarray(frame.to_ndarray(width=320, height=180, format="bgr24"), np.uint8) for frame in frames]
    assert run(ours(), pictures) == run(theirs(), pictures)
