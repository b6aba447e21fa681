from __future__ import annotations

from fractions import Fraction

import pytest

from streamtags.core.errors import SourceError
from streamtags.sources.edit.edl import read_edl
from streamtags.sources.edit.flatten import flatten
from streamtags.sources.edit.model import Clip
from streamtags.sources.edit.read import read_edit
from tests.sources.edit.samples import Sample, samples

HEAD = "TITLE: T\nFCM: NON-DROP FRAME\n"


def clips_of(text: str, rate: int | Fraction = 25) -> tuple[Clip, ...]:
    return read_edl(HEAD + text, "list.edl", Fraction(rate)).sequence.tracks[0].clips


@pytest.mark.parametrize("sample", samples("cmx3600"), ids=lambda sample: sample.id)
def test_every_clip_of_a_real_list_is_at_its_record_and_source_frames(sample: Sample) -> None:
    edit = read_edit(sample.path, Fraction(sample.truth["nominal_fps"]))
    clips = [
        {
            "record_in": clip.record_in,
            "record_out": clip.record_out,
            "source_in": clip.source_in,
            "source_out": clip.source_out,
            "speed": None if clip.speed is None else round(float(clip.speed), 6),
            "name": clip.name or None,
            "reel": clip.media.reel,
            "transition": clip.transition and (clip.transition.kind, clip.transition.frames),
        }
        for track in edit.sequence.tracks
        for clip in track.clips
    ]
    expected = [
        {name: clip[name] for name in ("record_in", "record_out", "source_in", "source_out", "speed", "name", "reel")}
        | {"transition": clip["transition_in"] and (clip["transition_in"]["type"], clip["transition_in"]["frames"])}
        for track in sample.truth["tracks"]
        for clip in track["clips"]
    ]
    assert clips == expected
    assert edit.drop == sample.truth["record_drop_frame"]


@pytest.mark.parametrize("sample", samples("cmx3600"), ids=lambda sample: sample.id)
def test_every_locator_and_gap_of_a_real_list_is_at_its_frame(sample: Sample) -> None:
    edit = read_edit(sample.path, Fraction(sample.truth["nominal_fps"]))
    expected = sorted((marker["frame"], marker["color"], marker["text"]) for marker in sample.truth["markers"])
    assert sorted((marker.frame, marker.color, marker.name) for marker in edit.markers) == expected
    gaps = [[clip.record_in, clip.record_out] for clip in flatten(edit.sequence) if clip.kind == "gap"]
    assert gaps == sample.truth["gaps"]


@pytest.mark.parametrize("sample", samples("resolve-marker-edl"), ids=lambda sample: sample.id)
def test_the_markers_of_a_resolve_list_keep_color_name_duration_and_note(sample: Sample) -> None:
    edit = read_edit(sample.path, Fraction(sample.truth["nominal_fps"]))
    fields = ("frame", "color", "name", "duration_frames", "note")
    assert [(m.frame, m.color, m.name, m.frames, m.note) for m in edit.markers] == [
        tuple(marker[field] for field in fields) for marker in sample.truth["markers"]
    ]


def test_a_dissolve_starts_at_the_incoming_record_in() -> None:
    cut, dissolve = clips_of(
        "001 A V C 00:00:00:00 00:00:02:00 01:00:00:00 01:00:02:00\n"
        "002 A V C 00:00:02:00 00:00:02:00 01:00:02:00 01:00:02:00\n"
        "002 B V D 025 00:00:10:00 00:00:13:00 01:00:02:00 01:00:05:00\n* FROM CLIP NAME: a\n* TO CLIP NAME: b\n"
    )
    assert (cut.record_out, dissolve.record_in) == (90050, 90050)
    assert dissolve.transition is not None
    assert (dissolve.transition.kind, dissolve.transition.frames, dissolve.transition.record_in) == ("dissolve", 25, 90050)
    assert (dissolve.name, dissolve.media.reel) == ("b", "B")


def test_record_time_goes_on_after_midnight() -> None:
    first, second, third = clips_of(
        "001 A V C 10:00:00:00 10:00:02:00 23:59:57:00 23:59:59:00\n"
        "002 A V C 23:59:59:00 00:00:01:00 23:59:59:00 00:00:01:00\n"
        "003 A V C 10:00:00:00 10:00:02:00 00:00:01:00 00:00:03:00\n"
    )
    day = 25 * 86400
    assert (first.record_in, first.record_out) == (day - 75, day - 25)
    assert (second.record_in, second.record_out) == (day - 25, day + 25)
    assert (second.source_in, second.source_out) == (day - 25, day + 25)
    assert (third.record_in, third.record_out) == (day + 25, day + 75)


def test_drop_frame_lists_count_in_drop_frame() -> None:
    text = "FCM: DROP FRAME\n001 A V C 01:00:00:00 01:00:01:00 01:00:59:28 01:01:00:04\n"
    edit = read_edl(text, "list.edl", Fraction(30))
    clip = edit.sequence.tracks[0].clips[0]
    assert edit.rate == Fraction(30000, 1001)
    assert (clip.record_in, clip.record_out, clip.frames) == (109690, 109694, 4)
    assert edit.drop


