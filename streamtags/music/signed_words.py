"""Signed words of a guide: `+piano`, `-vocals:0.5`, `-"distorted guitar":2`. What looks like one and is none is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

from streamtags.core.errors import UsageError

__all__ = ["MAX_WEIGHT", "SignedTerm", "refuse_unsigned_weights", "take_signed_words"]

MAX_WEIGHT = 3.0
_MAX_QUOTED = 40  # characters of the guide in an error

# Editors, phones and keyboards of other languages write these for the same marks.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2212\uff0d\ufe63\u2010\u2011", "-"),
        **dict.fromkeys("\u201c\u201d\u201e", '"'),
        **dict.fromkeys("\uff0c\u3001", ","),
        "\uff0b": "+",
        "\uff1a": ":",
        "\uff1b": ";",
    }
)
_TOKEN = re.compile(r'(?<![^\s,;(\[])([+\-\u2013])((?:"[^"]*"?)?[^\s,;)\]]*)')  # an en dash in place of a minus, too
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]")
_TERM = re.compile(r'(?:"([^"]+)"|([^\W\d_][^\s,;:"+]*))(?::(.*))?')
_WEIGHT = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_UNSIGNED = re.compile(r"""(?:"[^"]*"|(?<!\w)[^\W\d_][\w'&-]*):[-+]?\.?[0-9]\S*""")
_HOW = 'write +piano, -vocals:0.5 or +"slow strings":2, with a weight from 0 to 3'


@dataclass(frozen=True, slots=True)
class SignedTerm:
    """Something that music should have more of (weight above 0) or less."""

    term: str
    weight: float


def take_signed_words(text: str) -> tuple[str, list[SignedTerm]]:
    """Return a text without its signed words, and those words. Typographic signs, colons and quotes are read like the plain ones.

    Raises:
        UsageError: a sign has no word, or a weight is none.
    """
    text = text.translate(_PLAIN)
    terms: list[SignedTerm] = []

    def take(match: re.Match[str]) -> str:
        if _is_prose(match):
            return match[0]
        terms.append(_term_of(match))
        return " "

    return _EMPTY_BRACKETS.sub(" ", _TOKEN.sub(take, text)), terms


def refuse_unsigned_weights(text: str) -> None:
    """Refuse a weight after a word without a sign, which would count nothing.

    Raises:
        UsageError: there is one.
    """
    if match := _UNSIGNED.search(text):
        raise _wrong(match[0], "the weight stands after a word without + or -", f"write +{match[0].strip()[:_MAX_QUOTED]}")


def _is_prose(match: re.Match[str]) -> bool:
    """Return whether it is a dash between words or numbers, such as `slow - almost still` and `90 -110 bpm`."""
    before = match.string[: match.start()].rstrip(" \t")
    if match[2].strip("+-") == "":
        return before != "" and before[-1] not in ",;\n(["
    return match[1] != "+" and match[2][0].isdigit() and before[-1:].isdigit()


def _term_of(match: re.Match[str]) -> SignedTerm:
    token, rest = match[0], match[2]
    if rest == "":
        raise _wrong(token, "no word follows the sign", _HOW)
    if rest[0] in "+-":
        raise _wrong(token, "the word has two signs", _HOW)
    if rest[0] == '"' and rest.count('"') < 2:
        raise _wrong(token, "the quotation mark is not closed", _HOW)
    if rest[0].isdigit():
        raise _wrong(token, "a number follows the sign", f'write a limit such as "over 100 bpm", or {match[1]}"80s" for a term')
    parsed = _TERM.fullmatch(rest)
    term = (parsed[1] or parsed[2].rstrip(".!?")).strip() if parsed else ""
    if parsed is None or not term:
        raise _wrong(token, "no word follows the sign", _HOW)
    weight = 1.0 if parsed[3] is None else _weight_of(match, parsed[3])
    return SignedTerm(term, weight if match[1] == "+" else -weight)


def _weight_of(match: re.Match[str], text: str) -> float:
    number = text.rstrip("!?")
    if number == "":
        raise _wrong(match[0], "there is no weight right after the colon", _HOW)
    if not _WEIGHT.fullmatch(number):
        raise _wrong(match[0], f"the weight {text[:_MAX_QUOTED]!r} is no number from 0 to 3", _HOW)
    if re.match(",[0-9]", match.string[match.end() :]) and "." not in number:
        raise _wrong(
            match[0] + match.string[match.end() :][:2], "a weight has no comma", "write a point, as in :0.5, or a space after the comma"
        )
    weight = float(number)
    if weight > MAX_WEIGHT:
        raise _wrong(match[0], f"the weight {number[:_MAX_QUOTED]} is above {MAX_WEIGHT:g}", "write a weight from 0 to 3")
    return weight


def _wrong(token: str, what: str, hint: str) -> UsageError:
    token = token if len(token) <= _MAX_QUOTED else f"{token[:_MAX_QUOTED]}…"
    return UsageError(what, where=f"guide, {token!r}", hint=hint)
