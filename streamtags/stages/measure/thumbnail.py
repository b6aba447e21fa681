"""Thumbnails."""

from __future__ import annotations

import cv2

from streamtags.core.model import Still

__all__ = ["thumbnail"]

# JPEG quality: artifacts cannot be seen at this size, and a segment takes about 10 KB.
_QUALITY = 80


def thumbnail(still: Still, width: int) -> bytes:
    """`still` as a JPEG whose longer side is at most `width` pixels.

    Raises:
        ValueError: the picture cannot be encoded.
    """
    done, data = cv2.imencode(".jpg", cv2.cvtColor(still.rgb(width), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("the picture cannot be encoded as JPEG")
    return bytes(data)
