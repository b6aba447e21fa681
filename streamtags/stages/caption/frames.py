"""Which pictures a model is shown, at what shape, and as what bytes. The model's own processor should find nothing left to decide."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from streamtags.core.errors import ModelError
from streamtags.core.model import Picture, Still

__all__ = ["Fit", "choose", "data_urls", "encode", "fit", "pictures", "video_url"]

Fit = Literal["stretch", "letterbox", "keep"]
_QUALITY = 95


def choose(stills: Sequence[Still], count: int) -> list[Still]:
    """At most `count` of `stills`, spread evenly from first to last, in order; one alone is the middle one."""
    if len(stills) <= count:
        return list(stills)
    if count == 1:
        return [stills[len(stills) // 2]]
    return [stills[(i * (len(stills) - 1) + (count - 1) // 2) // (count - 1)] for i in range(count)]


def fit(picture: Picture, size: int, how: Fit) -> Picture:
    """`picture` at the shape a model wants.

    Args:
        picture: RGB uint8 [height, width, 3].
        size: pixels of the model's square; of the longer side with `keep`.
        how: `stretch` fills the square and distorts, `letterbox` keeps the proportions on black, `keep` makes no square and never enlarges.

    Returns:
        RGB uint8 [size, size, 3]; with `keep`, [height, width, 3] of the same proportions.
    """
    height, width = picture.shape[:2]
    if how == "stretch":
        return _resize(picture, size, size)
    scale = size / max(height, width)
    if how == "keep":
        return picture if scale >= 1 else _resize(picture, max(1, round(width * scale)), max(1, round(height * scale)))
    inner = _resize(picture, max(1, round(width * scale)), max(1, round(height * scale)))
    square = np.zeros((size, size, 3), np.uint8)
    top, left = (size - inner.shape[0]) // 2, (size - inner.shape[1]) // 2
    square[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return square


def pictures(stills: Sequence[Still], size: int, how: Fit) -> list[Picture]:
    """The stills as RGB pictures of the shape wanted.

    Raises:
        ModelError: there is none, or one cannot be converted.
    """
    if not stills:
        raise ModelError("the segment has no picture to show", code="model.no_frames")
    # Twice the square leaves the shorter side of pictures up to 2:1 large enough to be scaled down, and costs a fraction of the full size.
    side = size if how == "keep" else 2 * size
    return [fit(still.rgb(max_side=side), size, how) for still in stills]


def encode(picture: Picture) -> bytes:
    """JPEG of an RGB picture, quality 95 without chroma subsampling: coarser JPEG was seen to change captions.

    Raises:
        ModelError: OpenCV cannot encode it.
    """
    parameters = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), parameters)
    if not done:
        raise ModelError("a picture cannot be encoded as JPEG", code="model.no_frames")
    return data.tobytes()


def video_url(jpegs: Sequence[bytes]) -> str:
    """The pictures as one `data:video/jpeg` URL, the form in which vLLM takes a list of frames for a video."""
    return "data:video/jpeg;base64," + ",".join(base64.b64encode(jpeg).decode("ascii") for jpeg in jpegs)


def data_urls(jpegs: Sequence[bytes]) -> list[str]:
    """Each picture as a `data:image/jpeg` URL."""
    return ["data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii") for jpeg in jpegs]


def _resize(picture: Picture, width: int, height: int) -> Picture:
    shrinks = width * height < picture.shape[0] * picture.shape[1]
    resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(resized, dtype=np.uint8)
