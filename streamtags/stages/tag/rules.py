"""Tags from measurements, by the `when` rules of a vocabulary.

A rule that holds is weak evidence for a word: the confidence runs from 0.25 at a limit to 0.5 where the value lies as far inside as
real footage goes. The bounds are our choice; they keep a measurement below what a caption says outright.

A blank picture (black, a title card on black, one color) shows nothing, so rules that use more than sound do not hold for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan

import numpy as np

from streamtags.core.measures import MEASURES
from streamtags.core.model import Evidence, EvidenceValue
from streamtags.core.vocabulary import Condition, Tag

__all__ = ["BLACK_BELOW_PERCENT", "CERTAIN", "DOUBTFUL", "HEARD", "PLAIN_BELOW_PERCENT", "Rules", "explain", "is_blank"]

DOUBTFUL = 0.25
CERTAIN = 0.5
BLACK_BELOW_PERCENT = 4.0
"""A picture of less brightness is black or a title card on black."""
PLAIN_BELOW_PERCENT = 3.5
"""A picture of less contrast has one color, or a line of text on it."""
HEARD = frozenset({"speech_share", "singing_share", "music_share", "silence_share"})
"""Measures that a stage which has listened corrects or adds."""
_SOUND = HEARD | frozenset(
    {
        "loudness_lufs",
        "loudness_max_momentary_lufs",
        "onsets_per_second",
        "peak_dbfs",
        "spectral_centroid_hz",
        "tempo_bpm",
        "tempo_confidence",
    }
)
_ABSURD = 1e12
"""Far beyond every measure: a larger number is damage."""


class Rules:
    """The rules of one vocabulary, all evaluated at once: a long vocabulary costs little more than a short one.

    How far inside a condition a value lies is 0 at a limit; between two limits the middle is 1; with one limit, 1 is where the
    measure's own range ends (`streamtags.core.measures`). Of several conditions the least counts.

    Args:
        tags: of the vocabulary; those without `when` are skipped.
    """

    def __init__(self, tags: Sequence[Tag]) -> None:
        self._tags = [tag for tag in tags if tag.when]
        conditions = [condition for tag in self._tags for condition in tag.when]
        self._holds_on_blank = np.array([_holds_on_blank(tag) for tag in self._tags], dtype=bool)
        self._firsts = np.cumsum([0, *(len(tag.when) for tag in self._tags)])[:-1]
        self._numbers = sorted({condition.measure for condition in conditions if not condition.values})
        columns = {measure: place for place, measure in enumerate(self._numbers)}
        self._words = [(place, condition) for place, condition in enumerate(conditions) if condition.values]
        self._column = np.array([columns.get(condition.measure, 0) for condition in conditions], dtype=np.intp)
        bounds = [_bounds(condition) for condition in conditions]
        self._low, self._high, self._low_scale, self._high_scale = np.array(bounds, dtype=np.float64).reshape(-1, 4).T

    def apply(self, evidence: Evidence) -> list[tuple[Tag, float]]:
        """The tags whose conditions all hold, with confidences; a condition on a missing measure does not hold."""
        if not self._tags:
            return []
        values = np.array([_number(evidence.get(measure)) for measure in self._numbers] or [nan])[self._column]
        inside = np.minimum((values - self._low) * self._low_scale, (self._high - values) * self._high_scale)
        inside[~((values >= self._low) & (values <= self._high))] = -1.0  # NaN compares as outside
        for place, condition in self._words:
            inside[place] = 1.0 if evidence.get(condition.measure) in condition.values else -1.0
        least = np.minimum(np.minimum.reduceat(inside, self._firsts), 1.0)
        if is_blank(evidence):
            least[~self._holds_on_blank] = -1.0
        return [(self._tags[i], DOUBTFUL + (CERTAIN - DOUBTFUL) * float(least[i])) for i in np.flatnonzero(least >= 0)]


def is_blank(evidence: Evidence) -> bool:
    """Whether the picture is black, a title card on black, or of one color."""
    return (
        _number(evidence.get("brightness_percent")) < BLACK_BELOW_PERCENT or _number(evidence.get("contrast_percent")) < PLAIN_BELOW_PERCENT
    )


def explain(tag: Tag, evidence: Evidence) -> str:
    """The numbers behind a tag whose rule holds: "brightness_percent 12 below 25"."""
    return ", ".join(_cite(condition, evidence[condition.measure]) for condition in tag.when)


def _holds_on_blank(tag: Tag) -> bool:
    """Whether a rule uses sound alone, or is meant for black frames: its limit on brightness is near that of black."""
    black = any(c.measure == "brightness_percent" and c.high is not None and c.high <= 2 * BLACK_BELOW_PERCENT for c in tag.when)
    return black or all(condition.measure in _SOUND for condition in tag.when)


def _number(value: EvidenceValue) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_ABSURD < value < _ABSURD:
        return nan
    return float(value)


def _bounds(condition: Condition) -> tuple[float, float, float, float]:
    """Both limits, and the factor for a distance from each; an infinite distance (no limit) stays the larger."""
    low, high = condition.low, condition.high
    measure = MEASURES[condition.measure]
    if low is not None and high is not None:
        scale = _inverse((high - low) / 2)
        return low, high, scale, scale
    if low is not None:
        return low, inf, _inverse(measure.high - low), 1.0
    if high is not None:
        return -inf, high, 1.0, _inverse(high - measure.low)
    return -inf, inf, 1.0, 1.0


def _inverse(span: float) -> float:
    return 1 / span if span > 0 else _ABSURD


def _cite(condition: Condition, value: EvidenceValue) -> str:
    if isinstance(value, (int, float)):
        return str(condition).replace(condition.measure, f"{condition.measure} {value:.3g}", 1)
    return f"{condition.measure} is {value}"
