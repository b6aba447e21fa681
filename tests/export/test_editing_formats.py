"""Exports for editing systems, read back by other programs' readers: nothing is lost that the format can carry."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import opentimelineio as otio
import pycmx
import pytest
from lxml import etree

from streamtags.core.errors import UsageError
from streamtags.core.state import TimelineState
from streamtags.core.timecode import parse_timecode
from streamtags.export import ExportOptions, Marker, TimelineView, find_format
from streamtags.export.fcpxml import VERSIONS
from streamtags.export.marker_text import merge_same_frame
from streamtags.export.xmeml import PREMIERE_COLORS
from tests.export.fcpxml_dtd import dtd
from tests.export.nasty import RATES, SEGMENTS, VOCABULARY, film

Film = tuple[TimelineState, Fraction, str]


@pytest.fixture(scope="module", params=list(RATES.items()), ids=list(RATES))
def nasty(request: pytest.FixtureRequest) -> Film:
    _, (rate, start) = request.param
    return film(rate, start), rate, start


def view_of(state: TimelineState, **options: Any) -> tuple[TimelineView, ExportOptions]:
    chosen = ExportOptions(**options)
    return TimelineView.of(state, (), chosen, VOCABULARY), chosen


def render(name: str, state: TimelineState, **options: Any) -> bytes:
    return find_format(name).render(*view_of(state, **options))


def markers_of(state: TimelineState, *, merged: bool) -> Sequence[Marker]:
    markers = view_of(state)[0].markers
    assert len(markers) == SEGMENTS
    return merge_same_frame(markers) if merged else markers


def plain(text: str) -> str:
    """What a line of text can carry: printable characters, one space between words."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def expected_lines(marker: Marker) -> list[str]:
    tags = ", ".join(f"{score.tag} {score.confidence:.2f}" for score in marker.tags)
    lines = [*marker.comment.splitlines(), tags, *marker.reasoning.splitlines()]
    return [line for line in map(plain, lines) if line]


def test_the_nasty_film_has_what_goes_wrong(nasty: Film) -> None:
    markers = markers_of(nasty[0], merged=False)
    frames = Counter(marker.start_frame for marker in markers)
    assert max(frames.values()) == 2
    assert any(score.confidence == 0 for marker in markers for score in marker.tags)
    assert len(merge_same_frame(markers)) == len(frames) < SEGMENTS


def test_otio_is_read_by_the_library_with_every_word_and_number(nasty: Film) -> None:
    state, rate, start = nasty
    timeline = otio.adapters.read_from_string(render("otio", state).decode(), "otio_json")
    first = parse_timecode(start, rate)[0]
    assert round(timeline.global_start_time.value) == first
    assert timeline.global_start_time.rate == pytest.approx(float(rate))
    markers = markers_of(state, merged=False)
    assert len(timeline.tracks.markers) == SEGMENTS
    for read, marker, segment in zip(timeline.tracks.markers, markers, state.segments, strict=True):
        assert (read.marked_range.start_time.value, read.marked_range.duration.value) == (marker.start_frame, marker.duration_frames)
        own = read.metadata["streamtags"]
        assert (own["segment"], own["caption"], own["reasoning"]) == (segment.segment, segment.caption, segment.reasoning)
        assert [(tag["tag"], tag["confidence"]) for tag in own["tags"]] == [(score.tag, score.confidence) for score in segment.tags]
        assert read.comment == "\n".join(expected_lines(marker))
        assert read.color in {"BLUE", "GREEN", "YELLOW", "WHITE"}
    video, audio = timeline.tracks
    assert (video.kind, audio.kind) == ("Video", "Audio")
    for track in (video, audio):
        assert track.duration().value == markers[-1].end_frame
        assert {clip.media_reference.target_url for clip in track} == {"file:///films/K%C3%A4se%20%26%20Brot%20%3C1%3E.mov"}


def with_gap(state: TimelineState) -> TimelineState:
    return state.model_copy(update={"segments": [*state.segments[:-1], state.segments[-1].model_copy(update={"kind": "gap"})]})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("rate", ["30000/1001", "100", "12"])
def test_fcpxml_is_valid_by_the_dtd_of_each_version(version: str, rate: str) -> None:
    schema = etree.DTD(io.StringIO(dtd(version)))
    state = with_gap(film(Fraction(rate), "01:00:00:00", segments=30))
    for target in (None, Fraction(24000, 1001)):
        data = render("fcpxml", state, rate=target, format_version=version, colors={"mood": "Red", "Ort": "Orange"})
        assert schema.validate(etree.fromstring(data)), schema.error_log


