"""An edit from its file to the timeline: the same shots from every format, gaps, text of markers, and reuse in a new version."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from streamtags.cli import main
from streamtags.sources.edit.read import read_edit
from streamtags.testing import ShotSpec, make_video

Cut = tuple[str, int, int]  # file, first source frame, frames
START = 90_000  # 01:00:00:00 at 25
LOOKS = ("texture", "stripes", "lights", "texture", "stripes", "lights", "texture", "stripes")
CUTS: list[Cut] = [("one.mp4", 10, 30), ("two.mp4", 5, 25), ("one.mp4", 90, 40), ("two.mp4", 60, 20), ("one.mp4", 150, 30)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edit")
    for seed, name in enumerate(("one.mp4", "two.mp4"), start=3):
        make_video(folder / name, [ShotSpec(60, look) for look in LOOKS[seed:]], size=(320, 180), seed=seed)
    return folder


def timecode(frame: int) -> str:
    seconds, frames = divmod(frame, 25)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frames:02}"


def as_edl(cuts: list[Cut]) -> str:
    lines, record = ["TITLE: Film", "FCM: NON-DROP FRAME"], START
    for number, (name, first, frames) in enumerate(cuts, start=1):
        times = (first, first + frames, record, record + frames)
        lines += [f"{number:03}  AX  V  C  {' '.join(map(timecode, times))}", f"* FROM CLIP NAME: {name}"]
        record += frames
    return "\n".join([*lines, f"* LOC: {timecode(START + 60)} RED MUSIC IN"])


def as_otio(cuts: list[Cut]) -> str:
    def time(value: int) -> dict[str, Any]:
        return {"OTIO_SCHEMA": "RationalTime.1", "value": value, "rate": 25}

    def span(first: int, frames: int) -> dict[str, Any]:
        return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(first), "duration": time(frames)}

    clips = [
        {
            "OTIO_SCHEMA": "Clip.1",
            "name": name,
            "source_range": span(first, frames),
            "media_reference": {"OTIO_SCHEMA": "ExternalReference.1", "target_url": name},
        }
        for name, first, frames in cuts
    ]
    tracks = {"OTIO_SCHEMA": "Stack.1", "children": [{"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": clips}]}
    tracks["markers"] = [{"OTIO_SCHEMA": "Marker.2", "name": "MUSIC IN", "marked_range": span(60, 1)}]
    return json.dumps({"OTIO_SCHEMA": "Timeline.1", "name": "Film", "global_start_time": time(START), "tracks": tracks})


def as_fcpxml(cuts: list[Cut]) -> str:
    record, items = START, []
    for name, first, frames in cuts:
        marker = f'<marker start="{first + 5}/25s" duration="1/25s" value="MUSIC IN"/>' if record <= START + 60 < record + frames else ""
        attributes = f'ref="{name[:3]}" name="{name}" offset="{record}/25s" start="{first}/25s" duration="{frames}/25s"'
        items.append(f"<asset-clip {attributes}>{marker}</asset-clip>")
        record += frames
    assets = "".join(
        f'<asset id="{name[:3]}" name="{name}" start="0s" duration="20s" hasVideo="1" format="r1"><media-rep src="{name}"/></asset>'
        for name in ("one.mp4", "two.mp4")
    )
    resources = f'<resources><format id="r1" frameDuration="1/25s"/>{assets}</resources>'
    sequence = f'<sequence format="r1" tcStart="3600s"><spine>{"".join(items)}</spine></sequence>'
    return f'<?xml version="1.0"?><!DOCTYPE fcpxml><fcpxml version="1.11">{resources}<project name="Film">{sequence}</project></fcpxml>'


def as_xmeml(cuts: list[Cut]) -> str:
    rate, record, items = "<rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate>", 0, []
    for name, first, frames in cuts:
        file = f'<file id="{name}"><name>{name}</name><pathurl>{name}</pathurl>{rate}</file>'
        times = f"<start>{record}</start><end>{record + frames}</end><in>{first}</in><out>{first + frames}</out>"
        items.append(f"<clipitem><name>{name}</name>{rate}{times}{file}</clipitem>")
        record += frames
    start = f"<timecode>{rate}<frame>{START}</frame></timecode>"
    marker = "<marker><name>MUSIC IN</name><in>60</in><out>-1</out></marker>"
    media = f"<media><video><track>{''.join(items)}</track></video></media>"
    return f'<xmeml version="5"><sequence><name>Film</name>{rate}{start}{media}{marker}</sequence></xmeml>'


def write_aaf(path: Path, cuts: list[Cut]) -> None:
    aaf2 = pytest.importorskip("aaf2", reason="pyaaf2 is not installed (extra `aaf`)")
    with aaf2.open(str(path), "w") as file:
        masters = {}
        for name in ("one.mp4", "two.mp4"):
            master = file.create.MasterMob(name)
            slot = master.create_timeline_slot(25)
            slot.segment = file.create.SourceClip(media_kind="picture", length=500)
            masters[name] = master, slot.slot_id
            file.content.mobs.append(master)
        composition = file.create.CompositionMob("Film")
        composition.usage = "Usage_TopLevel"
        slot = composition.create_timeline_slot(25)
        slot.segment = file.create.Timecode(25)
        slot.segment.start, slot.segment.length = START, sum(frames for _, _, frames in cuts)
        picture = composition.create_timeline_slot(25)
        picture.segment = file.create.Sequence("picture")
        for name, first, frames in cuts:
            master, slot_id = masters[name]
            picture.segment.components.append(master.create_source_clip(slot_id=slot_id, start=first, length=frames, media_kind="picture"))
        marks = file.create.EventMobSlot()
        marks["EditRate"].value, marks["SlotID"].value = 25, 20
        marks.segment = file.create.Sequence("DescriptiveMetadata")
        mark = file.create.DescriptiveMarker()
        mark["Position"].value, mark["Comment"].value, mark["DescribedSlots"].value = 60, "MUSIC IN", {picture.slot_id}
        marks.segment.components.append(mark)
        composition.slots.append(marks)
        file.content.mobs.append(composition)


WRITERS = {"edl": as_edl, "otio": as_otio, "fcpxml": as_fcpxml, "xml": as_xmeml}


def write(path: Path, cuts: list[Cut]) -> None:
    """Write an edit in the format of the path's suffix."""
    if path.suffix == ".aaf":
        write_aaf(path, cuts)
    else:
        path.write_text(WRITERS[path.suffix[1:]](cuts))


