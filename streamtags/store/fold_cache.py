"""The folds of the logs that were read last, so that reading a state again costs only the new events."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from streamtags.core.events import Payload
from streamtags.core.fold import Fold
from streamtags.core.state import TimelineState
from streamtags.process import paused_collection

__all__ = ["FoldCache", "ReadPayloads"]

_MAX_FOLDS = 16
# Segments of all folds together, at about 10 KB each. The last few folds are kept in any case, or reuse, which reads several timelines
# in turn, would fold them again and again.
_MAX_SEGMENTS = 30_000
_KEPT_FOLDS = 4

ReadPayloads = Callable[[str | None, int], tuple[str, Iterable[tuple[int, Payload]]]]
"""Given an epoch and a seq, returns the log's epoch, and seq and payload of its events after that seq; all events if the epoch differs."""


class FoldCache:
    """Keeps the folds of the last timelines: at most 16, and beyond 4 only as many as have 30,000 segments together.

    Safe to use from several threads, one of which folds at a time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folds: OrderedDict[str, Fold] = OrderedDict()

    def state(self, timeline: str, read: ReadPayloads) -> TimelineState:
        """Return the state of `timeline`; `read` provides the events that the cached fold lacks.

        A fold is dropped if `read` raises.
        """
        with self._lock:
            fold = self._folds.pop(timeline, None)
            known = fold.state if fold is not None else TimelineState()
            epoch, payloads = read(known.epoch if fold is not None else None, known.seq)
            if fold is None or epoch != known.epoch:
                fold = Fold.from_snapshot(TimelineState(id=timeline, epoch=epoch))
            with paused_collection():
                for seq, payload in payloads:
                    fold.apply_payload(seq, payload)
            self._folds[timeline] = fold
            while len(self._folds) > _MAX_FOLDS or (len(self._folds) > _KEPT_FOLDS and self._segments > _MAX_SEGMENTS):
                self._folds.popitem(last=False)
            return fold.state

    @property
    def _segments(self) -> int:
        return sum(len(fold.segments) for fold in self._folds.values())
