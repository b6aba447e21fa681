"""Which stills of a segment are read: those with the clearest edges, spread over the segment. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import cv2
import numpy as np

from streamtags.core.model import Picture, Still

__all__ = ["clarity", "clearest"]

_LOOK_SIDE = 320
_MAX_PICTURES = 4
_ENOUGH = 4


def clearest(stills: Sequence[Still], seconds: float, seconds_per_frame: float) -> tuple[Still, ...]:
    """Return the clearest still of each of several equal parts of a segment, in order.

    The first and the last still are left out if there are enough others: in a dissolve they show the neighboring shot, which may be
    clearer than a title on black.

    Args:
        stills: of the segment, in order, spread evenly.
        seconds: length of the segment.
        seconds_per_frame: there is one part for each such time, and at most 4.
    """
    stills = stills[1:-1] if len(stills) > _ENOUGH else stills
    parts = min(max(1, ceil(seconds / seconds_per_frame)), _MAX_PICTURES, len(stills))
    groups = [stills[len(stills) * part // parts : len(stills) * (part + 1) // parts] for part in range(parts)]
    return tuple(group[0] if len(group) == 1 else max(group, key=_still_clarity) for group in groups)


def _still_clarity(still: Still) -> float:
    return clarity(still.rgb(max_side=_LOOK_SIDE))


def clarity(picture: Picture) -> float:
    """Return how sharp and high in contrast a picture (RGB uint8) is: the energy of its edges times its spread of light.

    The energy is the variance of the Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy").
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    edges = float(cv2.Laplacian(gray, cv2.CV_32F).var())
    return edges * (1.0 + float(np.ptp(gray)))  # not of percentiles: letters of a small title are a thousandth of the picture
