"""A shortlist of a long vocabulary: the tags nearest in meaning to what is known of a segment, for a model to choose among.

Two thousand tags with descriptions are some 60,000 tokens of prompt per shot, and OpenAI refuses schemas of more than a thousand choices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import ClassifyRequest
from streamtags.core.vocabulary import Vocabulary, folded

__all__ = ["Embed", "Shortlist"]

Vectors = NDArray[np.floating[Any]]
Embed = Callable[[Sequence[str]], Vectors]
_BACKGROUND = 512
_MAX_TEXT = 4000
_MAX_PARTS = 32


class Shortlist:
    """Chooses from one vocabulary. The vocabulary is embedded once.

    A tag that the text names is always near. For the others, cosine similarities are standardized tag by tag against the similarities to
    the vocabulary's own names: some tags are near to everything ("hubs", Radovanovic et al. 2010, JMLR 11) and would be on every list.

    Args:
        vocabulary: the tags.
        size: how many a segment's shortlist has.
        embed: texts to unit vectors, float [n, d]; None takes the embeddings that ship.
    """

    def __init__(self, vocabulary: Vocabulary, size: int, embed: Embed | None = None) -> None:
        self._embed = embed if embed is not None else _shipped()
        self._size = min(size, len(vocabulary.tags))
        self._names = [tag.name for tag in vocabulary.tags]
        self._spellings = [tuple(f" {_words(name)} " for name in (tag.name, *tag.aliases)) for tag in vocabulary.tags]
        step = -(-len(self._names) // _BACKGROUND)
        background = self._embed(self._names[::step])
        # A tag's names and its description lie apart in meaning; a tag is as near as the nearer of the two.
        self._views = [
            _View(self._embed([" ".join((tag.name, *tag.aliases)) for tag in vocabulary.tags]), background),
            _View(self._embed([f"{tag.name}. {tag.description}" if tag.description else tag.name for tag in vocabulary.tags]), background),
        ]

    def choose(self, request: ClassifyRequest) -> tuple[str, ...]:
        """Names of the nearest tags, in the vocabulary's order: the same set makes the same prompt.

        Each part of a sentence is compared by itself as well as all together, so that a tag which one detail calls for is not drowned by
        the rest.
        """
        together = " ".join(f"{request.caption} {request.text}".split())[:_MAX_TEXT]
        parts = [part for part in re.split(r"[.!?;,]\s+", together) if len(part) > 2]
        queries = self._embed([together or " ", *parts[:_MAX_PARTS]])
        near = np.max([view.nearness(queries) for view in self._views], axis=0)
        said = f" {_words(together)} "
        near[[any(spelling in said for spelling in spellings) for spellings in self._spellings]] = np.inf
        chosen = np.argpartition(-near, self._size - 1)[: self._size]
        return tuple(self._names[i] for i in sorted(int(i) for i in chosen))


class _View:
    """One way to put tags in words, as vectors, with what similarity is usual for each."""

    def __init__(self, tags: Vectors, background: Vectors) -> None:
        usual = background @ tags.T
        self._tags, self._mean, self._spread = tags, usual.mean(axis=0), usual.std(axis=0) + 1e-6

    def nearness(self, queries: Vectors) -> Vectors:
        """Standardized similarity of each tag to the nearest query: float [tags]."""
        near: Vectors = (((queries @ self._tags.T) - self._mean) / self._spread).max(axis=0)
        return near


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", folded(text)))


def _shipped() -> Embed:
    from streamtags.stages.tag.encoders import embed

    return embed
