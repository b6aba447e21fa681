"""Search over the segments of all timelines."""

from __future__ import annotations

import threading
from typing import Any

from streamtags.core.search import SearchFilter
from streamtags.core.stores import Store
from streamtags.operations.params import SearchSegments
from streamtags.operations.services import Caller, Services
from streamtags.run.search import open_search
from streamtags.search.engine import Search

__all__ = ["LazySearch", "search_segments"]


class LazySearch:
    """The search of a store. The first use opens it, which loads the embeddings. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._opening = threading.Lock()
        self._search: Search | None = None

    def get(self) -> Search:
        """Return the search; the first call opens it.

        Raises:
            StoreError: the index cannot be opened.
        """
        with self._opening:
            if self._search is None:
                self._search = open_search(self._store)
            return self._search

    def close(self) -> None:
        """Close it; safe to call twice."""
        with self._opening:
            if self._search is not None:
                self._search.close()
            self._search = None


async def search_segments(services: Services, params: SearchSegments, _: Caller) -> dict[str, Any]:
    """Return the segments that fit a text best.

    Raises:
        NotInStore: a timeline named in the filter does not exist.
        UsageError: there is no word to search for.
    """
    timelines = tuple([await services.readers.resolve(name) for name in params.timeline])
    allowed = SearchFilter(
        timelines=timelines,
        tags=tuple(params.tag),
        axis=params.axis,
        min_confidence=params.min_confidence,
        since=params.since,
        until=params.until,
    )

    def search() -> dict[str, Any]:
        results = services.search.get().search(params.q, top=params.top, allowed=allowed)
        return {"results": [result.to_dict() for result in results]}

    return await services.threads.searching(search)
