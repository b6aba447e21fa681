"""Ranking the tracks of a library for a span of a film. Pure and deterministic: the same input gives the same order.

The score of a track is a sum of parts, each in standard deviations over the library or scaled to about one: how its words fit the scene
and the guide, tempo, energy, length, room for dialogue, likeness to the neighbor, likeness to rejected tracks. The best are then chosen
one by one, each less for being like those before it: J. Carbonell, J. Goldstein, "The use of MMR, diversity-based reranking for
reordering documents and producing summaries", SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log, log2

import numpy as np
from numpy.typing import NDArray

from streamtags.core.search import TextEmbedder
from streamtags.music.expressions import expression_terms
from streamtags.music.guide import Guide, Range
from streamtags.music.index import TrackIndex
from streamtags.music.wanted import Matcher, Wanted
from streamtags.music.word_fit import MIN_MEANING, Field, WordFit, deviations
from streamtags.music.words import terms

__all__ = ["MAX_RESULTS", "Limits", "Ranked", "Wanted", "best_places", "rank"]

MAX_RESULTS = 200
# Weights of the parts, fitted on the development catalogs; see docs/topics/music.md.
_GUIDE_WEIGHT = 1.5  # of a word of the guide, against 1 for a word of the scene: a person wrote it
_TEMPO_WEIGHT, _ENERGY_WEIGHT, _LENGTH_WEIGHT, _ROOM_WEIGHT = 0.6, 0.8, 0.5, 0.8
_NEIGHBOR_WEIGHT, _REJECTED_WEIGHT = 0.25, 0.8
_SIGNED_WEIGHT, _SIGNED_MEANING = 1.5, 0.3  # a track that names the term counts; likeness in meaning alone counts little
_LIKE_REJECTED = 0.55  # cosine from which a track counts as like a rejected one
_DIVERSITY = 0.2  # share of likeness in the choice of the next result
_SAME_ARTIST = 0.5  # likeness of two tracks of one artist, at least
_MATCHER_WEIGHT, _MIN_MATCHED = 1.0, 0.02  # of a trained matcher; deviation of its cosines below which differences mean little
_POOL = 200
_NEUTRAL = 0.5  # what is not known fits half
_TEMPO_OCTAVES = 0.35  # outside the wanted range at which the fit has fallen to 37 %
_DOUBLE_TEMPO = 0.85  # fit of music at half or double the tempo: it can be felt either way
_TEMPO_STEP, _ENERGY_STEP = 1.25, 0.2
_TYPICAL_BPM = 100.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Limits:
    """Which tracks are out, whatever their score.

    Attributes:
        bpm: tempo; a track of unknown tempo is out where it is limited.
        seconds: length; likewise.
        is_instrumental: tracks with vocals are out; those of which nothing is known are not.
        licenses: rights that are allowed, as parts of what the catalog states, compared without case; empty allows all.
        used: tracks that are used already.
    """

    bpm: Range = field(default_factory=Range)
    seconds: Range = field(default_factory=Range)
    is_instrumental: bool = False
    licenses: tuple[str, ...] = ()
    used: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ranked:
    """A track in a ranking.

    Attributes:
        track: its id.
        score: 0..1.
        parts: what the score is made of, by name: the larger, the better; `scene`, `faces`, `guide`, `tempo`, `energy`, `length`, `room`,
            `neighbor`, `rejected`, `signed`, `matcher`.
    """

    track: str
    score: float
    parts: Mapping[str, float]


def rank(
    index: TrackIndex,
    embedder: TextEmbedder,
    wanted: Wanted,
    guide: Guide | None = None,
    *,
    limits: Limits | None = None,
    rejected: Sequence[str] = (),
    neighbor: str | None = None,
    matcher: Matcher | None = None,
    top: int = 10,
) -> list[Ranked]:
    """Return the tracks that fit best, best first.

    Args:
        index: the library.
        embedder: the one that the index was built with.
        wanted: what the span wants.
        guide: what a person wants.
        limits: which tracks are out.
        rejected: tracks that a person has rejected for this film: they are out, and what is like them counts less.
        neighbor: the track of the cue before; one that is like it counts a little more.
        matcher: was trained on what people chose; one more part of the score.
        top: the most results, up to `MAX_RESULTS`.

    Raises:
        UsageError: the matcher was trained for other vectors than those of the index.
    """
    guide, limits = guide or Guide(), limits or Limits()
    allowed = _allowed(index, guide, limits, rejected)
    if not allowed.any():
        return []
    scoring = _Parts(index, embedder, wanted, guide, rejected, neighbor)
    parts = scoring.all()
    if matcher is not None:
        parts["matcher"] = np.float32(_MATCHER_WEIGHT) * deviations(matcher.fits(index, wanted, guide), _MIN_MATCHED)[0]
    total = np.zeros(len(index))
    for values in parts.values():
        total += values
    total[~allowed] = -np.inf
    total = np.round(total, 6)  # sums of products may differ in their last bits between machines
    pool = best_places(total, min(_POOL, int(allowed.sum())))
    chosen = _diverse(index, pool, total, min(top, MAX_RESULTS))
    return [
        Ranked(
            track=index.ids[place],
            score=round(1 / (1 + exp(-(float(total[place]) - 2) / 2)), 4),
            parts=_rounded(scoring.words(place) | {name: float(values[place]) for name, values in parts.items() if name != "words"}),
        )
        for place in chosen
    ]


def _rounded(parts: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in parts.items()}


def _allowed(index: TrackIndex, guide: Guide, limits: Limits, rejected: Sequence[str]) -> NDArray[np.bool_]:
    """Return which tracks pass the hard limits."""
    allowed = np.ones(len(index), np.bool_)
    for values, limit in ((index.bpm, limits.bpm.narrowed(guide.bpm)), (index.seconds, limits.seconds.narrowed(guide.seconds))):
        with np.errstate(invalid="ignore"):
            if limit.low is not None:
                allowed &= values >= limit.low
            if limit.high is not None:
                allowed &= values <= limit.high
    if limits.is_instrumental or guide.is_instrumental:
        allowed &= ~(index.vocals == 1)
    if limits.licenses:
        words = [license_.casefold() for license_ in limits.licenses]
        passes = np.array([any(word in name.casefold() for word in words) for name in index.license_names], np.bool_)
        allowed &= passes[index.licenses]
    for track in (*limits.used, *rejected):
        if (place := index.place(track)) is not None:
            allowed[place] = False
    return allowed


def best_places(total: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Return the places of the `count` greatest values, the greatest first; of equal ones, the earlier first.

    The same as the beginning of a stable sort of all values, without sorting those that cannot be in it.
    """
    if count >= len(total):
        return np.argsort(-total, kind="stable")
    least = np.partition(total, len(total) - count)[len(total) - count]
    candidates = np.flatnonzero(total >= least)  # in order of place, with all that are equal to the least
    return candidates[np.argsort(-total[candidates], kind="stable")][:count]


