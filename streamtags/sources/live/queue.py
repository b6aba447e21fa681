"""The queue between what receives a live source and what looks at it: a few frames, and the oldest go when it is full."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from streamtags.core.model import Dropped, Frame, Lost, Resumed, Sound, Subtitle

__all__ = ["FRAMES", "FrameQueue", "LiveItem"]

LiveItem = Frame | Sound | Subtitle | Dropped | Lost | Resumed

FRAMES = 8
"""Frames that wait at most, a third of a second."""

_BESIDE = 64  # runs of sound and lines of text that wait at most: half a minute
_TELL_SECONDS = 1.0  # between two reports of drops


class FrameQueue:
    """Takes frames from one thread and gives them to another.

    Holds at most `frames` frames, and 64 runs of sound. When full, `put` waits as long as the frame in hand is not `patience` seconds late:
    a burst is worked off as fast as may be, with nothing lost. From then on the oldest frame goes for each that comes. What went is
    counted, and told in place, at most once a second, to whoever takes.

    Args:
        frames: room.
        patience: seconds.
        clock: seconds, monotonic.
    """

    def __init__(self, patience: float, frames: int = FRAMES, clock: Callable[[], float] = time.monotonic) -> None:
        self._room = frames
        self._patience = patience
        self._clock = clock
        self._changed = threading.Condition()
        self._items: deque[LiveItem] = deque()
        self._held = 0  # frames among the items
        self._dropped: Dropped | None = None
        self._told = 0.0
        self._ended = self._closed = False
        self._error: BaseException | None = None

    def put_frame(self, frame: Frame, late: Callable[[float], float]) -> None:
        """Put a frame in at the end. `late` says how late it is at a given time."""
        with self._changed:
            while self._held >= self._room and not self._closed:
                left = self._patience - late(self._clock())
                if left <= 0:
                    self._drop()
                else:
                    self._changed.wait(left)
            if not self._closed:
                self._items.append(frame)
                self._held += 1
                self._changed.notify_all()

    def put(self, item: LiveItem) -> None:
        """Put anything but a frame in at the end; never waits."""
        with self._changed:
            if self._closed:
                return
            if len(self._items) - self._held >= _BESIDE and isinstance(item, Sound | Subtitle):
                at = next((at for at, one in enumerate(self._items) if isinstance(one, Sound | Subtitle)), None)
                if at is not None:
                    del self._items[at]
            self._items.append(item)
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more will come; `error` is raised to whoever takes what is left."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Take nothing more in; what is there can still be taken. Safe to call twice, from any thread."""
        with self._changed:
            self._closed = self._ended = True
            self._changed.notify_all()

    def take(self) -> LiveItem | None:
        """The next item, waiting for it; None when there will be none."""
        with self._changed:
            while not self._items and not self._ended:
                self._changed.wait()
            if self._dropped is not None and (self._overdue() or not self._items or isinstance(self._items[0], Lost)):
                told, self._dropped, self._told = self._dropped, None, self._clock()
                return told
            if self._items:
                item = self._items.popleft()
                self._held -= isinstance(item, Frame)
                self._changed.notify_all()
                return item
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            return None

    def _overdue(self) -> bool:
        return self._clock() - self._told >= _TELL_SECONDS

    def _drop(self) -> None:
        """Let the oldest frame go."""
        at = next(i for i, item in enumerate(self._items) if isinstance(item, Frame))
        frame = self._items[at]
        del self._items[at]
        self._held -= 1
        if isinstance(frame, Frame):
            first = self._dropped.first if self._dropped else (frame.index, frame.pts)
            count = self._dropped.frames if self._dropped else 0
            self._dropped = Dropped(count + 1, first, (frame.index + 1, frame.pts + frame.duration))
