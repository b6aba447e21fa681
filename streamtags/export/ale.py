"""`ale`: an Avid log of the shots, with the tags of each axis in a column of their own.

The source timecode of the media is in Start and End, so that clips in a bin can be matched by it. A log has the sections Heading,
Column and Data (Avid Log Exchange, in the appendix "Avid Log Specifications" of Avid's manuals), and states one of the rates below;
others are refused.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction

from streamtags.core.errors import UsageError
from streamtags.core.timecode import convert_frame, format_timecode, has_drop_frame
from streamtags.export.base import Format, TimelineView
from streamtags.export.cut import Cut, CutClip, make_cut
from streamtags.export.edl import list_bytes
from streamtags.export.markers import Marker
from streamtags.export.options import ExportOptions
from streamtags.export.subtitle_text import one_line
from streamtags.export.table_csv import safe_text

__all__ = ["ALE"]

_RATES = {
    Fraction(24000, 1001): "23.976",
    Fraction(24): "24",
    Fraction(25): "25",
    Fraction(30000, 1001): "29.97",
    Fraction(30): "30",
    Fraction(48000, 1001): "47.95",
    Fraction(48): "48",
    Fraction(50): "50",
    Fraction(60000, 1001): "59.94",
    Fraction(60): "60",
}
_HEIGHTS = {486: "NTSC", 480: "NTSC", 576: "PAL", 720: "720", 1080: "1080"}
_COLUMNS = ("Name", "Tracks", "Start", "End", "Duration", "Tape", "Source File", "Segment", "Description")


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    cut = make_cut(view, options)
    rate = cut.rate if cut is not None else Fraction(25)
    if rate not in _RATES:
        raise UsageError(
            f"a log has no rate {rate}", where="export format ale", hint="pass --rate with the rate of the project, such as 25"
        )
    axes = [axis.name for axis in view.vocabulary.axes] if view.vocabulary is not None else []
    of_axis = {tag.name: tag.axis for tag in view.vocabulary.tags} if view.vocabulary is not None else {}
    shown = [one_line(axis) if axis not in _COLUMNS else f"{axis} tags" for axis in axes] or ["Tags"]
    lines = [
        "Heading",
        "FIELD_DELIM\tTABS",
        f"VIDEO_FORMAT\t{_HEIGHTS.get(cut.height if cut is not None else 1080, 'CUSTOM')}",
        "AUDIO_FORMAT\t48khz",
        f"FPS\t{_RATES[rate]}",
        "",
        "Column",
        "\t".join((*_COLUMNS, *shown, "Comments")),
        "",
        "Data",
    ]
    if cut is not None:
        starts = [clip.start_frame for clip in cut.clips]
        for marker in view.markers:
            clip = cut.clips[max(0, bisect_right(starts, marker.start_frame) - 1)]
            lines.append("\t".join(_row(marker, clip, cut, axes, of_axis)))
    return list_bytes(lines)


def _row(marker: Marker, clip: CutClip, cut: Cut, axes: list[str], of_axis: dict[str, str]) -> list[str]:
    media = clip.media
    start, end = _source_labels(marker, clip, cut)
    groups = [[score for score in marker.tags if of_axis.get(score.tag) == axis] for axis in axes] or [list(marker.tags)]
    tags = ["; ".join(f"{score.tag} {score.confidence:.2f}" for score in group) for group in groups]
    name = media.name if media is not None else cut.title
    texts = (f"{name} {marker.number:03d}", "V", start, end, format_timecode(marker.duration_frames, cut.rate))
    words = (name.rpartition(".")[0] or name, name, marker.segment, marker.comment, *tags, marker.reasoning)
    return [*(one_line(text) for text in texts), *(safe_text(one_line(text)) for text in words)]


def _source_labels(marker: Marker, clip: CutClip, cut: Cut) -> tuple[str, str]:
    """First frame of the media, and the one after the last, as labels at the rate of the log."""
    media = clip.media
    if media is None:
        return marker.start_timecode, marker.end_timecode
    drop = media.drop and has_drop_frame(cut.rate)
    first = convert_frame(clip.source_in, media.rate, cut.rate) + marker.start_frame - clip.start_frame
    return format_timecode(first, cut.rate, drop=drop), format_timecode(first + marker.duration_frames, cut.rate, drop=drop)


ALE = Format(
    name="ale",
    suffix=".ale",
    media_type="text/plain; charset=utf-8",
    description="Avid log, tags of each axis in a column",
    render=_render,
    options=frozenset({"rate", "axes", "tags", "min_confidence"}),
)
