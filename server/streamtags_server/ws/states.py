"""The folds of logs as JSON, encoded once for all readers."""

from __future__ import annotations

import json
from collections import OrderedDict

from streamtags.core.records import Head
from streamtags.core.stores import Store
from streamtags.operations.services import Blocking
from streamtags_server.ws.pages import SingleFlight
from streamtags_server.ws.reader import FoldedState

__all__ = ["States"]

_CACHED_STATES = 8


class States:
    """The states that were read last; the oldest is dropped when they are more than a few.

    Args:
        store: where timelines are.
        reading: runs the reads.
    """

    def __init__(self, store: Store, reading: Blocking) -> None:
        self._store, self._reading = store, reading
        self._cached: OrderedDict[str, FoldedState] = OrderedDict()
        self._shared = SingleFlight(self.now)

    async def now(self, timeline: str) -> FoldedState:
        """Return the timeline as it is now.

        Raises:
            NotInStore: there is no such timeline.
        """
        return await self._reading(lambda: self._encode(timeline))

    async def since(self, timeline: str, head: Head | None) -> FoldedState:
        """Return the timeline as of `head` or later, as far as that is in memory; else read it once for all who ask at the same time.

        Raises:
            NotInStore: there is no such timeline.
        """
        cached = self._cached.get(timeline)
        return cached if cached is not None and cached.head == head else await self._shared(timeline)

    def _encode(self, timeline: str) -> FoldedState:
        state = self._store.state(timeline)
        head = Head(state.epoch, state.seq)
        cached = self._cached.get(timeline)
        if cached is None or cached.head != head:
            cached = FoldedState(head, json.dumps(state.to_dict(), ensure_ascii=False, separators=(",", ":")))
            self._cached[timeline] = cached
            while len(self._cached) > _CACHED_STATES:
                self._cached.popitem(last=False)
        return cached
