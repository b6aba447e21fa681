"""The words of a text that it denies: "people" in "there are no people", "sad" in "she is not sad". English only.

A denial reaches from its cue to the next stop, at most five words, as in W. Chapman et al., "A simple algorithm for identifying negated
findings and diseases in discharge summaries", 2001.
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


def split_denied(text: str) -> tuple[str, tuple[str, ...]]:
    """Return `text` without its denials, and the denied words of each."""
    kept, spans, place = [], [], 0
    while cue := _CUE.search(text, place):
        stop = _STOP.search(text, cue.end())
        words = list(_WORD.finditer(text, cue.end(), stop.start() if stop else len(text)))[:_MAX_WORDS]
        end = words[-1].end() if words else cue.end()
        kept.append(text[place : cue.start()])
        if words:
            spans.append(text[cue.end() : end].strip())
        place = end
    return " ".join(" ".join([*kept, text[place:]]).split()), tuple(spans)
