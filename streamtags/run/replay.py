"""Reading a whole log in pages, so that a long one does not have to fit into memory."""

from __future__ import annotations

from collections.abc import Iterator

from streamtags.core.events import Event
from streamtags.core.stores import Store

__all__ = ["pages"]

_PAGE_EVENTS = 1000


def pages(store: Store, timeline: str) -> Iterator[list[Event]]:
    """Yield the events of `timeline` in order, in pages of at most 1,000."""
    after = 0
    while page := store.read(timeline, after=after, limit=_PAGE_EVENTS):
        yield page
        after = page[-1].seq
