"""Metrics on plain arrays: `right` bool and `confidence` float in 0..1, both [items, tags]; 0 for a tag that was not given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamtags.evaluation.dataset import Shots

__all__ = [
    "Bin",
    "Counts",
    "Floats",
    "Span",
    "Truths",
    "average_precision",
    "calibration_error",
    "confidence_gap",
    "count",
    "macro_f1",
    "mean_average_precision",
    "reliability",
    "shot_counts",
    "span_counts",
    "word_errors",
]

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
Span = tuple[float, float]
"""From and to, in seconds."""


_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


class Counts(NamedTuple):
    """Correct tags given, wrong tags given, correct tags missed."""

    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the given tags that are correct; 0 if none was given."""
        return self.hits / (self.hits + self.false) if self.hits else 0.0

    @property
    def recall(self) -> float:
        """Share of the correct tags that were given."""
        return self.hits / (self.hits + self.missed) if self.hits else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 1 if no tag is correct and none was given.

        C. van Rijsbergen, "Information Retrieval", 1979, chapter 7.
        """
        return 2 * self.hits / total if (total := 2 * self.hits + self.false + self.missed) else 1.0


class Bin(NamedTuple):
    """Given tags with a confidence in `low`..`high`: how many, their mean confidence, and the share that is correct."""

    low: float
    high: float
    tags: int
    confidence: float
    right: float


def count(right: Truths, confidence: Floats, threshold: float) -> Counts:
    """All items and tags counted together ("micro"); a tag is given if its confidence is above 0 and not below `threshold`."""
    given = _given(confidence, threshold)
    return Counts(int((right & given).sum()), int((~right & given).sum()), int((right & ~given).sum()))


def macro_f1(right: Truths, confidence: Floats, threshold: float) -> float:
    """Mean of F1 over the tags that are correct for at least one item."""
    labeled = [tag for tag in range(right.shape[1]) if right[:, tag].any()]
    return float(np.mean([count(right[:, [tag]], confidence[:, [tag]], threshold).f1 for tag in labeled])) if labeled else 0.0


def average_precision(right: Truths, confidence: Floats) -> float:
    """Area under the steps of precision over recall, for one tag [items]; items of one confidence are one step.

    E. Voorhees, D. Harman, "TREC: Experiment and Evaluation in Information Retrieval", 2005, chapter 3; ties as in scikit-learn's
    `average_precision_score`, so that their order in the dataset cannot matter.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked, scores = right[order], confidence[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # the end of each run of ties
    hits = np.cumsum(ranked)[last]
    precision, recall = hits / (last + 1), hits / max(1, int(ranked.sum()))
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def mean_average_precision(right: Truths, confidence: Floats) -> float:
    """Mean of `average_precision` over the tags that are correct for at least one item."""
    labeled = [tag for tag in range(right.shape[1]) if right[:, tag].any()]
    return float(np.mean([average_precision(right[:, tag], confidence[:, tag]) for tag in labeled])) if labeled else 0.0


def reliability(right: Truths, confidence: Floats, bins: int = 10) -> list[Bin]:
    """Given tags by confidence, in bins of equal width; empty bins are left out."""
    given = confidence > 0
    correct, confidences = right[given], confidence[given]
    places = np.minimum((confidences * bins).astype(int), bins - 1)
    return [
        Bin(place / bins, (place + 1) / bins, int(here.sum()), float(confidences[here].mean()), float(correct[here].mean()))
        for place in range(bins)
        if (here := places == place).any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: mean gap of confidence and truth, each bin by its size.

    C. Guo et al., "On calibration of modern neural networks", ICML 2017, section 2. Only given tags count: the many pairs of item and
    tag with a confidence near 0 would make any classifier look calibrated.
    """
    total = sum(each.tags for each in bins)
    return sum(abs(each.confidence - each.right) * each.tags for each in bins) / total if total else 0.0


def confidence_gap(bins: Sequence[Bin]) -> float:
    """Mean confidence less the share that is correct, over all given tags: above 0, the confidences are too high."""
    total = sum(each.tags for each in bins)
    return sum((each.confidence - each.right) * each.tags for each in bins) / total if total else 0.0


def shot_counts(boundaries: Sequence[int], truth: Shots, tolerance: int = 2) -> Counts:
    """Compare detected boundaries with labeled ones, each matched once.

    A cut matches within `tolerance` frames, a gradual transition anywhere in it.

    Args:
        boundaries: first frames of shots, without the first shot.
        truth: as labeled.
        tolerance: in frames, on either side.
    """
    spans = sorted([(cut, cut) for cut in truth.cuts] + list(truth.gradual))
    left = sorted(boundaries)
    hits = 0
    for first, last in spans:
        near = next((frame for frame in left if first - tolerance <= frame <= last + tolerance), None)
        if near is not None:
            left.remove(near)
            hits += 1
    return Counts(hits, len(left), len(spans) - hits)


def span_counts(spans: Sequence[Span], truth: Sequence[Span], least_overlap: float = 0.5) -> tuple[Counts, list[float]]:
    """Compare spans of time with labeled ones, each matched once, those that overlap most first.

    Two spans match if what they share is at least `least_overlap` of what they cover together (F. Caba Heilbron et al., "ActivityNet",
    CVPR 2015, section 4).

    Returns:
        The counts, and of each match the distance of the two starts and of the two ends, in seconds.
    """
    overlaps = [(_overlap(spans[given], truth[right]), given, right) for given in range(len(spans)) for right in range(len(truth))]
    given_left, truth_left = set(range(len(spans))), set(range(len(truth)))
    apart: list[float] = []
    for overlap, given, right in sorted(overlaps, reverse=True):
        if overlap >= least_overlap and given in given_left and right in truth_left:
            given_left.remove(given)
            truth_left.remove(right)
            apart += [abs(one - other) for one, other in zip(spans[given], truth[right], strict=True)]
    hits = len(apart) // 2
    return Counts(hits, len(spans) - hits, len(truth) - hits), apart


def _overlap(one: Span, other: Span) -> float:
    """Return what two spans share, divided by what they cover together."""
    shared = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return shared / (one[1] - one[0] + other[1] - other[0] - shared) if shared else 0.0


def word_errors(right: str, given: str) -> tuple[int, int]:
    """Return the fewest words to replace, insert or remove that make `given` into `right`, and the number of words of `right`.

    Case and punctuation do not count. The first divided by the second is the word error rate (Levenshtein distance of words).
    """
    wanted, words = ([word.lower().replace("\u2019", "'") for word in _WORD.findall(text)] for text in (right, given))
    costs = list(range(len(words) + 1))
    for row, word in enumerate(wanted, 1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(words, 1):
            cost = min(diagonal + (word != other), costs[column] + 1, costs[column - 1] + 1)
            diagonal, costs[column] = costs[column], cost
    return costs[-1], len(wanted)


def _given(confidence: Floats, threshold: float) -> Truths:
    return (confidence > 0) & (confidence >= threshold)
