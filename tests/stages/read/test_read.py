"""The stage `read`: text on screen, from the choice of pictures to search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamtags.config.settings import load_settings
from streamtags.config.stages import ReadSettings
from streamtags.core.errors import ModelError
from streamtags.core.model import Measured, Picture, Segment
from streamtags.core.state import SegmentState
from streamtags.core.timebase import Clock
from streamtags.export.registry import export_timeline, find_format
from streamtags.run.analyze import analyze
from streamtags.run.search import open_search
from streamtags.stages.read.choice import clearest
from streamtags.stages.read.reader import Reading, is_installed
from streamtags.stages.read.stage import ReadRunner
from streamtags.stages.stage import SegmentWork
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.source import PictureStill

CLOCK = Clock(time_base=Fraction(1, 10), rate=Fraction(10))


def card(*lines: str, size: tuple[int, int] = (640, 360), blur: int = 0) -> Picture:
    """A title card: white letters on a dark ground."""
    picture = np.full((size[1], size[0], 3), 24, np.uint8)
    for number, line in enumerate(lines):
        cv2.putText(picture, line, (40, 120 + 80 * number), cv2.FONT_HERSHEY_DUPLEX, 1.6, (240, 240, 240), 2, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (blur, blur), 0) if blur else picture


def work(*pictures: Picture, tenths: int = 40) -> SegmentWork:
    start, end = CLOCK.at(0, 0), CLOCK.at(tenths, tenths)
    stills = tuple(PictureStill(pts, picture) for pts, picture in enumerate(pictures))
    state = SegmentState(segment="s0000", index=0, shot=0, start=start, end=end, kind="shot", transition="start")
    return SegmentWork(state, Measured(Segment("s0000", 0, 0, start, end, "shot", "start"), {}, stills=stills))


class Scripted:
    """Reads the same line in every picture, or raises."""

    model = "scripted"

    def __init__(self, error: Exception | None = None) -> None:
        self.pictures: list[Picture] = []
        self._error = error

    def read(self, picture: Picture) -> Sequence[Reading]:
        self.pictures.append(picture)
        if self._error:
            raise self._error
        return [Reading("NIGHT TRAIN", 0.99, (0.1, 0.1, 0.5, 0.1))]


def test_the_sharpest_picture_of_a_shot_is_read() -> None:
    stills = [PictureStill(pts, card("NIGHT TRAIN", blur=blur)) for pts, blur in enumerate((31, 9, 0, 15))]
    assert [still.pts for still in clearest(stills, 4.0, 8.0)] == [2]


def test_a_title_on_black_is_read_although_the_dissolve_before_it_is_clearer() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (360, 640, 3)).astype(np.uint8)
    title = np.zeros((360, 640, 3), np.uint8)
    cv2.putText(title, "presents", (280, 180), cv2.FONT_HERSHEY_DUPLEX, 0.5, (200, 200, 200), 1, cv2.LINE_AA)
    black = np.zeros_like(title)
    stills = [PictureStill(pts, picture) for pts, picture in enumerate((noise, black, title, black, black, black, black, noise))]
    assert [still.pts for still in clearest(stills, 4.0, 8.0)] == [2]


def test_a_long_shot_is_read_in_several_pictures() -> None:
    stills = [PictureStill(pts, card("A" * (1 + pts % 4))) for pts in range(8)]
    assert [still.pts for still in clearest(stills, 20.0, 8.0)] == [2, 3, 6]
    assert len(clearest(stills[:1], 20.0, 8.0)) == 1


async def test_pictures_are_scaled_down_and_the_answer_names_them() -> None:
    reader = Scripted()
    (answer,) = await ReadRunner(reader, ReadSettings(max_side=320)).run(work(card("NIGHT TRAIN")))
    assert [line.text for line in answer.lines] == ["NIGHT TRAIN"]
    assert (answer.frames, answer.model, answer.skipped) == ([0], "scripted", None)
    assert [picture.shape for picture in reader.pictures] == [(180, 320, 3)]


async def test_a_segment_beyond_the_budget_is_skipped_and_says_so() -> None:
    reader = Scripted()
    runner = ReadRunner(reader, ReadSettings(budget=0.001))
    runner._seconds_left = -1.0
    (answer,) = await runner.run(work(card("NIGHT TRAIN")))
    assert answer.skipped is not None
    assert "read.budget" in answer.skipped
    assert reader.pictures == answer.lines == []


async def test_a_reader_that_fails_fails_the_segment() -> None:
    with pytest.raises(ModelError, match="the text reader failed: no memory"):
        await ReadRunner(Scripted(RuntimeError("no memory")), ReadSettings()).run(work(card("NIGHT TRAIN")))


needs_rapidocr = pytest.mark.skipif(not is_installed(), reason="rapidocr is not installed: pip install 'streamtags[text]'")


@needs_rapidocr
async def test_titles_reach_caption_tags_search_and_exports(tmp_path: Path) -> None:
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 10, (640, 360))
    for lines in (("NIGHT TRAIN", "TO LISBON"), (), ("A ROMANTIC", "LOVE STORY")):
        for _ in range(15):
            writer.write(card(*lines) if lines else np.full((360, 640, 3), (90, 160, 40), np.uint8))
    writer.release()
    settings = load_settings({"read": {"enabled": "on"}, "store": f"sqlite:///{tmp_path / 's.db'}"})
    with SqliteStore(tmp_path / "s.db") as store:
        state = await analyze(str(film), settings, store)
        segments = state.segments
        assert [[line["text"].upper() for line in segment.answers["read"]["lines"]] for segment in segments] == [
            ["NIGHT TRAIN", "TO LISBON"],
            [],
            ["A ROMANTIC", "LOVE STORY"],
        ]
        assert 'the screen reads "NIGHT TRAIN / TO LISBON"' in str(segments[0].caption)
        assert "screen" not in str(segments[1].caption)
        assert "screen" in {score.source for score in segments[2].tags}
        search = open_search(store)
        try:
            (first, *_) = search.search("lisbon")
        finally:
            search.close()
        assert first.segment == "s0000"
        assert "screen" in dict(first.matched)
        table = export_timeline(store, state.id, find_format("csv")).decode()
        assert "NIGHT TRAIN" in table
        assert json.loads(export_timeline(store, state.id, find_format("json")))["segments"][0]["answers"]["read"]["lines"]
