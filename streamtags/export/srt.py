"""`srt`: captions and tags as SubRip subtitles, for video players and editing systems."""

from __future__ import annotations

from streamtags.export.base import Format, TimelineView
from streamtags.export.options import ExportOptions
from streamtags.export.subtitle_text import TAG_OPTIONS, clock_time, cue_lines

__all__ = ["SRT"]


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    cues = []
    for number, marker in enumerate(view.markers, 1):
        times = f"{clock_time(marker.start, ',')} --> {clock_time(marker.end, ',')}"
        cues.append("\n".join([str(number), times, *(_escape(line) for line in cue_lines(marker))]) + "\n")
    return "\n".join(cues).encode()


def _escape(text: str) -> str:
    """Break what players read as markup or as a time line: SubRip has no escapes."""
    return text.replace("-->", "->").replace("<", "\u2039").replace(">", "\u203a").replace("{", "(").replace("}", ")")


SRT = Format(
    name="srt",
    suffix=".srt",
    media_type="application/x-subrip; charset=utf-8",
    description="SubRip subtitles of captions and tags",
    render=_render,
    options=TAG_OPTIONS,
)