class _Parts:
    """The parts of the score. Everything that is compared by meaning is compared in one product."""

    def __init__(
        self, index: TrackIndex, embedder: TextEmbedder, wanted: Wanted, guide: Guide, rejected: Sequence[str], neighbor: str | None
    ) -> None:
        self._index, self._wanted, self._guide = index, wanted, guide
        seen = [_scene(wanted), _faces(wanted)]
        fields = [*seen, _guided(guide, sum(field.weight for field in seen))]
        embedded = embedder.embed([*(field.text for field in fields), *(signed.term for signed in guide.signed)])
        self._fit = WordFit(index, fields, embedded[: len(fields)])
        like = [_places(index, [neighbor] if neighbor else []), _places(index, rejected)]
        rows = [self._fit.query[None], embedded[len(fields) :], *(index.vectors[places] for places in like)]
        cosines = index.similarities(np.concatenate(rows))
        self._meaning, self._meant, self._neighbor, self._rejected = np.split(cosines, np.cumsum([len(row) for row in rows[:-1]]))

    def all(self) -> dict[str, Floats]:
        """Return every part that says something here, float32 [tracks] each; `words` stands for scene, faces and guide together."""
        parts = {
            "words": self._fit.total(self._meaning[0]),
            "signed": self._signed(),
            "tempo": self._tempo(),
            "energy": self._energy(),
            "length": self._length(),
            "room": self._room(),
        }
        parts["neighbor"] = _NEIGHBOR_WEIGHT * self._greatest(self._neighbor)
        alike = np.clip((self._greatest(self._rejected) - _LIKE_REJECTED) / (1 - _LIKE_REJECTED), 0, 1)
        parts["rejected"] = -_REJECTED_WEIGHT * alike
        return {name: values for name, values in parts.items() if values.any()}

    def words(self, place: int) -> dict[str, float]:
        """Return what scene, faces and guide add to the score of a track, once `all` was called."""
        return self._fit.parts(place)

    def _nothing(self) -> Floats:
        return np.zeros(len(self._index), np.float32)

    def _greatest(self, cosines: Floats) -> Floats:
        """Return the greatest cosine of each track, float32 [tracks]; 0 if there are none."""
        return np.asarray(cosines.max(axis=0), np.float32) if len(cosines) else self._nothing()

    def _signed(self) -> Floats:
        """Return what the signed terms add: what names the term, and what is like it in meaning."""
        total = self._nothing()
        for signed, cosines in zip(self._guide.signed, self._meant, strict=True):
            words = terms(signed.term)
            named = sum((self._index.matches({word: 1.0}) > 0 for word in words), self._nothing()) / np.float32(max(len(words), 1))
            meaning, _ = deviations(cosines, MIN_MEANING)
            total += np.float32(_SIGNED_WEIGHT * signed.weight) * (named + np.float32(_SIGNED_MEANING) * np.clip(meaning, -1, 1))
        return total

    def _tempo(self) -> Floats:
        wanted, steps = self._wanted.bpm, self._guide.tempo_steps
        if wanted == Range() and not steps:
            return self._nothing()
        low, high = wanted.low, wanted.high
        if low is None and high is None:  # slower or faster than what is usual
            low, high = (None, _TYPICAL_BPM) if steps < 0 else (_TYPICAL_BPM, None)
        factor = _TEMPO_STEP**steps
        span = Range(None if low is None else low * factor, None if high is None else high * factor)
        fit = _tempo_fit(np.log2(self._index.bpm), span)
        return _weighted(np.where(np.isnan(fit), _NEUTRAL, fit), _TEMPO_WEIGHT * (1 + 0.5 * abs(steps)))

    def _energy(self) -> Floats:
        steps = self._guide.energy_steps
        if self._wanted.energy is None and not steps:
            return self._nothing()
        target = min(1.0, max(0.0, (0.5 if self._wanted.energy is None else self._wanted.energy) + _ENERGY_STEP * steps))
        fit = 1 - np.minimum(np.abs(self._index.energy - np.float32(target)) / 0.6, 1)
        return _weighted(np.where(np.isnan(self._index.energy), _NEUTRAL, fit), _ENERGY_WEIGHT * (1 + 0.5 * abs(steps)))

    def _length(self) -> Floats:
        """Return how much of the span a track can cover."""
        if not self._wanted.seconds:
            return self._nothing()
        fit = np.minimum(self._index.seconds / np.float32(self._wanted.seconds), 1)
        return _weighted(np.where(np.isnan(fit), _NEUTRAL, fit), _LENGTH_WEIGHT)

    def _room(self) -> Floats:
        """Return what vocals cost where people speak."""
        if self._wanted.dialogue_share <= 0:
            return self._nothing()
        fit = np.where(np.isnan(self._index.vocals), _NEUTRAL, 1 - self._index.vocals)
        return _weighted(fit, _ROOM_WEIGHT * min(1.0, 2 * self._wanted.dialogue_share))