@pytest.mark.parametrize(("frames", "rate"), [("23", 24), ("24", 25), ("29", 30), ("49", 50), ("59", 60)], ids=lambda value: str(value))
def test_an_unstated_rate_is_guessed_from_the_highest_frame_number_with_a_warning(frames: str, rate: int) -> None:
    text = f"001 A V C 00:00:00:00 00:00:01:{frames} 00:00:00:00 00:00:01:{frames}\n"
    edit = read_edl(text, "list.edl")
    assert edit.rate == rate
    assert "--rate" in edit.warnings[0]


def test_a_fast_clip_shows_more_source_than_its_out_says() -> None:
    """Final Cut 7 and Premiere write IN + record length."""
    (clip,) = clips_of("001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00\nM2 A 050.0 00:00:10:00\n")
    assert clip.speed == 2
    assert (clip.source_in, clip.source_out) == (250, 275)
    assert clip.used_frames() == (250, 299)


def test_a_freeze_shows_one_source_frame() -> None:
    (clip,) = clips_of("001 A V C 00:00:10:00 00:00:10:01 01:00:00:00 01:00:01:00\nM2 A 000.0 00:00:10:00\n")
    assert clip.speed == 0
    assert clip.used_frames() == (250, 251)


def test_a_reversed_clip_shows_its_last_frame_first() -> None:
    (clip,) = clips_of("001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00\nM2 A -025.0 00:00:10:00\n")
    assert clip.timing is not None
    assert [clip.timing.at(frame) for frame in (90000, 90001, 90024)] == [274, 273, 250]


def test_a_reversed_clip_of_final_cut_starts_at_its_source_in_and_goes_down() -> None:
    (clip,) = clips_of("001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00\n* COMMENT: \nM2 A -025.0 00:00:10:00\n")
    assert clip.used_frames() == (226, 251)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("001 A V C 00:00:10:00 00:00:11:00 01:00:00:00\n", 3),
        ("001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:25\n", 3),
        ("001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:61:01:00\n", 3),
        ("001 A V C 00:00:10:00 00:00:11:00 01:00:05:00 01:00:01:00\n", 3),
        ("001 A V C 00:00:12:00 00:00:11:00 01:00:00:00 01:00:01:00\n", 3),
        ("001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00\nM2 A fast\n", 4),
        ("M2 A 025.0 00:00:10:00\n", 3),
        ("001 A V C 1234567890 00:00:11:00 01:00:00:00 01:00:01:00\n", 3),
        ("x" * 5000, 3),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(text: str, line: int) -> None:
    with pytest.raises(SourceError, match=rf"list\.edl:{line}: ") as caught:
        clips_of(text)
    assert caught.value.code == "source.malformed"


@pytest.mark.parametrize("text", ["", "TITLE: nothing\n", "a shopping list\nmilk\n", "\x00\x01\x02"])
def test_a_file_without_events_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="no events"):
        read_edl(text, "list.edl")


@pytest.mark.parametrize(
    "line",
    [
        "001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00 trailing words",
        "001           V     C        00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00",
        "001\tA B\tVA1\tC\t00:00:10:00\t00:00:11:00\t1:00:00:00\t1:00:01:00",
        "000001  a_very_long_reel_name_of_a_camera  a/v  c  00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00",
        "001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00\nM2 A MSTR 050.0 00:00:10:00 further columns",
    ],
)
def test_unusual_columns_are_read(line: str) -> None:
    (clip,) = clips_of(line + "\n")
    assert (clip.record_in, clip.record_out, clip.source_in, clip.source_out) == (90000, 90025, 250, 275)


def test_a_locator_with_a_wrong_time_is_left_out_with_a_warning() -> None:
    event = "001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00\n"
    edit = read_edl(f"{HEAD}{event}* LOC: 01:00:00:99 RED x\n", "list.edl", Fraction(25))
    assert edit.markers == ()
    assert "line 4" in edit.warnings[0]


def test_a_source_that_counts_at_a_higher_rate_than_the_list_is_read_at_its_own() -> None:
    (clip,) = clips_of("001 A V C 00:00:10:00 00:00:10:29 01:00:00:00 01:00:01:00\n", 24)
    assert (clip.source_rate, clip.source_in, clip.source_out, clip.record_in) == (30, 300, 329, 86400)
    assert clip.used_frames() == (300, 329)


def test_video_tracks_of_a_list_lie_above_each_other() -> None:
    text = (
        "001 A V C 00:00:10:00 00:00:14:00 01:00:00:00 01:00:04:00\n* FROM CLIP NAME: low\n"
        "002 B V2 C 00:00:20:00 00:00:21:00 01:00:01:00 01:00:02:00\n* FROM CLIP NAME: high\n"
    )
    edit = read_edl(HEAD + text, "list.edl", Fraction(25))
    assert [(clip.name, clip.record_in, clip.source_in) for clip in flatten(edit.sequence)] == [
        ("low", 90000, 250),
        ("high", 90025, 500),
        ("low", 90050, 300),
    ]


def test_a_clip_reversed_at_normal_speed_shows_the_rate() -> None:
    text = "001 A V C 00:00:10:00 00:00:11:00 01:00:00:00 01:00:01:00\nM2 A -025.0 00:00:10:00\n"
    edit = read_edl(text, "list.edl")
    assert edit.rate == 25
    assert edit.sequence.tracks[0].clips[0].speed == -1
