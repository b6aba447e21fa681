"""What a person types into a search field, as words and exact phrases."""

from __future__ import annotations

import re
from dataclasses import dataclass

from streamtags.core.errors import UsageError

__all__ = ["MAX_QUERY_CHARACTERS", "Query", "parse_query"]

MAX_QUERY_CHARACTERS = 1000
MAX_WORDS = 32

_QUOTED = re.compile(r'"([^"]*)"')
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
# Words so common that every segment contains them; they carry no meaning for a match by words.
_STOP_WORDS = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "from", "has", "have", "he", "her", "his", "in", "into", "is", "it"}
    | {"its", "of", "on", "or", "she", "that", "the", "their", "them", "then", "there", "they", "this", "to", "was", "were", "with"}
)


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query.

    Attributes:
        text: the whole text without quotation marks, for search by meaning.
        words: single words; a result may contain any of them.
        phrases: quoted phrases; a result must contain each of them.
    """

    text: str
    words: tuple[str, ...]
    phrases: tuple[str, ...]


def parse_query(text: str) -> Query:
    """Split `text` into words and quoted phrases.

    Raises:
        UsageError: there is nothing to search for, or the text is too long.
    """
    if len(text) > MAX_QUERY_CHARACTERS:
        raise UsageError(f"the query has more than {MAX_QUERY_CHARACTERS} characters", where="search", hint="search for fewer words")
    phrases = tuple(" ".join(_WORD.findall(phrase)) for phrase in _QUOTED.findall(text))
    plain = _QUOTED.sub(" ", text)
    every = dict.fromkeys(word.casefold() for word in _WORD.findall(plain))
    words = [word for word in every if word not in _STOP_WORDS] or list(every)
    query = Query(
        text=" ".join(text.replace('"', " ").split()),
        words=tuple(words[:MAX_WORDS]),
        phrases=tuple(dict.fromkeys(phrase for phrase in phrases if phrase))[:MAX_WORDS],
    )
    if not query.words and not query.phrases:
        raise UsageError(
            "there is no word to search for", where="search", hint='write some words, such as: streamtags search "a boat at dusk"'
        )
    return query
