"""The music of a timeline as clips: the accepted track of each cue, else the first suggestion, at its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from streamtags.core.cue_events import Cue
from streamtags.core.cue_tracks import library_of, tracks_of
from streamtags.core.state import SpottedCue
from streamtags.export.base import TimelineView
from streamtags.export.markers import FrameCounter
from streamtags.export.options import ExportOptions

__all__ = ["MusicClip", "music_clips", "on_tracks"]


@dataclass(frozen=True, slots=True)
class MusicClip:
    """A track under a cue. Frames are at the rate of the export.

    Attributes:
        cue: name of the cue, such as `1M1`.
        track: what was chosen or suggested.
        is_accepted: a person accepted the track.
        path: its file; None if the library does not know one.
        start_frame: from the first frame of the timeline.
        end_frame: exclusive; before the end of the cue if the track is shorter.
        source_in: first frame of the track that is heard, counted from its beginning.
        fade_in: frames.
        fade_out: frames; at most what the fade in leaves.
    """

    cue: str
    track: Cue
    is_accepted: bool
    path: str | None
    start_frame: int
    end_frame: int
    source_in: int
    fade_in: int
    fade_out: int

    @property
    def frames(self) -> int:
        """The length."""
        return self.end_frame - self.start_frame


def music_clips(view: TimelineView, options: ExportOptions) -> list[MusicClip]:
    """Return the music of a timeline, in order; cues without music, and those that are heard in the film already, have none.

    Raises:
        UsageError: the start timecode does not exist at the rate.
    """
    state = view.state
    if state.source is None or not state.segments:
        return []
    counter = FrameCounter(state.segments[0].start, state.source.video.rate, state.source.video.start_timecode, options)
    clips = []
    for cue in state.spotting:
        tracks = tracks_of(cue, state, 1) if cue.usage != "source" and cue.decision != "rejected" else []
        if tracks and (clip := _clip(view, cue, tracks[0], counter)) is not None:
            clips.append(clip)
    return clips


def _clip(view: TimelineView, cue: SpottedCue, track: Cue, counter: FrameCounter) -> MusicClip | None:
    def frames(seconds: float) -> int:
        return round(Fraction(max(0.0, seconds)) * counter.rate)

    start, end = counter.frame(cue.start), counter.frame(cue.end)
    fit = track.fit
    if fit is not None:
        end = min(end, start + frames(fit.seconds))
    if end <= start:
        return None
    fade_in = min(frames(fit.fade_in_seconds) if fit is not None else 0, end - start)
    return MusicClip(
        cue=cue.cue,
        track=track,
        is_accepted=cue.chosen is not None,
        path=view.music_file(library_of(cue, view.state), track.track),
        start_frame=start,
        end_frame=end,
        source_in=frames(fit.offset_seconds) if fit is not None else 0,
        fade_in=fade_in,
        fade_out=min(frames(fit.fade_out_seconds) if fit is not None else 0, end - start - fade_in),
    )


def on_tracks(clips: Sequence[MusicClip]) -> list[list[MusicClip]]:
    """Return clips on as few tracks as keep a gap between any two, as fades need one."""
    tracks: list[list[MusicClip]] = []
    for clip in clips:
        free = next((track for track in tracks if track[-1].end_frame < clip.start_frame), None)
        if free is None:
            tracks.append([clip])
        else:
            free.append(clip)
    return tracks
