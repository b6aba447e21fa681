from __future__ import annotations

import json
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import SourceError
from streamtags.sources.edit.flatten import flatten
from streamtags.sources.edit.model import Edit
from streamtags.sources.edit.otio import read_otio
from streamtags.sources.edit.read import read_edit
from tests.sources.edit.samples import Sample, samples

SAMPLES = [sample for sample in samples("otio") if "tracks" in sample.truth]


def time(value: float, rate: float = 24) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "value": value, "rate": rate}


def span(start: float, duration: float, rate: float = 24) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(start, rate), "duration": time(duration, rate)}


def clip(name: str, start: float, duration: float, rate: float = 24, **more: Any) -> dict[str, Any]:
    references = {"DEFAULT_MEDIA": {"OTIO_SCHEMA": "ExternalReference.1", "target_url": f"{name}.mov"}}
    return {"OTIO_SCHEMA": "Clip.2", "name": name, "source_range": span(start, duration, rate), "media_references": references, **more}


def composition(schema: str, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"OTIO_SCHEMA": schema, "children": list(children), **more}


def timeline(*tracks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "Timeline.1", "name": "T", "tracks": composition("Stack.1", *tracks), **more}


def edit_of(data: dict[str, Any]) -> Edit:
    return read_otio(json.dumps(data), "test.otio")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_every_clip_of_a_real_timeline_is_at_its_record_and_source_frames(sample: Sample) -> None:
    edit = read_edit(sample.path)
    assert (edit.rate, edit.sequence.start_frame) == (Fraction(sample.truth["rate"]), sample.truth["start_frame"])
    assert len(edit.sequence.tracks) == len(sample.truth["tracks"])
    for track, expected in zip(edit.sequence.tracks, sample.truth["tracks"], strict=True):
        rows = [
            (
                clip.name,
                clip.record_in,
                clip.record_out,
                clip.source_in,
                clip.source_rate,
                clip.speed and round(float(clip.speed), 9),
                clip.enabled,
                clip.transition and clip.transition.frames,
            )
            for clip in track.clips
            if clip.kind != "gap"
        ]
        assert rows == [
            (
                row["name"],
                row["record_in"],
                row["record_out"],
                Fraction(row["source_in"]),
                Fraction(row["source_rate"]),
                round(row["speed"], 9),
                row["enabled"],
                row["transition_in"] and row["transition_in"]["frames"],
            )
            for row in expected["clips"]
        ]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_every_marker_of_a_real_timeline_is_at_its_frame(sample: Sample) -> None:
    markers = [(marker.frame, marker.name, marker.color) for marker in read_edit(sample.path).markers if marker.on is None]
    expected = [(int(marker["frame"]), marker["name"], marker["color"]["name"]) for marker in sample.truth["markers"]]
    assert markers == sorted(expected)


@pytest.mark.parametrize("sample", [sample for sample in samples("otio") if sample.truth.get("ok")], ids=lambda sample: sample.id)
def test_numbers_that_json_does_not_have_are_read(sample: Sample) -> None:
    assert flatten(read_edit(sample.path).sequence)


def test_infinity_inside_text_stays_text() -> None:
    data = timeline(composition("Track.1", clip('Inf \\ " -Infinity', 0, 10)), metadata={"x": "Inf"})
    text = json.dumps(data).replace('"metadata": {"x": "Inf"}', '"metadata": {"x": Inf, "y": -Inf, "z": NaN}')
    assert read_otio(text, "test.otio").sequence.tracks[0].clips[0].name == 'Inf \\ " -Infinity'


def test_record_frames_count_from_the_global_start_time() -> None:
    edit = edit_of(timeline(composition("Track.1", clip("a", 5, 10)), global_start_time=time(86400)))
    first = flatten(edit.sequence)[0]
    assert (first.record_in, first.record_out, first.source_in, first.source_out) == (86400, 86410, 5, 15)


def test_decimal_rates_mean_the_exact_ntsc_rates() -> None:
    edit = edit_of(timeline(composition("Track.1", clip("a", 0, 10, 23.976), clip("b", 0, 10, 23.98)), global_start_time=time(0, 23.976)))
    assert edit.rate == Fraction(24000, 1001)
    assert [clip.record_out for clip in flatten(edit.sequence)] == [10, 20]


def test_clips_of_another_rate_keep_their_duration_in_seconds() -> None:
    edit = edit_of(timeline(composition("Track.1", clip("a", 50, 50, 50), clip("b", 0, 24)), global_start_time=time(0)))
    first, second = flatten(edit.sequence)
    assert (first.record_out, second.record_in, first.source_in, first.source_out, first.source_rate) == (24, 24, 50, 100, 50)


