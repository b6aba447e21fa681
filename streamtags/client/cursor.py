"""The position of a reader in the logs it follows: which events are new, old, or missing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from streamtags.core.events import Event
from streamtags.core.protocol import Snapshot

__all__ = ["Cursor", "Position", "Verdict"]

Verdict = Literal["new", "old", "gap"]


class Position(NamedTuple):
    """The last known event; an `epoch` of None stands for any log."""

    epoch: str | None
    seq: int


class Cursor:
    """Classifies received events and snapshots, and advances its positions with new ones.

    Args:
        start: last known position of the only timeline that is followed; None if nothing is known.
        whole: all events are subscribed to, so that a jump in `seq` is a gap. With a filter, jumps are normal.
    """

    def __init__(self, start: Position | None = None, *, whole: bool = True) -> None:
        self._start = start
        self._whole = whole
        self._positions: dict[str, Position] = {}
        self._last_heartbeat: dict[str, int] = {}

    def position(self, timeline: str) -> Position | None:
        """Return the last known position of `timeline`."""
        return self._positions.get(timeline, self._start)

    def take(self, item: Event | Snapshot) -> Verdict:
        """Return whether `item` is new, old, or follows a gap."""
        position = self.position(item.timeline)
        verdict = _snapshot(item, position) if isinstance(item, Snapshot) else self._event(item, position)
        if verdict == "new":
            self._positions[item.timeline] = Position(item.epoch, item.seq)
        return verdict

    def _event(self, event: Event, position: Position | None) -> Verdict:
        if position is None or position.epoch not in (None, event.epoch):
            # Only the first event of an unknown log has no predecessor.
            return "new" if event.seq == 1 or (position is None and not self._whole) else "gap"
        if event.seq <= position.seq:
            return "old"
        return "gap" if self._whole and event.seq != position.seq + 1 else "new"

    def is_behind(self, seqs: Mapping[str, int]) -> bool:
        """Return whether events that the previous heartbeat reported have not been received; `seqs` is this heartbeat's."""
        previous, self._last_heartbeat = self._last_heartbeat, dict(seqs)
        return self._whole and any(seq > known.seq for name, seq in previous.items() if (known := self._positions.get(name)) is not None)


def _snapshot(snapshot: Snapshot, position: Position | None) -> Verdict:
    known = position is not None and position.epoch == snapshot.epoch and snapshot.seq <= position.seq
    return "old" if known else "new"
