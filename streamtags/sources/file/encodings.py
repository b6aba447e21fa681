"""The encoding of a text file that does not name it, judged as a whole."""

from __future__ import annotations

import codecs
import re

from streamtags.sources.file.code_pages import asian_fit, guess_code_page

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
# Encodings in which a character has several bytes.
_MULTIBYTE = ["cp932", "euc_jp", "gb18030", "big5", "cp949"]
_MIN_MULTIBYTE = 12  # bytes beyond ASCII, below which a text is not taken for Chinese, Japanese or Korean
_ESCAPES_OF_JAPANESE = (b"\x1b$B", b"\x1b$@")
_NOT_ASCII = re.compile(rb"[^\n\r]*[\x80-\xff][^\n\r]*")


def decode_text(data: bytes, encoding: str | None = None, language: str | None = None) -> str:
    """Decode `data`; a byte that is invalid costs one character, U+FFFD, and never changes how the rest is read.

    Args:
        data: the text, possibly with a byte order mark.
        encoding: its encoding, if it has no mark; recognized by default.
        language: the language that it probably is in, two letters.
    """
    for mark, marked in _BOMS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], marked)
    return _decoded(data, encoding or _encoding_of(data, language))


def _decoded(data: bytes, encoding: str) -> str:
    """The text; in UTF-16, a byte too many or too few costs the rest of its line, not of the file."""
    text = data.decode(encoding, errors="replace")
    if not encoding.startswith("utf-16"):
        return text
    end = "\n".encode(encoding)
    if data.count(end) == text.count("\n"):
        return text
    return "\n".join(line.decode(encoding, errors="replace") for line in data.split(end))


def _encoding_of(data: bytes, language: str | None) -> str:
    if wide := _utf32(data[:_SAMPLE_BYTES]) or _utf16(data[:_HEAD_BYTES]) or _utf16(data[:_SAMPLE_BYTES]):
        return wide
    if any(escape in data for escape in _ESCAPES_OF_JAPANESE):
        return "iso2022_jp"
    if _is_utf8(data):
        return "utf-8"
    guess = guess_code_page(data, language)
    multibyte = _multibyte(data)
    return guess.page if multibyte is None or guess.fit >= asian_fit(data.decode(multibyte, errors="replace")) else multibyte


def _multibyte(data: bytes) -> str | None:
    """The most likely encoding in which a character has several bytes; None if there is none."""
    sample = b"\n".join(_NOT_ASCII.findall(data))[:_SAMPLE_BYTES]
    if sum(byte >= 0x80 for byte in sample) < _MIN_MULTIBYTE:
        return None
    from charset_normalizer import from_bytes  # loaded only for the few files that need it

    best = from_bytes(sample, cp_isolation=_MULTIBYTE).best()
    return None if best is None else best.encoding


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
