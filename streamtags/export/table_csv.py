"""`csv`: one row for each segment, for spreadsheets; RFC 4180, UTF-8, a header row.

Captions are written by models that read the picture, so anyone who shows a sign to the camera could write a formula into a table. No cell
is a formula, whether a spreadsheet splits the file at commas or, as in many European locales, at semicolons
(https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

from streamtags.core.answers import face_words, heard_words, screen_text, transcript_text
from streamtags.core.model import TagScore
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.timebase import Time
from streamtags.export.base import Format, TimelineView
from streamtags.export.markers import FrameCounter
from streamtags.export.options import ExportOptions

__all__ = ["CSV", "safe_text"]

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
    "screen_text",
    "transcript",
    "faces",
    "heard",
)
_SIGNS = "=+@\\-\uff1d\uff0b\uff0d\uff20"  # with their full-width forms
_BREAKS = "\t\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
# Where a cell can begin: at the start of the text, or after a separator if the spreadsheet splits there. Quotes and spaces may follow.
_FORMULA = re.compile(rf"(?:(?P<start>\A)|(?P<split>[,;|{_BREAKS}]))(?P<skip>[\s\"'\u00a0\ufeff\u200b]*)(?P<sign>[{_SIGNS}])")
# Control characters but tab and line breaks, and embeddings, overrides and isolates of the Unicode Bidirectional Algorithm (UAX 9).
_CONTROLS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LEADING_BREAK = re.compile(rf"\A *[{_BREAKS}]")


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    timecode = _timecodes(view.state, options)
    selected = {marker.segment: marker.tags for marker in view.markers}
    for segment in view.state.segments:
        if not options.selects_tags:
            writer.writerow(_row(segment, tuple(segment.tags), timecode))
        elif segment.segment in selected:
            writer.writerow(_row(segment, selected[segment.segment], timecode))
    return out.getvalue().encode()


def _timecodes(state: TimelineState, options: ExportOptions) -> Callable[[Time], str]:
    """Return what labels a time: the timecode of the log unless the options ask for another rate or start."""
    if not state.segments or state.source is None or not (options.rate or options.start_timecode):
        return lambda time: time.timecode
    video = state.source.video
    return FrameCounter(state.segments[0].start, video.rate, video.start_timecode, options).timecode


def _row(segment: SegmentState, tags: tuple[TagScore, ...], timecode: Callable[[Time], str]) -> list[str | int]:
    """Return the cells of a segment in the order of the columns. Numbers are this program's own, so only text is made safe."""
    start, end = segment.start, segment.end
    return [
        safe_text(segment.segment),
        segment.index,
        segment.shot,
        timecode(start),
        timecode(end),
        f"{start.seconds:.6f}",
        f"{end.seconds:.6f}",
        f"{segment.seconds:.6f}",
        start.frame,
        end.frame,
        segment.kind,
        segment.transition,
        segment.status,
        safe_text(segment.caption or ""),
        safe_text("; ".join(f"{score.tag} {score.confidence:.2f}" for score in tags)),
        safe_text("; ".join(segment.key_information)),
        safe_text(segment.reasoning),
        safe_text(screen_text(segment.answers)),
        safe_text(transcript_text(segment.answers)),
        safe_text(face_words(segment.answers)),
        safe_text(heard_words(segment.answers)),
    ]


def safe_text(value: str) -> str:
    """Return `value` as a cell that no spreadsheet runs as a formula, split at commas, semicolons, tabs or line breaks.

    An apostrophe goes before each sign that could start a formula. NUL is removed. Other control characters and marks that turn the
    direction of writing become spaces. Tabs and line breaks stay, because a cell may have several lines, and so do the signs that join
    emoji and letters.
    """
    value = _CONTROLS.sub(" ", value.replace("\0", ""))
    value = _FORMULA.sub(_guard, value)
    return f"'{value}" if _LEADING_BREAK.match(value) else value


def _guard(match: re.Match[str]) -> str:
    if match["start"] is not None:
        return f"'{match['skip']}{match['sign']}"
    return f"{match['split']}{match['skip']}'{match['sign']}"


CSV = Format(
    name="csv",
    suffix=".csv",
    media_type="text/csv; charset=utf-8",
    description="CSV table, one row for each segment",
    render=_render,
    options=frozenset({"rate", "start_timecode", "axes", "tags", "min_confidence"}),
)
