"""Apparent expressions of faces as words of music: how a face looks, and what music is called that sounds so.

The idea of the project Video2Music: the top three expressions of a face are compared with descriptions of music. The labels are those of
FER-2013, which the stage `faces` gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from streamtags.music.words import terms

__all__ = ["EXPRESSION_WORDS", "expression_terms", "expression_text"]

EXPRESSION_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "anger": ("angry", "aggressive", "intense"),
    "disgust": ("dark", "dissonant"),
    "fear": ("tense", "eerie", "suspenseful"),
    "joy": ("happy", "joyful", "uplifting"),
    "sadness": ("sad", "melancholic", "emotional"),
    "surprise": ("playful", "exciting"),
    "neutral": ("calm", "gentle"),
}
"""Words that catalogs use for music, by expression. Other labels have none."""


def expression_terms(expressions: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Return the words for expressions as they are compared, each with the confidence of its expression."""
    return {term: confidence for label, confidence in expressions for term in terms(" ".join(EXPRESSION_WORDS.get(label, ())))}


def expression_text(expressions: Sequence[tuple[str, float]]) -> str:
    """Return the path from expressions to words: `joy 0.62 (happy, joyful, uplifting), neutral 0.20 (calm, gentle)`."""
    known = ((label, confidence, EXPRESSION_WORDS[label]) for label, confidence in expressions if label in EXPRESSION_WORDS)
    return ", ".join(f"{label} {confidence:.2f} ({', '.join(words)})" for label, confidence, words in known)
