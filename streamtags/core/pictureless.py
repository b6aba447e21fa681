"""Sources that have only sound: how their description says so."""

from __future__ import annotations

from typing import Final

from streamtags.core.model import SourceInfo, VideoInfo

__all__ = ["NO_PICTURE", "has_picture"]

NO_PICTURE: Final = "none"
"""The codec of the picture of a source that has only sound; its width and height are 0."""


def has_picture(described: SourceInfo | VideoInfo) -> bool:
    """Return whether a source has a picture to see."""
    video = described.video if isinstance(described, SourceInfo) else described
    return video.codec != NO_PICTURE