@pytest.mark.parametrize("version", VERSIONS)
def test_fcpxml_of_an_empty_timeline_is_valid(version: str) -> None:
    schema = etree.DTD(io.StringIO(dtd(version)))
    assert schema.validate(etree.fromstring(render("fcpxml", TimelineState(), format_version=version))), schema.error_log


def test_fcpxml_has_the_address_of_its_media_where_the_version_wants_it() -> None:
    for version in VERSIONS:
        asset = etree.fromstring(render("fcpxml", film(*RATES["25"], segments=1), format_version=version)).find(".//asset")
        assert asset is not None
        address = [asset.get("src"), *(stored.get("src") for stored in asset.iterfind("media-rep"))]
        assert address == (["file:///films/K%C3%A4se%20%26%20Brot%20%3C1%3E.mov"] if version == "1.8" else [None, address[-1]])
        assert address[-1] is not None


@pytest.mark.parametrize(("version", "names"), [("1.8", {None}), ("1.12", {None}), ("1.13", {"100"}), ("1.14", {"100"})])
def test_fcpxml_names_fast_rates_from_the_version_that_knows_them(version: str, names: set[str | None]) -> None:
    data = render("fcpxml", film(Fraction(100), "00:00:00:000", segments=9), rate=Fraction(25), format_version=version)
    assert {rate.get("srcFrameRate") for rate in etree.fromstring(data).iter("conform-rate")} == names


def test_fcpxml_has_times_that_fit_and_lie_on_their_frames_at_any_rate() -> None:
    """The slices of one shot of a file at an average of 17.86 frames a second, at 23.976: exact times need 39 bits below the line."""
    state = film(Fraction(17857001, 1000003), "00:01:00:01", segments=60)
    one_shot = state.model_copy(update={"segments": [segment.model_copy(update={"shot": 0}) for segment in state.segments]})
    rate = Fraction(24000, 1001)
    root = etree.fromstring(render("fcpxml", one_shot, rate=rate))
    (clip,) = root.iter("asset-clip")
    starts = [seconds(marker.get("start")) for marker in clip.iter("marker")]
    assert max(start.denominator for start in starts) < 1 << 31
    frames = [marker.start_frame for marker in merge_same_frame(view_of(one_shot, rate=rate)[0].markers)]
    assert [round((start - seconds(clip.get("start"))) * rate) for start in starts] == frames


def test_fcpxml_of_an_unknown_version_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no version '2\.0'; choose one of 1\.8"):
        render("fcpxml", film(*RATES["25"], segments=1), format_version="2.0")


def seconds(text: str | None) -> Fraction:
    assert text is not None
    assert text.endswith("s")
    return Fraction(text[:-1])


def test_fcpxml_has_every_marker_and_keyword_on_its_frame(nasty: Film) -> None:
    state, rate, start = nasty
    root = ElementTree.fromstring(render("fcpxml", state))
    sequence = root.find(".//sequence")
    assert sequence is not None
    origin = seconds(sequence.get("tcStart"))
    assert origin * rate == parse_timecode(start, rate)[0]
    assert sequence.get("tcFormat") == ("DF" if ";" in start else "NDF")
    items, keywords, end = [], [], origin
    for clip in root.iterfind(".//spine/*"):
        offset, begin, duration = (seconds(clip.get(name)) for name in ("offset", "start", "duration"))
        assert offset == end
        assert all((time * rate).denominator == 1 for time in (offset, begin, duration))
        end = offset + duration
        for item in clip:
            frame = (offset + seconds(item.get("start")) - begin - origin) * rate
            assert 0 <= seconds(item.get("start")) - begin < duration
            if item.tag == "marker":
                items.append((frame, item.get("value"), item.get("note")))
            else:
                keywords.append((frame, item.get("value"), item.get("note")))
    markers = markers_of(state, merged=True)
    assert items == [(marker.start_frame, marker.name, "\n".join(expected_lines(marker))) for marker in markers]
    assert keywords == [
        (marker.start_frame, plain(score.tag.replace(",", " ")), f"{score.confidence:.2f}") for marker in markers for score in marker.tags
    ]
    assert (end - origin) * rate == markers[-1].end_frame


