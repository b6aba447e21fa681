"""`jsonl`: the log, one event a line, from seq 1; what `analyze --jsonl` writes while it runs."""

from __future__ import annotations

from collections.abc import Iterable

from streamtags.core.events import Event
from streamtags.core.state import TimelineState
from streamtags.export.base import Export, Options

__all__ = ["JSONL"]


def _render(state: TimelineState, events: Iterable[Event], options: Options) -> str:
    return "".join(f"{event.to_json()}\n" for event in events)


JSONL = Export(name="jsonl", suffix=".jsonl", media_type="application/x-ndjson", text=_render)
