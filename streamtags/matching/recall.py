"""How well queries find their track: recall and median rank. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RECALLS", "Retrieval", "chance", "ranks_of", "retrieval_of"]

RECALLS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """The results of queries.

    Attributes:
        recall: share of the queries whose track is among the first 1, 5 and 10.
        median_rank: from 1.
    """

    recall: tuple[float, ...]
    median_rank: float


def ranks_of(fits: NDArray[np.floating], targets: Sequence[int]) -> NDArray[np.float64]:
    """Return the rank of each query's track, from 1; among tracks that fit equally, the middle one.

    Args:
        fits: [queries, tracks].
        targets: place of the track of each query.
    """
    own = fits[np.arange(len(targets)), np.asarray(targets)][:, None]
    better, equal = (fits > own).sum(axis=1), (fits == own).sum(axis=1)
    return np.asarray(1 + better + (equal - 1) / 2, np.float64)


def retrieval_of(ranks: NDArray[np.floating]) -> Retrieval:
    """Return recall and median of ranks."""
    return Retrieval(tuple(float((ranks <= most).mean()) for most in RECALLS), float(np.median(ranks)))


def chance(tracks: int) -> Retrieval:
    """Return the results of an order by lot among so many tracks."""
    return Retrieval(tuple(min(1.0, most / tracks) for most in RECALLS), (tracks + 1) / 2)