def test_xmeml_has_every_marker_with_its_color_and_clips_that_touch(nasty: Film) -> None:
    state, rate, start = nasty
    sequence = ElementTree.fromstring(render("xmeml", state)).find("sequence")
    assert sequence is not None
    assert sequence.findtext("timecode/string") == start
    assert sequence.findtext("timecode/displayformat") == ("DF" if ";" in start else "NDF")
    assert (sequence.findtext("rate/timebase"), sequence.findtext("rate/ntsc")) == (str(round(rate)), "TRUE" if rate != 25 else "FALSE")
    markers = markers_of(state, merged=True)
    for element, marker in zip(sequence.findall("marker"), markers, strict=True):
        assert (element.findtext("in"), element.findtext("out")) == (str(marker.start_frame), str(marker.end_frame))
        assert (element.findtext("name"), element.findtext("comment")) == (marker.name, "\n".join(expected_lines(marker)))
    colors = {element.findtext("pproColor") for element in sequence.findall("marker")}
    assert colors == {str(PREMIERE_COLORS["Blue"]), str(PREMIERE_COLORS["Yellow"]), str(PREMIERE_COLORS["White"]), None}
    for track in sequence.iterfind("media/*/track"):
        end = "0"
        for item in track.iterfind("clipitem"):
            assert item.findtext("start") == end
            end = item.findtext("end") or ""
        assert end == str(markers[-1].end_frame)
    ids = [item.get("id") for item in sequence.iter("clipitem")]
    assert len(set(ids)) == len(ids)
    assert {link.text for link in sequence.iter("linkclipref")} == set(ids)


def test_edl_has_every_shot_and_a_locator_for_every_frame_with_a_segment(nasty: Film) -> None:
    state, rate, start = nasty
    text = render("edl", state).decode()
    assert f"FCM: {'DROP FRAME' if ';' in start else 'NON-DROP FRAME'}\r\n" in text
    shots = {marker.start_frame for marker in markers_of(state, merged=True)}
    events = list(pycmx.parse_cmx3600(io.StringIO(text.replace("\r\n", "\n"))).events)
    assert len(events) == len(shots)
    labels = [(event.edits[0].record_in, event.edits[0].record_out) for event in events]
    assert [end for _, end in labels[:-1]] == [begin for begin, _ in labels[1:]]
    first = parse_timecode(start, rate)[0]
    assert {parse_timecode(begin, rate)[0] - first for begin, _ in labels} == shots
    locators = re.findall(r"^\* LOC: (\S+) ([A-Z]+) +(.*?)\r$", text, re.MULTILINE)
    for (label, color, words), marker in zip(locators, markers_of(state, merged=True), strict=True):
        assert parse_timecode(label, rate)[0] - first == marker.start_frame
        assert color in {"BLUE", "GREEN", "YELLOW", "WHITE"}
        expected = ": ".join(filter(None, [plain(marker.name), " | ".join(expected_lines(marker))]))
        assert words == expected if len(expected) < 1900 else expected.startswith(words[:-1])
    assert max(map(len, text.splitlines())) <= 2000


def resolve_markers(text: str) -> list[tuple[str, list[str], str, str, int]]:
    """(timecode, note, color, name, frames) of each event, as a program that knows only the shape of the list reads them."""
    items = []
    for block in text.split("\r\n\r\n")[1:]:
        lines = [line for line in block.split("\r\n") if line]
        if not lines:
            continue
        event = re.fullmatch(r"\d{3}  001      V     C        ((?:\S+ ){3}\S+)  ", lines[0])
        fields = re.fullmatch(r" \|C:ResolveColor(\w+) \|M:(.*) \|D:(\d+)", lines[-1])
        assert event
        assert fields
        items.append((event[1].split()[2], lines[1:-1], fields[1], fields[2], int(fields[3])))
    return items


def test_resolve_edl_has_one_marker_a_frame_with_its_note(nasty: Film) -> None:
    state, rate, start = nasty
    first = parse_timecode(start, rate)[0]
    for read, marker in zip(resolve_markers(render("resolve-edl", state).decode()), markers_of(state, merged=True), strict=True):
        label, note, color, name, frames = read
        assert re.fullmatch(r"\d\d:\d\d:\d\d[:;]\d\d", label)
        assert (parse_timecode(label, rate)[0] - first, frames) == (marker.start_frame, marker.duration_frames)
        assert color in {"Blue", "Green", "Yellow", "Cream"}
        assert name == plain(marker.name).replace("|", "/")
        for line, expected in zip(note, expected_lines(marker), strict=True):
            words = line.removeprefix("- ") if not expected.startswith("- ") else line
            assert words == expected.replace("|", "/") if len(expected) < 1900 else expected.startswith(words[:-1].rstrip())


def test_resolve_edl_keeps_words_of_a_note_apart_from_lines_of_the_list(nasty: Film) -> None:
    text = render("resolve-edl", nasty[0]).decode()
    assert len(re.findall(r"^\d{3,} ", text, re.MULTILINE)) == len(markers_of(nasty[0], merged=True))
    assert len(re.findall(r"^(TITLE|FCM|M2|\*)", text, re.MULTILINE)) == 2


