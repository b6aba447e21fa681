"""The rest of a transport stream file, where streams or codecs follow that were not known when it was opened."""

from __future__ import annotations

import av
from av.container import InputContainer

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError
from streamtags.sources.file.access import Place
from streamtags.sources.file.selection import choose_picture
from streamtags.sources.file.streams import check_pixels, open_container

__all__ = ["open_rest"]


def open_rest(
    place: Place, settings: IngestSettings, position: int, *, not_codec: str | None = None
) -> tuple[InputContainer, av.VideoStream] | None:
    """Open a source from byte `position` on.

    Args:
        place: the source.
        settings: limits.
        position: the first byte to read.
        not_codec: accept only a picture in another codec than this.

    Returns:
        The container and its picture; None if no picture that can be decoded follows, or none in another codec.

    Raises:
        SourceRefused: frames became larger than `max_pixels`.
    """
    if settings.live.follow:  # then its end is not the end
        return None
    options = {"skip_initial_bytes": str(position), "skip_estimate_duration_from_pts": "1"}
    try:
        container = open_container(place, settings, extra=options)
    except SourceError:
        return None
    picture = _picture_of(container, place)
    if picture is None or picture.codec_context.name == not_codec:
        container.close()
        return None
    try:
        check_pixels(picture.codec_context.width, picture.codec_context.height, settings, place)
    except SourceError:
        container.close()
        raise
    return container, picture


def _picture_of(container: InputContainer, place: Place) -> av.VideoStream | None:
    try:
        return choose_picture(container, place)
    except SourceError:
        return None
