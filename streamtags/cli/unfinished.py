"""The segments of a run that are not finished. A view needs no others, so its memory does not grow with the film."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from streamtags.core.events import Event, SegmentDetected
from streamtags.core.segment_fold import after
from streamtags.core.state import SegmentState

if TYPE_CHECKING:
    from streamtags.core.stores import Store

__all__ = ["UnfinishedSegments"]

_SHOWN = ("segment.tagged", "segment.failed", "segment.corrected")


class UnfinishedSegments:
    """Takes the events of a run, in order, and gives the segments that they finish.

    Of a log that is replayed, each segment is given once, as it is now, and not with the tags that it had before.

    Args:
        store: where the log is: a finished segment that changes again, such as by a person's correction, is read from there.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._segments: dict[str, SegmentState] = {}
        self._replayed: int | None = None  # last seq of the log when the first event came

    def __iter__(self) -> Iterator[SegmentState]:
        """Iterate over the segments in progress, in the order in which they were detected."""
        return iter(self._segments.values())

    def take(self, event: Event) -> SegmentState | None:
        """Take the next event; return the segment if it is tagged or has failed with it, to be shown."""
        if self._replayed is None:
            self._replayed = self._store.head(event.timeline).seq
        is_replayed = event.seq <= self._replayed
        name = getattr(event.data, "segment", None)
        if not isinstance(name, str):
            return None
        if isinstance(event.data, SegmentDetected):
            bounds = dict(event.data)
            known = self._segments.get(name)
            self._segments[name] = known.model_copy(update=bounds) if known else SegmentState(**bounds)
            return None
        known = self._segments.get(name)
        if known is not None:
            known = self._segments[name] = after(known, event.data)
        elif is_replayed:
            return None
        if event.type in _SHOWN and (known is None or is_replayed):
            known = self._store.state(event.timeline).by_id.get(name)
        if known is None or event.type not in _SHOWN or known.status not in ("tagged", "failed"):
            return None
        if known.error is None or not known.error.will_retry:
            self._segments.pop(name, None)
        return known
