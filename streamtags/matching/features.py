"""Scenes, words and tracks as numbers: what the network of the matcher sees. Pure.

A segment is the embedding of its caption, that of its tags weighted by their confidence, and a few numbers. A text is one embedding for
each of its phrases. A track is the embedding of everything that describes it, and its tempo, length, energy and vocals where known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from streamtags.core.search import TextEmbedder
from streamtags.music.guide import Guide
from streamtags.music.index import TrackIndex
from streamtags.music.wanted import Wanted, WantedSegment

__all__ = ["SEGMENT_NUMBERS", "TRACK_NUMBERS", "Query", "QueryBatch", "batch_of", "query_of", "text_of_guide", "track_features"]

SEGMENT_NUMBERS = 5
"""Energy, whether it is known, length, whether it is known, share of dialogue."""
TRACK_NUMBERS = 8
"""Tempo, length, energy and vocals, each with whether it is known."""
_MAX_SEGMENTS, _MAX_PHRASES = 32, 12
_PHRASE = re.compile(r"[.,;:!?\n]+")
# Middles and spreads that bring numbers to about -1..1.
_BPM, _TRACK_SECONDS, _SEGMENT_SECONDS = 100.0, 180.0, 10.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Query:
    """A scene and a text.

    Attributes:
        segments: float32 [segments, 2 * dimensions + SEGMENT_NUMBERS], at least one.
        phrases: float32 [phrases, dimensions]; none without a text.
    """

    segments: Floats
    phrases: Floats


@dataclass(frozen=True, slots=True)
class QueryBatch:
    """Queries of different lengths, filled up with zeros.

    Attributes:
        segments: float32 [queries, most segments, features].
        has_segment: bool [queries, most segments].
        phrases: float32 [queries, most phrases, dimensions]; at least one phrase wide.
        has_phrase: bool [queries, most phrases].
    """

    segments: Floats
    has_segment: NDArray[np.bool_]
    phrases: Floats
    has_phrase: NDArray[np.bool_]


def query_of(wanted: Wanted, text: str, embedder: TextEmbedder) -> Query:
    """Return a scene and what a person wishes ("" if nothing) as numbers."""
    segments = _spread(wanted.in_segments())
    tags = [tag for segment in segments for tag, _ in segment.tags]
    phrases = [part for phrase in _PHRASE.split(text) if (part := phrase.strip())][:_MAX_PHRASES]
    vectors = embedder.embed([*(segment.words for segment in segments), *tags, *phrases])
    words, of_tags, of_phrases = np.split(vectors, [len(segments), len(segments) + len(tags)])
    rows, begin = [], 0
    for segment, of_words in zip(segments, words, strict=True):
        end = begin + len(segment.tags)
        confidences = np.array([confidence for _, confidence in segment.tags], np.float32)
        rows.append(np.concatenate([of_words, _unit(confidences @ of_tags[begin:end]), _numbers(segment, wanted.dialogue_share)]))
        begin = end
    return Query(np.stack(rows).astype(np.float32), of_phrases.astype(np.float32))


def text_of_guide(guide: Guide) -> str:
    """Return what a guide wishes as a text: its free words, and the signed terms that should be there."""
    return ", ".join([*([guide.text] if guide.text else []), *(signed.term for signed in guide.signed if signed.weight > 0)])


def batch_of(queries: Sequence[Query]) -> QueryBatch:
    """Return queries as one batch."""
    segments, has_segment = _filled([query.segments for query in queries])
    phrases, has_phrase = _filled([query.phrases for query in queries])
    return QueryBatch(segments, has_segment, phrases, has_phrase)


def track_features(index: TrackIndex) -> Floats:
    """Return the tracks of a library as float32 [tracks, dimensions + TRACK_NUMBERS]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        numbers = [
            np.log2(index.bpm / np.float32(_BPM)),
            np.log2(index.seconds / np.float32(_TRACK_SECONDS)) / 2,
            2 * index.energy - 1,
            2 * index.vocals - 1,
        ]
    columns = []
    for values in numbers:
        is_known = np.isfinite(values)
        columns += [np.clip(np.where(is_known, values, 0), -2, 2), is_known]
    return np.concatenate([index.vectors, np.stack(columns, axis=1)], axis=1, dtype=np.float32)


def _spread(segments: Sequence[WantedSegment]) -> list[WantedSegment]:
    """Return at most `_MAX_SEGMENTS` segments, evenly spread over the span."""
    if len(segments) <= _MAX_SEGMENTS:
        return list(segments)
    return [segments[place] for place in np.linspace(0, len(segments) - 1, _MAX_SEGMENTS).round().astype(int)]


def _numbers(segment: WantedSegment, dialogue_share: float) -> Floats:
    energy, seconds = segment.energy, segment.seconds
    length = 0.0 if not seconds else min(max(log(seconds / _SEGMENT_SECONDS) / 2, -2.0), 2.0)
    values = (0.0 if energy is None else 2 * energy - 1, energy is not None, length, bool(seconds), dialogue_share)
    return np.array(values, np.float32)


def _unit(vector: Floats) -> Floats:
    norm = float(np.linalg.norm(vector))
    return vector / np.float32(norm) if norm > 0 else vector


def _filled(rows: Sequence[Floats]) -> tuple[Floats, NDArray[np.bool_]]:
    most = max(1, *(len(row) for row in rows))
    values = np.zeros((len(rows), most, rows[0].shape[1]), np.float32)
    is_there = np.zeros((len(rows), most), np.bool_)
    for place, row in enumerate(rows):
        values[place, : len(row)] = row
        is_there[place, : len(row)] = True
    return values, is_there
