"""`srt`: speech, captions and tags as SubRip subtitles, for video players and editing systems."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from streamtags.export.base import Format, TimelineView
from streamtags.export.options import ExportOptions
from streamtags.export.subtitle_text import TAG_OPTIONS, clock_time, cues_of

__all__ = ["SRT"]

_MAX_LINE = 1_000  # characters; FFmpeg cuts a line at 4096 bytes, in the middle of a character


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    cues = []
    for number, cue in enumerate(cues_of(view.markers), 1):
        times = f"{clock_time(cue.start, ',')} --> {clock_time(cue.end, ',')}"
        cues.append("\n".join([str(number), times, *_lines(cue.lines)]) + "\n")
    return "\n".join(cues).encode()


def _lines(lines: Iterable[str]) -> list[str]:
    return [part for line in lines for part in wrap(_escape(line), _MAX_LINE, break_on_hyphens=False)]


def _escape(text: str) -> str:
    """Break what players read as markup or as a time line: SubRip has no escapes."""
    return text.replace("-->", "->").replace("<", "\u2039").replace(">", "\u203a").replace("{", "(").replace("}", ")")


SRT = Format(
    name="srt",
    suffix=".srt",
    media_type="application/x-subrip; charset=utf-8",
    description="SubRip subtitles of speech, captions and tags",
    render=_render,
    options=TAG_OPTIONS,
)
