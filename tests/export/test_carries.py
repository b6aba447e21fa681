"""The table of what each format carries, in docs/howto/export.md. A test changes one thing and compares the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from streamtags.core.events import Event
from streamtags.core.model import TagScore
from streamtags.core.state import TimelineState
from streamtags.export import ExportOptions, TimelineView, find_format, formats
from streamtags.export.marker_text import merge_same_frame
from tests.doc_blocks import ROOT
from tests.export.nasty import VOCABULARY, film

PAGE = ROOT / "docs" / "howto" / "export.md"
BEGIN, END = "<!-- carries: begin -->\n", "<!-- carries: end -->"
LOSSLESS = ("json", "jsonl")  # the timeline itself
FOR_PEOPLE = ("html",)

Change = Callable[[TimelineState], TimelineState]


def with_first(state: TimelineState, **fields: Any) -> TimelineState:
    first, *rest = state.segments
    return state.model_copy(update={"segments": (first.model_copy(update=fields), *rest)})


def base() -> TimelineState:
    state = film(Fraction(25), "01:00:00:00", segments=3)
    tags = [TagScore(tag="Calm", confidence=0.51)]
    segments = [segment.model_copy(update={"caption": "a b", "reasoning": "why", "tags": tags}) for segment in state.segments]
    return state.model_copy(update={"segments": tuple(segments)})


def with_source(state: TimelineState, **fields: Any) -> TimelineState:
    assert state.source is not None
    return state.model_copy(update={"source": state.source.model_copy(update=fields)})


CHANGES: dict[str, Change] = {
    "tags": lambda state: with_first(state, tags=[TagScore(tag="Night, city", confidence=0.51)]),
    "confidence": lambda state: with_first(state, tags=[TagScore(tag="Calm", confidence=0.52)]),
    "caption": lambda state: with_first(state, caption="c d"),
    "lines": lambda state: with_first(state, caption="a\nb"),
    "reasoning": lambda state: with_first(state, reasoning="because"),
    "media": lambda state: with_source(state, uri="/films/other.mov", name="other.mov"),
}


def render(name: str, state: TimelineState, **options: Any) -> bytes:
    chosen = ExportOptions(**options)
    return find_format(name).render(TimelineView.of(state, [], chosen, VOCABULARY), chosen)


def carries_length(name: str) -> bool:
    view, options = TimelineView.of(base(), [], None, VOCABULARY), ExportOptions()
    *rest, last = view.markers
    shorter = replace(last, end=last.end - Fraction(1, 5), end_frame=last.end_frame - 5, end_timecode="01:00:01:12")
    export = find_format(name)
    return export.render(view, options) != export.render(replace(view, markers=(*rest, shorter)), options)


def keeps_markers_of_one_frame(name: str) -> bool:
    view, options = TimelineView.of(base(), [], None, VOCABULARY), ExportOptions()
    first, second, third = view.markers
    view = replace(view, markers=(first, replace(second, start_frame=first.start_frame, start_timecode=first.start_timecode), third))
    export = find_format(name)
    return export.render(view, options) != export.render(replace(view, markers=tuple(merge_same_frame(view.markers))), options)


def row(name: str) -> str:
    before = render(name, base())
    carried = {what: render(name, change(base())) != before for what, change in CHANGES.items()}
    if "colors" in find_format(name).options:
        carried["color"] = render(name, base(), colors={"Ort": "Red"}) != render(name, base(), colors={"Ort": "Blue"})
    carried["length"] = name == "csv" or carries_length(name)
    carried["two on a frame"] = name == "csv" or keeps_markers_of_one_frame(name)
    return f"| `{name}` | {' | '.join('yes' if carried.get(column) else '' for column in COLUMNS)} |".replace("|  ", "| ")


COLUMNS = ("tags", "confidence", "caption", "reasoning", "lines", "color", "length", "media", "two on a frame")


def table() -> str:
    names = [name for name in formats() if name not in (*LOSSLESS, *FOR_PEOPLE) and "axes" in find_format(name).options]
    head = [f"| format | {' | '.join(COLUMNS)} |", f"|{' --- |' * (len(COLUMNS) + 1)}"]
    return "\n".join([*head, *(row(name) for name in names)]) + "\n"


def test_the_page_says_what_each_format_carries() -> None:
    text = PAGE.read_text("utf-8")
    shown = text.partition(BEGIN)[2].partition(END)[0]
    expected = table()
    assert shown == expected, f"write this table into {PAGE}:\n{expected}"


@pytest.mark.parametrize("name", LOSSLESS)
def test_json_formats_carry_everything(name: str, state: TimelineState, events: list[Event]) -> None:
    text = find_format(name).render(TimelineView.of(state, events), ExportOptions()).decode()
    for words in ("Calm", "0.9", "A boat.", "as seen"):
        assert words in text
