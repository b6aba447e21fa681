"""The formats as a program that reads them sees them."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import UsageError
from streamtags.core.events import Event
from streamtags.core.model import TagScore
from streamtags.core.state import TimelineState
from streamtags.export import ExportOptions, TimelineView, find_format, formats
from streamtags.export.options import parse_options
from streamtags.export.table_csv import safe_text

FORMULA_SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"


def render(name: str, state: TimelineState, events: list[Event] | None = None, **options: Any) -> str:
    chosen = ExportOptions(**options)
    return find_format(name).render(TimelineView.of(state, events or [], chosen), chosen).decode()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def with_fields(state: TimelineState, **fields: Any) -> TimelineState:
    first, *rest = state.segments
    return state.model_copy(update={"segments": (first.model_copy(update=fields), *rest)})


def test_every_format_has_a_name_a_suffix_a_media_type_and_a_description() -> None:
    assert list(formats())[:3] == ["json", "jsonl", "csv"]
    for name, export in formats().items():
        assert find_format(name) == export
        assert export.name == name
        assert export.suffix.startswith(".")
        assert "/" in export.media_type
        assert export.description


def test_an_unknown_format_is_refused_with_the_list_of_formats() -> None:
    with pytest.raises(UsageError, match="choose one of json, jsonl, csv"):
        find_format("docx")


@pytest.mark.parametrize("name", formats())
def test_every_format_renders_an_empty_timeline(name: str) -> None:
    assert isinstance(find_format(name).render(TimelineView(TimelineState()), ExportOptions(rate=25)), bytes)


def test_json_is_the_state(state: TimelineState, events: list[Event]) -> None:
    text = render("json", state, events)
    assert json.loads(text) == state.to_dict()
    assert text.startswith("{\n")
    assert text.endswith("}\n")


def test_json_keeps_letters_readable(state: TimelineState) -> None:
    assert "Käse 🧀" in render("json", with_fields(state, caption="Käse 🧀"))


def test_jsonl_is_the_log_with_one_event_a_line(state: TimelineState, events: list[Event], golden: dict[str, Any]) -> None:
    lines = render("jsonl", state, events).splitlines()
    assert [json.loads(line) for line in lines] == golden["a whole run"]["events"]


def test_csv_has_one_row_for_each_segment(state: TimelineState) -> None:
    text = render("csv", with_fields(state, key_information=["a boat", "fog"], caption='Fog, and "a boat"\nat dawn'))
    first, second = rows(text)
    assert first["segment"] == "s0000"
    assert (first["start_timecode"], first["end_timecode"]) == ("01:00:00:00", "01:00:02:00")
    assert (first["start_seconds"], first["end_seconds"], first["duration_seconds"]) == ("0.000000", "2.002000", "2.002000")
    assert (first["start_frame"], first["end_frame"], first["shot"], first["transition"]) == ("0", "48", "0", "start")
    assert first["caption"] == 'Fog, and "a boat"\nat dawn'
    assert first["tags"] == "Calm 0.90; Warm 0.50"
    assert first["key_information"] == "a boat; fog"
    assert second["reasoning"] == "as seen"
    assert text.count("\r\n") == 3


def test_csv_of_a_segment_that_is_not_finished(golden: dict[str, Any]) -> None:
    row = rows(render("csv", TimelineState.model_validate(golden["each status"]["state"])))[0]
    assert (row["status"], row["caption"], row["tags"]) == ("detected", "", "")


def test_csv_keeps_only_the_selected_tags(state: TimelineState) -> None:
    selected = rows(render("csv", with_fields(state, tags=[]), min_confidence=0.7))
    assert [(row["segment"], row["tags"]) for row in selected] == [("s0001", "Calm 0.90")]


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "\0=1", '=HYPERLINK("http://x","y")']
)
def test_csv_puts_an_apostrophe_before_a_formula(state: TimelineState, text: str) -> None:
    row = rows(render("csv", with_fields(state, caption=text, reasoning=text, key_information=[text])))[0]
    for column in ("caption", "reasoning", "key_information"):
        assert row[column] == "'" + text.replace("\0", "")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("text", ["sea;=1+1", 'sea,"=1', "sea; \t@x", "sea\n-1", 'sea"; =x', "a;;=1", 'x;"" +1', "sea\u2028=1"])
def test_csv_has_no_formula_in_a_locale_that_splits_elsewhere(state: TimelineState, text: str, separator: str) -> None:
    content = render("csv", with_fields(state, caption=text, reasoning=text, tags=[TagScore(tag=text, confidence=0.5)]))
    for line in re.split(r"[\r\n\u2028]+", content):
        for cell in line.split(separator):
            assert cell.strip(' "')[:1] not in {*FORMULA_SIGNS}


@pytest.mark.parametrize("text", ["a calm sea - at dusk", "50 % grey; soft", "e-mail@example", "10:00, then 11:00", "«=» is fine"])
def test_csv_leaves_ordinary_text_alone(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize("name", ["csv", "srt", "vtt", "avid", "edl", "resolve-edl", "premiere-csv", "chapters", "fcpxml", "xmeml", "html"])
def test_no_text_for_people_has_terminal_escapes_or_turns_the_direction_of_writing(state: TimelineState, name: str) -> None:
    hostile = "a\x1b[31mb\x07c\u202ed\u2066e\x9bf"
    view = TimelineView.of(with_fields(state, caption=hostile, reasoning=hostile, key_information=[hostile]), [], ExportOptions())
    content = find_format(name).render(view, ExportOptions()).decode("utf-16" if name == "premiere-csv" else "utf-8")
    assert not re.findall("[\x1b\x07\x9b\u202a-\u202e\u2066-\u2069]|&#(?:x1b|27|8238|x202e);", content)


@given(caption=st.text())
def test_csv_cells_lose_only_control_characters_and_gain_only_apostrophes(caption: str) -> None:
    cell = safe_text(caption)
    assert cell.lstrip(" ")[:1] not in set(FORMULA_SIGNS + "\t\r\n")
    text = caption.replace("\0", "").replace("'", "")
    turning = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    left_out = [char for char in text if (unicodedata.category(char) == "Cc" and char not in "\t\r\n") or char in turning]
    assert cell.replace("'", "") == "".join(" " if char in left_out else char for char in text)
    assert not re.search(rf"[,;\t\r\n][\s\"]*[{re.escape(FORMULA_SIGNS)}]", cell)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("01:00:00:00", "01:00:02:00")),
        ({"start_timecode": "10:00:00:12"}, ("10:00:00:12", "10:00:02:12")),
        ({"rate": Fraction(25)}, ("01:00:00:00", "01:00:02:00")),  # 2.002 s are 50.05 frames
        ({"rate": Fraction(60)}, ("01:00:00:00", "01:00:02:00")),  # and 120.12 here
        ({"rate": Fraction(30000, 1001)}, ("01:00:00:00", "01:00:02:00")),
        ({"rate": Fraction(30000, 1001), "start_timecode": "00:00:59;28"}, ("00:00:59;28", "00:01:02;00")),
    ],
)
def test_timecodes_count_at_the_target_rate(state: TimelineState, options: dict[str, Any], expected: tuple[str, str]) -> None:
    row = rows(render("csv", state, **options))[0]
    assert (row["start_timecode"], row["end_timecode"]) == expected


def test_a_start_timecode_must_fit_the_rate(state: TimelineState) -> None:
    with pytest.raises(UsageError, match="25/1 frames a second"):
        render("csv", state, rate=Fraction(25), start_timecode="01:00:00:25")
    with pytest.raises(UsageError, match="hours of a timecode are 00 to 23"):
        parse_options([("start_timecode", "25:00:00:00")])


def test_vtt_shows_caption_and_tags_of_each_segment(state: TimelineState) -> None:
    assert render("vtt", state) == (
        "WEBVTT\n\n"
        "s0000\n00:00:00.000 --> 00:00:02.002\nA boat.\n[Calm 0.90, Warm 0.50]\n\n"
        "s0001\n00:00:02.002 --> 00:00:04.004\nA boat.\n[Calm 0.90, Warm 0.50]\n"
    )


def test_srt_numbers_its_cues_from_one(state: TimelineState) -> None:
    assert render("srt", state, min_confidence=0.6) == (
        "1\n00:00:00,000 --> 00:00:02,002\nA boat.\n[Calm 0.90]\n\n2\n00:00:02,002 --> 00:00:04,004\nA boat.\n[Calm 0.90]\n"
    )


@pytest.mark.parametrize("name", ["vtt", "srt"])
@pytest.mark.parametrize(
    "text", ["one\n\n2\n00:00:00,000 --> 00:00:09,000\ntwo", "<b>bold</b> & <script>", "a\u2028\u2028b\x1b[2J", "{\\an8}"]
)
def test_a_caption_cannot_break_out_of_its_subtitle(state: TimelineState, name: str, text: str) -> None:
    content = render(name, with_fields(state, caption=text))
    assert content.count(" --> ") == 2
    assert len(content.strip().split("\n\n")) == (3 if name == "vtt" else 2)
    assert not re.search(r"[<\x1b\u2028]" if name == "vtt" else r"[<{\x1b\u2028]", content)


def test_a_segment_without_a_caption_or_tag_has_its_number_as_subtitle(state: TimelineState) -> None:
    assert "\nSegment 1\n" in render("srt", with_fields(state, caption=None, tags=[]))


def test_chapters_are_read_by_ffmpeg(state: TimelineState, tmp_path: Path) -> None:
    caption = "a=b; #c \\d\nnew [CHAPTER]\nSTART=0"
    path = tmp_path / "chapters.ffmetadata"
    path.write_text(render("chapters", with_fields(state, caption=caption)), "utf-8")
    with av.open(str(path), format="ffmetadata") as container:
        chapters = container.chapters()
        assert container.metadata["title"] == "edit.mp4"
    times = [(chapter["start"] * chapter["time_base"], chapter["end"] * chapter["time_base"]) for chapter in chapters]
    assert times == [(0, Fraction(2002, 1000)), (Fraction(2002, 1000), Fraction(4004, 1000))]
    assert chapters[0]["metadata"]["title"] == "Calm, Warm: a=b; #c \\d new [CHAPTER] START=0"