def _scene(wanted: Wanted) -> Field:
    """Return the words of the scene: captions, and tags as far as they are sure."""
    weighted: dict[str, float] = dict.fromkeys(terms(wanted.words), 1.0)
    for tag, confidence in wanted.tags:
        weighted |= {term: max(confidence, weighted.get(term, 0.0)) for term in terms(tag)}
    named = ", ".join(tag for tag, confidence in wanted.tags if confidence >= 0.5) or ", ".join(tag for tag, _ in wanted.tags[:5])
    return Field("scene", ". ".join(text for text in (wanted.words, named) if text), weighted, sum(weighted.values()))


def _faces(wanted: Wanted) -> Field:
    """Return the words of music for how faces look: an expression counts as much as a tag of its confidence."""
    weighted = expression_terms(wanted.expressions)
    return Field("faces", ", ".join(weighted), weighted, sum(weighted.values()))


def _guided(guide: Guide, seen: float) -> Field:
    """Return the words of the guide; in meaning the guide weighs at least as much as what is seen, however many words that has."""
    weighted = dict.fromkeys(terms(guide.text), _GUIDE_WEIGHT)
    return Field("guide", guide.text, weighted, max(_GUIDE_WEIGHT * len(weighted), seen) if weighted else 0.0)


def _places(index: TrackIndex, tracks: Sequence[str]) -> list[int]:
    """Return the places of those tracks that are in the library, in order."""
    return sorted({place for track in tracks if (place := index.place(track)) is not None})