def test_a_time_warp_and_a_freeze_change_what_is_shown_and_not_how_long() -> None:
    warp = {"OTIO_SCHEMA": "LinearTimeWarp.1", "time_scalar": 2}
    back = {"OTIO_SCHEMA": "LinearTimeWarp.1", "time_scalar": -1}
    freeze = {"OTIO_SCHEMA": "FreezeFrame.1"}
    edit = edit_of(timeline(composition("Track.1", *(clip("a", 10, 10, effects=[effect]) for effect in (warp, back, freeze)))))
    shown = [(c.frames, c.speed, c.used_frames()) for c in flatten(edit.sequence)]
    assert shown == [(10, 2, (10, 29)), (10, -1, (1, 11)), (10, 0, (10, 11))]


def test_a_nested_stack_is_trimmed_by_its_source_range() -> None:
    nested = composition("Stack.1", composition("Track.1", clip("a", 0, 10), clip("b", 100, 10)), name="n", source_range=span(5, 10))
    edit = edit_of(timeline(composition("Track.1", clip("x", 0, 5), nested)))
    assert [(c.name, c.record_in, c.record_out, c.source_in, c.inside) for c in flatten(edit.sequence)] == [
        ("x", 0, 5, 0, ()),
        ("a", 5, 10, 5, ("n",)),
        ("b", 10, 15, 100, ("n",)),
    ]


def test_a_track_is_trimmed_by_its_source_range() -> None:
    edit = edit_of(timeline(composition("Track.1", clip("a", 0, 10), clip("b", 100, 10), source_range=span(5, 10))))
    assert [(c.name, c.record_in, c.record_out, c.source_in) for c in flatten(edit.sequence)] == [("a", 0, 5, 5), ("b", 5, 10, 100)]


def test_the_highest_enabled_track_is_seen() -> None:
    upper = composition("Track.1", {"OTIO_SCHEMA": "Gap.1", "source_range": span(0, 4)}, clip("over", 0, 2))
    off = composition("Track.1", clip("off", 0, 10), enabled=False)
    sound = composition("Track.1", clip("sound", 0, 10), kind="Audio")
    edit = edit_of(timeline(composition("Track.1", clip("a", 0, 10)), upper, off, sound))
    assert [(c.name, c.record_in, c.record_out, c.source_in) for c in flatten(edit.sequence)] == [
        ("a", 0, 4, 0),
        ("over", 4, 6, 0),
        ("a", 6, 10, 6),
    ]


def test_markers_of_a_clip_lie_at_their_record_frame() -> None:
    marker = {"OTIO_SCHEMA": "Marker.9", "name": "m", "color": "GREEN", "marked_range": span(12, 3)}
    (read,) = edit_of(timeline(composition("Track.1", clip("x", 0, 5), clip("a", 10, 10, markers=[marker])))).markers
    assert (read.frame, read.frames, read.color, read.on, read.visible) == (7, 3, "GREEN", "a", True)


def test_a_bundle_is_read(tmp_path: Path) -> None:
    path = tmp_path / "edit.otioz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.otio", json.dumps(timeline(composition("Track.1", clip("media/a", 0, 10)))))
    edit = read_edit(path)
    assert edit.sequence.tracks[0].clips[0].media.path == "media/a.mov"
    assert "unpack" in edit.warnings[-1]


@pytest.mark.parametrize("content", [b"PK\x03\x04 damaged", None])
def test_a_damaged_or_empty_bundle_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "edit.otioz"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("other.txt", "x")
    else:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=r"edit\.otioz: "):
        read_edit(path)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{\n"OTIO_SCHEMA": }', r"test\.otio:2: not JSON"),
        ('{"OTIO_SCHEMA": "Clip.1"}', "holds no timeline"),
        ("{" + '"a":{' * 100_000, "nested too deep|not JSON"),
        (json.dumps(timeline(composition("Track.1", clip("a", 0, -1)))), r"tracks\.children\[0\]\.children\[0\]"),
        (json.dumps(timeline(composition("Track.1", clip("a", 0, 1e300)))), r"children\[0\]\.source_range\.duration"),
        (json.dumps(timeline(composition("Track.1", {"OTIO_SCHEMA": "Clip.1"}, clip("a", 0, 1)))), "neither a source range"),
        (json.dumps(timeline(composition("Track.1", clip("a", 0, 1), {"x": 1}))), "cannot stand in a track"),
        (json.dumps(timeline(composition("Track.1", clip("a", 0, 1), children="many"))), "a list is expected"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line_or_element(text: str, where: str) -> None:
    with pytest.raises(SourceError, match=where):
        read_otio(text, "test.otio")
