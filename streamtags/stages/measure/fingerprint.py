"""Fingerprints of shots: the same pictures give nearly the same numbers in every encoding; changed pictures do not.

A fingerprint consists of a version byte, the number of pictures, and

- luma of the average picture of the first half and of the second, on 64 x 36 cells. Coding errors of single frames average out there;
  a change of the picture (a title, a logo, a crop) does not;
- luma of every picture on 16 x 9 cells: motion, order, one picture replaced;
- Cr and Cb of every picture on 8 x 5 cells: a grade;
- if a picture was not decoded (`sources.file.skipping`), the same once more: how far each value may be from the truth. That much
  difference is ignored.

Coding errors sit at edges, so a cell may differ by a share of what its neighborhood ranges over in both pictures, and by a little more.
The length of a shot is not included: compare its number of frames as well. `docs/topics/performance.md` describes how the limits were
fitted. They prefer a new caption where an old one would do to an old caption where a new one is due.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import Picture
from streamtags.core.records import Trait

__all__ = ["fingerprint", "same", "traits"]

_VERSION = 1
_HEADER = 2
# Cells across and down.
_AVERAGE, _LUMA, _CHROMA = (64, 36), (16, 9), (8, 5)
_ENOUGH = (128, 72)  # pixels
_AVERAGE_BYTES = 2 * _AVERAGE[0] * _AVERAGE[1]
_LUMA_BYTES, _CHROMA_BYTES = _LUMA[0] * _LUMA[1], 2 * _CHROMA[0] * _CHROMA[1]

# Limits in code values, 0..255, that re-encoding does not reach.
_AVERAGE_SHARE, _LUMA_SHARE = 0.45, 0.35  # of a neighborhood's range
_LEVEL = 4.5  # the whole shot darker or lighter, as another color matrix or range makes it
_AVERAGE_CELL = 8.5
_LUMA_CELL = 12.0
_LUMA_MEAN = 5.0
_CHROMA_CELL = 8.0
_CHROMA_MEAN = 2.3
_CHROMA_LASTING = 3.3  # of the mean over all pictures
_AROUND = np.ones((3, 3), np.uint8)  # a cell and those beside it

Cells = NDArray[np.float32]


def fingerprint(pictures: Sequence[Picture], between: Sequence[tuple[Picture, Picture] | None] = ()) -> bytes:
    """Return the fingerprint of a shot from the small pictures that represent it.

    Args:
        pictures: BGR uint8 [height, width, 3], in order; of any size, at best 128 pixels wide or more. At most 255 are used.
        between: for each picture that was not decoded, its two neighbors; None for the others. Empty: all were decoded.

    Returns:
        2 bytes and, if there are pictures, 4608 more and 224 for each of them; as many again if some were not decoded.
    """
    pictures = pictures[:255]
    count = len(pictures)
    if count == 0:
        return bytes((_VERSION, 0))
    known = bytes((_VERSION, count)) + _measured([_planes(picture) for picture in pictures])
    if not any(between):
        return known
    return known + _measured([_doubt(*(pair or (picture, picture))) for picture, pair in zip(pictures, between, strict=False)])


def same(a: bytes, b: bytes) -> bool:
    """Return whether two fingerprints are of the same pictures, in the same or another encoding.

    Fingerprints of another version, of another number of pictures or of none are never the same.
    """
    one, two = _parsed(a), _parsed(b)
    if one is None or two is None or len(one.cells.luma) != len(two.cells.luma):
        return False
    level = float(np.median(one.cells.luma - two.cells.luma))
    if abs(level) > _LEVEL:
        return False
    # The cheap comparisons come first: most fingerprints that are compared differ in them.
    luma = _beyond(one.cells.luma - level - two.cells.luma, one.doubt.luma + two.doubt.luma)
    if np.abs(luma).mean(axis=(1, 2)).max() > _LUMA_MEAN:
        return False
    chroma = _beyond(one.cells.chroma - two.cells.chroma, one.doubt.chroma + two.doubt.chroma)
    if (
        np.abs(chroma).max() > _CHROMA_CELL
        or np.abs(chroma).mean(axis=(1, 2, 3)).max() > _CHROMA_MEAN
        or np.abs(chroma.mean(axis=0)).max() > _CHROMA_LASTING
        or _excess(luma, one.cells.luma, two.cells.luma, _LUMA_SHARE) > _LUMA_CELL
    ):
        return False
    averages = _beyond(one.cells.averages - level - two.cells.averages, one.doubt.averages + two.doubt.averages)
    return _excess(averages, one.cells.averages, two.cells.averages, _AVERAGE_SHARE) <= _AVERAGE_CELL


def traits(data: bytes) -> tuple[Trait, ...]:
    """Return what quickly distinguishes a fingerprint from others: of two for which `same` is true, each trait overlaps that of the other.

    Differences of left and right half, of top and bottom, and of the two chroma planes, and brightness, on average over all pictures.
    A sum of cells with weights of 1 and -1 cannot differ by more than the mean difference that `same` allows, and the doubt.

    Args:
        data: a fingerprint.

    Returns:
        Nothing for one that is never the same as another.
    """
    parsed = _parsed(data)
    if parsed is None:
        return ()
    luma, chroma = parsed.cells.luma.mean(axis=0), parsed.cells.chroma.mean(axis=(0, 2, 3))
    doubt, chroma_doubt = float(parsed.doubt.luma.mean()), float(parsed.doubt.chroma.mean())
    across, down = _LUMA[0] // 2, _LUMA[1] // 2
    values = (
        ((luma[:, :across].sum() - luma[:, across:].sum()) / luma.size, _LUMA_MEAN + 2 * doubt),
        ((luma[:down].sum() - luma[-down:].sum()) / luma.size, _LUMA_MEAN + 2 * doubt),
        ((chroma[0] - chroma[1]) / 2, _CHROMA_MEAN + 2 * chroma_doubt),
        (luma.mean(), _LUMA_MEAN + _LEVEL + 2 * doubt),
    )
    return tuple((math.floor(value - most / 2), math.ceil(value + most / 2)) for value, most in values)


def _planes(picture: Picture) -> list[Picture]:
    """Y, Cr and Cb, no larger than the finest cells need."""
    halved = cv2.resize(picture, _ENOUGH, interpolation=cv2.INTER_AREA)
    return [np.asarray(plane, np.uint8) for plane in cv2.split(cv2.cvtColor(halved, cv2.COLOR_BGR2YCrCb))]


def _doubt(before: Picture, after: Picture) -> list[Picture]:
    """How far the planes of a picture between two others may be from their mean, coarsely.

    A moving object was at one of its two places, or next to them.
    """
    y, *chroma = (_cells(cv2.absdiff(a, b), _AVERAGE) // 2 for a, b in zip(_planes(before), _planes(after), strict=True))
    return [np.asarray(cv2.dilate(y, _AROUND), np.uint8), *chroma]


def _measured(pictures: Sequence[Sequence[Picture]]) -> bytes:
    """The bytes of pictures that are given as planes."""
    count = len(pictures)
    fine = np.stack([_cells(y, _AVERAGE) for y, _, _ in pictures]).astype(np.float32)
    halves = (fine[: (count + 1) // 2].mean(axis=0), fine[count // 2 :].mean(axis=0))
    averages = [np.rint(half).astype(np.uint8) for half in halves]
    luma = [_cells(y, _LUMA) for y, _, _ in pictures]
    chroma = [_cells(plane, _CHROMA) for _, cr, cb in pictures for plane in (cr, cb)]
    return b"".join(cells.tobytes() for cells in (*averages, *luma, *chroma))


def _beyond(difference: Cells, doubt: Cells) -> Cells:
    """`difference` without the part that is in doubt."""
    return difference - np.clip(difference, -doubt, doubt)


class _Kept(NamedTuple):
    averages: Cells  # [2, 36, 64]
    luma: Cells  # [pictures, 9, 16]
    chroma: Cells  # [pictures, 2, 5, 8]


class _Parsed(NamedTuple):
    cells: _Kept
    doubt: _Kept


def _parsed(data: bytes) -> _Parsed | None:
    if len(data) < _HEADER or data[0] != _VERSION or data[1] == 0:
        return None
    length = _AVERAGE_BYTES + data[1] * (_LUMA_BYTES + _CHROMA_BYTES)
    if len(data) not in (_HEADER + length, _HEADER + 2 * length):
        return None
    values = np.zeros(2 * length, np.float32)
    values[: len(data) - _HEADER] = np.frombuffer(data, np.uint8, offset=_HEADER)
    return _Parsed(_shaped(values[:length], data[1]), _shaped(values[length:], data[1]))


def _shaped(values: Cells, count: int) -> _Kept:
    averages, luma, chroma = np.split(values, [_AVERAGE_BYTES, _AVERAGE_BYTES + count * _LUMA_BYTES])
    return _Kept(
        averages.reshape(2, _AVERAGE[1], _AVERAGE[0]),
        luma.reshape(count, _LUMA[1], _LUMA[0]),
        chroma.reshape(count, 2, _CHROMA[1], _CHROMA[0]),
    )


def _cells(plane: cv2.typing.MatLike, cells: tuple[int, int]) -> Picture:
    return np.asarray(cv2.resize(plane, cells, interpolation=cv2.INTER_AREA), np.uint8)


def _excess(difference: Cells, one: Cells, two: Cells, share: float) -> float:
    """The most by which a cell differs beyond `share` of what its 3 x 3 neighborhood ranges over in both."""
    return max(
        float((np.abs(cells) - share * np.minimum(_range(a), _range(b))).max()) for cells, a, b in zip(difference, one, two, strict=True)
    )


def _range(cells: Cells) -> Cells:
    return np.asarray(cv2.dilate(cells, _AROUND) - cv2.erode(cells, _AROUND), np.float32)
