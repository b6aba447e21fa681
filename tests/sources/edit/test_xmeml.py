from __future__ import annotations

from fractions import Fraction

import pytest

from streamtags.core.errors import SourceError
from streamtags.sources.edit.flatten import flatten
from streamtags.sources.edit.model import Edit
from streamtags.sources.edit.read import read_edit
from streamtags.sources.edit.xmeml import read_xmeml
from streamtags.sources.edit.xmltree import parse_xml
from tests.sources.edit.samples import Sample, samples

SAMPLES = samples("xmeml")
RATE = "<rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate>"
FILE = f"<file id='f'><name>a.mov</name><pathurl>file:///a.mov</pathurl>{RATE}<timecode>{RATE}<frame>100</frame></timecode></file>"

FILE_AGAIN = "<file id='f'/>"
NESTED_AGAIN = "<sequence id='n'/>"
ITSELF = "<sequence id='s'/>"


def edit_of(tracks: str, more: str = "") -> Edit:
    text = f"""<xmeml version="5"><sequence id="s"><name>S</name>{RATE}<timecode>{RATE}<frame>90000</frame></timecode>
<media><video>{tracks}</video></media>{more}</sequence></xmeml>"""
    return read_xmeml(parse_xml(text.encode(), "test.xml"))


def item(start: int, end: int, clip_in: int, clip_out: int, more: str = FILE) -> str:
    return f"<clipitem><name>c</name>{RATE}<start>{start}</start><end>{end}</end><in>{clip_in}</in><out>{clip_out}</out>{more}</clipitem>"


def transition(start: int, end: int, alignment: str) -> str:
    effect = "<effect><name>Cross Dissolve</name></effect>"
    return f"<transitionitem><start>{start}</start><end>{end}</end><alignment>{alignment}</alignment>{effect}</transitionitem>"


