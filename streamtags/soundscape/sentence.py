"""A sentence for a text-to-video model, by the grammar of AIMV: an action and an object, a verb by instrument family, a palette."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from streamtags.soundscape.grammar import Color, Grammar, Instrument
from streamtags.soundscape.window import Window

__all__ = ["Relate", "abstract_words", "main_word", "sentence"]

Relate = Callable[[str, Sequence[str]], str]
"""Returns the one of some words that is nearest in meaning to a name."""

_VOICE_SHARE = 0.2
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_VOWEL = re.compile(r"[aeiou]", re.IGNORECASE)
_ALREADY_ADJECTIVES = ("y", "ing", "ed", "ic", "en", "ish")


def sentence(window: Window, grammar: Grammar, *, color: Color | None = None, seed: str = "", relate: Relate | None = None) -> str:
    """Return the sentence of a window; there is always one.

    Args:
        window: what is heard.
        grammar: templates and words.
        color: of the palette; that of the window's frequency unless given.
        seed: the same seed chooses the same action.
        relate: chooses an abstract word for an instrument that the grammar does not know; without it, the first of its words.
    """
    palette = grammar.palette.format(color=_with_article((color or grammar.color(window.hertz)).name))
    return ", ".join([*_scene(window, grammar, seed, relate), palette])


def abstract_words(window: Window, grammar: Grammar, relate: Relate | None = None) -> list[str]:
    """Return the abstract word of each instrument of a window, in order."""
    return [_instrument(guess.label, grammar, relate).abstract for guess in window.instruments]


def main_word(words: str, grammar: Grammar) -> str:
    """Return the word of `words` that most likely names something; "" for none.

    That is the last word after a determiner ("the month"), else the longest; words of the grammar that are empty are left out.
    """
    spoken = [word.lower() for word in _WORD.findall(words)]
    after = [word for before, word in pairwise(spoken) if before in grammar.determiners and _names(word, grammar)]
    return after[-1] if after else max((word for word in spoken if _names(word, grammar)), key=len, default="")


def _names(word: str, grammar: Grammar) -> bool:
    return len(word) > 1 and word not in grammar.empty_words and word not in grammar.determiners


def _scene(window: Window, grammar: Grammar, seed: str, relate: Relate | None) -> list[str]:
    templates, voice = grammar.sentences, _voice(window)
    metaphor = _metaphor(window, grammar, relate)
    if not voice:
        if metaphor:
            return [templates.instruments.format(**metaphor)]
        if window.is_silent:
            return [templates.silence]
        return [{"loud": templates.noise_loud, "medium": templates.noise_medium, "quiet": templates.noise_quiet}[window.loudness]]
    volume = grammar.volumes.get(window.loudness, "")
    parts = [" ".join(templates.voice.format(volume=volume, voice=grammar.voices[voice]).split())]
    if word := main_word(window.words, grammar):
        action = random.Random(seed).choice(grammar.actions)  # noqa: S311 - nothing secret is chosen
        parts.append(templates.object.format(action=action, object=_with_article(word)))
    if metaphor:
        parts.append(templates.voice_background.format(**metaphor))
    return parts


def _voice(window: Window) -> str:
    """Return `speech` or `singing`, the one that is heard more; words without a listener are spoken; "" for no voice."""
    speech, singing = window.content.get("speech", 0.0), window.content.get("singing", 0.0)
    if max(speech, singing) >= _VOICE_SHARE:
        return "singing" if singing >= speech else "speech"
    return "speech" if window.words else ""


def _metaphor(window: Window, grammar: Grammar, relate: Relate | None) -> dict[str, str]:
    """Return the placeholders of the part about instruments; empty without instruments."""
    names = [guess.label for guess in window.instruments]
    if not names:
        return {}
    abstract = abstract_words(window, grammar, relate)
    subject = " and ".join(name.capitalize() for name in names[:2])
    family = _instrument(names[0], grammar, relate).family
    plural, singular = grammar.verbs.get(family, grammar.verbs["other"])
    is_plural = len(names) > 1 or names[0].endswith("s")
    words = " ".join([_adjective(abstract[-1], grammar), names[-1], *reversed(abstract[:-1])])
    return {"subject": subject, "verb": plural if is_plural else singular, "metaphor": words}


def _instrument(name: str, grammar: Grammar, relate: Relate | None) -> Instrument:
    known = grammar.instruments.get(name)
    if known is not None:
        return known
    words = grammar.abstract.words
    return Instrument(abstract=relate(name, words) if relate else words[0])


def _adjective(word: str, grammar: Grammar) -> str:
    if word in grammar.adjectives:
        return grammar.adjectives[word]
    return word if word.endswith(_ALREADY_ADJECTIVES) else f"{word}y"


def _with_article(word: str) -> str:
    if word.endswith("s") and not word.endswith("ss"):  # most likely more than one
        return word
    return f"{'an' if _VOWEL.match(word) else 'a'} {word}"
