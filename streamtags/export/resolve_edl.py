"""`resolve-edl`: markers for DaVinci Resolve, which reads them with Timelines > Import > Timeline Markers from EDL.

Each marker is an event of one frame. Lines of its note come before a line ` |C:color |M:name |D:frames`; a bar ends a field, so none is in
the words. The start timecode must be that of the timeline in Resolve, and hours have two digits, else Resolve imports nothing.
"""

from __future__ import annotations

import re

from streamtags.core.timecode import format_timecode
from streamtags.export.base import Format, TimelineView
from streamtags.export.colors import RESOLVE, MarkerColors
from streamtags.export.cut import Cut, make_cut
from streamtags.export.edl import MAX_LINE, frame_mode, list_bytes
from streamtags.export.marker_text import clipped, comment_lines, merge_same_frame
from streamtags.export.markers import Marker
from streamtags.export.options import EDITING_OPTIONS, ExportOptions
from streamtags.export.subtitle_text import one_line

__all__ = ["RESOLVE_EDL"]

# What would be read as a line of the list itself.
_LIKE_A_LINE = re.compile(r"(?:\d|\*|>|M2\b|TITLE:|FCM:|REM\b)", re.IGNORECASE)


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    cut = make_cut(view, options)
    lines = [f"TITLE: {clipped(one_line(cut.title if cut is not None else ''), 70)}", frame_mode(cut is not None and cut.drop), ""]
    colors = MarkerColors(RESOLVE, view.vocabulary, options.colors)
    if cut is not None:
        for number, marker in enumerate(merge_same_frame(view.editing_markers), 1):
            lines += [*_event(number, marker, colors.of(marker), cut), ""]
    return list_bytes(lines)


def _event(number: int, marker: Marker, color: str, cut: Cut) -> list[str]:
    start = cut.start_frame + marker.start_frame
    times = " ".join(format_timecode(frame, cut.rate, drop=cut.drop) for frame in (start, start + 1) * 2)
    return [
        f"{number:03d}  001      V     C        {times}  ",
        *(_note(line) for line in comment_lines(marker)),
        f" |C:ResolveColor{color} |M:{clipped(_field(marker.name), MAX_LINE)} |D:{marker.duration_frames}",
    ]


def _note(line: str) -> str:
    text = clipped(_field(line), MAX_LINE)
    return f"- {text}" if _LIKE_A_LINE.match(text) else text


def _field(text: str) -> str:
    return one_line(text).replace("|", "/")


RESOLVE_EDL = Format(
    name="resolve-edl",
    suffix=".edl",
    media_type="text/plain; charset=utf-8",
    description="Markers for DaVinci Resolve (marker EDL)",
    render=_render,
    options=EDITING_OPTIONS,
)
