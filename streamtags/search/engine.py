"""Search over the segments of a store, kept up to date from its logs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from streamtags.core.errors import NotInStore, UsageError
from streamtags.core.records import Head
from streamtags.core.search import Match, SearchFilter, SearchIndex, SearchResult, TextEmbedder
from streamtags.core.state import TimelineState
from streamtags.core.stores import Store
from streamtags.search.documents import document_of, meaning_of
from streamtags.search.fusion import fuse
from streamtags.search.query import Query, parse_query
from streamtags.search.vectors import NearestDocuments, quantized

__all__ = ["MAX_RESULTS", "Search"]

MAX_RESULTS = 200
# Documents that each way of searching contributes before the two are merged.
_CANDIDATES = 200
# Documents that a filter allows are listed, up to so many; of more, the nearest documents of all are tried against the filter.
_LISTED = 4_000
_FILTERED_CANDIDATES = 2_000
# After so many changed documents the index is put in order, which makes searching it faster.
_MANY_CHANGES = 20_000
# Exact words and meaning count alike.
_WEIGHTS = (1.0, 1.0)


class Search:
    """Searches captions, tags, transcripts, on-screen text and corrections of every segment in a store.

    Every method may wait for the disk. Safe to use from several threads.

    Args:
        store: whose segments are searched.
        index: the persistent part.
        nearest: finds documents by meaning.
        embedder: turns texts into vectors; the index is rebuilt if its name changes.
    """

    def __init__(self, store: Store, index: SearchIndex, nearest: NearestDocuments, embedder: TextEmbedder) -> None:
        self._store = store
        self._index = index
        self._nearest = nearest
        self._embedder = embedder
        self._version: int | None = None
        self._cursor: str | None = None
        self._refreshing = threading.Lock()

    def close(self) -> None:
        """Release the index; safe to call twice."""
        self._index.close()

    def search(self, text: str, *, top: int = 10, allowed: SearchFilter | None = None) -> list[SearchResult]:
        """Return the segments that fit `text` best, best first.

        Words find captions and tags that contain them or another form of them; the whole text finds what is alike in meaning. Words in
        quotation marks must occur exactly so.

        Args:
            text: what to search for, at most 1,000 characters.
            top: the most results, 1 to `MAX_RESULTS`.
            allowed: which segments may be results.

        Raises:
            UsageError: nothing to search for, or `top` or the confidence of the filter is out of range.
            StoreError: the store or the index cannot be read or written.
        """
        if not 1 <= top <= MAX_RESULTS:
            raise UsageError(f"the number of results is {top}, not 1 to {MAX_RESULTS}", where="search")
        allowed = allowed or SearchFilter()
        if not 0 <= allowed.min_confidence <= 1:
            raise UsageError(f"the least confidence is {allowed.min_confidence:g}, not 0 to 1", where="search")
        query = parse_query(text)
        self.refresh()
        by_words = self._index.match(query.words, query.phrases, allowed, _CANDIDATES)
        by_meaning = self._by_meaning(query, allowed, by_words)
        ranked = fuse([[match.document for match in by_words], by_meaning], _WEIGHTS)
        return self._results(query, ranked, top)

    def refresh(self) -> int:
        """Index what the logs hold and the index does not; return the number of segments indexed.

        Raises:
            StoreError: the store or the index cannot be read or written.
        """
        with self._refreshing:
            version = self._store.data_version()
            return 0 if version == self._version else self._index_changes(version)

    def _index_changes(self, version: int) -> int:
        changes = self._store.heads_since(self._cursor)
        cursors = self._index.cursors(None if changes.is_complete else [*changes.heads, *changes.removed])
        count = 0
        for timeline in cursors.keys() - changes.heads.keys():
            self._index.forget(timeline)
        for timeline, head in changes.heads.items():
            if cursors.get(timeline) != head and head.seq:
                count += self._catch_up(timeline, cursors.get(timeline))
        if count >= _MANY_CHANGES:
            self._index.optimize()
        self._nearest.extend()
        self._version, self._cursor = version, changes.cursor
        return count

    def _catch_up(self, timeline: str, cursor: Head | None) -> int:
        try:
            state = self._store.state(timeline)
            same_log = cursor is not None and cursor.epoch == state.epoch
            lines = self._store.read_json(timeline, after=cursor.seq if cursor is not None and same_log else 0)
        except NotInStore:  # removed since its head was read
            self._index.forget(timeline)
            return 0
        changed, axes = _last_changes(lines), self._axes(state)
        documents = [
            document_of(timeline, segment, changed[segment.segment], axes)
            for segment in state.segments
            if segment.segment in changed and segment.kind != "gap"
        ]
        vectors = (
            quantized(self._embedder.embed([meaning_of(document) for document in documents])) if documents else np.empty((0, 0), np.int8)
        )
        self._index.update(timeline, Head(state.epoch, state.seq), documents, vectors, reset=not same_log)
        return len(documents)

    def _axes(self, state: TimelineState) -> dict[str, str]:
        if state.vocabulary is None:
            return {}
        try:
            vocabulary = self._store.vocabulary(state.vocabulary)
        except NotInStore:
            return {}
        return {tag.name: tag.axis for tag in vocabulary.tags}

    def _by_meaning(self, query: Query, allowed: SearchFilter, by_words: Sequence[Match]) -> list[int]:
        """Documents alike in meaning; with quoted phrases, only of those that contain the phrases."""
        vector = quantized(self._embedder.embed([query.text]))[0]
        if query.phrases:
            return self._nearest.nearest(vector, _CANDIDATES, [match.document for match in by_words])
        if allowed.is_open:
            return self._nearest.nearest(vector, _CANDIDATES)
        few = self._index.allowed(allowed, limit=_LISTED + 1)
        if len(few) <= _LISTED:
            return self._nearest.nearest(vector, _CANDIDATES, few)
        return self._nearest.nearest_of(vector, _CANDIDATES, _FILTERED_CANDIDATES, lambda some: self._index.allowed(allowed, some))

    def _results(self, query: Query, ranked: list[tuple[int, float]], top: int) -> list[SearchResult]:
        scores = dict(ranked[: 2 * top])
        documents = self._index.documents(list(scores))[:top]
        names = {timeline: self._name(timeline) for timeline in {document.timeline for document in documents}}
        return [
            SearchResult(
                timeline=document.timeline,
                name=names[document.timeline],
                segment=document.segment,
                start=document.start,
                end=document.end,
                score=scores[document.number],
                caption=document.texts.get("caption"),
                matched=self._index.excerpts(document.number, query.words, query.phrases),
            )
            for document in documents
        ]

    def _name(self, timeline: str) -> str:
        try:
            return self._store.summary(timeline).name
        except NotInStore:  # removed since the index was brought up to date
            return ""


def _last_changes(lines: Iterable[str]) -> dict[str, datetime]:
    """When each segment last changed, by segment id, from events as JSON."""
    changes: dict[str, str] = {}
    for line in lines:
        event = json.loads(line)
        segment = event["data"].get("segment")
        if isinstance(segment, str):
            changes[segment] = event["at"]
    return {segment: datetime.fromisoformat(at) for segment, at in changes.items()}
