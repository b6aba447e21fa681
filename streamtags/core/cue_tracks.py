"""The music of a cue: what a person chose, else what is suggested."""

from __future__ import annotations

from streamtags.core.cue_events import Cue, CuesSuggested
from streamtags.core.state import SpottedCue, TimelineState

__all__ = ["is_rejected", "library_of", "tracks_of"]


def tracks_of(cue: SpottedCue, state: TimelineState, top: int) -> list[Cue]:
    """Return the chosen track of a cue, else what is suggested without the rejected tracks."""
    if cue.chosen is not None:
        return [cue.chosen]
    suggested = _suggested(cue, state)
    if suggested is None:
        return []
    return [each for each in suggested.cues if not is_rejected(cue, each.track, suggested.library)][:top]


def is_rejected(cue: SpottedCue, track: str, library: str) -> bool:
    """Return whether a track of a library was rejected for a cue."""
    libraries = cue.rejected_in.get(track)
    return track in cue.rejected and (libraries is None or not library or library in libraries)


def library_of(cue: SpottedCue, state: TimelineState) -> str:
    """Return the name of the library that the tracks of a cue are from; "" if it is not known."""
    if cue.chosen is not None and cue.chosen.library:
        return cue.chosen.library
    suggested = _suggested(cue, state)
    return suggested.library if suggested is not None else ""


def _suggested(cue: SpottedCue, state: TimelineState) -> CuesSuggested | None:
    return next((each for each in state.cues if each.cue == cue.cue), None)
