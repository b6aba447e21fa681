"""`avid`: markers for Media Composer, which reads them with Tools > Markers > Import Markers.

One line a marker, six columns with tabs between: user, timecode, track, color, comment, length in frames. Media Composer keeps one marker
a frame and track.
"""

from __future__ import annotations

from streamtags.export.base import Format, TimelineView
from streamtags.export.colors import AVID as COLORS
from streamtags.export.colors import MarkerColors
from streamtags.export.edl import list_bytes
from streamtags.export.marker_text import comment_text, merge_same_frame
from streamtags.export.options import EDITING_OPTIONS, ExportOptions
from streamtags.export.subtitle_text import one_line

__all__ = ["AVID"]

_USER = "streamtags"
_TRACK = "V1"


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    colors = MarkerColors(COLORS, view.vocabulary, options.colors)
    rows = []
    for marker in merge_same_frame(view.editing_markers):
        comment = ": ".join(filter(None, (one_line(marker.name), comment_text(marker))))
        cells = (_USER, marker.start_timecode, _TRACK, colors.of(marker).lower(), comment, str(marker.duration_frames))
        rows.append("\t".join(cells))
    return list_bytes(rows)


AVID = Format(
    name="avid",
    suffix=".txt",
    media_type="text/plain; charset=utf-8",
    description="Markers for Avid Media Composer (marker text)",
    render=_render,
    options=EDITING_OPTIONS,
)
