"""Tags from words: text and tags are embedded, and similarity becomes a calibrated confidence.

The embeddings are WordLlama's (Miller 2024, https://github.com/dleemiller/WordLlama, MIT): one static vector per token, averaged; they
know English. The text is only embedded and quoted, so it cannot instruct a model.

Confidence is a logistic function (Platt scaling: Platt 1999, "Probabilistic outputs for support vector machines") of the cosine
similarity, of whether the text names the tag or an alias, and of the number of tags. `benchmarks/classify.py` fits
it on the development half of `examples/datasets/film-captions` and prints how it does on the other half.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from streamtags.core.errors import ModelError
from streamtags.core.vocabulary import Tag, folded

if TYPE_CHECKING:
    from wordllama import WordLlamaInference

__all__ = ["Calibration", "TagTexts", "embed", "load_calibration", "passages"]

MAX_CHARACTERS = 4_000
MAX_PASSAGES = 12
PASSAGE_WORDS = 40
"""In the average of a long text, single words have no weight: a longer text is compared in passages of about a caption's length."""
MIN_WORDS = 3
"""The average of fewer words means too little; they still count where they name a tag."""

_WORD = re.compile(r"[^\W\d_]+")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]+")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")  # noqa: RUF001 - full stops of Chinese and Japanese are meant
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)  # Thai, Lao, Burmese, Khmer, kana, Han

Vectors = NDArray[np.float32]


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
def load_calibration() -> Calibration:
    """The fit that ships with streamtags."""
    return Calibration.model_validate(json.loads(files("streamtags.stages.tag").joinpath("calibration.json").read_text("utf-8")))


_loading = threading.Lock()


def embed(texts: Sequence[str]) -> Vectors:
    """Texts as vectors: float32 [len(texts), 256], rows of length 1, or 0 for an empty text.

    The model comes from the files inside wordllama's wheel, never from a network; the first call loads it. Safe to call from any thread.

    Raises:
        ModelError: the package or its files are missing.
    """
    with _loading:
        model = _wordllama()
    vectors = np.empty((len(texts), model.embedding.shape[1]), dtype=np.float32)
    for vector, text in zip(vectors, texts, strict=True):
        # as `model.embed`, but without padding texts to the longest
        tokens = model.tokenizer.encode(text, add_special_tokens=False).ids
        vector[:] = model.embedding[np.array(tokens, dtype=np.intp)].sum(axis=0) / max(len(tokens), 1)
    vectors /= np.maximum(np.sqrt((vectors * vectors).sum(axis=1, keepdims=True)), 1e-9)
    return vectors


@cache
def _wordllama() -> WordLlamaInference:
    root = logging.getLogger()
    guard = logging.NullHandler()
    root.addHandler(guard)  # wordllama calls logging.basicConfig when imported, which does nothing where there is a handler
    try:
        import wordllama

        return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    except (ImportError, OSError) as error:
        raise ModelError(
            f"text embeddings cannot be loaded: {error}",
            where="wordllama",
            hint="reinstall wordllama, or set text = false for the classifier",
        ) from error
    finally:
        root.removeHandler(guard)


def passages(text: str) -> list[str]:
    """`text` in runs of whole sentences of at most `PASSAGE_WORDS` words, longer sentences cut; at most `MAX_PASSAGES`."""
    runs: list[list[str]] = []
    for sentence in _SENTENCE_END.split(text[:MAX_CHARACTERS].strip()):
        words = sentence.split()
        if words and runs and len(runs[-1]) + len(words) <= PASSAGE_WORDS:
            runs[-1] += words
        else:
            runs += [words[i : i + PASSAGE_WORDS] for i in range(0, len(words), PASSAGE_WORDS)]
    return [" ".join(words) for words in runs[:MAX_PASSAGES]]


def readable(text: str) -> bool:
    """Whether the embeddings can know this text: it has enough words, and most of its letters are Latin."""
    latin = _LATIN_WORD.findall(text)
    return len(latin) >= MIN_WORDS and 2 * sum(map(len, latin)) > sum(map(len, _WORD.findall(text)))


class TagTexts:
    """The tags of one vocabulary, embedded: name, aliases and description of each as one text.

    Args:
        tags: in the vocabulary's order.

    Raises:
        ModelError: the embeddings cannot be loaded.
    """

    def __init__(self, tags: Sequence[Tag]) -> None:
        texts = [
            f"{tag.name}. {', '.join(tag.aliases)}. {tag.description}" if tag.aliases else f"{tag.name}. {tag.description}" for tag in tags
        ]
        self._vectors = embed(texts)
        self._known = np.array(
            [bool(_LATIN_WORD.search(text)) and (not tag.description or readable(text)) for tag, text in zip(tags, texts, strict=True)]
        )
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
        if not readable(text):
            return None
        # vecdot, because `@` starts BLAS threads even for a product this small
        similarity: NDArray[np.float64] = np.vecdot(self._vectors, embed([text])[0]).astype(np.float64)
        similarity[~self._known] = np.nan
        return similarity

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
        """Tags by index whose confidence for `text` reaches the calibration's threshold."""
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
        return confidences
