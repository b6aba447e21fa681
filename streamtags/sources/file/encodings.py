"""The encoding of a text file that does not name it, judged as a whole."""

from __future__ import annotations

import codecs
import re

__all__ = ["decode_text"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE_BYTES = 32_768
_HEAD_BYTES = 32  # judged by themselves, because a byte that is missing later moves the zeros
_MAX_INVALID_SHARE = 0.4  # invalid bytes for each valid character beyond ASCII, up to which a text is damaged UTF-8
_MIN_ZERO_SHARE = 0.2  # of the bytes at even or odd places that are 0 in UTF-16
_MIN_ZERO_SHARE_UTF32 = 0.9  # of the upper two bytes of each character
_MIN_SCRIPT_CHARACTERS = 12  # bytes beyond ASCII below which a guess between code pages is worthless

# Code pages and multi-byte encodings in which subtitles occur; the usual one first.
_CANDIDATES = [
    "cp1252",
    "cp1250",
    "iso8859_2",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp874",
    "koi8_r",
    "koi8_u",
    "cp866",
    "iso8859_5",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
]
_DEFAULT = "cp1252"
_CARON_LETTERS = re.compile(rb"[\x8a\x8e\x9a\x9e]")
_HUNGARIAN_LETTERS = frozenset("áéíóöőúüűÁÉÍÓÖŐÚÜŰ".encode("cp1250"))
_HUNGARIAN_ONLY = frozenset("őűŐŰ".encode("cp1250"))  # letters of Portuguese and French in the Western page
_ESCAPES_OF_JAPANESE = (b"\x1b$B", b"\x1b$@")
_NOT_ASCII = re.compile(rb"[^\n\r]*[\x80-\xff][^\n\r]*")


def decode_text(data: bytes) -> str:
    """Decode `data`; a byte that is invalid costs one character, U+FFFD, and never changes how the rest is read."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    return _decoded(data, _encoding_of(data))


def _decoded(data: bytes, encoding: str) -> str:
    """The text; in UTF-16, a byte too many or too few costs the rest of its line, not of the file."""
    text = data.decode(encoding, errors="replace")
    if not encoding.startswith("utf-16"):
        return text
    end = "\n".encode(encoding)
    if data.count(end) == text.count("\n"):
        return text
    return "\n".join(line.decode(encoding, errors="replace") for line in data.split(end))


def _encoding_of(data: bytes) -> str:
    if wide := _utf32(data[:_SAMPLE_BYTES]) or _utf16(data[:_HEAD_BYTES]) or _utf16(data[:_SAMPLE_BYTES]):
        return wide
    if any(escape in data for escape in _ESCAPES_OF_JAPANESE):
        return "iso2022_jp"
    if _is_utf8(data):
        return "utf-8"
    sample = b"\n".join(_NOT_ASCII.findall(data))[:_SAMPLE_BYTES]
    if sum(byte >= 0x80 for byte in sample) < _MIN_SCRIPT_CHARACTERS:
        return _DEFAULT
    from charset_normalizer import from_bytes  # loaded only for the few files that need it

    matches = from_bytes(sample, cp_isolation=_CANDIDATES)
    best = matches.best()
    if best is None:
        return _DEFAULT
    equal = {match.encoding for match in matches if (match.chaos, match.coherence) == (best.chaos, best.coherence)}
    # Both pages fit Western and Central European text equally well; only the latter has caron letters in nearly every line, and only
    # Hungarian has its letters and no others.
    if equal >= {"cp1250", "cp1252"}:
        letters = {byte for byte in sample if byte >= 0xC0}
        is_hungarian = letters <= _HUNGARIAN_LETTERS and not letters.isdisjoint(_HUNGARIAN_ONLY)
        return "cp1250" if _CARON_LETTERS.search(sample) or is_hungarian else "cp1252"
    return best.encoding


def _utf32(data: bytes) -> str | None:
    """UTF-32 without a mark: the upper two bytes of nearly every character are 0."""
    quarter = len(data) // 4
    zeros = [data[place::4].count(0) for place in range(4)]
    if not quarter or zeros[0] == zeros[3]:
        return None
    upper, encoding = (zeros[2] + zeros[3], "utf-32-le") if zeros[3] > zeros[0] else (zeros[0] + zeros[1], "utf-32-be")
    return encoding if upper >= 2 * quarter * _MIN_ZERO_SHARE_UTF32 else None


def _utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of its digits, spaces and line ends is 0."""
    half = len(data) // 2
    if not half:
        return None
    even, odd = data[0::2].count(0) / half, data[1::2].count(0) / half
    if max(even, odd) < _MIN_ZERO_SHARE or min(even, odd) * 2 > max(even, odd):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _is_utf8(data: bytes) -> bool:
    """Whether `data` is UTF-8, possibly with some damage."""
    text = data.decode("utf-8", errors="replace")
    beyond_ascii = sum(char > "\x7f" for char in text)
    invalid = text.count("\ufffd")
    valid = beyond_ascii - invalid
    return invalid <= max(valid > 0, _MAX_INVALID_SHARE * valid)
