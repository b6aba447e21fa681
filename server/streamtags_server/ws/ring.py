"""The recent end of a log, shared by all its readers: encoded once, read by position. Pure: no socket, clock or file."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Sequence
from functools import cached_property

from streamtags.core.events import Event
from streamtags.core.records import Head

__all__ = ["Entry", "Ring", "place_of"]

_PLACE = re.compile(r'\{"v":1,"timeline":"(?:[^"\\]|\\.)*","epoch":"([^"]*)","seq":(\d+),"type":"([^"]*)"')


def place_of(line: str) -> tuple[Head, str]:
    """Return epoch, seq and type of an event's JSON, without parsing the rest of it."""
    match = _PLACE.match(line)
    if match is not None:
        return Head(match[1], int(match[2])), match[3]
    event = json.loads(line)
    return Head(event["epoch"], event["seq"]), event["type"]


class Entry:
    """One event, encoded; decoded only if a filter needs it."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.head, self.type = place_of(line)
        self.epoch, self.seq = self.head

    @cached_property
    def event(self) -> Event:
        """The event itself."""
        return Event.model_validate_json(self.line)


class Ring:
    """The last events of one log.

    Keeps at most `size` of them. When it is full the oldest is dropped: for a reader that has not read it yet, `after` returns None, and
    the reader continues from the store.

    Args:
        head: how far the log reaches now; events up to there are not kept.
        size: the most events kept.
    """

    def __init__(self, head: Head, size: int) -> None:
        self.head = head
        self._entries: deque[Entry] = deque(maxlen=size)

    def extend(self, lines: Sequence[str]) -> None:
        """Append the events that follow the last one.

        Raises:
            ValueError: they do not follow it.
        """
        for line in lines:
            entry = Entry(line)
            if entry.head != (self.head.epoch, self.head.seq + 1):
                raise ValueError(f"event {entry.seq} of {entry.epoch} does not follow {self.head.seq} of {self.head.epoch}")
            self._entries.append(entry)
            self.head = entry.head

    def restart(self, head: Head) -> None:
        """Drop all events: the log was replaced by one that reaches `head`."""
        self._entries.clear()
        self.head = head

    def after(self, seq: int, limit: int) -> list[Entry] | None:
        """Return at most `limit` events that follow `seq`; None if the first of them is no longer kept."""
        missing = self.head.seq - seq
        if missing <= 0:
            return []
        if missing > len(self._entries):
            return None
        return [self._entries[place] for place in range(-missing, min(0, limit - missing))]
