"""Names and texts from files, models and servers do not drive the terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from streamtags.cli.live import LiveTable, card
from streamtags.cli.views import printable, segment_line
from streamtags.core.events import TimelineOpened
from streamtags.core.model import TagScore
from streamtags.core.records import TimelineIdentity
from streamtags.core.state import SegmentError, SegmentState
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.log import make_payloads

ESCAPES = ["\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "\x1b[8mhidden", "a\rb", "\u202egpj.exe", "\x08\x08"]


@pytest.fixture
def segment(tmp_path: object) -> SegmentState:
    with SqliteStore(tmp_path / "s.db") as store:  # type: ignore[operator]
        store.open_timeline("tl_a", TimelineIdentity("key"))
        store.append("tl_a", make_payloads(1))
        return store.state("tl_a").segments[0]


def shown_as_card(segment: SegmentState) -> str:
    out = io.StringIO()
    Console(file=out, width=120, color_system=None).print(card(segment))
    return out.getvalue()


@pytest.mark.parametrize("escape", ESCAPES)
def test_no_escape_of_a_tag_a_caption_or_an_error_reaches_the_terminal(segment: SegmentState, escape: str) -> None:
    tagged = segment.model_copy(
        update={"tags": [TagScore(tag=f"Calm{escape}", confidence=0.9)], "caption": f"A dog{escape}.", "segment": escape}
    )
    failed = segment.model_copy(
        update={"status": "failed", "error": SegmentError(code="model", message=f"no{escape}", stage=f"caption{escape}")}
    )
    for state in (tagged, failed):
        for text in (segment_line(state), shown_as_card(state)):
            assert all(char.isprintable() or char == "\n" for char in text), repr(text)


def test_text_in_any_script_is_kept() -> None:
    assert printable("Größe 影 — ça va") == "Größe 影 — ça va"


def test_the_name_of_a_film_is_no_markup_in_the_live_table(tmp_path: Path) -> None:
    screen = io.StringIO()
    opened = make_payloads(1)[0]
    assert isinstance(opened, TimelineOpened)
    named = opened.model_copy(update={"source": opened.source.model_copy(update={"name": "[/]film[red].mp4"})})
    with SqliteStore(tmp_path / "s.db") as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        table = LiveTable(store, "streamtags show last", Console(file=screen, force_terminal=True, width=120))
        table.show(store.append("tl_a", [named]))
        table.close(None)
    assert "[/]film[red].mp4" in screen.getvalue()
