"""Where a reader is in the logs it follows: what is new to it, what it had, what is missing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from streamtags.core.events import Event
from streamtags.core.protocol import Snapshot

__all__ = ["Cursor", "Position", "Verdict"]

Verdict = Literal["new", "old", "gap"]


class Position(NamedTuple):
    """The last event known; `epoch` None: of whichever log."""

    epoch: str | None
    seq: int


class Cursor:
    """Judges events and snapshots as they come; its positions move with those it calls new.

    Args:
        start: what is known of the only timeline followed; None: nothing.
        whole: every event is wanted, so that a jump in `seq` is a gap. A filter makes jumps of its own.
    """

    def __init__(self, start: Position | None = None, *, whole: bool = True) -> None:
        self._start = start
        self._whole = whole
        self._positions: dict[str, Position] = {}
        self._told: dict[str, int] = {}

    def position(self, timeline: str) -> Position | None:
        """The last event known of `timeline`."""
        return self._positions.get(timeline, self._start)

    def take(self, item: Event | Snapshot) -> Verdict:
        """Whether `item` is new, was known, or comes after something that is missing."""
        held = self.position(item.timeline)
        verdict = _snapshot(item, held) if isinstance(item, Snapshot) else self._event(item, held)
        if verdict == "new":
            self._positions[item.timeline] = Position(item.epoch, item.seq)
        return verdict

    def _event(self, event: Event, held: Position | None) -> Verdict:
        if held is None or held.epoch not in (None, event.epoch):
            # Of a log not known yet, only the very beginning needs nothing before it.
            return "new" if event.seq == 1 or (held is None and not self._whole) else "gap"
        if event.seq <= held.seq:
            return "old"
        return "gap" if self._whole and event.seq != held.seq + 1 else "new"

    def is_behind(self, seqs: Mapping[str, int]) -> bool:
        """Whether events that an earlier heartbeat already told of have still not come; `seqs` is what this one tells."""
        told, self._told = self._told, dict(seqs)
        return self._whole and any(seq > held.seq for name, seq in told.items() if (held := self._positions.get(name)) is not None)


def _snapshot(snapshot: Snapshot, held: Position | None) -> Verdict:
    known = held is not None and held.epoch == snapshot.epoch and snapshot.seq <= held.seq
    return "old" if known else "new"
