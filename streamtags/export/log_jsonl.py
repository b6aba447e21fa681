"""`jsonl`: the log from seq 1, one event a line, as `analyze --jsonl` writes it during a run."""

from __future__ import annotations

from streamtags.export.base import Format, TimelineView
from streamtags.export.options import ExportOptions

__all__ = ["JSONL"]


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    return b"".join(f"{event.to_json()}\n".encode() for event in view.events)


JSONL = Format(name="jsonl", suffix=".jsonl", media_type="application/x-ndjson", description="JSON lines, the event log", render=_render)
