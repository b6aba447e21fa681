"""Folding events about cues."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from streamtags.core.cue_events import CueDecided, CueDetected
from streamtags.core.state import SpottedCue

__all__ = ["after_cue_event", "in_order"]

_DECIDED = ("decision", "chosen", "rejected", "rejected_in", "by")


def after_cue_event(cues: Mapping[str, SpottedCue], payload: CueDetected | CueDecided) -> dict[str, SpottedCue]:
    """Return the cues after an event; a decision about a cue that there is not is ignored."""
    known = cues.get(payload.cue)
    if isinstance(payload, CueDetected):
        if payload.removed:
            return {name: cue for name, cue in cues.items() if name != payload.cue}
        decided = {name: getattr(known, name) for name in _DECIDED} if known is not None else {}
        return {**cues, payload.cue: SpottedCue(**{name: value for name, value in payload if name != "removed"}, **decided)}
    return dict(cues) if known is None else {**cues, payload.cue: _decided(known, payload)}


def _decided(cue: SpottedCue, payload: CueDecided) -> SpottedCue:
    """Return a cue after a decision.

    Accepting takes a track out of the rejected ones; rejecting or resetting the chosen track opens the cue again.
    """
    changes: dict[str, Any] = {"by": payload.by}
    if payload.decision == "accepted":
        library = payload.chosen.library if payload.chosen is not None else ""
        changes |= {"decision": "accepted", "chosen": payload.chosen, **_without_rejection(cue, payload.track, library)}
    elif payload.track is None:
        changes |= {"chosen": None, "decision": None if payload.decision == "reset" else "rejected"}
        if payload.decision == "reset":
            changes |= {"rejected": (), "rejected_in": {}}
    else:
        if _is_chosen(cue, payload.track, payload.library):
            changes |= {"decision": None, "chosen": None}
        change = _without_rejection if payload.decision == "reset" else _with_rejection
        changes |= change(cue, payload.track, payload.library)
    return cue.model_copy(update=changes)


def _is_chosen(cue: SpottedCue, track: str, library: str) -> bool:
    chosen = cue.chosen
    return chosen is not None and chosen.track == track and (not library or chosen.library in ("", library))


def _with_rejection(cue: SpottedCue, track: str, library: str) -> dict[str, Any]:
    """Return how a cue changes when a track is rejected in a library, or in every one if that is ""."""
    libraries = {name: names for name, names in cue.rejected_in.items() if name != track}
    before = cue.rejected_in.get(track, ())
    if library and (before or track not in cue.rejected):
        libraries[track] = (*(name for name in before if name != library), library)
    return {"rejected": (*(name for name in cue.rejected if name != track), track), "rejected_in": libraries}


def _without_rejection(cue: SpottedCue, track: str | None, library: str) -> dict[str, Any]:
    """Return how a cue changes when a track is no longer rejected in a library, or in any if that is ""."""
    libraries = {name: names for name, names in cue.rejected_in.items() if name != track}
    left = tuple(name for name in cue.rejected_in.get(track or "", ()) if library and name != library)
    if track is not None and left:
        return {"rejected": cue.rejected, "rejected_in": {**libraries, track: left}}
    return {"rejected": tuple(name for name in cue.rejected if name != track), "rejected_in": libraries}


def in_order(cues: Collection[SpottedCue]) -> tuple[SpottedCue, ...]:
    """Return cues in the order of their starts."""
    return tuple(sorted(cues, key=lambda cue: (cue.start.pts, cue.cue)))
