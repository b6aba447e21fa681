"""`vtt`: captions and tags as WebVTT, for the `<track>` element of a web page and for video players."""

from __future__ import annotations

from streamtags.export.base import Format, TimelineView
from streamtags.export.options import ExportOptions
from streamtags.export.subtitle_text import TAG_OPTIONS, clock_time, cue_lines

__all__ = ["VTT"]


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    cues = ["WEBVTT"]
    for marker in view.markers:
        times = f"{clock_time(marker.start, '.')} --> {clock_time(marker.end, '.')}"
        cues.append("\n".join([_escape(marker.segment), times, *(_escape(line) for line in cue_lines(marker))]))
    return ("\n\n".join(cues) + "\n").encode()


def _escape(text: str) -> str:
    """Escape what WebVTT reads as markup; an arrow in the text would be read as a time line."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


VTT = Format(
    name="vtt",
    suffix=".vtt",
    media_type="text/vtt; charset=utf-8",
    description="WebVTT subtitles of captions and tags",
    render=_render,
    options=TAG_OPTIONS,
)
