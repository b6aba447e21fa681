"""A shortlist of a long vocabulary: the tags nearest in meaning to what is known of a segment, for a model to choose among.

Two thousand tags with descriptions are some 60,000 tokens of prompt per shot, and OpenAI refuses schemas of more than a thousand choices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamtags.model import ClassifyRequest
from streamtags.vocabulary import Tag, Vocabulary

__all__ = ["Embed", "Shortlist"]

Embed = Callable[[Sequence[str]], NDArray[np.floating[Any]]]


class Shortlist:
    """Chooses from one vocabulary. The vocabulary is embedded once.

    Args:
        vocabulary: the tags.
        size: how many a segment's shortlist has.
        embed: texts to unit vectors, float [n, d]; None takes the embeddings that ship.
    """

    def __init__(self, vocabulary: Vocabulary, size: int, embed: Embed | None = None) -> None:
        self._embed = embed if embed is not None else _shipped()
        self._size = min(size, len(vocabulary.tags))
        self._names = [tag.name for tag in vocabulary.tags]
        # A name and its description lie apart in meaning; a tag is as near as the nearer of the two.
        self._by_name = self._embed([_spelt(tag) for tag in vocabulary.tags])
        self._by_text = self._embed([f"{tag.name}. {tag.description}" if tag.description else tag.name for tag in vocabulary.tags])

    def choose(self, request: ClassifyRequest) -> tuple[str, ...]:
        """Names of the nearest tags, in the vocabulary's order: the same set makes the same prompt.

        Each sentence of caption and text is compared by itself as well as all together, so that a tag which one detail calls for is not
        drowned by the rest.
        """
        together = " ".join(f"{request.caption} {request.text}".split())
        parts = [part for part in re.split(r"[.!?;,]\s+", together) if len(part) > 2]
        queries = self._embed([together or " ", *parts[:32]])
        near = np.maximum(queries @ self._by_name.T, queries @ self._by_text.T).max(axis=0)
        chosen = np.argpartition(-near, self._size - 1)[: self._size]
        return tuple(self._names[i] for i in sorted(int(i) for i in chosen))


def _spelt(tag: Tag) -> str:
    return " ".join((tag.name, *tag.aliases))


def _shipped() -> Embed:
    from streamtags.classify.text import embed

    return embed