def test_avid_markers_have_six_columns(nasty: Film) -> None:
    state, rate, start = nasty
    rows = [line.split("\t") for line in render("avid", state).decode().split("\r\n")[:-1]]
    first = parse_timecode(start, rate)[0]
    for (user, label, track, color, comment, length), marker in zip(rows, markers_of(state, merged=True), strict=True):
        assert (user, track) == ("streamtags", "V1")
        assert (parse_timecode(label, rate)[0] - first, int(length)) == (marker.start_frame, marker.duration_frames)
        assert color in {"blue", "green", "yellow", "white"}
        assert comment == ": ".join(filter(None, [plain(marker.name), " | ".join(expected_lines(marker))]))


def unguarded(text: str) -> str:
    return text.replace("'", "")


def test_ale_has_a_row_for_each_segment_and_a_column_for_each_axis(nasty: Film) -> None:
    state, rate, start = nasty
    sections = render("ale", state).decode().split("\r\n\r\n")
    assert [section.split("\r\n")[0] for section in sections] == ["Heading", "Column", "Data"]
    columns = sections[1].split("\r\n")[1].split("\t")
    rows = [dict(zip(columns, line.split("\t"), strict=True)) for line in sections[2].strip("\r\n").split("\r\n")[1:]]
    first = parse_timecode(start, rate)[0]
    of_axis = {tag.name: tag.axis for tag in VOCABULARY.tags}
    for row, marker in zip(rows, markers_of(state, merged=False), strict=True):
        assert parse_timecode(row["Start"], rate)[0] - first == marker.start_frame
        assert parse_timecode(row["End"], rate)[0] - first == marker.end_frame
        assert unguarded(row["Description"]) == unguarded(plain(marker.comment))
        assert unguarded(row["Comments"]) == unguarded(plain(marker.reasoning))
        for axis in VOCABULARY.axes:
            tags = [score for score in marker.tags if of_axis[score.tag] == axis.name]
            assert unguarded(row[axis.name]) == "; ".join(f"{score.tag} {score.confidence:.2f}" for score in tags)


def test_premiere_csv_is_a_table_of_utf_16_with_semicolons_in_drop_frame(nasty: Film) -> None:
    state, rate, start = nasty
    text = render("premiere-csv", state).decode("utf-16")
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    first = parse_timecode(start, rate)[0]
    for row, marker in zip(rows, markers_of(state, merged=True), strict=True):
        begin, end, length = (row[name] for name in ("In", "Out", "Duration"))
        if ";" in start:
            assert ":" not in begin + end + length
            begin, end, length = (re.sub(r"^(..);(..);(..)", r"\1:\2:\3", label) for label in (begin, end, length))
        frames = [parse_timecode(label, rate)[0] for label in (begin, end, length)]
        assert frames == [first + marker.start_frame, first + marker.end_frame, marker.duration_frames]
        assert unguarded(row["Marker Name"]) == unguarded(plain(marker.name))
        assert unguarded(row["Description"]) == unguarded(" | ".join(expected_lines(marker)))
        assert row[""] == ""
    for cell in re.split(r"[\t\n]", text):
        assert cell[:1] not in {"=", "+", "-", "@"}


@pytest.mark.parametrize("name", ["otio", "fcpxml", "xmeml", "edl", "resolve-edl", "avid", "ale", "premiere-csv"])
def test_options_select_and_conform(name: str) -> None:
    state = film(*RATES["23.976"], segments=20)
    everything, selected = (len(render(name, state, rate=25, **options)) for options in ({}, {"min_confidence": 0.8, "axes": ("mood",)}))
    assert selected < everything
    assert isinstance(render(name, TimelineState()), bytes)


def test_ninety_minutes_at_23_976_end_where_the_picture_ends() -> None:
    # 90 minutes of film are 129470 frames, 01:29:54:14; a writer that takes seconds for labels says 01:30:00:00.
    rate = Fraction(24000, 1001)
    pts = [0, 64_735 * 1001, 129_470 * 1001]
    state = film(rate, "00:00:00:00", segments=2)
    times = [{"pts": value, "time_base": "1/24000", "seconds": value / 24000, "frame": value // 1001, "timecode": ""} for value in pts]
    segments = [
        segment.model_copy(update={"start": segment.start.model_validate(start), "end": segment.end.model_validate(end)})
        for segment, start, end in zip(state.segments, times, times[1:], strict=False)
    ]
    state = state.model_copy(update={"segments": tuple(segments)})
    events = [line.split()[-2:] for line in render("edl", state).decode().splitlines() if line[:3].isdigit()]
    assert events == [["00:00:00:00", "00:44:57:07"], ["00:44:57:07", "01:29:54:14"]]
    sequence = ElementTree.fromstring(render("fcpxml", state)).find(".//sequence")
    assert sequence is not None
    assert sequence.get("duration") == f"{129_470 * 1001}/24000s"
