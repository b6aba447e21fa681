"""Folding events about cues."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from streamtags.core.cue_events import CueDecided, CueDetected
from streamtags.core.state import SpottedCue

__all__ = ["after_cue_event", "in_order"]

_DECIDED = ("decision", "chosen", "rejected", "by")


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
    others = tuple(track for track in cue.rejected if track != payload.track)
    if payload.decision == "accepted":
        return cue.model_copy(update={"decision": "accepted", "chosen": payload.chosen, "rejected": others, "by": payload.by})
    if payload.track is None:
        undecided = {"decision": None, "rejected": ()} if payload.decision == "reset" else {"decision": "rejected"}
        return cue.model_copy(update={"chosen": None, "by": payload.by, **undecided})
    was_chosen = cue.chosen is not None and cue.chosen.track == payload.track
    opened = {"decision": None, "chosen": None} if was_chosen else {}
    rejected = others if payload.decision == "reset" else (*others, payload.track)
    return cue.model_copy(update={"rejected": rejected, "by": payload.by, **opened})


def in_order(cues: Collection[SpottedCue]) -> tuple[SpottedCue, ...]:
    """Return cues in the order of their starts."""
    return tuple(sorted(cues, key=lambda cue: (cue.start.pts, cue.cue)))
