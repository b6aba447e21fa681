"""The words of a text that it denies: "people" in "there are no people", "sad" in "she is not sad". English only.

A denial reaches from its cue to the next stop, at most five words, as in W. Chapman et al., "A simple algorithm for identifying negated
findings and diseases in discharge summaries", 2001. It ends before a word that goes on to say where or when: "no one laughs in the clinic"
does not deny the clinic.
"""

from __future__ import annotations

import re

__all__ = ["split_denied"]

_MAX_WORDS = 5
_CUE = re.compile(
    r"\b(?:no longer|no one|not|no|never|without|nobody|none|nothing|neither|nor|cannot)\b|\b\w+n['’]t\b",  # noqa: RUF001 - a typographic apostrophe is meant
    re.IGNORECASE,
)
_STOP = re.compile(r"[.,;:!?()\"…—]|\b(?:but|only|just|except|because|while|until|before|and)\b", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_WHERE_OR_WHEN = frozenset(
    {
        "about",
        "across",
        "after",
        "at",
        "behind",
        "beside",
        "by",
        "during",
        "for",
        "from",
        "here",
        "in",
        "inside",
        "into",
        "near",
        "of",
        "on",
    }
    | {"outside", "over", "this", "through", "tonight", "under"}
)


def split_denied(text: str) -> tuple[str, tuple[str, ...]]:
    """Return `text` without its denials, and the denied words of each."""
    kept, spans, place = [], [], 0
    while cue := _CUE.search(text, place):
        stop = _STOP.search(text, cue.end())
        words = _scope(list(_WORD.finditer(text, cue.end(), stop.start() if stop else len(text)))[:_MAX_WORDS])
        end = words[-1].end() if words else cue.end()
        kept.append(text[place : cue.start()])
        if words:
            spans.append(text[cue.end() : end].strip())
        place = end
    return " ".join(" ".join([*kept, text[place:]]).split()), tuple(spans)


def _scope(words: list[re.Match[str]]) -> list[re.Match[str]]:
    """The words up to the first that says where or when; a denial that begins with one ("no longer in love") denies it."""
    end = next((place for place, word in enumerate(words) if place and word.group().lower() in _WHERE_OR_WHEN), len(words))
    return words[:end]
