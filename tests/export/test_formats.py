from __future__ import annotations

import csv
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import UsageError
from streamtags.core.events import Event
from streamtags.core.state import TimelineState
from streamtags.export.formats import FORMATS, Options, export_format

GOLDEN = {
    case["name"]: case for case in json.loads((Path(__file__).parents[1] / "core" / "golden" / "fold.json").read_text(encoding="utf-8"))
}


@pytest.fixture
def events() -> list[Event]:
    return [Event.model_validate(event) for event in GOLDEN["a whole run"]["events"]]


@pytest.fixture
def state() -> TimelineState:
    return TimelineState.model_validate(GOLDEN["a whole run"]["state"])


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def with_fields(state: TimelineState, **fields: Any) -> TimelineState:
    first, *rest = state.segments
    return state.model_copy(update={"segments": (first.model_copy(update=fields), *rest)})


def test_every_format_has_a_name_a_suffix_and_a_media_type() -> None:
    assert set(FORMATS) >= {"json", "jsonl", "csv"}
    for name, export in FORMATS.items():
        assert export_format(name) is export
        assert export.name == name
        assert export.suffix.startswith(".")
        assert "/" in export.media_type


def test_an_unknown_format_is_answered_with_the_known() -> None:
    with pytest.raises(UsageError, match="choose one of json, jsonl, csv"):
        export_format("docx")


def test_every_format_renders_an_empty_timeline() -> None:
    for export in FORMATS.values():
        assert isinstance(export.render(TimelineState(), [], Options(rate=Fraction(25))), str)


def test_json_is_the_state(state: TimelineState, events: list[Event]) -> None:
    text = FORMATS["json"].render(state, events)
    assert json.loads(text) == state.to_dict()
    assert text.startswith("{\n") and text.endswith("}\n")  # noqa: PT018


def test_json_keeps_letters_readable(state: TimelineState) -> None:
    assert "Käse 🧀" in FORMATS["json"].render(with_fields(state, caption="Käse 🧀"), [])


def test_jsonl_is_the_log_one_event_a_line(state: TimelineState, events: list[Event]) -> None:
    lines = FORMATS["jsonl"].render(state, iter(events)).splitlines()
    assert [json.loads(line) for line in lines] == GOLDEN["a whole run"]["events"]


def test_csv_has_a_row_a_segment(state: TimelineState, events: list[Event]) -> None:
    text = FORMATS["csv"].render(with_fields(state, key_information=["a boat", "fog"], caption='Fog, and "a boat"\nat dawn'), events)
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


def test_csv_of_a_segment_that_is_not_done(state: TimelineState) -> None:
    row = rows(FORMATS["csv"].render(TimelineState.model_validate(GOLDEN["each status"]["state"]), []))[0]
    assert (row["status"], row["caption"], row["tags"]) == ("detected", "", "")


@pytest.mark.parametrize(
    "evil", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "\0=1", '=HYPERLINK("http://x","y")']
)
def test_csv_cells_are_no_formulas(state: TimelineState, evil: str) -> None:
    row = rows(FORMATS["csv"].render(with_fields(state, caption=evil, reasoning=evil, key_information=[evil]), []))[0]
    for column in ("caption", "reasoning", "key_information"):
        assert row[column] == "'" + evil.replace("\0", "")


@given(caption=st.text())
def test_csv_cells_come_back_as_they_were(caption: str) -> None:
    state = with_fields(TimelineState.model_validate(GOLDEN["a whole run"]["state"]), caption=caption)
    cell = rows(FORMATS["csv"].render(state, []))[0]["caption"]
    assert cell.lstrip(" ")[:1] not in set("=+-@\t\r\n") - {""}
    assert cell in (caption.replace("\0", ""), "'" + caption.replace("\0", ""))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), ("01:00:00:00", "01:00:02:00")),
        (Options(start_timecode="10:00:00:12"), ("10:00:00:12", "10:00:02:12")),
        (Options(rate=Fraction(25)), ("01:00:00:00", "01:00:02:00")),  # 2.002 s are 50.05 frames
        (Options(rate=Fraction(60)), ("01:00:00:00", "01:00:02:00")),  # and 120.12 here
        (Options(rate=Fraction(30000, 1001)), ("01:00:00:00", "01:00:02:00")),
        (Options(rate=Fraction(30000, 1001), start_timecode="00:00:59;28"), ("00:00:59;28", "00:01:02;00")),
    ],
)
def test_timecodes_of_another_timeline(state: TimelineState, options: Options, expected: tuple[str, str]) -> None:
    row = rows(FORMATS["csv"].render(state, [], options))[0]
    assert (row["start_timecode"], row["end_timecode"]) == expected


def test_a_start_timecode_must_fit_the_rate(state: TimelineState) -> None:
    with pytest.raises(UsageError, match="25/1 frames a second"):
        FORMATS["csv"].render(state, [], Options(rate=Fraction(25), start_timecode="01:00:00:25"))
