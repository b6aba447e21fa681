"""Wipes: cells of the picture that change one after the other, in the order of a line or a circle that passes over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["follows_a_front"]

_MAX_REST = 0.025  # share of the change that lies off the line between a cell's first and last color
_SPARSE = 4  # every so many pictures are tried first
_CLEAR_CHANGE = 0.2  # share of the mean change that a cell needs to say when it changed
_MIXED = 0.25  # share of the other color from which a cell is mixed, or goes back
_MAX_EDGE, _MAX_BACK = 0.3, 0.05  # share of cells that may be mixed at a time, and that may go back
_MIN_FIT = 0.7  # share of the variance of the times that a front explains


def follows_a_front(layouts: NDArray[np.float32], columns: int) -> bool:
    """Whether pictures show a wipe.

    Args:
        layouts: colors of the cells in consecutive pictures, [pictures, cells, 3] in levels.
        columns: cells in a row of the picture.
    """
    way = layouts[-1] - layouts[0]
    length = (way * way).sum(axis=1) + 1.0
    limit = _MAX_REST * float((way * way).mean())
    if _shares_and_rest(layouts[::_SPARSE], way, length)[1] > 2 * limit:  # most that are no wipe are far from one
        return False
    shares, rest = _shares_and_rest(layouts, way, length)
    if rest > limit:
        return False
    clear = length > _CLEAR_CHANGE * float(length.mean())
    seen = shares[:, clear]
    mixed = (seen[1:-1] > _MIXED) & (seen[1:-1] < 1.0 - _MIXED)
    back = np.diff(seen, axis=0) < -_MIXED
    if float(mixed.mean()) > _MAX_EDGE or float(back.mean()) > _MAX_BACK:
        return False
    times = (seen < 0.5).sum(axis=0).astype(np.float64)
    return max(_fit(times, front[clear]) for front in _fronts(len(length), columns)) >= _MIN_FIT


def _shares_and_rest(
    layouts: NDArray[np.float32], way: NDArray[np.float32], length: NDArray[np.float32]
) -> tuple[NDArray[np.float32], float]:
    """How far each cell has come from its first to its last color, [pictures, cells], and the mean square that lies off that line."""
    moved = layouts - layouts[0]
    shares = np.clip((moved * way).sum(axis=2) / length, 0.0, 1.0)
    rest = moved - shares[..., None] * way
    return shares, float((rest * rest).mean())


def _fronts(cells: int, columns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Terms of a straight front and of a circular one, [cells, terms]."""
    rows = cells // columns
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    one = np.ones(cells)
    return np.stack([one, x.ravel(), y.ravel()], axis=1), np.stack([one, np.hypot(x, y).ravel()], axis=1)


def _fit(times: NDArray[np.float64], terms: NDArray[np.float64]) -> float:
    """Share of the variance of `times` that a linear combination of the terms explains (R²)."""
    spread = times - times.mean()
    total = float(spread @ spread)
    if total == 0.0:
        return 0.0
    left = times - terms @ np.linalg.lstsq(terms, times, rcond=None)[0]
    return 1.0 - float(left @ left) / total
