"""Columns of music catalogs: which field of a track a heading means, and how its cells are read.

Catalogs of MusicCaps, MTG-Jamendo, Harvest Media, SourceAudio and Soundminer use different headings for the same things. A heading is
compared without case, spaces and punctuation, and without a prefix such as `TRACK:`.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable

__all__ = ["LISTS", "NUMBERS", "TEXTS", "field_of", "parse_duration", "parse_list", "parse_number"]

# Fields of a track, with the headings that mean them; the first heading of a line is our own.
TEXTS: dict[str, str] = {
    "track": "track trackid id ytid sourceaudioid songid workid trackcode isrc",
    "title": "title tracktitle displaytitle songtitle trackname name song",
    "artist": "artist artists trackartist artistname performer artistid",
    "album": "album albumtitle albumname cdtitle albumdisplaytitle albumid",
    "description": "description caption trackdescription comments comment keywordsdescription notes text",
    "path": "path filepath filepathname filename file url audiofile location",
    "key": "key musicalkey keysignature trackkey",
    "composer": "composer composers writer writers songwriter",
    "publisher": "publisher publishers",
    "society": "society pro performingrightssociety composersociety",
    "license": "license licence licensetag rights copyright usage clearance",
    "library": "library catalog label source cdcode",
    "vocals": "vocals vocal hasvocal hasvocals vocalinstrumental",
    "instrumental": "instrumental isinstrumental",
}
NUMBERS: dict[str, str] = {
    "bpm": "bpm tempobpm beatsperminute trackbpm",
    "duration": "duration durationseconds durations length time tracklength lengthseconds",
}
LISTS: dict[str, str] = {
    "tags": "tags aspectlist keywords tag keyword attributes categories category subcategory",
    "genres": "genres genre style styles subgenre",
    "moods": "moods mood moodtheme emotion emotions feel",
    "instruments": "instruments instrument instrumentation",
}
_FIELDS = {heading: field for group in (TEXTS, NUMBERS, LISTS) for field, headings in group.items() for heading in headings.split()}
_PREFIX = re.compile(r"^\s*(?:track|work|cd|album)\s*:\s*", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"^(\s*\d+),(\d{1,2}\s*)$")  # three digits may be thousands
_MAX_LITERAL = 20_000  # characters of a cell that is read as a list of Python
_MAX_ITEMS = 200


def field_of(heading: str) -> str | None:
    """Return the field that a heading means; None if it is none that is used."""
    whole, short = (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (heading, _PREFIX.sub("", heading)))
    return _FIELDS.get(whole) or _FIELDS.get(short)


def parse_number(value: object) -> float:
    """Return a finite number.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not a number")
    try:
        number = float(_DECIMAL_COMMA.sub(r"\1.\2", value) if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        raise ValueError(f"{str(value)[:40]!r} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def parse_duration(value: object) -> float:
    """Return seconds from `211.1`, `3:31` or `0:03:31.5`.

    Raises:
        ValueError: it is no duration, or not above 0.
    """
    parts = str(value).strip().split(":") if isinstance(value, str) else [value]
    if len(parts) > 3:
        raise ValueError(f"{str(value)[:40]!r} is not a duration")
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + parse_number(part)
    if seconds <= 0:
        raise ValueError(f"a duration is above 0, not {value!r}")
    return seconds


def parse_list(value: object) -> list[str]:
    """Return the items of a cell: a list of JSON or Python, or text with commas, semicolons or bars between the items."""
    if isinstance(value, str):
        text = value.strip()
        value = _literal(text) if text.startswith("[") and len(text) <= _MAX_LITERAL else None
        if value is None:
            value = re.split(r"[,;|]", text)
    if not isinstance(value, list | tuple):
        value = [value]
    return list(dict.fromkeys(_words(value)))[:_MAX_ITEMS]


def _literal(text: str) -> object:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _words(values: Iterable[object]) -> Iterable[str]:
    for value in values:
        word = " ".join(str(value).split()) if isinstance(value, str | int | float) else ""
        if word:
            yield word
