from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from streamtags.core.errors import SourceError
from streamtags.sources.edit.fcpxml import read_fcpxml
from streamtags.sources.edit.flatten import flatten
from streamtags.sources.edit.model import Clip, Edit
from streamtags.sources.edit.read import read_edit
from streamtags.sources.edit.xmltree import parse_xml
from tests.sources.edit.differences import DIFFERENCES
from tests.sources.edit.samples import Sample, samples

SAMPLES = samples("fcpxml")


def document(spine: str, *, resources: str = "", sequence: str = 'tcStart="3600s"') -> bytes:
    return f"""<?xml version="1.0"?><!DOCTYPE fcpxml>
<fcpxml version="1.11"><resources>
<format id="r1" frameDuration="1/25s"/><format id="r2" frameDuration="1001/30000s"/>
<asset id="a1" name="one" start="0s" duration="100s" hasVideo="1" format="r1"><media-rep src="file:///one.mov"/></asset>
<asset id="a2" name="two" start="3600s" duration="100s" hasVideo="1" format="r1" src="file:///two.mov"/>
<asset id="a3" name="sound" start="0s" duration="100s" hasAudio="1" src="file:///s.wav"/>
{resources}</resources><library><event><project name="P"><sequence format="r1" {sequence}><spine>{spine}</spine></sequence></project>
</event></library></fcpxml>""".encode()


def edit_of(spine: str, **more: str) -> Edit:
    return read_fcpxml(parse_xml(document(spine, **more), "test.fcpxml"))


def visible(edit: Edit) -> list[tuple[int, int, str, int | None]]:
    return [(clip.record_in, clip.record_out, clip.name or clip.kind, clip.source_in) for clip in flatten(edit.sequence)]


def expected_rows(sample: Sample) -> list[dict[str, Any]]:
    rows = [clip for track in sample.truth["sequences"][0]["tracks"] for clip in track["clips"]]
    return [row for row in rows if (sample.id, f"{row['name']} lane {row['lane']}") not in DIFFERENCES]


