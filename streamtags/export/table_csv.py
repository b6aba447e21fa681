"""`csv`: a row a segment, for spreadsheets; RFC 4180, UTF-8, a header row.

What a spreadsheet would take for a formula is made text: a cell that begins with `=`, `+`, `-`, `@`, the full-width form of one, a tab or a
line break gets an apostrophe before it (https://owasp.org/www-community/attacks/CSV_Injection). Captions are written by models that
read the picture, so anybody who can show a sign to the camera could otherwise write formulas.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from streamtags.core.events import Event
from streamtags.core.state import SegmentState, TimelineState
from streamtags.export.base import Export, Options, Timecodes

__all__ = ["CSV"]

_COLUMNS = (
    "segment",
    "index",
    "shot",
    "start_timecode",
    "end_timecode",
    "start_seconds",
    "end_seconds",
    "duration_seconds",
    "start_frame",
    "end_frame",
    "kind",
    "transition",
    "status",
    "caption",
    "tags",
    "key_information",
    "reasoning",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def _render(state: TimelineState, events: Iterable[Event], options: Options) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    timecodes = Timecodes(state, options)
    writer.writerows(_row(segment, timecodes) for segment in state.segments)
    return out.getvalue()


def _row(segment: SegmentState, timecodes: Timecodes) -> list[str | int]:
    """The cells of a segment, in the order of the columns; numbers are ours, so only words are made safe."""
    start, end = segment.start, segment.end
    return [
        _text(segment.segment),
        segment.index,
        segment.shot,
        timecodes.label(start),
        timecodes.label(end),
        f"{start.seconds:.6f}",
        f"{end.seconds:.6f}",
        f"{segment.seconds:.6f}",
        start.frame,
        end.frame,
        segment.kind,
        segment.transition,
        segment.status,
        _text(segment.caption or ""),
        _text("; ".join(f"{score.tag} {score.confidence:.2f}" for score in segment.tags)),
        _text("; ".join(segment.key_information)),
        _text(segment.reasoning),
    ]


def _text(value: str) -> str:
    """A cell of words that no spreadsheet takes for a formula; NUL, which no spreadsheet reads, is left out."""
    value = value.replace("\0", "")
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value


CSV = Export(name="csv", suffix=".csv", media_type="text/csv; charset=utf-8", text=_render)
