"""`premiere-csv`: markers as Premiere Pro exports them: UTF-16, tabs between and after the columns, `;` in drop-frame timecode.

Premiere Pro exports this table and imports it by script or extension only; `xmeml` is the way to bring markers in. The table has no colors.
"""

from __future__ import annotations

from streamtags.core.timecode import format_timecode, parse_timecode
from streamtags.export.base import Format, TimelineView
from streamtags.export.marker_text import comment_text, merge_same_frame
from streamtags.export.markers import Marker
from streamtags.export.options import ExportOptions
from streamtags.export.subtitle_text import one_line
from streamtags.export.table_csv import safe_text

__all__ = ["PREMIERE_CSV"]

_COLUMNS = ("Marker Name", "Description", "In", "Out", "Duration", "Marker Type")


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    rows = [_COLUMNS, *(_row(marker) for marker in merge_same_frame(view.editing_markers))]
    text = "".join("\t".join((*row, "")) + "\n" for row in rows)
    return b"\xff\xfe" + text.encode("utf-16-le", "replace")


def _row(marker: Marker) -> tuple[str, ...]:
    first, drop = parse_timecode(marker.start_timecode, marker.rate)
    frames = (first, first + marker.duration_frames, marker.duration_frames)
    times = (format_timecode(frame, marker.rate, drop=drop) for frame in frames)
    # In drop-frame timecode Premiere Pro writes semicolons throughout.
    return (
        safe_text(one_line(marker.name)),
        safe_text(comment_text(marker)),
        *(time.replace(":", ";") if drop else time for time in times),
        "Comment",
    )


PREMIERE_CSV = Format(
    name="premiere-csv",
    suffix=".csv",
    media_type="text/csv; charset=utf-16le",
    description="Markers as Premiere Pro exports them (table)",
    render=_render,
    options=frozenset({"rate", "start_timecode", "axes", "tags", "min_confidence"}),
)
