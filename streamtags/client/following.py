"""One subscription on the side of the reader: received items that were not read yet."""

from __future__ import annotations

import asyncio
from collections import deque

from streamtags.client.cursor import Cursor, Position
from streamtags.core.events import Event
from streamtags.core.protocol import Filter, Snapshot

__all__ = ["QUEUE_ITEMS", "Following"]

QUEUE_ITEMS = 1000


class Following:
    """One subscription. `queue` has at most `QUEUE_ITEMS` received items that were not read yet.

    When it is full, the client unsubscribes, so that other subscriptions of the connection do not wait. When it is empty again, the
    client subscribes after the last queued item: no event is lost.
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
        """Whether the queue is full."""
        return len(self.queue) >= QUEUE_ITEMS

    def end(self, error: Exception | None = None) -> None:
        """End the subscription, with the error that ended it, if any."""
        self.ended, self.error = True, error
        self.wake.set()
