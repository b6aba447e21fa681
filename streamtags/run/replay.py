"""Reading a whole log in pages, so that a long one does not have to fit into memory."""

from __future__ import annotations

from collections.abc import Iterator

from streamtags.core.events import Event, TimelineOpened
from streamtags.core.stores import Store

__all__ = ["opened_of", "pages"]

_PAGE_EVENTS = 1000
_FIRST_EVENTS = 4


def pages(store: Store, timeline: str, size: int = _PAGE_EVENTS) -> Iterator[list[Event]]:
    """Yield the events of `timeline` in order, in pages of at most `size`."""
    after = 0
    while page := store.read(timeline, after=after, limit=size):
        yield page
        after = page[-1].seq


def opened_of(store: Store, timeline: str) -> TimelineOpened | None:
    """Return the event that says what the source of `timeline` is, which stands near the beginning; None if there is none."""
    events = (event for page in pages(store, timeline, _FIRST_EVENTS) for event in page)
    return next((event.data for event in events if isinstance(event.data, TimelineOpened)), None)
