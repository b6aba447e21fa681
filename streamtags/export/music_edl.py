"""`music-edl`: a CMX 3600 list of the music on the sound tracks: which track begins where, from which of its moments, with which fades.

A fade is a dissolve from or to black (`BL`), the silence of such lists. The timecode of a track counts from zero at its beginning.
"""

from __future__ import annotations

from streamtags.core.timecode import format_timecode
from streamtags.export.base import Format, TimelineView
from streamtags.export.cut import Cut, make_cut
from streamtags.export.edl import MAX_LINE, frame_mode, list_bytes, reel_of
from streamtags.export.marker_text import clipped
from streamtags.export.music_clips import MusicClip, music_clips
from streamtags.export.options import ExportOptions
from streamtags.export.subtitle_text import one_line

__all__ = ["MUSIC_EDL"]

_MAX_FADE = 255  # frames; three digits, and what most readers take


def _render(view: TimelineView, options: ExportOptions) -> bytes:
    cut = make_cut(view, options)
    title = cut.title if cut is not None else ""
    lines = [f"TITLE: {clipped(one_line(title), 64)} music", frame_mode(cut is not None and cut.drop), ""]
    if cut is not None:
        writer = _Events(cut)
        for clip in music_clips(view, options):
            lines += writer.clip(clip)
    return list_bytes(lines)


class _Events:
    """Writes numbered events."""

    def __init__(self, cut: Cut) -> None:
        self._cut, self._number = cut, 0

    def clip(self, clip: MusicClip) -> list[str]:
        """Return the lines of one clip: its event, and another for the fade at its end."""
        start, end, first = clip.start_frame, clip.end_frame, clip.source_in
        fade_in, fade_out = min(clip.fade_in, _MAX_FADE), min(clip.fade_out, _MAX_FADE)
        reel, name = reel_of(clip.track.track.rpartition("/")[2]), clipped(one_line(clip.track.title), MAX_LINE)
        self._number += 1
        if fade_in:
            lines = [self._line("BL", "C", 0, 0, start), self._line(reel, f"D    {fade_in:03d}", first, end - fade_out - start, start)]
            lines.append(f"* TO CLIP NAME: {name}")
        else:
            lines = [self._line(reel, "C", first, end - fade_out - start, start), f"* FROM CLIP NAME: {name}"]
        lines.append(f"* SOURCE FILE: {clipped(one_line(clip.path or clip.track.track), MAX_LINE)}")
        state = "accepted" if clip.is_accepted else "suggested"
        by = f" by {one_line(clip.track.artist)}" if clip.track.artist else ""
        lines.append(clipped(f"* {clip.cue} {state}{by}: {one_line(clip.track.why)}", MAX_LINE))
        if fade_out:
            self._number += 1
            last = first + end - fade_out - start
            lines += [
                self._line(reel, "C", last, 0, end - fade_out),
                self._line("BL", f"D    {fade_out:03d}", 0, fade_out, end - fade_out),
            ]
            lines.append(f"* FROM CLIP NAME: {name}")
        return lines

    def _line(self, reel: str, transition: str, source: int, frames: int, record: int) -> str:
        cut = self._cut
        record += cut.start_frame
        labels = (format_timecode(frame, cut.rate, drop=cut.drop) for frame in (source, source + frames, record, record + frames))
        return f"{self._number:03d}  {reel:8} AA    {transition:8} {' '.join(labels)}"


MUSIC_EDL = Format(
    name="music-edl",
    suffix=".edl",
    media_type="text/plain; charset=utf-8",
    description="Music of the cues on sound tracks (CMX 3600)",
    render=_render,
    options=frozenset({"rate", "start_timecode"}),
)
