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
_MAX_INVALID_SHARE = 0.4  # invalid bytes for each valid character beyond ASCII, up to which a text is damaged UTF-8
_MIN_ZERO_SHARE = 0.2  # of the bytes at even or odd places that are 0 in UTF-16
_MIN_SCRIPT_CHARACTERS = 12  # bytes beyond ASCII below which a guess between code pages is worthless

# Code pages and multi-byte encodings in which subtitles occur; the usual one first.
_CANDIDATES = [
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "koi8_r",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
]
_DEFAULT = "cp1252"
_CARON_LETTERS = re.compile(rb"[\x8a\x8e\x9a\x9e]")
_NOT_ASCII = re.compile(rb"[^\n\r]*[\x80-\xff][^\n\r]*")


def decode_text(data: bytes) -> str:
    """Decode `data`; a byte that is invalid costs one character, U+FFFD, and never changes how the rest is read."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    return data.decode(_encoding_of(data), errors="replace")


def _encoding_of(data: bytes) -> str:
    if wide := _utf16(data[:_SAMPLE_BYTES]):
        return wide
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
    # Both pages fit Western and Central European text equally well; only the latter has caron letters in nearly every line.
    if equal >= {"cp1250", "cp1252"}:
        return "cp1250" if _CARON_LETTERS.search(sample) else "cp1252"
    return best.encoding


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
