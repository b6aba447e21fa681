"""Markers written into edits: they are read at their frames, and nothing else in the file changes."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest
from lxml import etree

from streamtags.core.cue_events import Cue
from streamtags.core.errors import StreamtagsError, UsageError
from streamtags.export.music_clips import MusicClip
from streamtags.export.otio_music import music_tracks
from streamtags.sources.edit.model import Edit, Marker
from streamtags.sources.edit.otio import read_json
from streamtags.sources.edit.read import file_of, read_edit
from streamtags.sources.edit.write_markers import mark_edit
from tests.export.fcpxml_dtd import misplaced
from tests.sources.edit.samples import Sample, samples

WORDS = 'Ω "quoted" & <b> | 🎸'
NUMBERS = {"Blue": 4294741314}


def rate_of(sample: Sample) -> Fraction | None:
    return Fraction(sample.truth["nominal_fps"]) if sample.truth["format"] == "cmx3600" else None


def chosen_markers(edit: Edit) -> list[Marker]:
    """A marker on the first and last frame, and on the first frame of clips."""
    sequence = edit.sequence
    frames = {sequence.start_frame, sequence.end_frame - 1, *(clip.record_in for track in sequence.tracks for clip in track.clips)}
    inside = sorted(frame for frame in frames if sequence.start_frame <= frame < sequence.end_frame)[:50]
    color = {"otio": "BLUE", "edl": "RED"}.get(edit.format, "Blue")
    return [Marker(frame, f"Tag {number}", WORDS, color, 2) for number, frame in enumerate(inside)]


def marked(path: Path, rate: Fraction | None, tmp_path: Path) -> tuple[Edit, list[Marker], Edit, Path]:
    """The edit, the markers that were written, the edit with them, and its file."""
    edit = read_edit(path, rate)
    markers = chosen_markers(edit)
    target = tmp_path / f"marked{file_of(path).suffix}"
    target.write_bytes(mark_edit(path, edit, markers, NUMBERS))
    return edit, markers, read_edit(target, edit.rate), target


def usable(*formats: str) -> list[Sample]:
    """Samples with a picture that are not malformed."""
    result = []
    for sample in samples(*formats):
        try:
            edit = read_edit(sample.path, rate_of(sample))
        except StreamtagsError:
            continue
        if edit.sequence.end_frame > edit.sequence.start_frame:
            result.append(sample)
    return result


EDITS = usable("cmx3600", "fcpxml", "xmeml", "otio")
XML_EDITS = [sample for sample in EDITS if sample.truth["format"] in ("fcpxml", "xmeml")]
LISTS = [sample for sample in EDITS if sample.truth["format"] == "cmx3600"]
OTIO_EDITS = [sample for sample in EDITS if sample.truth["format"] == "otio"]


@pytest.mark.parametrize("sample", EDITS, ids=lambda sample: sample.id)
def test_markers_are_read_at_their_frames_and_the_clips_stay(sample: Sample, tmp_path: Path) -> None:
    before, markers, after, _ = marked(sample.path, rate_of(sample), tmp_path)
    own = [marker for marker in after.markers if re.match(r"Tag \d+", marker.name)]
    assert [marker.frame for marker in own] == [marker.frame for marker in markers]
    if before.format == "edl":
        assert {marker.color for marker in own} == {"RED"}
    else:
        assert {marker.note for marker in own} == {WORDS}
    rest = [marker for marker in after.markers if marker not in own]
    assert [(marker.frame, marker.name, marker.note) for marker in rest] == [
        (marker.frame, marker.name, marker.note) for marker in before.markers
    ]
    assert without_lines(after) == without_lines(before)


def without_lines(edit: Edit) -> str:
    return re.sub(r"line=\d+|line \d+", "", repr((edit.sequence, edit.captions, edit.drop)))


@pytest.mark.parametrize("sample", XML_EDITS, ids=lambda sample: sample.id)
def test_an_xml_edit_with_the_markers_removed_is_the_same_document(sample: Sample, tmp_path: Path) -> None:
    _, markers, _, target = marked(sample.path, None, tmp_path)
    document = etree.parse(target)
    ours = [element for element in document.iter("marker") if re.match(r"Tag \d+", element.get("value") or element.findtext("name") or "")]
    assert len(ours) == len(markers)
    for element in ours:
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
    assert canonical(document) == canonical(etree.parse(file_of(sample.path)))


def canonical(document: etree._ElementTree) -> bytes:
    """The document without the space between its elements."""
    for element in document.iter():
        if not (element.text or "").strip():
            element.text = None
        if not (element.tail or "").strip():
            element.tail = None
    return bytes(etree.tostring(document, method="c14n"))


@pytest.mark.parametrize("sample", LISTS, ids=lambda sample: sample.id)
def test_an_edl_with_the_locators_removed_is_the_same_file_byte_by_byte(sample: Sample, tmp_path: Path) -> None:
    _, markers, _, target = marked(sample.path, rate_of(sample), tmp_path)
    data = target.read_bytes()
    pattern = rb"\* LOC: \S+ RED     Tag \d+: [^\r\n]*(\r\n|\r|\n)"
    assert len(re.findall(pattern, data)) == len(markers)
    rest = re.sub(pattern, b"", data)
    assert rest == sample.path.read_bytes() or rest.rstrip(b"\r\n") == sample.path.read_bytes()


@pytest.mark.parametrize("sample", OTIO_EDITS, ids=lambda sample: sample.id)
def test_an_otio_file_gains_markers_in_its_stack_and_nothing_else(sample: Sample, tmp_path: Path) -> None:
    _, markers, _, target = marked(sample.path, None, tmp_path)
    before, after = (read_json(path.read_text("utf-8"), path.name) for path in (sample.path, target))
    added = after["tracks"]["markers"][len(before["tracks"].get("markers") or []) :]
    assert [marker["name"] for marker in added] == [marker.name for marker in markers]
    after["tracks"]["markers"] = before["tracks"].get("markers")
    assert after == before


def test_a_marker_of_fcpxml_stands_where_the_dtd_wants_it(tmp_path: Path) -> None:
    path = tmp_path / "edit.fcpxml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n<fcpxml version="1.10">\n<resources>'
        '<format id="r1" frameDuration="1/25s"/><asset id="r2" format="r1" hasVideo="1" duration="9s"><media-rep src="a.mov"/></asset>'
        '</resources>\n<project><sequence format="r1" tcStart="3600s"><spine>\n'
        '    <asset-clip ref="r2" name="one" offset="3600s" start="2s" duration="2s">\n'
        '        <note>n</note>\n        <filter-video ref="r9"/>\n    </asset-clip>\n'
        '    <asset-clip ref="r2" name="two" offset="3602s" start="5s" duration="1s"/>\n'
        '    <gap name="Gap" offset="3603s" duration="1s"></gap>\n</spine></sequence></project></fcpxml>'
    )
    edit = read_edit(path)
    markers = [Marker(90_000 + frame, str(frame), kind=kind) for frame, kind in ((1, "to-do"), (50, "chapter"), (80, "standard"))]
    text = mark_edit(path, edit, markers).decode()
    first = '<marker start="51/25s" duration="1/25s" value="1" completed="0"/>'
    assert f"        <note>n</note>\n        {first}\n        <filter-video" in text
    assert (' start="5s" duration="1s">\n        <chapter-marker start="5s" duration="1/25s" value="50"/>\n    </asset-clip>\n') in text
    assert '<gap name="Gap" offset="3603s" duration="1s">\n        <marker start="1/5s" duration="1/25s" value="80"/>\n    </gap>' in text


REST = {
    "asset-clip": '<note/><timeMap/>{items}{old}<audio-channel-source srcCh="1"/><filter-video ref="e"/><filter-audio ref="e"/><metadata/>',
    "audio": '<note/><adjust-volume/>{items}{old}<filter-audio ref="e"/>',
    "clip": '<note/><adjust-crop mode="trim"/><video ref="a" offset="0s" duration="9s"/>{items}{old}<filter-video ref="e"/><metadata/>',
    "gap": "<note/>{items}{old}<metadata/>",
    "live-drawing": '<param name="p"/><note/>{items}{old}<filter-video-mask/>',
    "mc-clip": '<note/><mc-source angleID="1"><audio-role-source role="r"/></mc-source>{items}{old}<filter-audio ref="e"/><metadata/>',
    "ref-clip": '<note/><conform-rate/>{items}{old}<audio-role-source role="r"/><filter-video ref="e"/><metadata/>',
    "sync-clip": '<video ref="a" offset="0s" duration="9s"/>{items}{old}<sync-source sourceID="storyline"/><filter-audio ref="e"/>',
    "title": '<param name="p"/><text>t</text><text-style-def id="s"/><note/>{items}{old}<filter-video ref="e"/><metadata/>',
    "video": '<param name="p"/><note/><adjust-conform/>{items}{old}<filter-video ref="e"/><reserved/>',
}
CONNECTED = '<caption lane="1" duration="1s"/><title ref="e" lane="1" duration="1s"/>'
OLD = '<marker start="0s" value="old"/><keyword value="k"/><hidden-clip-marker/>'
NESTED = '<asset-clip ref="a" duration="9s"/>'
DOCUMENT = f"""<fcpxml version="1.13"><resources><format id="r" frameDuration="1/25s"/>
<asset id="a" format="r" hasVideo="1" duration="9s"><media-rep src="a.mov"/></asset><effect id="e" uid="e"/>
<media id="c"><sequence format="r"><spine>{NESTED}</spine></sequence></media>
<media id="m"><multicam format="r"><mc-angle angleID="1">{NESTED}</mc-angle></multicam></media></resources>
<project><sequence format="r"><spine>%s</spine></sequence></project></fcpxml>"""


@pytest.mark.parametrize("tag", REST)
@pytest.mark.parametrize(("items", "old"), [("", ""), (CONNECTED, ""), ("", OLD), (CONNECTED, OLD)])
def test_a_marker_stands_behind_what_is_connected_and_before_filters_in_every_kind_of_clip(
    tag: str, items: str, old: str, tmp_path: Path
) -> None:
    reference = {"ref-clip": "c", "mc-clip": "m", "title": "e"}.get(tag, "a")
    clip = f'<{tag} ref="{reference}" duration="2s">{REST[tag].format(items=items, old=old)}</{tag}>'
    path = tmp_path / "edit.fcpxml"
    for content in (clip, f'<{tag} ref="{reference}" duration="2s"/>', f'<audition>{clip}<title ref="e" duration="1s"/></audition>'):
        path.write_text(DOCUMENT % content)
        root = etree.fromstring(mark_edit(path, read_edit(path), [Marker(3, "new"), Marker(30, "last", kind="chapter")]))
        assert {marker.getparent().tag for marker in root.iterfind(".//*[@value='new']")} == {tag}
        assert misplaced(root) == []


@pytest.mark.parametrize("sample", [sample for sample in XML_EDITS if sample.truth["format"] == "fcpxml"], ids=lambda sample: sample.id)
def test_markers_of_a_real_project_stand_where_the_dtd_wants_them(sample: Sample, tmp_path: Path) -> None:
    target = marked(sample.path, None, tmp_path)[3]
    assert misplaced(etree.parse(target).getroot()) == []


def test_a_child_in_the_wrong_place_is_noticed() -> None:
    clip = etree.fromstring(
        "<spine><video><filter-video/><marker/></video><asset-clip><marker/><title/></asset-clip><gap><timeMap/></gap></spine>"
    )
    assert misplaced(clip) == ["video/marker", "asset-clip/title", "gap/timeMap"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_an_edit_keeps_its_encoding(encoding: str, tmp_path: Path) -> None:
    declared = "ISO-8859-1" if encoding == "latin-1" else encoding.removesuffix("-sig")
    path = tmp_path / "edit.xml"
    rate = "<rate><timebase>25</timebase><ntsc>FALSE</ntsc></rate>"
    clip = f"<clipitem><name>Käse</name>{rate}<start>0</start><end>9</end><in>0</in><out>9</out></clipitem>"
    text = (
        f'<?xml version="1.0" encoding="{declared}"?>\n<xmeml version="5"><sequence>{rate}'
        f"<media><video><track>{clip}</track></video></media></sequence></xmeml>"
    )
    path.write_bytes(text.encode(encoding))
    data = mark_edit(path, read_edit(path), [Marker(3, "Ωmega", "é", "Blue")], NUMBERS)
    path.write_bytes(data)
    assert data.startswith(text.encode(encoding)[:60])
    marker = read_edit(path).markers[0]
    assert (marker.frame, marker.name, marker.note) == (3, "Ωmega", "é")
    assert str(NUMBERS["Blue"]) in data.decode(encoding)


def test_an_edl_in_windows_letters_keeps_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "edit.edl"
    event = b"001  AX  V  C  00:00:00:00 00:00:01:00 00:00:00:00 00:00:01:00\r\n* FROM CLIP NAME: K\xe4se \x81.mov\r\n\x1a\0\0\0"
    path.write_bytes(event)
    data = mark_edit(path, read_edit(path, Fraction(25)), [Marker(5, "é Ω", color="Blue")])
    assert data == event.replace(b"\r\n\x1a", b"\r\n* LOC: 00:00:00:05 BLUE    \xe9 ?\r\n\x1a")


def test_otio_markers_count_from_the_source_range_of_the_stack(tmp_path: Path) -> None:
    def time(value: float) -> dict[str, object]:
        return {"OTIO_SCHEMA": "RationalTime.1", "value": value, "rate": 25}

    def span(start: float, frames: float) -> dict[str, object]:
        return {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(start), "duration": time(frames)}

    track = {"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": [{"OTIO_SCHEMA": "Clip.1", "name": "a", "source_range": span(0, 100)}]}
    stack = {"OTIO_SCHEMA": "Stack.1", "source_range": span(10, 50), "children": [track], "markers": []}
    path = tmp_path / "edit.otio"
    path.write_text(json.dumps({"OTIO_SCHEMA": "Timeline.1", "name": "x", "global_start_time": time(90_000), "tracks": stack}))
    edit = read_edit(path)
    data = json.loads(mark_edit(path, edit, [Marker(90_005, "five", color="RED")]))
    assert data["tracks"]["markers"][0]["marked_range"]["start_time"]["value"] == 15
    path.write_text(json.dumps(data))
    assert [marker.frame for marker in read_edit(path).markers] == [90_005]


@pytest.mark.parametrize("text", ['{"OTIO_SCHEMA": "Clip.1"}', "{", '{"OTIO_SCHEMA": "Timeline.1", "tracks": {"OTIO_SCHEMA": "Stack.1"'])
def test_a_damaged_otio_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "edit.otio"
    path.write_text(text)
    edit = read_edit(OTIO_EDITS[0].path)
    with pytest.raises(StreamtagsError):
        mark_edit(path, edit, [Marker(0, "x")])


def test_a_format_without_a_place_for_markers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "edit.aaf"
    path.write_bytes(b"\xd0\xcf\x11\xe0")
    edit = Edit("aaf", read_edit(EDITS[0].path, rate_of(EDITS[0])).sequence)
    with pytest.raises(UsageError, match="cannot be written into AAF"):
        mark_edit(path, edit, [])


@pytest.mark.parametrize("sample", OTIO_EDITS, ids=lambda sample: sample.id)
def test_an_otio_file_gains_tracks_of_music_at_the_end_of_its_stack_and_nothing_else(sample: Sample, tmp_path: Path) -> None:
    edit = read_edit(sample.path, None)
    music = Cue(track="a.ogg", title=WORDS, artist="", score=0.5, why="")
    clip = MusicClip(
        cue="1M1", track=music, is_accepted=True, path="/a.ogg", start_frame=10, end_frame=60, source_in=5, fade_in=3, fade_out=7
    )
    target = tmp_path / "scored.otio"
    target.write_bytes(mark_edit(sample.path, edit, [], None, music_tracks([clip], edit.rate)))
    before, after = (read_json(path.read_text("utf-8"), path.name) for path in (sample.path, target))
    *children, added = after["tracks"]["children"]
    items = [child for child in added["children"] if not child["OTIO_SCHEMA"].startswith("Transition")]
    assert [item["source_range"]["duration"]["value"] for item in items][-2:] == [10, 50]
    assert read_edit(target, edit.rate).sequence.end_frame == edit.sequence.end_frame
    after["tracks"]["children"] = children
    assert after == before
