"""Fingerprints of shots: the same pictures give nearly the same numbers, whatever encoded them; changed pictures do not.

What is kept, besides a version byte and the number of pictures:

- luma of the average picture of the first half and of the second, on 64 x 36 cells. What a coder does to single frames averages out
  there, what somebody put into the picture (a title, a logo, a crop) does not;
- luma of every picture on 16 x 9 cells: motion, order, one picture replaced;
- Cr and Cb of every picture on 8 x 5 cells: a grade.

Coding errors sit at edges, so a cell may differ by a share of what its neighbourhood ranges over in both pictures, and by a little more.
How long a shot is does not go in: compare its number of frames besides. The limits below were fitted on 23 stretches of real footage,
encoded again with H.264 (CRF 23 to 35, full and half size), H.265, VP9 and MPEG-4, against titles, grades, crops, mirroring, a replaced
picture and other order. A decoder that leaves out deblocking of frames others are predicted from drifts away from what was encoded, by
several times what an encoder changes; then fewer shots are known again. The limits lean towards a new caption where an old
one would do, rather than an old one where a new one is due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.model import Picture

__all__ = ["fingerprint", "same"]

_VERSION = 1
_HEADER = 2
# Cells across and down.
_AVERAGE, _LUMA, _CHROMA = (64, 36), (16, 9), (8, 5)
_AVERAGE_BYTES = 2 * _AVERAGE[0] * _AVERAGE[1]
_LUMA_BYTES, _CHROMA_BYTES = _LUMA[0] * _LUMA[1], 2 * _CHROMA[0] * _CHROMA[1]

# Limits in code values, 0..255. Re-encoding stays below; see the module's docstring for what they were fitted on.
_AVERAGE_SHARE, _LUMA_SHARE = 0.45, 0.35  # of a neighbourhood's range
_LEVEL = 4.5  # the whole shot darker or lighter, as another colour matrix or range makes it
_AVERAGE_CELL = 8.5
_LUMA_CELL = 12.0
_LUMA_MEAN = 5.0
_CHROMA_CELL = 8.0
_CHROMA_MEAN = 2.3
_CHROMA_LASTING = 3.3  # of the mean over all pictures

Cells = NDArray[np.float32]


def fingerprint(pictures: Sequence[Picture]) -> bytes:
    """The fingerprint of a shot from the small pictures that stand for it.

    Args:
        pictures: BGR uint8 [height, width, 3], in order; of any size, at best some 256 pixels wide. At most 255 are looked at.

    Returns:
        2 bytes and, if there are pictures, 4608 more and 224 for each of them.
    """
    pictures = pictures[:255]
    count = len(pictures)
    if count == 0:
        return bytes((_VERSION, 0))
    planes = [cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb)) for picture in pictures]
    fine = np.stack([_cells(y, _AVERAGE) for y, _, _ in planes]).astype(np.float32)
    halves = (fine[: (count + 1) // 2].mean(axis=0), fine[count // 2 :].mean(axis=0))
    luma = [_cells(y, _LUMA) for y, _, _ in planes]
    chroma = [_cells(plane, _CHROMA) for _, cr, cb in planes for plane in (cr, cb)]
    averages = [np.rint(half).astype(np.uint8) for half in halves]
    return bytes((_VERSION, count)) + b"".join(cells.tobytes() for cells in (*averages, *luma, *chroma))


def same(a: bytes, b: bytes) -> bool:
    """Whether two fingerprints are of the same pictures, encoded differently at most.

    Fingerprints of another version, of another number of pictures or of none are never the same.
    """
    one, two = _parsed(a), _parsed(b)
    if one is None or two is None or len(one.luma) != len(two.luma):
        return False
    level = float(np.median(one.luma - two.luma))
    if abs(level) > _LEVEL:
        return False
    luma = np.abs(one.luma - two.luma - level)
    chroma = one.chroma - two.chroma
    return bool(
        luma.mean(axis=(1, 2)).max() <= _LUMA_MEAN
        and np.abs(chroma).max() <= _CHROMA_CELL
        and np.abs(chroma).mean(axis=(1, 2, 3)).max() <= _CHROMA_MEAN
        and np.abs(chroma.mean(axis=0)).max() <= _CHROMA_LASTING
        and _excess(luma, one.luma, two.luma, _LUMA_SHARE) <= _LUMA_CELL
        and _excess(np.abs(one.averages - two.averages - level), one.averages, two.averages, _AVERAGE_SHARE) <= _AVERAGE_CELL
    )


@dataclass(frozen=True, slots=True)
class _Parsed:
    averages: Cells  # [2, 36, 64]
    luma: Cells  # [pictures, 9, 16]
    chroma: Cells  # [pictures, 2, 5, 8]


def _parsed(data: bytes) -> _Parsed | None:
    if len(data) < _HEADER or data[0] != _VERSION or data[1] == 0:
        return None
    count = data[1]
    if len(data) != _HEADER + _AVERAGE_BYTES + count * (_LUMA_BYTES + _CHROMA_BYTES):
        return None
    values = np.frombuffer(data, np.uint8, offset=_HEADER).astype(np.float32)
    averages, luma, chroma = np.split(values, [_AVERAGE_BYTES, _AVERAGE_BYTES + count * _LUMA_BYTES])
    return _Parsed(
        averages.reshape(2, _AVERAGE[1], _AVERAGE[0]),
        luma.reshape(count, _LUMA[1], _LUMA[0]),
        chroma.reshape(count, 2, _CHROMA[1], _CHROMA[0]),
    )


def _cells(plane: cv2.typing.MatLike, cells: tuple[int, int]) -> Picture:
    return np.asarray(cv2.resize(plane, cells, interpolation=cv2.INTER_AREA), np.uint8)


def _excess(difference: Cells, one: Cells, two: Cells, share: float) -> float:
    """The most by which a cell differs beyond `share` of what its 3 x 3 neighbourhood ranges over in both."""
    return max(float((cells - share * np.minimum(_range(a), _range(b))).max()) for cells, a, b in zip(difference, one, two, strict=True))


def _range(cells: Cells) -> Cells:
    around = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(cells, around) - cv2.erode(cells, around), np.float32)
