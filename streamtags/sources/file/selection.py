"""Which streams of a container are read: one picture, and the sound and the text that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from streamtags.core.errors import SourceError
from streamtags.sources.file.access import Place
from streamtags.sources.file.subtitles import TEXT_CODECS

__all__ = ["choose_picture", "choose_sound", "choose_text", "has_film"]

_Stream = TypeVar("_Stream", bound=Stream)

# Streams that show one picture of a film instead of the film: covers, thumbnails of chapters, photographs.
_NOT_A_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_MAX_PHOTOS = 2  # frames of a stream of photographs
_MIN_FILM_RATE, _MAX_FILM_RATE = 2, 300  # frames a second of a film in a codec of photographs; Matroska does not count frames
_PHOTO_CODECS = frozenset({"bmp", "gif", "jpeg2000", "jpegxl", "mjpeg", "png", "tiff", "webp"})


def has_film(container: InputContainer) -> bool:
    """Whether there is a picture other than covers."""
    return any(not s.disposition & Disposition.attached_pic for s in container.streams.video)


def choose_picture(container: InputContainer, place: Place) -> av.VideoStream:
    """Choose the film: never a cover or another single picture if there is a film beside it.

    Of several renditions of a master playlist the largest is chosen, else the stream marked default, else the first.

    Raises:
        SourceError: there is none, or no decoder for it.
    """
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        what = "has no picture, only sound" if container.streams.audio else "has no picture"
        raise SourceError(what, where=place.uri, hint="give a video; shots and tags are read from the picture", code="source.no_picture")
    decodable = [s for s in streams if s.codec_context is not None]
    if not decodable:
        raise SourceError("its picture is in a codec that cannot be decoded here", where=place.uri, hint="convert it, to H.264 for example")
    films = [s for s in decodable if not _is_photo(s)] or decodable
    if container.format.name == "hls":
        return max(films, key=_rendition_quality)
    return cast("av.VideoStream", _preferred(films))


def choose_sound(container: InputContainer, picture: av.VideoStream) -> av.AudioStream | None:
    """Choose the sound of the picture's program: the stream marked default, else the first that can be decoded."""
    streams = [s for s in container.streams.audio if s.codec_context is not None]
    return _preferred(_of_same_program(container, picture, streams))


def choose_text(container: InputContainer, picture: av.VideoStream) -> Stream | None:
    """Choose the text of the picture's program: the stream marked default, else the first that is text and not pictures of text."""
    streams = [s for s in container.streams.subtitles if s.codec_context is not None and s.codec_context.name in TEXT_CODECS]
    return _preferred(_of_same_program(container, picture, streams))


def _is_photo(stream: av.VideoStream) -> bool:
    """Whether a stream shows one picture, or some photographs."""
    if stream.disposition & _NOT_A_FILM:
        return True
    rate = stream.average_rate
    is_slow = rate is None or not _MIN_FILM_RATE <= rate <= _MAX_FILM_RATE
    return stream.codec_context.name in _PHOTO_CODECS and (0 < stream.frames <= _MAX_PHOTOS or is_slow)


def _rendition_quality(stream: av.VideoStream) -> tuple[int, int]:
    """Pixels and bits a second, for comparison."""
    bitrate = stream.metadata.get("variant_bitrate", "")
    return stream.codec_context.width * stream.codec_context.height, int(bitrate) if bitrate.isdecimal() else 0


def _of_same_program(container: InputContainer, picture: av.VideoStream, streams: Sequence[_Stream]) -> list[_Stream]:
    """Those of `streams` that are in the picture's program; all of them if the container has no programs.

    PyAV lists no programs, but FFmpeg looks for the best related stream among those of the program.
    """
    best = container.streams.best("video", picture)
    related = [stream for stream in streams if container.streams.best("video", stream) is best]
    if related or not streams:
        return related
    shared = container.streams.best(cast("Any", streams[0].type), picture)  # a rendition of sound that several programs share
    return [stream for stream in streams if stream is shared] or list(streams)


def _preferred(streams: Sequence[_Stream]) -> _Stream | None:
    return next((s for s in streams if s.disposition & Disposition.default), streams[0] if streams else None)
