"""Segments as files: the right pictures, copied where that is exact, under names that every file system takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from streamtags.cli import main
from streamtags.config.settings import IngestSettings, Settings
from streamtags.core.errors import SourceError, UsageError
from streamtags.core.fold import fold
from streamtags.export import ExportOptions, TimelineView
from streamtags.run.clips import MANIFEST, clip_name, export_clips
from streamtags.sources.file.access import Access
from streamtags.sources.file.clips import ClipCutter
from streamtags.store.sqlite.store import SqliteStore
from streamtags.sync import analyze
from streamtags.testing import ShotSpec, make_video
from tests.payloads import Make


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of 30 frames at 25 frames a second; a key frame at each cut, B-frames between."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_video(path, [ShotSpec(frames=30), ShotSpec(frames=30, look="stripes")], size=(160, 90))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store.db") as opened:
        yield opened


def pictures(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray").tobytes() for frame in container.decode(video=0)]


def test_a_range_from_key_frame_to_key_frame_is_copied_picture_by_picture(film: Path, tmp_path: Path) -> None:
    with ClipCutter(str(film), Access(), IngestSettings()) as cutter:
        cut = cutter.cut(Fraction(30, 25), Fraction(60, 25), tmp_path / "clip.mp4")
    assert (cut.method, cut.frames, cut.reason) == ("copied", 30, "")
    assert pictures(tmp_path / "clip.mp4") == pictures(film)[30:]
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        assert [stream.type for stream in clip.streams] == ["video", "audio"]


@pytest.mark.parametrize(("first", "last", "reason"), [(10, 20, "begin with a key frame"), (0, 18, "one that follows")])
def test_another_range_is_encoded_frame_exactly_and_the_reason_is_given(
    film: Path, tmp_path: Path, first: int, last: int, reason: str
) -> None:
    with ClipCutter(str(film), Access(), IngestSettings()) as cutter:
        cut = cutter.cut(Fraction(first, 25), Fraction(last, 25), tmp_path / "clip.mp4")
    assert cut.method == "encoded"
    assert reason in cut.reason
    assert cut.frames == len(pictures(tmp_path / "clip.mp4")) == last - first


def test_selected_segments_become_files_with_a_manifest_and_replace_those_of_the_last_export(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder = f"sqlite:///{tmp_path}/cli.db", tmp_path / "clips"
    with SqliteStore(tmp_path / "cli.db") as store:
        analyze(str(film), store)
    for _ in range(2):
        assert main(["export", "last", "--format", "clips", "--output", str(folder), "--store", url]) == 0
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    assert {clip["file"] for clip in manifest["clips"]} | {MANIFEST} == {path.name for path in folder.iterdir()}
    assert sum(clip["frames"] for clip in manifest["clips"]) == 60
    assert "copied" in capsys.readouterr().out
    assert main(["export", "last", "--format", "clips", "--store", url]) == 2
    (folder / "mine.txt").write_text("not of an export", "utf-8")
    assert main(["export", "last", "--format", "clips", "--output", str(folder), "--store", url]) == 2
    assert (folder / "mine.txt").exists()


def test_a_film_that_changed_since_is_refused(film: Path, tmp_path: Path, store: SqliteStore) -> None:
    changed = tmp_path / "film.mp4"
    changed.write_bytes(film.read_bytes())
    timeline = analyze(str(changed), store).id
    changed.write_bytes(film.read_bytes()[:-1])
    with pytest.raises(SourceError, match="has changed"):
        export_clips(store, timeline, tmp_path / "clips", ExportOptions(), Settings())
    with pytest.raises(UsageError, match="colors"):
        export_clips(store, timeline, tmp_path / "clips", ExportOptions(colors={"mood": "Red"}), Settings())


def test_names_of_clips_are_safe_whatever_tags_are_called() -> None:
    make = Make()
    state = fold(make.events([make.opened(), make.detected(0), make.tagged(0, 1, **{"../Café \u202e|<x>": 0.9, "N" * 90: 0.8})]))
    marker = TimelineView.of(state).markers[0]
    assert clip_name(marker, ".mp4") == f"0001_01-00-00-00_cafe-x-{'n' * 53}.mp4"


def test_a_manifest_of_another_program_removes_nothing(tmp_path: Path, film: Path, store: SqliteStore) -> None:
    timeline = analyze(str(film), store).id
    outside, folder = tmp_path / "outside.txt", tmp_path / "clips"
    outside.write_text("keep", "utf-8")
    folder.mkdir()
    (folder / MANIFEST).write_text(json.dumps({"clips": [{"file": "../outside.txt"}, {"file": 3}, {}]}), "utf-8")
    export_clips(store, timeline, folder, ExportOptions(), Settings())
    assert outside.exists()
