"""What event logs share whose events are rows: reading them, and folding them once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from streamtags.core.errors import StoreError
from streamtags.core.events import Event, Payload
from streamtags.core.records import Head, HeadChanges
from streamtags.core.state import TimelineState
from streamtags.store.fold_cache import FoldCache
from streamtags.store.rows import EventRow, decode, decode_payload, lines

__all__ = ["RowLog", "changes_of", "check_claim", "check_epoch"]


class RowLog(ABC):
    """The reading part of the port `EventLog`; a store implements `_rows`, and creates `_folds`."""

    _folds: FoldCache

    def read(self, timeline: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Return events with `seq > after`, in order, at most `limit`."""
        epoch, rows = self._rows(timeline, after, limit)
        return [decode(timeline, epoch, row) for row in rows]

    def read_json(self, timeline: str, after: int = 0, limit: int | None = None) -> list[str]:
        """Return what `read` returns, each event as the JSON text of `Event.to_json`, without parsing it."""
        epoch, rows = self._rows(timeline, after, limit)
        return lines(timeline, epoch, rows)

    def state(self, timeline: str) -> TimelineState:
        """Return the fold of the log; a second call costs only what is new."""

        def read(epoch: str | None, after: int) -> tuple[str, Iterable[tuple[int, Payload]]]:
            current, rows = self._rows(timeline, after, None, epoch=epoch)
            return current, ((row[0], decode_payload(timeline, row)) for row in rows)

        return self._folds.state(timeline, read)

    @abstractmethod
    def _rows(self, timeline: str, after: int, limit: int | None, *, epoch: str | None = None) -> tuple[str, list[EventRow]]:
        """Return the log's epoch and the rows after `after`; all rows if `epoch` is given and is not the log's."""


def check_claim(timeline: str, owner: str | None, claimant: str | None) -> None:
    """Check that a claim has not gone to another owner in the meantime.

    Args:
        timeline: its id.
        owner: whose claim it was; None if there was none.
        claimant: who has claimed the timeline now.

    Raises:
        StoreError: it has (code `store.claim_lost`).
    """
    if owner is not None and claimant != owner:
        what = "was taken over by another process, because its claim was not renewed in time"
        raise StoreError(what, where=timeline, hint="follow it there; nothing of this step was written", code="store.claim_lost")


def check_epoch(timeline: str, current: str, expected: str | None) -> None:
    """Check that a log is still the one that its writer knows.

    Raises:
        StoreError: it has another epoch than `expected`, if one is given (code `store.epoch`).
    """
    if expected is not None and expected != current:
        raise StoreError("was replaced by another process", where=timeline, hint="follow or resume the new log", code="store.epoch")


def changes_of(cursor: str, rows: Iterable[tuple[str, str | None, int | None]]) -> HeadChanges:
    """Return changes as the port does, of rows with a timeline, its epoch and its seq, which are None if it was removed."""
    heads, removed = dict[str, Head](), set[str]()
    for timeline, epoch, seq in rows:
        if epoch is None or seq is None:
            removed.add(timeline)
        else:
            heads[timeline] = Head(epoch, seq)
    return HeadChanges(cursor, heads, frozenset(removed))
