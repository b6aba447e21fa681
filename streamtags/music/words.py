"""Words of tracks and of queries: what a track says about itself, as text and as terms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from streamtags.core.music import Track

__all__ = ["has_vocals", "terms", "text_of", "words_energy"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
# Words that are in every description of music, or say nothing.
_STOP = _set(
    "a an and are as at be but by can for from has have i in into is it its of on or s so some song songs that the their them then there "
    "these this to track was were which while will with music piece featuring features feature plays playing played like over very"
)
_MAX_TERMS = 400
_VOCAL_WORDS = _set("vocal vocals voice voices singer singers singing sung rapper rapping choir lyrics")
_NO_VOCALS = re.compile(r"\b(?:instrumental|no (?:vocals?|voices?|singer|singing|lyrics)|without (?:vocals?|voices?|singing|lyrics))\b")
_TRUE, _FALSE = frozenset({"yes", "true", "1", "y"}), frozenset({"no", "false", "0", "n", "none"})
_SUNG_SHARE, _SILENT_SHARE = 0.2, 0.05
_DRIVING = _set(
    "action aggressive angry bouncy chase dance driving dynamic energetic epic exciting fast frantic funky heavy intense lively loud party "
    "powerful pumping punchy rock sport techno triumphant upbeat uptempo urgent"
)
_STILL = _set(
    "ambient calm calming dreamy emotional gentle lullaby meditative mellow melancholic melancholy mournful nostalgic peaceful quiet "
    "relaxing relaxed romantic sad sentimental slow soft soothing sparse still tender tranquil"
)


def terms(text: str) -> list[str]:
    """Return the words of a text as they are compared: folded, without stop words, plural like singular."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [_singular(word) for word in _WORD.findall(folded) if word not in _STOP][:_MAX_TERMS]


def _singular(word: str) -> str:
    """Remove a plural ending: rules of D. Harman, "How effective is suffixing?", 1991 (the S stemmer)."""
    if word.endswith("ies") and not word.endswith(("eies", "aies")) and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")) and len(word) > 3:
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")) and len(word) > 2:
        return word[:-1]
    return word


def text_of(track: Track) -> str:
    """Return everything that describes a track as one text: what it is like first, its title last."""
    lists = (track.moods, track.genres, track.instruments, track.tags)
    parts = [track.description, *(", ".join(words) for words in lists), track.title]
    return ". ".join(part for part in parts if part)


def has_vocals(track: Track) -> bool | None:
    """Return whether a track has a voice, as the catalog says, else as was heard; None if unknown."""
    for field, yes in (("instrumental", False), ("vocals", True)):
        value = track.texts.get(field, "").casefold().strip()
        if value in _TRUE | _FALSE:
            return (value in _TRUE) == yes
        if value and field == "vocals":
            return not (_NO_VOCALS.search(value) or value.startswith("instrumental"))
    words = " . ".join((*track.tags, *track.genres, *track.moods, *track.instruments, track.description)).casefold()
    if _NO_VOCALS.search(words):
        return False
    if not _VOCAL_WORDS.isdisjoint(_WORD.findall(words)):
        return True
    return _heard_vocals(track.sound.content if track.sound else {})


def _heard_vocals(content: Mapping[str, float]) -> bool | None:
    if not content:
        return None
    share = max(content.get("singing", 0.0), content.get("speech", 0.0))
    return True if share > _SUNG_SHARE else False if share < _SILENT_SHARE else None


def words_energy(words: list[str]) -> float | None:
    """Return how driving words say that music is, 0..1; None if they say nothing about it."""
    driving, still = sum(word in _DRIVING for word in words), sum(word in _STILL for word in words)
    return 0.5 + 0.35 * (driving - still) / (driving + still) if driving + still else None