def analyzed(path: Path, store: Path, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    """The events of an analysis."""
    log = store.with_suffix(f".{path.name}.jsonl")
    flags = ["--rate", "25", "--media-root", str(path.parent), "--store", f"sqlite:///{store}", "--jsonl", str(log)]
    assert main(["analyze", str(path), *flags, *arguments]) == status
    return [json.loads(line) for line in log.read_text().splitlines()]


def of_type(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event["data"] for event in events if event["type"] == name]


def shots(events: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            shot["start"]["frame"],
            shot["end"]["frame"],
            shot["start"]["timecode"],
            shot["kind"],
            shot["transition"],
            shot["clip"]["name"],
            shot["clip"]["source_start"]["frame"],
            shot["clip"]["source_end"]["frame"],
        )
        for shot in of_type(events, "segment.detected")
    ]


@pytest.mark.parametrize("suffix", [*WRITERS, "aaf"])
def test_every_format_gives_the_same_shots_to_the_frame(suffix: str, folder: Path, tmp_path: Path) -> None:
    path = folder / f"film.{suffix}"
    write(path, CUTS)
    events = analyzed(path, tmp_path / "store.db")
    record, expected = 0, []
    for name, first, frames in CUTS:
        kind = ("shot", "edit" if record else "start")
        expected.append((record, record + frames, timecode(START + record), *kind, name, first, first + frames))
        record += frames
    assert shots(events) == expected
    assert len(of_type(events, "segment.tagged")) >= len(CUTS)
    texts = [measured["text"] for measured in of_type(events, "segment.measured")]
    assert texts == ["", "", "MUSIC IN", "", ""]


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_edit_is_exported_with_its_own_markers_and_those_of_its_tags(suffix: str, folder: Path, tmp_path: Path) -> None:
    path, target = folder / f"short.{suffix}", tmp_path / f"marked.{suffix}"
    path.write_text(WRITERS[suffix](CUTS[:3]))
    analyzed(path, tmp_path / "store.db")
    name = {"xml": "xmeml"}.get(suffix, suffix)
    export = ["export", "last", "--format", name, "--output", str(target), "--store", f"sqlite:///{tmp_path}/store.db"]
    assert main(export) == 0
    edit = read_edit(target, Fraction(25))
    assert [marker.frame - START for marker in edit.markers if marker.name != "MUSIC IN"] == [0, 30, 55]
    assert [marker.frame - START for marker in edit.markers if marker.name == "MUSIC IN"] == [60]
    assert edit.sequence.end_frame == START + 95
    moved = path.rename(folder / f"moved.{suffix}")
    assert main(export) == 3
    assert main([*export, "--onto", str(moved)]) == 0
    assert read_edit(target, Fraction(25)) == edit
    assert main([*export, "--new-timeline"]) == 0
    fresh = read_edit(target, Fraction(25))
    assert [clip.record_in - START for clip in fresh.sequence.tracks[0].clips] == [0, 30, 55]
    assert [clip.source_in for clip in fresh.sequence.tracks[0].clips] == [10, 5, 90]
    moved.write_text(WRITERS[suffix](CUTS[1:4]))
    assert main([*export, "--onto", str(moved)]) == 2


