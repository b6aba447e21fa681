"""From faces in pictures to one answer for a segment. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, median_high
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from streamtags.core.answers import ApparentExpression
from streamtags.core.model import Picture
from streamtags.stages.faces.detector import Face
from streamtags.stages.faces.expression import LABELS

__all__ = ["CLOSE_UP", "MEDIUM", "cropped", "face_count", "shot_size", "top_expressions"]

# A face, from chin to brow, is about 0.65 of a head, and a body about 7.5 heads. A close-up shows head and shoulders, at most 2.5 heads;
# a medium shot shows a person down to the knees, at most 5.5 heads.
CLOSE_UP: Final = 0.26
"""Least height of the largest face in a close-up, in shares of the picture's height."""
MEDIUM: Final = 0.12
"""Least height in a medium shot."""

_SMALLEST_SIDE = 32  # pixels; a smaller face is not read


def face_count(pictures: Sequence[Sequence[Face]]) -> int:
    """Return how many faces are seen at once: the median of the pictures, the higher one of two."""
    return median_high([len(faces) for faces in pictures]) if pictures else 0


def shot_size(pictures: Sequence[Sequence[Face]]) -> Literal["close-up", "medium", "wide", "none"]:
    """Return the shot size by the largest faces of the pictures; `none` if most pictures have no face."""
    if not face_count(pictures):
        return "none"
    height = median(max(face.box[3] for face in faces) for faces in pictures if faces)
    return "close-up" if height >= CLOSE_UP else "medium" if height >= MEDIUM else "wide"


def cropped(picture: Picture, face: Face) -> Picture | None:
    """Return the square around a face, as far as it is in the picture (RGB uint8); None if the face is too small to be read."""
    height, width = picture.shape[:2]
    x, y, wide, high = face.box
    side = max(wide * width, high * height)
    if side < _SMALLEST_SIDE:
        return None
    left, top = (x + wide / 2) * width - side / 2, (y + high / 2) * height - side / 2
    part = picture[max(0, round(top)) : round(top + side), max(0, round(left)) : round(left + side)]
    return part if part.size else None


def top_expressions(shares: Sequence[NDArray[np.float32]], least: float) -> list[ApparentExpression]:
    """Return the three labels with the largest mean share; empty if the largest is below `least`, or there is no face."""
    if not shares:
        return []
    mean = np.mean(np.stack(shares), axis=0)
    order = np.argsort(-mean, kind="stable")[:3]
    if mean[order[0]] < least:
        return []
    return [ApparentExpression(label=LABELS[at], confidence=round(float(mean[at]), 4)) for at in order]
