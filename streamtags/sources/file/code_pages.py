"""Which code page a text is in, judged by the letters that languages use beyond ASCII.

A byte from 0x80 up is another character in each page. A page is likely if its characters are the letters of one language, about as often as
that language uses them; a capital inside a word and letters of two scripts in one word are unlikely. A byte depends on nothing but the one
before it, so pairs of bytes are counted once for all pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from math import log
from typing import NamedTuple

from streamtags.sources.file.letters import LETTERS

__all__ = ["Guess", "asian_fit", "guess_code_page"]

_PAGES = {
    "west": ("cp1252", "iso8859_15", "cp850", "mac_roman", "cp437", "cp865", "cp861", "mac_iceland"),
    "central": ("cp1250", "iso8859_2", "cp852", "mac_latin2", "iso8859_16", "mac_croatian", "mac_romanian"),
    "baltic": ("cp1257", "iso8859_13", "cp775", "iso8859_4"),
    "turkish": ("cp1254", "cp857", "mac_turkish"),
    "greek": ("cp1253", "iso8859_7", "cp737", "cp869", "mac_greek"),
    "cyrillic": ("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic", "cp855", "cp1125"),
    "hebrew": ("cp1255", "iso8859_8", "cp862"),
    "arabic": ("cp1256", "iso8859_6", "cp864"),
    "thai": ("cp874",),
    "vietnamese": ("cp1258",),
}
"""Pages of a part of the world, the usual one first."""

_LANGUAGES = {
    "west": ("en", "fr", "de", "es", "pt", "it", "nl", "sv", "da", "nb", "fi", "is", "ca", "et"),
    "central": ("pl", "cs", "sk", "hu", "ro", "sh", "sl", "de"),
    "baltic": ("lv", "lt", "et"),
    "turkish": ("tr",),
    "greek": ("el",),
    "cyrillic": ("ru", "uk", "bg", "sr", "mk"),
    "hebrew": ("he",),
    "arabic": ("ar", "fa"),
    "thai": ("th",),
    "vietnamese": ("vi",),
}
_SAME = {"no": "nb", "nn": "nb", "hr": "sh", "bs": "sh", "sr": "sh"}  # languages with the letters of another
_MARKS = "“”„‘’‚–—…«»‹›¿¡·•♪♫°º€£§©\xa0\xad"  # noqa: RUF001 - punctuation of subtitles
_PER_LETTERS = 10_000
_FOREIGN, _RARE = 0.5, 0.02  # of `_PER_LETTERS`: a letter of a neighboring language, and any other character
_MARK = 20.0  # of `_PER_LETTERS`: punctuation beyond ASCII
_MAX_SHARE = 0.95  # of letters beyond ASCII: other scripts contain names and markup
_UNUSUAL_PAGE = 3.0  # log likelihood that a page other than the usual one must gain
_MIXED = 4.0  # the loss for a capital inside a word, or for two scripts in one
_EXPECTED_LANGUAGE = 6.0  # the gain of the language that the file names
_SAMPLE_BYTES = 65_536
# Characters of East Asia: the log likelihood of one, by the range it is in.
_ASIAN = (("\u3041", "\u30ff", -4.3), ("\u4e00", "\u9fff", -7.3), ("\uac00", "\ud7a3", -6.5), ("\u3000", "\u3020", -5.0))
_WIDE_MARKS = ("\uff01", "\uff20", -5.0)
_NOT_ASIAN = -12.0


class Guess(NamedTuple):
    """A code page, and the log likelihood of a text in it."""

    page: str
    fit: float


def guess_code_page(data: bytes, language: str | None = None) -> Guess:
    """Return the most likely code page of `data`.

    Args:
        data: text; its beginning is examined.
        language: the language that it probably is in, two letters.
    """
    data = data[:_SAMPLE_BYTES]
    pairs = Counter(pair for pair in zip(b"\n" + data, data, strict=False) if pair[1] >= 0x80)
    ascii_letters = sum(data.count(letter) for letter in range(0x41, 0x7B) if chr(letter).isalpha())
    expected = {language, _SAME.get(language or "", language)}
    guesses = (guess for region in _PAGES for guess in _in_region(region, pairs, ascii_letters, expected))
    return max(guesses, key=lambda guess: guess.fit)


def asian_fit(text: str) -> float:
    """Return the log likelihood of the characters beyond ASCII as Chinese, Japanese or Korean."""
    fit = 0.0
    for before, letter in pairwise(f" {text[:_SAMPLE_BYTES]}"):
        if letter >= "\x80":
            fit += next((often for low, high, often in (*_ASIAN, _WIDE_MARKS) if low <= letter <= high), _NOT_ASIAN)
            fit -= _MIXED * (before.isascii() and before.isalpha())
    return fit


def _in_region(region: str, pairs: Counter[tuple[int, int]], ascii_letters: int, expected: set[str | None]) -> Iterator[Guess]:
    """Each page of a region with the log likelihood of all characters, in each language."""
    for page in _PAGES[region]:
        letters, mixed = _count(pairs, _characters(page))
        for name in _LANGUAGES[region]:
            profile, rare = _profile(name, region), log(_RARE / _PER_LETTERS)
            share = min(_MAX_SHARE, sum(LETTERS[name].values()) / _PER_LETTERS)
            fit = sum(count * profile.get(letter, rare) for letter, count in letters.items()) + ascii_letters * log(1 - share)
            fit += _EXPECTED_LANGUAGE * (name in expected) - _MIXED * mixed - _UNUSUAL_PAGE * (page != _PAGES[region][0])
            yield Guess(page, fit)


def _count(pairs: Counter[tuple[int, int]], characters: str) -> tuple[Counter[str], int]:
    """Lower-case characters beyond ASCII, and how many do not fit the character before them."""
    letters: Counter[str] = Counter()
    mixed = 0
    for (before, byte), count in pairs.items():
        one, other = characters[before], characters[byte]
        letters[other.lower()] += count
        is_capital_inside = one.islower() and other.isupper()
        is_other_script = one.isascii() and one.isalpha() and other.isalpha() and other >= "\u0370"
        mixed += count * (is_capital_inside or is_other_script)
    return letters, mixed


@cache
def _characters(page: str) -> str:
    """The character of each byte; U+FFFD where there is none."""
    return "".join(bytes([byte]).decode(page, errors="replace") for byte in range(256))


@cache
def _profile(language: str, region: str) -> dict[str, float]:
    """The log likelihood of each letter and mark beyond ASCII."""
    often = dict.fromkeys((letter for name in _LANGUAGES[region] for letter in LETTERS[name]), _FOREIGN)
    often |= dict.fromkeys(_MARKS, _MARK) | LETTERS[language]
    return {letter: log(count / _PER_LETTERS) for letter, count in often.items()}