_FELT = ((0.0, 1.0), (-1.0, _DOUBLE_TEMPO), (1.0, _DOUBLE_TEMPO))  # octaves above the written tempo, and how well it fits then


def _tempo_fit(octaves: Floats, span: Range) -> Floats:
    """Return 1 inside a span of tempo, less outside, from binary logarithms of tempi; NaN stays.

    The fit is the exponential of a loss: the greatest fit has the least loss, so there is one exponential for all ways to feel a tempo.
    """
    loss = None
    for shift, fit in _FELT:
        outside = np.zeros_like(octaves)
        if span.low is not None:
            np.maximum(outside, np.float32(log2(span.low) - shift) - octaves, out=outside)
        if span.high is not None:
            np.maximum(outside, octaves - np.float32(log2(span.high) - shift), out=outside)
        outside *= np.float32(1 / _TEMPO_OCTAVES)
        np.square(outside, out=outside)
        outside -= np.float32(log(fit))
        loss = outside if loss is None else np.minimum(loss, outside, out=loss)
    return np.asarray(np.exp(-np.asarray(loss)), np.float32)


def _weighted(fit: NDArray[np.floating], weight: float) -> Floats:
    """Return a fit 0..1 as part of the score: 0 for what is neutral."""
    return (np.float32(2 * weight) * (fit.astype(np.float32) - np.float32(_NEUTRAL))).astype(np.float32)


def _diverse(index: TrackIndex, pool: NDArray[np.intp], total: NDArray[np.float64], top: int) -> list[int]:
    """Choose from the pool one by one: the score, less the likeness to what was chosen before."""
    best, worst = float(total[pool[0]]), float(total[pool[-1]])
    relevance = (total[pool] - worst) / max(best - worst, 1e-9)
    vectors = np.asarray(index.vectors[pool], np.float64)
    artists = index.artists[pool]
    chosen: list[int] = []
    nearest = np.zeros(len(pool))
    while len(chosen) < min(top, len(pool)):
        value = np.round((1 - _DIVERSITY) * relevance - _DIVERSITY * nearest, 6)
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(value)))
        alike = vectors @ vectors[chosen[-1]]
        if artists[chosen[-1]] >= 0:
            same = artists == artists[chosen[-1]]
            alike[same] = np.maximum(alike[same], _SAME_ARTIST)
        nearest = np.maximum(nearest, alike)
    return [int(pool[place]) for place in chosen]
