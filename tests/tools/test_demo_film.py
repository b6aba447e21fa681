"""The demo film: what it contains, and the program that writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from streamtags.testing import render_shots
from tools.demo_film import DEMO_SUBTITLES, demo_shots, make_demo_film

ROOT = Path(__file__).parents[2]


def test_the_film_has_subtitles_a_start_timecode_and_every_kind_of_boundary(tmp_path: Path) -> None:
    truth = make_demo_film(tmp_path / "demo.mp4", seconds=16, size=(160, 90))
    assert truth.seconds == pytest.approx(16, abs=0.5)
    assert truth.timecodes[0] == "01:00:00:00"
    lines = (tmp_path / "demo.srt").read_text(encoding="utf-8").split("\n\n")
    assert len(lines) == len(DEMO_SUBTITLES)
    assert lines[-1].splitlines()[1].split(" --> ")[1] < "00:00:16,000"
    kinds = [boundary.kind for boundary in truth.boundaries]
    assert kinds.count("cut") >= 5
    assert {"cut", "dissolve", "black", "white"} == set(kinds)
    with av.open(str(truth.path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(frames) == truth.frames
    for boundary in truth.boundaries:
        if boundary.kind == "cut":
            changes = [float(np.mean(cv2.absdiff(frames[i], frames[i - 1]))) for i in range(boundary.frame - 3, boundary.frame + 4)]
            assert int(np.argmax(changes)) == 3, boundary


def test_the_film_is_the_same_every_time() -> None:
    shots = demo_shots(16)
    for frame, (one, other) in enumerate(
        zip(render_shots(shots, rate=24, size=(160, 90)), render_shots(shots, rate=24, size=(160, 90)), strict=True)
    ):
        if frame % 60 == 0:
            assert np.array_equal(one, other)


def test_the_program_writes_film_and_truth(tmp_path: Path) -> None:
    film, truth = tmp_path / "sub" / "demo.mp4", tmp_path / "truth.json"
    run = subprocess.run(
        [sys.executable, "-m", "tools.demo_film", str(film), "--truth", str(truth), "--seconds", "16", "--size", "160x90"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    assert "13 shots" in run.stdout
    assert '"start_timecode"' not in truth.read_text(encoding="utf-8")
    assert '"01:00:00:00"' in truth.read_text(encoding="utf-8")
