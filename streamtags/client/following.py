"""One subscription, seen from the reader: what has come and was not yet taken."""

from __future__ import annotations

import asyncio
from collections import deque

from streamtags.client.cursor import Cursor, Position
from streamtags.core.events import Event
from streamtags.core.protocol import Filter, Snapshot

__all__ = ["QUEUE_ITEMS", "Following"]

QUEUE_ITEMS = 1000


class Following:
    """One subscription. `queue` holds what has come and was not yet taken: up to `QUEUE_ITEMS`.

    When it is full the subscription is ended, so that nobody else on the connection waits, and begun again, after the last item
    queued, when the queue is empty: nothing is lost.
    """

    def __init__(self, timeline: str, filter_: Filter | None, start: Position | None) -> None:
        self.timeline = timeline
        self.filter = filter_
        self.cursor = Cursor(start, whole=filter_ is None)
        self.queue: deque[Event | Snapshot] = deque()
        self.wake = asyncio.Event()
        self.id: str | None = None  # on the wire; None while not subscribed
        self.paused = False
        self.gaps = 0
        self.ended = False
        self.error: Exception | None = None

    @property
    def is_full(self) -> bool:
        """Whether nothing more is queued."""
        return len(self.queue) >= QUEUE_ITEMS

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes; `error` says why, where that needs saying."""
        self.ended, self.error = True, error
        self.wake.set()