def remap(*parameters: tuple[str, str]) -> str:
    values = "".join(f"<parameter><parameterid>{name}</parameterid><value>{value}</value></parameter>" for name, value in parameters)
    return f"{FILE}<filter><effect><effectid>timeremap</effectid>{values}</effect></filter>"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_every_clip_of_a_real_sequence_is_at_its_record_and_source_frames(sample: Sample) -> None:
    edit = read_edit(sample.path)
    truth = sample.truth["sequences"][0]
    assert edit.sequence.start_frame == truth["start_frame"]
    assert len(edit.sequence.tracks) == len(truth["tracks"])
    for track, expected in zip(edit.sequence.tracks, truth["tracks"], strict=True):
        assert len(track.clips) == len(expected["clips"])
        for clip, row in zip(track.clips, expected["clips"], strict=True):
            assert (clip.name, clip.record_in, clip.record_out) == (row["name"], row["record_in"], row["record_out"])
            assert clip.speed == Fraction(str(row["speed"]))
            assert (clip.enabled and track.enabled) == row["enabled"]
            assert (clip.transition and clip.transition.frames) == (row["transition_in"] and row["transition_in"]["frames"])
            if row["source_in"] is not None:
                assert clip.source_in == row["source_in"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_every_marker_of_a_real_sequence_is_at_its_frame(sample: Sample) -> None:
    markers = [marker for marker in read_edit(sample.path).markers if marker.on is None]
    expected = [(marker["frame"], marker["name"], marker["comment"]) for marker in sample.truth["sequences"][0]["markers"]]
    assert [(marker.frame, marker.name, marker.note) for marker in markers] == sorted(expected)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_the_visible_picture_covers_the_sequence_without_overlap(sample: Sample) -> None:
    sequence = read_edit(sample.path).sequence
    clips = flatten(sequence)
    assert [clip.record_in for clip in clips] == [sequence.start_frame, *(clip.record_out for clip in clips[:-1])]


@pytest.mark.parametrize(("alignment", "cut"), [("center", 90050), ("start", 90040), ("end-black", 90060), ("start-black", 90040)])
def test_an_edge_inside_a_transition_follows_its_alignment(alignment: str, cut: int) -> None:
    edit = edit_of(f"<track>{item(0, -1, 0, 60)}{transition(40, 60, alignment)}{item(-1, 100, 10, 70)}</track>")
    first, second = edit.sequence.tracks[0].clips
    assert (first.record_out, second.record_in) == (cut, cut)
    assert second.source_in == 100 + 10 + (cut - 90040)
    assert second.transition is not None
    assert (second.transition.kind, second.transition.frames, second.transition.record_in) == ("dissolve", 20, 90040)


def test_the_source_counts_from_the_timecode_of_the_file_which_is_defined_once() -> None:
    edit = edit_of(f"<track>{item(0, 10, 5, 15)}{item(10, 20, 50, 60, FILE_AGAIN)}</track>")
    first, second = flatten(edit.sequence)
    assert (first.source_in, first.source_out) == (105, 115)
    assert (second.source_in, second.media.path) == (150, "file:///a.mov")


def test_a_double_speed_clip_shows_every_second_frame() -> None:
    (clip,) = edit_of(f"<track>{item(0, 10, 20, 30, remap(('speed', '200'), ('reverse', 'FALSE')))}</track>").sequence.tracks[0].clips
    assert clip.speed == 2
    assert clip.timing is not None
    assert [clip.timing.at(90000 + frame) for frame in (0, 1, 9)] == [140, 142, 158]


def test_a_reversed_clip_counts_down_from_the_end_of_the_file() -> None:
    more = "<duration>50</duration>" + remap(("speed", "100"), ("reverse", "TRUE"))
    (clip,) = edit_of(f"<track>{item(0, 10, 0, 10, more)}</track>").sequence.tracks[0].clips
    assert clip.speed == -1
    assert clip.timing is not None
    assert [clip.timing.at(90000 + frame) for frame in (0, 9)] == [149, 140]


def test_a_nested_sequence_shows_the_cuts_inside_it() -> None:
    track = f"<track>{item(0, 10, 0, 10)}{item(10, 30, 40, 60)}</track>"
    inner = f"<sequence id='n'><name>N</name>{RATE}<media><video>{track}</video></media></sequence>"
    edit = edit_of(f"<track>{item(0, 15, 5, 20, inner)}{item(15, 20, 0, 5, NESTED_AGAIN)}</track>")
    assert [(clip.record_in, clip.record_out, clip.source_in, clip.inside) for clip in flatten(edit.sequence)] == [
        (90000, 90005, 105, ("c",)),
        (90005, 90015, 140, ("c",)),
        (90015, 90020, 100, ("c",)),
    ]


def test_markers_of_clips_lie_at_their_record_frame() -> None:
    marker = "<marker><name>m</name><comment>note</comment><in>12</in><out>15</out></marker>"
    (seen,) = edit_of(f"<track>{item(20, 30, 10, 20, FILE + marker)}</track>").markers
    assert (seen.frame, seen.frames, seen.note, seen.on) == (90022, 3, "note", "c")


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        (f"<track>{item(-1, 10, 0, 10)}</track>", "none before it"),
        (f"<track>{item(0, -1, 0, 10)}</track>", "none after it"),
        ("<track><clipitem><start>soon</start></clipitem></track>", "is not a number"),
        ("<track><clipitem><start>1e40</start></clipitem></track>", "too large"),
        ("<track><clipitem><rate><timebase>0</timebase></rate></clipitem></track>", "time base"),
        (f"<track>{item(0, 10, 0, 10, remap(('speed', 'fast')))}</track>", "is not a speed"),
        (f"<track>{item(0, 10, 0, 10, ITSELF)}</track>", "nested more than"),
    ],
)
def test_a_malformed_element_is_refused_with_its_line(tracks: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        edit_of(tracks)
    assert caught.value.where is not None
    assert caught.value.where.startswith("test.xml:")


def test_a_document_without_a_sequence_is_refused() -> None:
    with pytest.raises(SourceError, match="no sequence"):
        read_xmeml(parse_xml(b"<xmeml version='5'><project/></xmeml>", "test.xml"))
