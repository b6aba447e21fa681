"""Cues as markers for editing systems: where music begins, why, and what it meets."""

from __future__ import annotations

from collections.abc import Iterator

from streamtags.core.cue_tracks import tracks_of
from streamtags.core.state import SpottedCue, TimelineState
from streamtags.export.markers import FrameCounter, Marker
from streamtags.export.options import ExportOptions

__all__ = ["make_cue_markers"]


def make_cue_markers(state: TimelineState, options: ExportOptions) -> tuple[Marker, ...]:
    """Return a marker for each cue, in order; none for a rejected one, and none at all if the options select tags.

    Raises:
        UsageError: the start timecode does not exist at the rate.
    """
    if state.source is None or not state.segments or not state.spotting or options.selects_tags:
        return ()
    counter = FrameCounter(state.segments[0].start, state.source.video.rate, state.source.video.start_timecode, options)
    return tuple(_marker(cue, state, counter) for cue in state.spotting if cue.decision != "rejected")


def _marker(cue: SpottedCue, state: TimelineState, counter: FrameCounter) -> Marker:
    start = counter.frame(cue.start)
    return Marker(
        segment="",
        number=0,
        start=counter.seconds(cue.start),
        end=counter.seconds(cue.end),
        rate=counter.rate,
        start_frame=start,
        end_frame=max(start + 1, counter.frame(cue.end)),
        start_timecode=counter.timecode(cue.start),
        end_timecode=counter.timecode(cue.end),
        name=f"{cue.cue} {cue.usage}",
        comment="\n".join(_lines(cue, state, counter)),
        cue=cue.cue,
    )


def _lines(cue: SpottedCue, state: TimelineState, counter: FrameCounter) -> Iterator[str]:
    yield f"{cue.cue} to {counter.timecode(cue.end)}: {cue.reason}"
    for track in tracks_of(cue, state, 1):
        by = f" by {track.artist}" if track.artist else ""
        yield f"{'accepted' if cue.chosen is not None else 'suggested'}: {track.title}{by}"
    for hit in cue.hits:
        yield f"hit {counter.timecode(hit.at)} {hit.reason}"
