"""Opening a container, choosing its streams and saying what it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import unquote, urlsplit

import av
from av.codec.context import ThreadType
from av.container import InputContainer
from av.stream import Disposition, Stream

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError, SourceRefused, UsageError
from streamtags.core.model import AudioInfo, SourceInfo, VideoInfo
from streamtags.core.timebase import format_timecode, parse_timecode
from streamtags.sources.file.access import Place
from streamtags.sources.file.diagnose import explain_open
from streamtags.sources.file.pts import choose_rate
from streamtags.sources.file.subtitles import TEXT_CODECS

__all__ = [
    "check_pixels",
    "choose_picture",
    "choose_sound",
    "choose_text",
    "describe",
    "frame_rate",
    "is_spliced",
    "lacks_pts",
    "open_container",
    "pixel_aspect",
    "prepare_decoder",
    "wraps",
]

_Stream = TypeVar("_Stream", bound=Stream)

# Containers made to be cut, joined and counted round: their timestamps may jump.
_SPLICED = frozenset({"mpegts", "mpeg", "hls", "flv", "live_flv"})
_WRAPPING = frozenset({"mpegts", "mpeg", "hls"})
_LEAST_BITS_PER_SECOND = 10_000  # a duration that implies less is a difference of timestamps across a splice
_TICK_SHARE = Fraction(9, 10)  # a rate of one frame a tick is believed if at least so many ticks have a frame
_BLOCK_PIXELS = 128 * 128  # the largest coding block, AV1's
_ODDEST_ASPECT = 8  # pixels longer than this are a damaged header


def open_container(
    place: Place, settings: IngestSettings, *, extra: Mapping[str, str] | None = None, timeouts: tuple[float, float] | None = None
) -> InputContainer:
    """`place` opened within its fence.

    Args:
        place: what and within which bounds.
        settings: limits.
        extra: further FFmpeg options.
        timeouts: seconds that opening, and each reading, may take; else what the settings say of a URL.

    Raises:
        SourceError: it cannot be opened; says why.
    """
    options = {**(extra or {}), **place.options, "max_pixels": _pixel_limit(settings)}
    timeout = timeouts or (settings.timeout_seconds if place.kind == "url" else None)
    if place.kind == "stdin" and (sys.stdin is None or sys.stdin.isatty()):
        raise SourceError(
            "nothing is piped in", where="-", hint="for example: ffmpeg -i film.mov -c copy -f matroska - | streamtags analyze -"
        )
    target = sys.stdin.buffer if place.kind == "stdin" else place.target
    try:
        return av.open(target, "r", metadata_errors="replace", options=options, timeout=timeout)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise explain_open(error, place, timeouts[0] if timeouts else settings.timeout_seconds) from error


def is_spliced(container: InputContainer) -> bool:
    """Timestamps may jump in this kind of container."""
    return container.format.name.split(",")[0] in _SPLICED


def lacks_pts(container: InputContainer) -> bool:
    """Packets of this kind of container are numbered in the order of decoding, not of presentation."""
    return container.format.name == "avi"


def wraps(container: InputContainer) -> bool:
    """Timestamps of this kind of container start over when 33 bits are full (ISO/IEC 13818-1, 2.4.3.7)."""
    return container.format.name.split(",")[0] in _WRAPPING


def choose_picture(container: InputContainer, place: Place) -> av.VideoStream:
    """The video stream marked default, else the first; never a cover picture.

    Raises:
        SourceError: there is none, or no decoder for it.
    """
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        what = "has no picture, only sound" if container.streams.audio else "has no picture"
        raise SourceError(what, where=place.uri, hint="give a video; shots and tags are read from the picture", code="source.no_picture")
    stream = cast("av.VideoStream", _preferred(streams))
    if stream.codec_context is None:
        raise SourceError("its picture is in a codec that cannot be decoded here", where=place.uri, hint="convert it, to H.264 for example")
    return stream


def choose_sound(container: InputContainer) -> av.AudioStream | None:
    """The sound stream marked default, else the first that can be decoded."""
    return _preferred([s for s in container.streams.audio if s.codec_context is not None])


def choose_text(container: InputContainer) -> Stream | None:
    """The text stream marked default, else the first; pictures of text (DVD, Blu-ray, DVB) are none."""
    return _preferred([s for s in container.streams.subtitles if s.codec_context is not None and s.codec_context.name in TEXT_CODECS])


def _preferred(streams: Sequence[_Stream]) -> _Stream | None:
    return next((s for s in streams if s.disposition & Disposition.default), streams[0] if streams else None)


# What FFmpeg's skip_loop_filter is to pass over. Without the filter, frames that others are drawn from drift away from what the encoder
# saw, and the same shot in another encoding is not known again (`docs/topics/ingest.md`); what B-frames lack is gone with the next anchor.
_SPARED = {"all": "default", "anchors": "bidir", "none": "all"}


def prepare_decoder(stream: av.VideoStream, settings: IngestSettings, *, in_order: bool) -> None:
    """Tell the decoder what to leave out and how many threads to use, before it is opened.

    Frame threads halve the wall clock on two idle cores and cost about a tenth more CPU, so they are used only when asked for by
    number. `in_order` forbids them: they lose which packet pushed a picture out.
    """
    codec = stream.codec_context
    codec.options = {"max_pixels": _pixel_limit(settings), "skip_loop_filter": _SPARED[settings.loop_filter]}
    codec.thread_type = ThreadType.SLICE if in_order or settings.threads < 2 else ThreadType.AUTO
    codec.thread_count = settings.threads


def _pixel_limit(settings: IngestSettings) -> str:
    """What the decoder may allocate: more than is accepted, as it counts whole coding blocks; `check_pixels` counts exactly."""
    return str(2 * settings.max_pixels + _BLOCK_PIXELS)


def check_pixels(width: int, height: int, settings: IngestSettings, place: Place) -> None:
    """Refuse frames that are larger than allowed.

    Raises:
        SourceRefused: they are.
    """
    if width * height > settings.max_pixels:
        what = f"its frames of {width}x{height} are larger than the {settings.max_pixels} pixels allowed"
        raise SourceRefused(what, where=place.uri, hint="raise ingest.max_pixels if you trust the source", code="source.too_large")


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """Width of a pixel over its height; 1 where it is not said or absurd."""
    aspect = stream.sample_aspect_ratio
    return Fraction(aspect) if aspect and Fraction(1, _ODDEST_ASPECT) <= aspect <= _ODDEST_ASPECT else Fraction(1)


def frame_rate(stream: av.VideoStream) -> Fraction:
    """Frames a second: what FFmpeg makes of container and codec, unless that is the tick of the clock (GIF: 100) or nonsense."""
    guess, average = stream.guessed_rate, stream.average_rate
    if guess and average and stream.time_base and guess == 1 / stream.time_base and average < guess * _TICK_SHARE:
        guess = None
    return choose_rate((guess, average, stream.codec_context.framerate))


def describe(
    container: InputContainer, place: Place, picture: av.VideoStream, sound: av.AudioStream | None, size: tuple[int, int], rotation: int
) -> SourceInfo:
    """What the source says of itself. `size` is (width, height) as coded, `rotation` degrees clockwise."""
    rate = frame_rate(picture)
    file_size = _file_size(container, place)
    return SourceInfo(
        uri=place.uri,
        name=_name(place),
        size=file_size,
        container=container.format.name,
        video=VideoInfo(
            codec=picture.codec_context.codec.canonical_name,
            width=size[0],
            height=size[1],
            rate=rate,
            time_base=Fraction(picture.time_base or 1),
            start_timecode=_start_timecode(container, rate),
            duration=_duration(container, picture, file_size),
            rotation=rotation,
        ),
        audio=None if sound is None else _audio_info(sound),
        title=_tag(container.metadata, "title"),
    )


def _tag(metadata: Mapping[str, str], name: str) -> str | None:
    """A tag of a file, however the container spells its name (Matroska: TIMECODE)."""
    return next((value.strip() for key, value in metadata.items() if key.lower() == name), "") or None


def _audio_info(sound: av.AudioStream) -> AudioInfo:
    codec = sound.codec_context
    return AudioInfo(codec=codec.codec.canonical_name, rate=codec.sample_rate, channels=codec.layout.nb_channels)


def _start_timecode(container: InputContainer, rate: Fraction) -> str:
    """Where the source's clock begins: a `timecode` of any stream (a tmcd track) or of the container, if it is one at this rate."""
    for metadata in (*(stream.metadata for stream in container.streams), container.metadata):
        if text := _tag(metadata, "timecode"):
            try:
                frame, drop = parse_timecode(text, rate)
            except UsageError:
                continue
            return format_timecode(frame, rate, drop=drop)
    return format_timecode(0, rate)


def _duration(container: InputContainer, picture: av.VideoStream, file_size: int | None) -> float | None:
    if picture.duration and picture.time_base:
        seconds = float(picture.duration * picture.time_base)
    elif container.duration:
        seconds = container.duration / av.time_base
    else:
        return None
    implausible = is_spliced(container) and file_size is not None and file_size * 8 < seconds * _LEAST_BITS_PER_SECOND
    return None if seconds <= 0 or implausible else seconds


def _file_size(container: InputContainer, place: Place) -> int | None:
    if place.path is not None:
        return place.path.stat().st_size
    size = container.size
    return size if size > 0 and container.format.name != "hls" else None  # a playlist's size is not that of what it lists


def _name(place: Place) -> str:
    if place.path is not None:
        return place.path.name
    if place.kind == "stdin":
        return "standard input"
    parts = urlsplit(place.uri)
    return Path(unquote(parts.path)).name or parts.hostname or place.uri
