"""`chapters`: segments as chapters in ffmetadata.

`ffmpeg -i film.mp4 -i chapters.txt -map_metadata 1 -codec copy out.mp4` writes them into a film.
"""

from __future__ import annotations

import re
from fractions import Fraction

from streamtags.export.base import Format, TimelineView
from streamtags.export.options import ExportOptions
from streamtags.export.subtitle_text import TAG_OPTIONS, one_line

__all__ = ["CHAPTERS"]

_TICKS = 1_000_000  # in a second; fine enough for every frame rate
_SPECIAL = re.compile(r"[=;#\\\n]")


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    lines = [";FFMETADATA1"]
    if view.state.source is not None:
        lines.append(f"title={_escape(one_line(view.state.source.name))}")
    for marker in view.markers:
        # FFmpeg assumes nanoseconds where TIMEBASE is missing, so it is always written.
        lines += ["[CHAPTER]", f"TIMEBASE=1/{_TICKS}", f"START={_ticks(marker.start)}", f"END={_ticks(marker.end)}"]
        text = f"{marker.name}: {marker.comment}" if marker.comment else marker.name
        lines.append(f"title={_escape(one_line(text))}")
    return ("\n".join(lines) + "\n").encode()


def _ticks(seconds: Fraction) -> int:
    return round(seconds * _TICKS)


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


CHAPTERS = Format(
    name="chapters",
    suffix=".ffmetadata",
    media_type="text/plain; charset=utf-8",
    description="Chapters for FFmpeg (ffmetadata)",
    render=_render,
    options=TAG_OPTIONS,
)
