"""`vtt`: speech, captions and tags as WebVTT, for the `<track>` element of a web page and for video players."""

from __future__ import annotations

from streamtags.export.base import Format, TimelineView
from streamtags.export.options import ExportOptions
from streamtags.export.subtitle_text import TAG_OPTIONS, clock_time, cues_of

__all__ = ["VTT"]


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    cues = ["WEBVTT"]
    for cue in cues_of(view.markers):
        times = f"{clock_time(cue.start, '.')} --> {clock_time(cue.end, '.')}"
        cues.append("\n".join([_escape(cue.id), times, *(_escape(line) for line in cue.lines)]))
    return ("\n\n".join(cues) + "\n").encode()


def _escape(text: str) -> str:
    """Escape what WebVTT reads as markup; an arrow in the text would be read as a time line."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


VTT = Format(
    name="vtt",
    suffix=".vtt",
    media_type="text/vtt; charset=utf-8",
    description="WebVTT subtitles of speech, captions and tags",
    render=_render,
    options=TAG_OPTIONS,
)
