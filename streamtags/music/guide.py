"""What a person wants of the music: free words, signed words, comparatives, limits.

`slower, only piano, hopeful`, `+piano -vocals:0.5 under 100 bpm`, `no drums, much calmer, at least 2 minutes`. What is not understood as
one of these is compared by meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from streamtags.core.errors import UsageError
from streamtags.music.signed_words import SignedTerm, refuse_unsigned_weights, take_signed_words

__all__ = ["MAX_GUIDE_CHARACTERS", "Guide", "Range", "SignedTerm", "parse_guide"]

MAX_GUIDE_CHARACTERS = 1000
_CLAUSE = re.compile(r"[,;\n]+")
_NUMBER = r"(\d+(?:\.\d+)?)"
_UNIT = r"\s*(bpm|s|sec|seconds?|min|minutes?)\b"
_SPAN = re.compile(rf"\b(?:between\s+)?{_NUMBER}\s*(?:-|–|to|and)\s*{_NUMBER}{_UNIT}", re.IGNORECASE)  # noqa: RUF001 - a dash between numbers
_BOUND = re.compile(
    rf"\b(?:(under|below|less than|at most|up to|max(?:imum)?)|(over|above|more than|at least|min(?:imum)?))\s+{_NUMBER}{_UNIT}",
    re.IGNORECASE,
)
_ABOUT = re.compile(rf"\b(?:about|around|at)?\s*{_NUMBER}\s*bpm\b", re.IGNORECASE)
_DEGREE = {"much": 2.0, "far": 2.0, "a lot": 2.0, "slightly": 0.5, "a bit": 0.5, "a little": 0.5}
_DEGREES = "|".join(_DEGREE)
_TEMPO = {"slower": -1.0, "faster": 1.0, "quicker": 1.0}
_ENERGY = {
    **dict.fromkeys(("calmer", "softer", "quieter", "gentler", "smaller", "sparser", "lighter"), -1.0),
    **dict.fromkeys(("louder", "bigger", "stronger", "livelier", "fuller", "wilder"), 1.0),
}
_COMPARATIVE = re.compile(rf"\b(?:({_DEGREES})\s+)?({'|'.join([*_TEMPO, *_ENERGY])})\b", re.IGNORECASE)
_MORE_ENERGY = re.compile(rf"\b(?:({_DEGREES})\s+)?(more|less)\s+(?:energetic|energy|driving|intense|intensity)\b", re.IGNORECASE)
_MORE = re.compile(r"^(more|less)\s+(.+)$", re.IGNORECASE)
_ONLY = re.compile(r"^(?:only|just|solo)\s+(.+)$", re.IGNORECASE)
_NOT = re.compile(r"^(?:no|not|without|avoid)\s+(?:any\s+)?(.+)$", re.IGNORECASE)
_VOCALS = re.compile(r"^(?:vocals?|voices?|singing|singers?|lyrics)$", re.IGNORECASE)
_INSTRUMENTAL = re.compile(r"\binstrumentals?\b", re.IGNORECASE)
_AROUND_BPM = 0.08  # a tempo that is named alone stands for so much to either side


@dataclass(frozen=True, slots=True)
class Range:
    """Lowest and highest value that is allowed; None is open."""

    low: float | None = None
    high: float | None = None

    def narrowed(self, other: Range) -> Range:
        """Return what both allow."""
        lows, highs = ([value for value in pair if value is not None] for pair in ((self.low, other.low), (self.high, other.high)))
        return Range(max(lows, default=None), min(highs, default=None))


@dataclass(frozen=True, slots=True)
class Guide:
    """A parsed guide.

    Attributes:
        text: what is compared by meaning.
        signed: what counts more, or against a track.
        tempo_steps: how much slower (below 0) or faster; 1 is a quarter.
        energy_steps: how much calmer (below 0) or stronger.
        bpm: hard limit.
        seconds: hard limit of the length.
        is_instrumental: a track with vocals is out.
    """

    text: str = ""
    signed: tuple[SignedTerm, ...] = field(default=())
    tempo_steps: float = 0.0
    energy_steps: float = 0.0
    bpm: Range = field(default_factory=Range)
    seconds: Range = field(default_factory=Range)
    is_instrumental: bool = False

    @property
    def has_limits(self) -> bool:
        """Whether tracks are out because of it."""
        return self.is_instrumental or self.bpm != Range() or self.seconds != Range()


def parse_guide(text: str) -> Guide:
    """Return what a guide means.

    Raises:
        UsageError: it is too long, a signed word is written wrong or contradicts another one, or no number is inside a limit.
    """
    if len(text) > MAX_GUIDE_CHARACTERS:
        raise UsageError(f"the guide has more than {MAX_GUIDE_CHARACTERS} characters", where="guide", hint="ask for less")
    reader = _Reader()
    unsigned = reader.take_signed(text)
    refuse_unsigned_weights(unsigned)
    rest = [clause for clause in map(reader.read, _CLAUSE.split(unsigned)) if any(map(str.isalnum, clause))]
    reader.check_limits()
    return replace(reader.guide, text=", ".join(rest))


class _Reader:
    """Takes out of clauses what it understands."""

    def __init__(self) -> None:
        self.guide = Guide()

    def take_signed(self, text: str) -> str:
        """Take the signed words of the whole text; return the rest."""
        rest, terms = take_signed_words(text)
        for signed in terms:
            self._sign(signed.term, signed.weight, is_once=True)
        return rest

    def read(self, clause: str) -> str:
        """Take what is understood of a clause; return the rest."""
        for pattern, take in self._patterns():
            clause = pattern.sub(take, clause)
        clause = " ".join(clause.split())
        if match := _ONLY.match(clause):
            self._sign(match[1], 1.5)
            return ""
        if match := _NOT.match(clause):
            self._deny(match[1])
            return ""
        if match := _MORE.match(clause):
            self._sign(match[2], 0.7 if match[1].casefold() == "more" else -0.7)
            return ""
        if _INSTRUMENTAL.search(clause):
            self.guide = replace(self.guide, is_instrumental=True)
        return clause

    def _patterns(self) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
        return [
            (_SPAN, lambda match: self._limit(match[3], Range(float(match[1]), float(match[2])))),
            (_BOUND, lambda match: self._limit(match[4], Range(high=float(match[3])) if match[1] else Range(low=float(match[3])))),
            (_ABOUT, lambda match: self._limit("bpm", Range(float(match[1]) * (1 - _AROUND_BPM), float(match[1]) * (1 + _AROUND_BPM)))),
            (_MORE_ENERGY, lambda match: self._shift(match[1], 0.0, 1.0 if match[2].casefold() == "more" else -1.0)),
            (
                _COMPARATIVE,
                lambda match: self._shift(match[1], _TEMPO.get(match[2].casefold(), 0.0), _ENERGY.get(match[2].casefold(), 0.0)),
            ),
        ]

    def _limit(self, unit: str, allowed: Range) -> str:
        if unit.casefold() == "bpm":
            self.guide = replace(self.guide, bpm=self.guide.bpm.narrowed(allowed))
            return " "
        scale = 60.0 if unit.casefold().startswith("min") else 1.0
        scaled = Range(*(None if value is None else value * scale for value in (allowed.low, allowed.high)))
        self.guide = replace(self.guide, seconds=self.guide.seconds.narrowed(scaled))
        return " "

    def _shift(self, degree: str | None, tempo: float, energy: float) -> str:
        scale = _DEGREE[degree.casefold()] if degree else 1.0
        self.guide = replace(
            self.guide,
            tempo_steps=self.guide.tempo_steps + scale * tempo,
            energy_steps=self.guide.energy_steps + scale * energy,
        )
        return " "

    def _deny(self, term: str) -> None:
        if _VOCALS.match(term):
            self.guide = replace(self.guide, is_instrumental=True)
        self._sign(term, -1.0)

    def _sign(self, term: str, weight: float, *, is_once: bool = False) -> None:
        term = term.strip()
        for known in self.guide.signed:
            if known.term.casefold() == term.casefold() and (is_once or known.weight * weight < 0):
                what = "is wanted and not wanted" if known.weight * weight < 0 else "has a sign twice"
                raise UsageError(f"{term!r} {what}", where="guide", hint="write it once, with one weight")
        self.guide = replace(self.guide, signed=(*self.guide.signed, SignedTerm(term, weight)))

    def check_limits(self) -> None:
        """Refuse limits that no track can be inside."""
        for name, allowed in (("tempo", self.guide.bpm), ("length", self.guide.seconds)):
            if allowed.low is not None and allowed.high is not None and allowed.low > allowed.high:
                raise UsageError(
                    f"no {name} is at least {allowed.low:g} and at most {allowed.high:g}",
                    where="guide",
                    hint="write the lower number first",
                )
