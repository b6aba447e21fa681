"""The music of a cue: what a person chose, else what is suggested."""

from __future__ import annotations

from streamtags.core.cue_events import Cue, CuesSuggested
from streamtags.core.state import SpottedCue, TimelineState

__all__ = ["library_of", "tracks_of"]


def tracks_of(cue: SpottedCue, state: TimelineState, top: int) -> list[Cue]:
    """Return the chosen track of a cue, else what is suggested without the rejected tracks."""
    if cue.chosen is not None:
        return [cue.chosen]
    suggested = _suggested(cue, state)
    return [each for each in (suggested.cues if suggested is not None else []) if each.track not in cue.rejected][:top]


def library_of(cue: SpottedCue, state: TimelineState) -> str:
    """Return the name of the library that the tracks of a cue are from; "" if it is not known."""
    if cue.chosen is not None and cue.chosen.library:
        return cue.chosen.library
    suggested = _suggested(cue, state)
    return suggested.library if suggested is not None else ""


def _suggested(cue: SpottedCue, state: TimelineState) -> CuesSuggested | None:
    return next((each for each in state.cues if each.cue == cue.cue), None)
