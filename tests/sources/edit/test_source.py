from __future__ import annotations

import json
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from streamtags.config.settings import EditSettings, IngestSettings
from streamtags.core.errors import SourceError, SourceRefused
from streamtags.core.model import Boundary, Frame, Gap, Subtitle
from streamtags.sources.edit import pictures
from streamtags.sources.edit.source import EditSource, edit_identity, is_edit, open_edit
from streamtags.sources.file.access import Access

SETTINGS = IngestSettings(edit=EditSettings(rate="25"))


def make_counted(path: Path, frames: int, *, rate: int = 25, size: tuple[int, int] = (192, 108), timecode: str | None = None) -> None:
    """A file whose frames show their number: the tens as gray on the left, the ones on the right; with B-frames and long groups."""
    with av.open(str(path), "w") as container:
        if timecode:
            container.metadata["timecode"] = timecode
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "1", "g": "50", "bf": "3"}
        for number in range(frames):
            picture = np.full((size[1], size[0], 3), 20 * (number // 10), np.uint8)
            picture[:, size[0] // 2 :] = 20 * (number % 10)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    make_counted(folder / "a.mov", 100, timecode="10:00:00:00")
    make_counted(folder / "b.mp4", 60, size=(128, 128))
    return folder


def clip(name: str, start: int, frames: int, **more: Any) -> dict[str, Any]:
    def time(value: int) -> dict[str, Any]:
        return {"OTIO_SCHEMA": "RationalTime.1", "value": value, "rate": 25}

    span = {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(start), "duration": time(frames)}
    reference = {"OTIO_SCHEMA": "ExternalReference.1", "target_url": name}
    schema = "Clip.1" if name else "Gap.1"
    return {"OTIO_SCHEMA": schema, "name": name, "source_range": span, "media_reference": reference, **more}


def write_edit(folder: Path, *clips: dict[str, Any], name: str = "edit.otio") -> Path:
    track = {"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": list(clips)}
    start = {"OTIO_SCHEMA": "RationalTime.1", "value": 90000, "rate": 25}
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": "T",
        "global_start_time": start,
        "tracks": {"OTIO_SCHEMA": "Stack.1", "children": [track]},
    }
    path = folder / name
    path.write_text(json.dumps(timeline))
    return path


def read(path: Path, **more: Any) -> list[Frame | Subtitle | Gap]:
    with closing(open_edit(str(path), SETTINGS, **more)) as source:
        return list(source.read())


def numbers(items: list[Frame | Subtitle | Gap]) -> list[int]:
    """The numbers of the media frames that are shown."""

    def digit(frame: Frame, offset: int) -> int:
        height, width = frame.bgr.shape[:2]
        return round(float(frame.bgr[height // 2, width // 2 + offset].mean()) / 20)

    return [10 * digit(item, -20) + digit(item, 20) for item in items if isinstance(item, Frame)]


A = 900_000  # 10:00:00:00 at 25


def test_frames_are_shown_in_record_order_from_the_timecode_of_the_media(folder: Path) -> None:
    items = read(write_edit(folder, clip("a.mov", A + 40, 10), clip("b.mp4", 5, 7), clip("a.mov", A + 3, 5)))
    assert numbers(items) == [*range(40, 50), *range(5, 12), *range(3, 8)]
    frames = [item for item in items if isinstance(item, Frame)]
    assert [(frame.index, frame.pts, frame.duration) for frame in frames] == [(n, n, 1) for n in range(22)]
    assert [frame.still.pts for frame in frames] == list(range(22))
    assert len({frame.bgr.shape for frame in frames}) == 1


def test_source_frames_may_count_from_the_start_of_the_file_instead(folder: Path) -> None:
    assert numbers(read(write_edit(folder, clip("a.mov", 30, 5)))) == list(range(30, 35))


def test_speed_reverse_and_freeze_show_the_right_frames(folder: Path) -> None:
    def effect(scalar: float) -> list[dict[str, Any]]:
        return [{"OTIO_SCHEMA": "LinearTimeWarp.1", "time_scalar": scalar}]

    edit = write_edit(
        folder,
        clip("a.mov", A + 10, 5, effects=effect(2)),
        clip("a.mov", A + 90, 60, effects=effect(-1)),
        clip("b.mp4", 20, 3, effects=effect(0)),
        clip("b.mp4", 20, 4, effects=effect(0.5)),
    )
    items = read(edit)
    assert numbers(items) == [10, 12, 14, 16, 18, *range(90, 30, -1), 20, 20, 20, 20, 20, 21, 21]
    frozen = [item for item in items if isinstance(item, Frame)][65:68]
    assert len({id(frame.still) for frame in frozen}) == 1


def test_gaps_and_missing_media_are_gaps_and_the_rest_is_read(folder: Path) -> None:
    edit = write_edit(folder, clip("", 0, 4), clip("b.mp4", 0, 3), clip("nowhere.mov", 0, 5), clip("lost.mov", 0, 2), clip("b.mp4", 10, 2))
    with closing(open_edit(str(edit), SETTINGS)) as source:
        items = list(source.read())
        assert [item for item in items if isinstance(item, Gap)] == [Gap(0, 0, 4, 4), Gap(7, 7, 12, 12), Gap(12, 12, 14, 14)]
        assert numbers(items) == [0, 1, 2, 10, 11]
        assert source.missing == ["nowhere.mov", "lost.mov"]
        names = [info and info.media for info in (source.clip(0, 4), source.clip(4, 7), source.clip(7, 12))]
        assert names == [None, "b.mp4", "nowhere.mov"]


def test_the_cuts_of_the_edit_are_its_boundaries_and_a_segment_knows_its_clip(folder: Path) -> None:
    edit = write_edit(folder, clip("a.mov", A + 40, 10), clip("b.mp4", 5, 20))
    with closing(open_edit(str(edit), SETTINGS)) as source:
        assert isinstance(source, EditSource)
        assert source.boundaries() == [Boundary(0, "edit"), Boundary(10, "edit")]
        info = source.clip(15, 30)
        assert info is not None
        assert info.source_start is not None
        assert info.source_end is not None
        assert (info.name, info.source_start.frame, info.source_end.timecode, info.speed) == ("b.mp4", 10, "00:00:01:00", 1.0)
        video = source.info.video
        assert (video.rate, video.time_base, video.start_timecode, video.duration) == (25, Fraction(1, 25), "01:00:00:00", 1.2)


def test_markers_become_text_over_their_frames(folder: Path) -> None:
    start, duration = ({"OTIO_SCHEMA": "RationalTime.1", "value": value, "rate": 25} for value in (7, 8))
    span = {"OTIO_SCHEMA": "TimeRange.1", "start_time": start, "duration": duration}
    marker = {"OTIO_SCHEMA": "Marker.2", "name": "music in", "comment": "strings", "marked_range": span}
    edit = write_edit(folder, clip("b.mp4", 0, 10, markers=[marker]), clip("b.mp4", 30, 10))
    words = [item for item in read(edit) if isinstance(item, Subtitle)]
    assert words == [Subtitle(0.28, 0.4, "music in: strings"), Subtitle(0.4, 0.6, "music in: strings")]


def test_a_file_used_twenty_times_is_opened_once_and_the_same_range_decoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[pictures.MediaReader] = []
    create = pictures.MediaReader.__init__

    def counted(reader: pictures.MediaReader, *arguments: Any, **more: Any) -> None:
        create(reader, *arguments, **more)
        readers.append(reader)

    monkeypatch.setattr(pictures.MediaReader, "__init__", counted)
    items = read(write_edit(folder, *[clip("a.mov", A + 10, 15)] * 20))
    assert numbers(items) == [*range(10, 25)] * 20
    (reader,) = readers
    assert reader.decoded < 40


def test_only_used_ranges_are_decoded(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_counted(tmp_path / "long.mp4", 110)
    with closing(open_edit(str(write_edit(tmp_path, clip("long.mp4", 60, 5))), SETTINGS)) as source:
        assert numbers(list(source.read())) == list(range(60, 65))
        (reader,) = source._readers.values()
        assert reader is not None
        assert reader.decoded < 25


def test_the_last_picture_of_media_that_ends_too_early_is_repeated_for_a_second_and_then_there_is_a_gap(folder: Path) -> None:
    items = read(write_edit(folder, clip("b.mp4", 55, 1000)))
    shown = numbers(items)
    assert shown[:5] == [55, 56, 57, 58, 59]
    assert set(shown[5:]) == {59}
    assert 25 <= len(shown) - 5 <= 50
    assert items[-1] == Gap(len(shown), len(shown), 1000, 1000)


def test_an_edit_of_absurd_length_is_refused(folder: Path) -> None:
    with pytest.raises(SourceError, match="longer than 48 hours"):
        read(write_edit(folder, clip("b.mp4", 0, 10**9)))


def test_a_clip_far_outside_its_media_is_a_gap(folder: Path) -> None:
    items = read(write_edit(folder, clip("a.mov", 10**14, 5), clip("b.mp4", 0, 2)))
    assert items[0] == Gap(0, 0, 5, 5)
    assert numbers(items) == [0, 1]


def test_an_edit_without_any_media_is_refused_with_the_names(folder: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.mov.*--media-root"):
        read(write_edit(folder, clip("nowhere.mov", 0, 5)))


def test_media_outside_the_folders_that_may_be_read_counts_as_missing(folder: Path, tmp_path: Path) -> None:
    edit = write_edit(tmp_path, clip(str(folder / "a.mov"), 0, 5))
    with pytest.raises(SourceError, match="none of its media"):
        read(edit, access=Access(roots=(tmp_path,)))
    with pytest.raises(SourceRefused):
        read(edit, access=Access(roots=(folder,)))
    assert numbers(read(edit)) == list(range(5))


def test_a_damaged_file_counts_as_missing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"not a film" * 100)
    edit = write_edit(tmp_path, clip("broken.mp4", 0, 5), clip(str(folder / "b.mp4"), 0, 3))
    with closing(open_edit(str(edit), SETTINGS)) as source:
        assert [type(item) for item in source.read()] == [Gap, Frame, Frame, Frame]
        assert source.missing == ["broken.mp4"]


def test_of_several_files_of_a_reel_the_one_with_the_timecode_of_the_clip_is_read(tmp_path: Path) -> None:
    make_counted(tmp_path / "A001_1.mov", 60, timecode="10:00:00:00")
    make_counted(tmp_path / "A001_2.mov", 60, timecode="11:00:00:00")
    path = tmp_path / "list.edl"
    path.write_text(
        "001 A001 V C 11:00:01:00 11:00:01:05 01:00:00:00 01:00:00:05\n"
        "002 A001 V C 10:00:00:10 10:00:00:15 01:00:00:05 01:00:00:10\n"
        "003 A001 V C 12:00:00:00 12:00:00:05 01:00:00:10 01:00:00:15\n"
    )
    settings = SETTINGS.model_copy(update={"edit": EditSettings(rate="25", media_roots=[tmp_path])})
    with closing(open_edit(str(path), settings)) as source:
        items = list(source.read())
        assert numbers(items) == [*range(25, 30), *range(10, 15)]
        assert source.missing == ["A001"]
        names = [info and info.media for info in (source.clip(0, 5), source.clip(5, 10))]
        assert names == ["A001", "A001"]


def test_the_identity_changes_when_missing_media_appears(folder: Path, tmp_path: Path) -> None:
    edit = write_edit(tmp_path, clip("late.mp4", 0, 5))
    before = edit_identity(str(edit), SETTINGS)
    assert edit_identity(str(edit), SETTINGS) == before
    (tmp_path / "late.mp4").write_bytes((folder / "b.mp4").read_bytes())
    assert edit_identity(str(edit), SETTINGS) != before


@pytest.mark.parametrize(
    ("name", "answer"), [("x.edl", True), ("x.OTIO", True), ("x.fcpxmld", True), ("x.mp4", False), ("http://h/x.edl", False)]
)
def test_edits_are_recognized_by_their_ending(name: str, answer: bool) -> None:
    assert is_edit(name) is answer
