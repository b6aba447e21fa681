"""Tags from words: text and tags are embedded, and similarity becomes a calibrated confidence.

The text is only embedded and quoted, so it cannot instruct a model.

Confidence is a logistic function (Platt scaling: Platt 1999, "Probabilistic outputs for support vector machines") of the cosine
similarity, of whether the text names the tag or an alias, and of the number of tags. `benchmarks/classify.py` fits it for each encoder
on the development half of `examples/datasets/film-captions` and prints how it does on the other half.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from streamtags.core.vocabulary import Tag, folded
from streamtags.stages.tag.encoders import TextEncoder, Wordllama
from streamtags.stages.tag.negation import split_denied

__all__ = ["Calibration", "TagTexts", "load_calibration", "passages"]

MAX_CHARACTERS = 4_000
MAX_PASSAGES = 12
PASSAGE_WORDS = 40
"""In the average of a long text, single words have no weight: a longer text is compared in passages of about a caption's length."""

_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")  # noqa: RUF001 - full stops of Chinese and Japanese are meant
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)  # Thai, Lao, Burmese, Khmer, kana, Han


class Calibration(BaseModel):
    """The fitted function from similarity to confidence.

    Attributes:
        version: raised with every new fit.
        intercept: of the logistic function.
        similarity: its slope on the cosine similarity.
        named: added where the text names the tag or an alias.
        log_tags: its slope on the natural logarithm of the number of tags.
        tags: fewest and most tags of the fit; other vocabularies count as the nearer of the two.
        named_alone: confidence of a named tag without a similarity (a script the embeddings do not know).
        threshold: tags below this confidence are left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: int
    intercept: float
    similarity: float
    named: float
    log_tags: float
    tags: tuple[int, int]
    named_alone: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)


@cache
def load_calibration(encoder: str = "wordllama") -> Calibration:
    """The fit that ships with streamtags, for an encoder."""
    fits = json.loads(files("streamtags.stages.tag").joinpath("calibration.json").read_text("utf-8"))
    return Calibration.model_validate(fits[encoder])


def passages(text: str) -> list[str]:
    """`text` in runs of whole sentences of at most `PASSAGE_WORDS` words, longer sentences cut; at most `MAX_PASSAGES`."""
    if not text:
        return []
    runs: list[list[str]] = []
    for sentence in _SENTENCE_END.split(text[:MAX_CHARACTERS].strip()):
        words = sentence.split()
        if words and runs and len(runs[-1]) + len(words) <= PASSAGE_WORDS:
            runs[-1] += words
        else:
            runs += [words[i : i + PASSAGE_WORDS] for i in range(0, len(words), PASSAGE_WORDS)]
    return [" ".join(words) for words in runs[:MAX_PASSAGES]]


class TagTexts:
    """The tags of one vocabulary, embedded: name, aliases and description of each as one text.

    Args:
        tags: in the vocabulary's order.
        encoder: makes the vectors; None takes the one that ships.

    Raises:
        ModelError: the embeddings cannot be loaded.
    """

    def __init__(self, tags: Sequence[Tag], encoder: TextEncoder | None = None) -> None:
        self.encoder = encoder or Wordllama()
        texts = [
            f"{tag.name}. {', '.join(tag.aliases)}. {tag.description}" if tag.aliases else f"{tag.name}. {tag.description}" for tag in tags
        ]
        self._vectors = self.encoder.embed(texts)
        self._known = np.array([self.encoder.knows(text, is_tag=True) for text in texts])
        self._by_first_word: dict[str, dict[tuple[str, ...], int]] = {}
        self._unspaced: list[tuple[str, int]] = []
        for index, tag in enumerate(tags):
            for name in (tag.name, *tag.aliases):
                key = folded(name)
                if _UNSPACED.search(key):
                    self._unspaced.append((key, index))
                elif words := tuple(_WORD.findall(key)):
                    self._by_first_word.setdefault(words[0], {}).setdefault(words, index)

    def similarity(self, text: str) -> NDArray[np.float64] | None:
        """Cosine similarity of `text` to each tag, NaN for a tag in a script the embeddings do not know; None if `text` is."""
        if not self.encoder.knows(text):
            return None
        similarity: NDArray[np.float64] = self._similarities([text])[0]
        similarity[~self._known] = np.nan
        return similarity

    def denied(self, text: str) -> set[int]:
        """Indices of the tags that `text` says do not apply: named or nearest to denied words, and not named in the rest."""
        rest, spans = split_denied(text)
        if not spans:
            return set()
        denied = {index for span in spans for index in self.named(span)}
        if self.encoder.knows(text):
            similarities = self._similarities([rest or " ", *spans])
            denied |= {int(index) for index in np.flatnonzero((similarities[1:] > similarities[0]).any(axis=0))}
        return denied - self.named(rest)

    def _similarities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Cosines, [text, tag]."""
        # vecdot, because `@` starts BLAS threads even for a product this small
        cosines: NDArray[np.float64] = np.vecdot(self.encoder.embed(texts)[:, None], self._vectors[None]).astype(np.float64)
        return cosines

    def named(self, text: str) -> set[int]:
        """Indices of the tags whose name or alias occurs in `text`."""
        key = folded(text)
        words = _WORD.findall(key)
        indices = {index for name, index in self._unspaced if name in key}
        for start, word in enumerate(words):
            for name, index in self._by_first_word.get(word, {}).items():
                if tuple(words[start : start + len(name)]) == name:
                    indices.add(index)
        return indices

    def confidences(self, text: str, calibration: Calibration) -> dict[int, float]:
        """Tags by index whose confidence for `text` reaches the calibration's threshold, without those that it denies."""
        named = self.named(text)
        similarity = self.similarity(text)
        confidences: dict[int, float] = {}
        if similarity is not None:
            fewest, most = calibration.tags
            base = calibration.intercept + calibration.log_tags * log(min(max(len(similarity), fewest), most))
            logits = base + calibration.similarity * similarity
            if named:
                logits[list(named)] += calibration.named
            floor = log(calibration.threshold / (1 - calibration.threshold))
            confidences = {int(i): 1 / (1 + exp(-float(logits[i]))) for i in np.flatnonzero(logits >= floor)}
        if calibration.named_alone >= calibration.threshold:
            unknown = named if similarity is None else {i for i in named if not self._known[i]}
            confidences |= dict.fromkeys(unknown, calibration.named_alone)
        denied = self.denied(text) if confidences else ()
        return {index: confidence for index, confidence in confidences.items() if index not in denied}
