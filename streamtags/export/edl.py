"""`edl`: a CMX 3600 list of the shots, with a `* LOC:` line for each segment.

A marker stands below the event in which it lies, as Avid writes locators: record timecode, color, words.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from fractions import Fraction

from streamtags.core.timecode import convert_frame, format_timecode, has_drop_frame
from streamtags.export.base import Format, TimelineView
from streamtags.export.colors import AVID, MarkerColors
from streamtags.export.cut import Cut, make_cut
from streamtags.export.marker_text import clipped, comment_text, merge_same_frame
from streamtags.export.markers import Marker
from streamtags.export.options import EDITING_OPTIONS, ExportOptions
from streamtags.export.subtitle_text import one_line

__all__ = ["EDL", "MAX_LINE", "frame_mode", "list_bytes", "locator", "reel_of"]

MAX_LINE = 2000  # characters; programs that read lists have limits, and none states a higher one
_REEL = re.compile(r"[^A-Z0-9_]+")


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    cut = make_cut(view, options)
    title = cut.title if cut is not None else ""
    lines = [f"TITLE: {clipped(one_line(title), 70)}", frame_mode(cut is not None and cut.drop), ""]
    if cut is not None:
        colors = MarkerColors(AVID, view.vocabulary, options.colors)
        lines += _events(cut, merge_same_frame(view.editing_markers), colors)
    return list_bytes(lines)


def _events(cut: Cut, markers: list[Marker], colors: MarkerColors) -> list[str]:
    lines: list[str] = []
    pictures = [clip for clip in cut.clips if clip.media is not None]
    starts = [marker.start_frame for marker in markers]
    mode = cut.drop
    for number, clip in enumerate(pictures, 1):
        media = clip.media
        assert media is not None  # noqa: S101  # filtered above
        source_drop = media.drop and has_drop_frame(cut.rate)
        if source_drop != mode:
            # A mode line between events says how the source timecode counts; the record timecode keeps the first.
            lines.append(frame_mode(source_drop))
            mode = source_drop
        source_in = convert_frame(clip.source_in, media.rate, cut.rate)
        source = (_label(frame, cut.rate, drop=source_drop) for frame in (source_in, source_in + clip.frames))
        record = (_label(cut.start_frame + frame, cut.rate, drop=cut.drop) for frame in (clip.start_frame, clip.end_frame))
        lines.append(f"{number:03d}  {reel_of(media.name):8} V     C        {' '.join((*source, *record))}")
        lines.append(f"* FROM CLIP NAME: {clipped(one_line(media.name), MAX_LINE)}")
        lines.append(f"* SOURCE FILE: {clipped(one_line(media.path), MAX_LINE)}")
        # What lies before the first event, or in a gap after an event, stands below that event.
        first = bisect_left(starts, clip.start_frame) if number > 1 else 0
        last = bisect_left(starts, pictures[number].start_frame) if number < len(pictures) else len(starts)
        lines += [locator(marker, colors.of(marker)) for marker in markers[first:last]]
    return lines


def locator(marker: Marker, color: str) -> str:
    """Return the `* LOC:` line of a marker: its name, then its comment."""
    text = ": ".join(filter(None, (one_line(marker.name), comment_text(marker))))
    return clipped(f"* LOC: {marker.start_timecode} {color.upper():7} {text}", MAX_LINE)


def frame_mode(drop: bool) -> str:
    """Return the line that says how timecode counts."""
    return f"FCM: {'DROP FRAME' if drop else 'NON-DROP FRAME'}"


def list_bytes(lines: Iterable[str]) -> bytes:
    """Return the bytes of a list: UTF-8, lines that end as on Windows, where most programs for lists come from."""
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")


def _label(frame: int, rate: Fraction, *, drop: bool) -> str:
    return format_timecode(frame, rate, drop=drop)


def reel_of(name: str) -> str:
    """Return the reel of a file name: eight letters or digits, as CMX 3600 has room for; AX, the auxiliary source, if nothing is left."""
    stem = name.rpartition(".")[0] or name
    return _REEL.sub("", stem.upper())[:8] or "AX"


EDL = Format(
    name="edl",
    suffix=".edl",
    media_type="text/plain; charset=utf-8",
    description="CMX 3600 edit decision list with locators",
    render=_render,
    options=EDITING_OPTIONS,
)