def key(row: dict[str, Any]) -> tuple[int, int, str]:
    return round(row["record_in"]), round(row["record_out"]), row["name"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_every_clip_of_a_real_project_is_at_its_record_and_source_frames(sample: Sample) -> None:
    sequence = read_edit(sample.path).sequence
    clips = [clip for track in sequence.tracks for clip in track.clips]
    rows = expected_rows(sample)
    assert sequence.start_frame == sample.truth["sequences"][0]["start_frame"]
    assert sorted((clip.record_in, clip.record_out, clip.name) for clip in clips) == sorted(map(key, rows))
    for row in rows:
        clip = next(clip for clip in clips if (clip.record_in, clip.record_out, clip.name) == key(row))
        assert (clip.transition and clip.transition.frames) == (row["transition_in"] and row["transition_in"]["frames"])
        assert clip.enabled == row["enabled"]
        if row["kind"] in ("gap", "title"):
            assert clip.kind == row["kind"]
        if row.get("source_in") is not None:
            check_source(clip, row)


def check_source(clip: Clip, row: dict[str, Any]) -> None:
    assert clip.source_rate == Fraction(row["source_rate"])
    assert clip.speed is not None
    assert round(float(clip.speed), 6) == row["speed"]
    assert clip.media.path == row["src"]
    if "time_map" in row:
        assert clip.timing is not None
        assert clip.timing.first / clip.source_rate == Fraction(row["source_in_s_after_time_map"])
    else:
        assert clip.source_in == row["source_in"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_every_marker_and_caption_of_a_real_project_is_at_its_frame(sample: Sample) -> None:
    edit = read_edit(sample.path)
    truth = sample.truth["sequences"][0]
    expected = [(round(marker["frame"]), marker["name"], marker["visible"]) for marker in truth["markers"]]
    assert sorted((marker.frame, marker.name, marker.visible) for marker in edit.markers) == sorted(expected)
    captions = [(caption["record_in"], caption["record_out"], caption["text"]) for caption in truth["captions"]]
    assert [(caption.frame, caption.frame + caption.frames, caption.name) for caption in edit.captions] == captions


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_the_visible_picture_covers_the_project_without_overlap(sample: Sample) -> None:
    sequence = read_edit(sample.path).sequence
    clips = flatten(sequence)
    assert [clip.record_in for clip in clips] == [sequence.start_frame, *(clip.record_out for clip in clips[:-1])]
    assert clips[-1].record_out == sequence.end_frame


def test_items_without_an_offset_follow_each_other() -> None:
    edit = edit_of(
        '<asset-clip name="x" ref="a1" duration="2s" start="1s"/><gap duration="1s"/><asset-clip name="y" ref="a1" duration="1s"/>'
    )
    assert visible(edit) == [(90000, 90050, "x", 25), (90050, 90075, "gap", None), (90075, 90100, "y", 0)]


def test_source_frames_include_the_start_timecode_of_the_media() -> None:
    explicit, default = flatten(
        edit_of('<asset-clip name="x" ref="a2" duration="1s" start="3605s"/><asset-clip name="y" ref="a2" duration="1s"/>').sequence
    )
    assert (explicit.source_in, explicit.source_out) == (90125, 90150)
    assert default.source_in == 90000
    assert default.media.start == 90000


def test_a_connected_clip_hides_the_storyline_below_and_a_disabled_one_does_not() -> None:
    spine = """<asset-clip name="x" ref="a1" offset="3600s" duration="4s" start="10s">
      <asset-clip name="over" ref="a1" lane="1" offset="11s" duration="1s"/>
      <asset-clip name="off" ref="a1" lane="2" offset="12s" duration="1s" enabled="0"/>
      <asset-clip name="under" ref="a1" lane="-1" offset="12s" duration="1s"/>
      <asset-clip name="sound" ref="a3" lane="3" offset="10s" duration="4s"/></asset-clip>"""
    assert visible(edit_of(spine)) == [(90000, 90025, "x", 250), (90025, 90050, "over", 0), (90050, 90100, "x", 300)]


def test_a_title_over_a_clip_is_transparent_and_alone_it_is_seen() -> None:
    words = '<text><text-style ref="s">Words</text-style></text>'
    above = f'<title name="t" lane="1" ref="e" duration="1s" start="3600s">{words}</title>'
    alone = f'<title name="t" ref="e" duration="1s" start="3600s">{words}</title>'
    spine = f'<asset-clip name="x" ref="a1" duration="2s">{above}</asset-clip>{alone}'
    edit = edit_of(spine)
    assert [row[:3] for row in visible(edit)] == [(90000, 90050, "x"), (90050, 90075, "t")]
    assert flatten(edit.sequence)[1].text == "Words"


def test_the_active_clip_of_an_audition_is_read() -> None:
    clips = '<asset-clip name="x" ref="a1" duration="1s"/><asset-clip name="y" ref="a2" duration="2s"/>'
    edit = edit_of(f'<audition>{clips}</audition><gap duration="1s"/>')
    assert visible(edit) == [(90000, 90025, "x", 0), (90025, 90050, "gap", None)]


COMPOUND = """<media id="m1" name="C"><sequence format="r1" tcStart="0s"><spine><asset-clip name="x" ref="a1" duration="2s"/>
<asset-clip name="y" ref="a1" duration="2s" start="50s"/></spine></sequence></media>"""


def test_a_compound_clip_shows_the_cuts_inside_it() -> None:
    edit = edit_of('<ref-clip name="c" ref="m1" duration="2s" start="1s"/>', resources=COMPOUND)
    assert visible(edit) == [(90000, 90025, "x", 25), (90025, 90050, "y", 1250)]
    assert flatten(edit.sequence)[0].inside == ("c",)


def test_a_reversed_compound_clip_shows_its_cuts_backwards() -> None:
    time_map = '<timeMap><timept time="0s" value="4s"/><timept time="4s" value="0s"/></timeMap>'
    spine = f'<ref-clip name="c" ref="m1" duration="4s">{time_map}</ref-clip>'
    clips = flatten(edit_of(spine, resources=COMPOUND).sequence)
    assert [clip.name for clip in clips] == ["y", "x"]
    assert {clip.speed for clip in clips} == {-1}
    assert [clip.used_frames() for clip in clips] == [(1250, 1300), (0, 50)]


def test_compound_clips_that_contain_themselves_are_refused() -> None:
    loop = '<media id="m1" name="C"><sequence format="r1"><spine><ref-clip ref="m1" duration="2s"/></spine></sequence></media>'
    with pytest.raises(SourceError, match="nested more than"):
        edit_of('<ref-clip ref="m1" duration="2s"/>', resources=loop)


def test_compound_clips_that_multiply_without_end_are_refused() -> None:
    levels = "".join(
        f'<media id="m{n}"><sequence format="r1"><spine>{f"<ref-clip ref={chr(34)}m{n - 1}{chr(34)} duration={chr(34)}2s{chr(34)}/>" * 20}'
        "</spine></sequence></media>"
        for n in range(2, 12)
    )
    edit = edit_of('<ref-clip ref="m11" duration="1000000s"/>', resources=COMPOUND + levels)
    with pytest.raises(SourceError, match="more than 100000 clips"):
        flatten(edit.sequence)


def test_a_freeze_and_a_speed_curve_are_read_from_a_time_map() -> None:
    hold = '<timeMap><timept time="0s" value="5s"/><timept time="2s" value="5s"/></timeMap>'
    ramp = '<timeMap><timept time="0s" value="0s"/><timept time="1s" value="1s"/><timept time="2s" value="5s" interp="smooth2"/></timeMap>'
    clips = [f'<asset-clip ref="a1" duration="2s">{time_map}</asset-clip>' for time_map in (hold, ramp)]
    freeze, curve = flatten(edit_of("".join(clips)).sequence)
    assert (freeze.speed, freeze.source_in, freeze.source_out) == (0, 125, 126)
    assert curve.speed is None
    assert curve.timing is not None
    assert [curve.timing.at(90050 + frame) for frame in (0, 25, 26, 49)] == [0, 25, 29, 121]
    assert "straight pieces" in curve.notes[0]


def test_media_of_another_rate_keeps_its_speed_except_between_film_rates() -> None:
    """25 in 24 plays frame for frame; 29.97 in 25 keeps its speed."""
    edit = edit_of('<asset-clip name="x" ref="b" duration="1s"/>', resources='<asset id="b" hasVideo="1" format="r2" src="file:///b.mov"/>')
    (clip,) = flatten(edit.sequence)
    assert clip.timing is not None
    assert clip.timing.advance == Fraction(30000, 1001) / 25


@pytest.mark.parametrize(
    ("spine", "message"),
    [
        ('<asset-clip ref="nope" duration="1s"/>', "refers to"),
        ('<asset-clip ref="a1" duration="1/0s"/>', "is not a time"),
        ('<asset-clip ref="a1" duration="fast"/>', "is not a time"),
        ('<ref-clip ref="a1" duration="1s"/>', "refers to"),
        ("<gap/>", "has no duration"),
        ('<gap duration="99999999999s"/>', "too large"),
        ('<gap duration="1s"><gap lane="x" duration="1s"/></gap>', "lane number"),
        ('<asset-clip ref="a1" duration="-1s"/>', "is negative"),
        ('<gap duration="9s"/><transition duration="-1s" offset="3602s"/><gap duration="9s"/>', "is negative"),
        ('<gap duration="1s"><caption lane="1" duration="-1s"/></gap>', "is negative"),
        ('<asset-clip ref="a1" duration="1s"><conform-rate srcFrameRate="fast"/></asset-clip>', "is not a frame rate"),
        ('<hologram duration="1s"/>', "no item of a storyline"),
        ('<gap duration="1s"><hologram lane="1" duration="1s"/></gap>', "in a lane is nothing that can be read"),
        ('<gap duration="1s"><spine lane="1"><asset-clip ref="a1" duration="1s"/><caption duration="1s"/></spine></gap>', "no item of a"),
    ],
)
def test_a_malformed_element_is_refused_with_its_line(spine: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        edit_of("\n" + spine)
    assert caught.value.where is not None
    assert caught.value.where.startswith("test.fcpxml:")


INNER = {
    "video": '<video name="v" ref="a1" start="3s" duration="9s"/>',
    "spine": '<spine><video name="v" ref="a1" start="3s" duration="9s"/></spine>',
    "sync-clip": '<sync-clip name="v" start="3s" duration="9s"><video name="v" ref="a1" duration="99s"/></sync-clip>',
    "audition": '<audition><asset-clip name="v" ref="a1" start="3s" duration="9s"/><title ref="e" duration="9s"/></audition>',
    "asset-clip": '<asset-clip name="v" ref="a1" start="3s" duration="9s"/>',
    "clip": '<clip name="v" start="3s" duration="9s"><video ref="a1" duration="99s"/></clip>',
    "ref-clip": '<ref-clip name="c" ref="m1" start="0s" duration="4s"/>',
    "mc-clip": '<mc-clip name="c" ref="m2" start="3s" duration="9s"/>',
}
MULTICAM = """<media id="m2"><multicam format="r1"><mc-angle angleID="1"><asset-clip name="v" ref="a1" duration="99s"/></mc-angle>
</multicam></media>"""


@pytest.mark.parametrize("tag", INNER)
def test_a_clip_shows_whatever_picture_it_contains(tag: str) -> None:
    """From one second after the start of the item inside, which shows the media from its third second."""
    spine = f'<gap duration="1s"/><clip name="v" start="1s" duration="1s"><note>n</note>{INNER[tag]}</clip>'
    (_, clip) = visible(edit_of(spine, resources=COMPOUND + MULTICAM))
    assert clip == (90025, 90050, "x" if tag == "ref-clip" else "v", 25 if tag == "ref-clip" else 100)


@pytest.mark.parametrize(
    "inner",
    [
        '<gap duration="9s"/>',
        '<audio ref="a3" duration="9s"/>',
        '<asset-clip ref="a3" duration="9s"/>',
        '<clip duration="9s"><audio ref="a3" duration="9s"/></clip>',
        '<audition><asset-clip ref="a3" duration="9s"/></audition>',
    ],
)
def test_a_clip_that_contains_no_picture_shows_none(inner: str) -> None:
    spine = f'<gap duration="2s"/><asset-clip name="below" ref="a1" duration="1s"><clip lane="1" duration="1s">{inner}</clip></asset-clip>'
    assert [row[2] for row in visible(edit_of(spine))] == ["gap", "below"]


def test_a_drawing_is_transparent_and_alone_it_is_seen() -> None:
    above, alone = (f'<live-drawing name="d" {lane} duration="1s" animationType="x"/>' for lane in ('lane="1"', ""))
    edit = edit_of(f'<asset-clip name="x" ref="a1" duration="1s">{above}</asset-clip>{alone}')
    assert [row[:3] for row in visible(edit)] == [(90000, 90025, "x"), (90025, 90050, "d")]
    assert flatten(edit.sequence)[1].kind == "title"


def test_words_without_a_style_are_read() -> None:
    captions = '<caption lane="1" duration="1s"><text>plain <text-style ref="s">styled</text-style></text></caption>'
    edit = edit_of(f'<asset-clip ref="a1" duration="1s">{captions}</asset-clip><title ref="e" duration="1s"><text>Words</text></title>')
    assert [caption.name for caption in edit.captions] == ["plain styled"]
    assert flatten(edit.sequence)[1].text == "Words"


@pytest.mark.parametrize("offsets", [("", ""), (' offset="3600s"', ' offset="3602s"')])
def test_a_transition_without_an_offset_lies_around_the_cut(offsets: tuple[str, str]) -> None:
    fade = '<transition name="Cross Dissolve" duration="1s"><marker start="3600s" value="m"/></transition>'
    one, two = (f'<asset-clip ref="a1" duration="2s"{offset}/>' for offset in offsets)
    edit = edit_of(fade + one + fade + two + fade)
    first, second = flatten(edit.sequence)
    assert [marker.frame for marker in edit.markers] == [90000, 90038, 90075]
    assert first.transition is not None
    assert second.transition is not None
    assert (first.transition.record_in, second.transition.record_in, second.transition.frames) == (90000, 90038, 25)


RATES = {"23.98": "1001/960", "23.976": "1001/960", "24": "25/24", "25": "1", "29.97": "1001/1000", "100": "1", "119.88": "1001/1000"}


@pytest.mark.parametrize(("text", "advance"), RATES.items())
def test_the_rate_that_a_clip_states_is_conformed_to_that_of_the_project(text: str, advance: str) -> None:
    (clip,) = flatten(edit_of(f'<asset-clip ref="a1" duration="1s"><conform-rate srcFrameRate="{text}"/></asset-clip>').sequence)
    assert clip.timing is not None
    assert clip.timing.advance == Fraction(advance)


def test_without_a_project_the_first_clip_is_read() -> None:
    resources = '<resources><format id="r" frameDuration="1/25s"/><asset id="a" hasVideo="1" format="r" src="file:///a.mov"/></resources>'
    clip = '<asset-clip ref="a" name="x" start="1s" duration="2s" format="r"/>'
    edit = read_fcpxml(parse_xml(f'<fcpxml version="1.11">{resources}<event>{clip}</event></fcpxml>'.encode(), "test.fcpxml"))
    assert visible(edit) == [(0, 50, "x", 25)]
    assert "first clip" in edit.warnings[0]


def test_a_document_without_a_project_or_clip_is_refused() -> None:
    with pytest.raises(SourceError, match="neither a project nor a clip"):
        read_fcpxml(parse_xml(b"<fcpxml><resources/></fcpxml>", "test.fcpxml"))
