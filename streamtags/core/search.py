"""What search works on: one document per segment, filters, results, and the ports of an index and of a text embedder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from streamtags.core.records import Head
from streamtags.core.timebase import Time

__all__ = [
    "FIELDS",
    "DocumentTag",
    "IndexedDocument",
    "Match",
    "SearchDocument",
    "SearchFilter",
    "SearchIndex",
    "SearchResult",
    "TextEmbedder",
]

FIELDS = ("caption", "tags", "text", "transcript", "screen", "notes")
"""The searchable texts of a document, in the order in which a match in them counts."""


@dataclass(frozen=True, slots=True)
class DocumentTag:
    """A tag of a segment; `axis` is "" if the vocabulary is not known."""

    tag: str
    axis: str
    confidence: float


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """One segment as search sees it.

    Attributes:
        texts: text by field name (see `FIELDS`); fields without text are absent.
        at: when the segment last changed.
    """

    timeline: str
    segment: str
    start: Time
    end: Time
    at: datetime
    texts: dict[str, str] = field(default_factory=dict)
    tags: tuple[DocumentTag, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """Which segments may be results. Every condition that is set must hold.

    Attributes:
        timelines: ids; empty allows all.
        tags: each of these tags, compared without case.
        axis: some tag of this axis.
        min_confidence: the tags above count only from this confidence on.
        since: changed at this moment or later.
        until: changed before this moment.
    """

    timelines: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    axis: str | None = None
    min_confidence: float = 0.0
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether every segment may be a result."""
        return self == SearchFilter()


@dataclass(frozen=True, slots=True)
class Match:
    """A document that contains words of a query; a higher `score` is better."""

    document: int
    score: float


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """A document with its number in the index."""

    number: int
    timeline: str
    segment: str
    start: Time
    end: Time
    texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One segment that fits a query.

    Attributes:
        name: of the timeline's source.
        score: 0..1; 1 is the first place by words and by meaning.
        matched: field and excerpt of each text that contains words of the query.
    """

    timeline: str
    name: str
    segment: str
    start: Time
    end: Time
    score: float
    caption: str | None
    matched: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the result in plain JSON types, as `streamtags search --json` prints it."""
        return {
            "timeline": self.timeline,
            "name": self.name,
            "segment": self.segment,
            "start": self.start.model_dump(mode="json"),
            "end": self.end.model_dump(mode="json"),
            "score": round(self.score, 4),
            "caption": self.caption,
            "matched": [{"field": name, "text": text} for name, text in self.matched],
        }


class TextEmbedder(Protocol):
    """Turns texts into vectors whose cosine is their likeness in meaning."""

    @property
    def name(self) -> str:
        """Names the model: vectors of different models cannot be compared."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [len(texts), dimensions], rows of length 1, or 0 for a text without known words."""
        ...


class SearchIndex(Protocol):
    """The persistent part of search. It can be deleted at any time: `streamtags.search.engine` rebuilds it from the logs.

    Every method raises `StoreError` if the index cannot be read or written.
    """

    def cursors(self, timelines: Collection[str] | None = None) -> dict[str, Head]:
        """Return how far the logs of `timelines`, or of all, have been indexed, without those that have not been."""
        ...

    def update(self, timeline: str, head: Head, documents: Sequence[SearchDocument], vectors: NDArray[np.int8], *, reset: bool) -> None:
        """Replace the documents of these segments and move the cursor of `timeline` to `head`, in one transaction.

        Do nothing if it is there already: another process may have indexed the log as well.

        Args:
            timeline: its id.
            head: how far its log is indexed after this.
            documents: changed segments.
            vectors: int8 [len(documents), dimensions].
            reset: delete all other documents of the timeline first.
        """
        ...

    def forget(self, timeline: str) -> None:
        """Delete all documents of a timeline."""
        ...

    def match(self, words: Sequence[str], phrases: Sequence[str], allowed: SearchFilter, limit: int) -> list[Match]:
        """Return the best documents that contain any of `words` and each of `phrases`."""
        ...

    def allowed(self, allowed: SearchFilter, numbers: Sequence[int] | None = None, *, limit: int | None = None) -> list[int]:
        """Return the numbers of documents that pass the filter, of `numbers` or of all; at most `limit`."""
        ...

    def numbers_after(self, number: int) -> list[int]:
        """Return the numbers of documents above `number`, in order."""
        ...

    def vectors(self, numbers: Sequence[int] | None = None) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Return numbers [n] and vectors int8 [n, dimensions], of `numbers` or of all documents."""
        ...

    def documents(self, numbers: Sequence[int]) -> list[IndexedDocument]:
        """Return these documents, in this order; missing ones are left out."""
        ...

    def excerpts(self, number: int, words: Sequence[str], phrases: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Return field and excerpt of each text of a document that contains any of the words or phrases."""
        ...

    def count(self, *, after: int = 0) -> int:
        """Return how many documents have a number above `after`."""
        ...

    def optimize(self) -> None:
        """Put the full text in order after many changes, which makes searching it faster; may take a minute."""
        ...

    def close(self) -> None:
        """Release the files; safe to call twice."""
        ...
