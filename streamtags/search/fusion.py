"""One ranking from several: reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["RANK_CONSTANT", "fuse"]

RANK_CONSTANT = 60
"""G. Cormack, C. Clarke, S. Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009."""


def fuse(rankings: Sequence[Sequence[int]], weights: Sequence[float]) -> list[tuple[int, float]]:
    """Merge rankings of document numbers, best first.

    Args:
        rankings: each best first, without duplicates.
        weights: one for each ranking.

    Returns:
        (number, score) best first; a document that is first everywhere scores 1. Documents with equal scores are ordered by number.
    """
    scores: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, number in enumerate(ranking, 1):
            scores[number] = scores.get(number, 0.0) + weight / (RANK_CONSTANT + rank)
    best = sum(weights) / (RANK_CONSTANT + 1)
    return sorted(((number, score / best) for number, score in scores.items()), key=lambda pair: (-pair[1], pair[0]))