@pytest.mark.parametrize("suffix", WRITERS)
def test_markers_of_an_export_are_not_read_back_as_words_of_a_person(suffix: str, folder: Path, tmp_path: Path) -> None:
    path, target = folder / f"plain.{suffix}", folder / f"exported.{suffix}"
    path.write_text(WRITERS[suffix](CUTS[:3]))
    tags = [tagged["tags"] for tagged in of_type(analyzed(path, tmp_path / "store.db"), "segment.tagged")]
    name = {"xml": "xmeml"}.get(suffix, suffix)
    assert main(["export", "last", "--format", name, "--output", str(target), "--store", f"sqlite:///{tmp_path}/store.db"]) == 0
    assert len(read_edit(target, Fraction(25)).markers) == 4
    again = analyzed(target, tmp_path / "again.db")
    assert [measured["text"] for measured in of_type(again, "segment.measured")] == ["", "", "MUSIC IN"]
    assert [tagged["tags"] for tagged in of_type(again, "segment.tagged")] == tags


@pytest.mark.parametrize("suffix", [*WRITERS, "aaf"])
def test_a_new_version_captions_only_what_changed(suffix: str, folder: Path, tmp_path: Path) -> None:
    first, second = folder / f"version1.{suffix}", folder / f"version2.{suffix}"
    write(first, CUTS)
    analyzed(first, tmp_path / "store.db")
    changed = [("two.mp4", 130, 35), ("one.mp4", 210, 25), ("two.mp4", 190, 28)]
    moved = [CUTS[3], CUTS[0]]
    write(second, [changed[0], moved[0], changed[1], moved[1], changed[2], CUTS[4]])
    captions = of_type(analyzed(second, tmp_path / "store.db"), "segment.captioned")
    assert [caption["segment"] for caption in captions if caption["reused_from"] is None] == ["s0000", "s0002", "s0004"]
    assert len(captions) == 6


def test_missing_media_is_named_and_the_rest_is_analyzed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "missing.otio"
    path.write_text(as_otio([("lost.mov", 0, 20), CUTS[0], ("gone.mov", 7, 30), CUTS[1]]))
    events = analyzed(path, tmp_path / "store.db")
    rows = [(shot["kind"], shot["transition"], shot["clip"]["media"]) for shot in of_type(events, "segment.detected")]
    assert rows == [
        ("gap", "start", "lost.mov"),
        ("shot", "edit", "one.mp4"),
        ("gap", "edit", "gone.mov"),
        ("shot", "edit", "two.mp4"),
    ]
    assert capsys.readouterr().err.splitlines()[-2:] == ["missing: lost.mov", "missing: gone.mov"]
    bounds = [(shot["start"]["frame"], shot["end"]["frame"]) for shot in of_type(events, "segment.detected")]
    assert bounds == [(0, 20), (20, 50), (50, 80), (80, 105)]
    assert len(of_type(events, "segment.captioned")) == 2
    # Nothing has changed: the finished timeline is replayed.
    assert analyzed(path, tmp_path / "store.db") == events


def test_a_long_clip_is_sliced_and_each_slice_knows_its_source(folder: Path, tmp_path: Path) -> None:
    path = folder / "long.otio"
    path.write_text(as_otio([("one.mp4", 20, 200)]))
    events = analyzed(path, tmp_path / "store.db", "--set", "segments.max_seconds=3")
    detected = of_type(events, "segment.detected")
    assert {shot["kind"] for shot in detected} == {"slice"}
    sources = [(shot["clip"]["source_start"]["frame"], shot["clip"]["source_end"]["frame"]) for shot in detected]
    assert sources[0][0] == 20
    assert sources[-1][1] == 220
    assert [start for start, _ in sources[1:]] == [end for _, end in sources[:-1]]


def test_an_edit_without_media_ends_with_status_3(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "nothing.otio"
    path.write_text(as_otio([("lost.mov", 0, 20)]))
    assert main(["analyze", str(path), "--store", f"sqlite:///{tmp_path}/store.db"]) == 3
    assert "lost.mov" in capsys.readouterr().err


def test_a_dry_run_counts_the_clips_of_an_edit(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "dry.otio"
    path.write_text(as_otio(CUTS))
    assert main(["analyze", str(path), "--dry-run", "--store", f"sqlite:///{tmp_path}/store.db"]) == 0
    assert "5 shots" in capsys.readouterr().out
