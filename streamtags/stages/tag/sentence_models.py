"""The sentence model that `streamtags model pull` fetches for `embeddings = "sentence"`.

Its files have no digests here: the hub names the digest of each file of the commit that is pulled, and the record in the cache keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streamtags.stages.caption.weights import pulled_model

__all__ = ["SENTENCE_MODELS", "SentenceModel", "pulled_sentence_model"]


@dataclass(frozen=True, slots=True)
class SentenceModel:
    """A sentence model at the hub.

    Attributes:
        name: as people name it.
        title: name for people.
        id: its id at the hub.
        license: terms of the weights.
        files: place at the hub and name in the cache of each file.
    """

    name: str
    title: str
    id: str
    license: str
    files: Mapping[str, str] = field(default_factory=dict)


SENTENCE_MODELS = {
    model.name: model
    for model in (
        # The card and the files: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
        SentenceModel(
            "all-minilm-l6-v2",
            "all-MiniLM-L6-v2, sentences to vectors",
            "sentence-transformers/all-MiniLM-L6-v2",
            "Apache 2.0",
            {"onnx/model.onnx": "model.onnx", "tokenizer.json": "tokenizer.json"},
        ),
    )
}
"""Sentence models by name."""


def pulled_sentence_model() -> Path | None:
    """Return the folder of a sentence model in the cache; None if none was pulled."""
    pulled = (pulled_model(model.id) for model in SENTENCE_MODELS.values())
    return next((model.folder for model in pulled if model is not None), None)
