"""The queue from the thread that receives a live source to the one that analyzes it: a few frames; when full, it drops the oldest."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from streamtags.core.model import Dropped, Frame, Lost, Resumed, Sound, Subtitle

__all__ = ["MAX_FRAMES", "FrameQueue", "LiveItem"]

LiveItem = Frame | Sound | Subtitle | Dropped | Lost | Resumed

MAX_FRAMES = 8
"""Frames that wait at most, a third of a second."""

_MAX_OTHER_ITEMS = 64  # runs of sound and lines of text that wait at most: half a minute
_REPORT_SECONDS = 1.0  # between two reports of dropped frames


class FrameQueue:
    """Passes frames from one thread to another.

    It contains at most `frames` frames and 64 other items. When it is full, `put_frame` waits as long as its frame is less than `patience`
    seconds late: a burst is processed as fast as possible, and nothing is lost. After that, the oldest frame is dropped for each new
    one. Dropped frames are counted and reported in their place, at most once a second, by `take`.

    Args:
        patience: seconds.
        frames: the most frames that wait.
        clock: seconds, monotonic.
    """

    def __init__(self, patience: float, frames: int = MAX_FRAMES, clock: Callable[[], float] = time.monotonic) -> None:
        self._room = frames
        self._patience = patience
        self._clock = clock
        self._changed = threading.Condition()
        self._items: deque[LiveItem] = deque()
        self._frames = 0  # among the items
        self._dropped: Dropped | None = None
        self._reported = 0.0
        self._ended = self._closed = False
        self._error: BaseException | None = None

    def put_frame(self, frame: Frame, late: Callable[[float], float]) -> None:
        """Append a frame. `late` returns how late it is at a given time."""
        with self._changed:
            while self._frames >= self._room and not self._closed:
                left = self._patience - late(self._clock())
                if left <= 0:
                    self._drop()
                else:
                    self._changed.wait(left)
            if not self._closed:
                self._items.append(frame)
                self._frames += 1
                self._changed.notify_all()

    def put(self, item: LiveItem) -> None:
        """Append any other item; never waits. The oldest sound or text is dropped when there are too many."""
        with self._changed:
            if self._closed:
                return
            if len(self._items) - self._frames >= _MAX_OTHER_ITEMS and isinstance(item, Sound | Subtitle):
                at = next((at for at, one in enumerate(self._items) if isinstance(one, Sound | Subtitle)), None)
                if at is not None:
                    del self._items[at]
            self._items.append(item)
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Append nothing more; `error` is raised by `take` after the last item."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Accept nothing more; items in the queue can still be taken. Safe to call twice, from any thread."""
        with self._changed:
            self._closed = self._ended = True
            self._changed.notify_all()

    def take(self) -> LiveItem | None:
        """Wait for the next item and return it; None when there will be none.

        Raises:
            BaseException: the error given to `end`.
        """
        with self._changed:
            while not self._items and not self._ended:
                self._changed.wait()
            if self._dropped is not None and (self._overdue() or not self._items or isinstance(self._items[0], Lost)):
                report, self._dropped, self._reported = self._dropped, None, self._clock()
                return report
            if self._items:
                item = self._items.popleft()
                self._frames -= isinstance(item, Frame)
                self._changed.notify_all()
                return item
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            return None

    def _overdue(self) -> bool:
        return self._clock() - self._reported >= _REPORT_SECONDS

    def _drop(self) -> None:
        """Drop the oldest frame."""
        at = next(i for i, item in enumerate(self._items) if isinstance(item, Frame))
        frame = self._items[at]
        del self._items[at]
        self._frames -= 1
        if isinstance(frame, Frame):
            first = self._dropped.first if self._dropped else (frame.index, frame.pts)
            count = self._dropped.frames if self._dropped else 0
            self._dropped = Dropped(count + 1, first, (frame.index + 1, frame.pts + frame.duration))
