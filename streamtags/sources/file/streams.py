"""Opening a container, preparing its decoder and describing it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
from av.codec.context import ThreadType
from av.container import InputContainer

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError, SourceRefused, UsageError
from streamtags.core.model import AudioInfo, SourceInfo, VideoInfo
from streamtags.core.timebase import format_timecode, parse_timecode
from streamtags.sources.file.access import Place
from streamtags.sources.file.diagnose import explain_open
from streamtags.sources.file.layouts import layout_of
from streamtags.sources.file.rates import choose_rate

__all__ = [
    "check_pixels",
    "describe",
    "describe_sound",
    "frame_rate",
    "is_spliced",
    "known_duration",
    "lacks_pts",
    "open_container",
    "pixel_aspect",
    "prepare_decoder",
    "wraps",
]

# Containers made to be cut, joined and restarted: their timestamps may jump.
_SPLICED = frozenset({"mpegts", "mpeg", "hls", "flv", "live_flv"})
_WRAPPING = frozenset({"mpegts", "mpeg", "hls"})
_COUNTED_FROM_ZERO = frozenset({"matroska", "flv"})  # containers whose duration may include the time before the first frame
_MIN_BITS_PER_SECOND = 10_000  # a duration that implies less is a difference of timestamps across a splice
_MIN_INDEXED_SHARE = 0.9  # of the bytes of an MP4 in fragments that its index covers if it is complete
_BLOCK_PIXELS = 128 * 128  # the largest coding block, AV1's
_MAX_PIXEL_ASPECT = 8  # a longer pixel is a damaged header

# A request is tried again at once, because FFmpeg 8.1 uses connections again that a server may have closed; then after 1 s, or as long as
# the server states. More attempts would make an unreachable address take longer; only a busy server gets them, when a source is opened.
# HLS does not pass these options on to its pieces, but counts attempts of its own.
_HTTP_OPTIONS = {
    "reconnect_on_network_error": "1",
    "reconnect_on_http_error": "429,500,502,503,504",
    "reconnect_max_retries": "2",
    "reconnect_delay_max": "10",
    "seg_max_retry": "3",
}
_PATIENT = {"reconnect_max_retries": "4"}
_BUSY = (av.error.HTTPServerError, av.error.HTTPTooManyRequestsError)
_IN_ORDER = {"seekable": "0"}
# How it looks when a server refuses a range, or sends other bytes than those requested.
_UNSEEKABLE = (av.error.HTTPOtherClientError, av.error.EOFError, av.error.InvalidDataError)


def open_container(
    place: Place,
    settings: IngestSettings,
    *,
    extra: Mapping[str, str] | None = None,
    timeouts: tuple[float, float] | None = None,
    wanted: str = "a video",
) -> InputContainer:
    """Open `place` with the protocols and formats it allows.

    Args:
        place: the source.
        settings: limits.
        extra: further FFmpeg options.
        timeouts: seconds for opening and for each read; by default those of the settings, for a URL.
        wanted: what it should be, for the message.

    Raises:
        SourceError: it cannot be opened; the message says why.
    """
    http = _HTTP_OPTIONS if place.kind == "url" and place.target.startswith("http") else {}
    options = {**http, **(extra or {}), **place.options, "max_pixels": _pixel_limit(settings)}
    timeout = timeouts or (settings.timeout_seconds if place.kind == "url" else None)
    if place.kind == "stdin" and (sys.stdin is None or sys.stdin.isatty()):
        raise SourceError(
            "nothing is piped in", where="-", hint="for example: ffmpeg -i film.mov -c copy -f matroska - | streamtags analyze -"
        )
    target = sys.stdin.buffer if place.kind == "stdin" else place.target
    try:
        if not http:
            return av.open(target, "r", metadata_errors="replace", options=options, timeout=timeout)
        return _open_http(place.target, options, timeout)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise explain_open(error, place, timeouts[0] if timeouts else settings.timeout_seconds, wanted) from error


def _open_http(target: str, options: Mapping[str, str], timeout: tuple[float, float] | float | None) -> InputContainer:
    """Open a URL; wait for a busy server, and read from front to back where a server does not give the ranges it promises."""

    def opened(more: Mapping[str, str]) -> InputContainer:
        return av.open(target, "r", metadata_errors="replace", options={**options, **more}, timeout=timeout)

    try:
        try:
            container = opened({})
        except _BUSY:
            container = opened(_PATIENT)
        if container.size or "seekable" in options:
            return container
        container.close()  # a length of 0 is one that the server does not know: FFmpeg would end after its first buffer
    except _UNSEEKABLE:
        if "seekable" in options:
            raise
    return opened(_IN_ORDER)


def is_spliced(container: InputContainer) -> bool:
    """Whether timestamps may jump in this kind of container."""
    return _format_of(container) in _SPLICED


def lacks_pts(container: InputContainer) -> bool:
    """Whether packets of this kind of container are numbered in the order of decoding, not of presentation."""
    return container.format.name == "avi"


def wraps(container: InputContainer) -> bool:
    """Whether timestamps start over when 33 bits are full (ISO/IEC 13818-1, 2.4.3.7)."""
    return _format_of(container) in _WRAPPING


# What FFmpeg's skip_loop_filter skips. In frames that others are predicted from, errors would add up until the same shot in another
# encoding is no longer recognized (`docs/topics/ingest.md`); in B-frames they end with the next anchor.
_SKIPPED_LOOP_FILTER = {"all": "default", "anchors": "bidir", "none": "all"}


def prepare_decoder(stream: av.VideoStream, settings: IngestSettings, *, in_order: bool) -> None:
    """Set the decoder's limits, short cuts and threads before it is opened.

    Frame threads shorten the wall clock on idle cores and cost more CPU, so they are used only if a number is set. `in_order` forbids
    them: with them, it is unknown which packet pushed a picture out.
    """
    codec = stream.codec_context
    codec.options = {"max_pixels": _pixel_limit(settings), "skip_loop_filter": _SKIPPED_LOOP_FILTER[settings.loop_filter]}
    codec.thread_type = ThreadType.SLICE if in_order or settings.threads < 2 else ThreadType.AUTO
    codec.thread_count = settings.threads


def _pixel_limit(settings: IngestSettings) -> str:
    """Pixels the decoder may allocate: more than accepted, since it counts whole coding blocks; `check_pixels` is exact."""
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
    """Width of a pixel divided by its height; 1 where the stream gives none or an absurd one."""
    aspect = stream.sample_aspect_ratio
    return Fraction(aspect) if aspect and Fraction(1, _MAX_PIXEL_ASPECT) <= aspect <= _MAX_PIXEL_ASPECT else Fraction(1)


def frame_rate(stream: av.VideoStream) -> Fraction:
    """Frames a second, from the container's average, the codec's parameters and FFmpeg's guess."""
    return choose_rate(
        average=stream.average_rate,
        codec=stream.codec_context.framerate,
        guess=stream.guessed_rate,
        tick_rate=1 / stream.time_base if stream.time_base else None,
    )


def describe(
    container: InputContainer, place: Place, picture: av.VideoStream, sound: av.AudioStream | None, size: tuple[int, int], rotation: int
) -> SourceInfo:
    """Describe an opened source. `size` is (width, height) as coded, `rotation` degrees clockwise."""
    rate = frame_rate(picture)
    return SourceInfo(
        uri=place.uri,
        name=_name(place),
        size=_file_size(container, place),
        container=container.format.name,
        video=VideoInfo(
            codec=picture.codec_context.codec.canonical_name,
            width=size[0],
            height=size[1],
            rate=rate,
            time_base=Fraction(picture.time_base or 1),
            start_timecode=_start_timecode(container, rate),
            duration=known_duration(container, picture, place),
            rotation=rotation,
        ),
        audio=None if sound is None else _audio_info(sound),
        title=_tag(container.metadata, "title"),
    )


def describe_sound(container: InputContainer, place: Place, video: VideoInfo, sound: av.AudioStream) -> SourceInfo:
    """Describe an opened sound file; `video` stands for the picture it does not have, and gets the duration."""
    seconds = container.duration / av.time_base if container.duration else None
    return SourceInfo(
        uri=place.uri,
        name=_name(place),
        size=_file_size(container, place),
        container=container.format.name,
        video=video.model_copy(update={"duration": seconds}),
        audio=_audio_info(sound),
        title=_tag(container.metadata, "title"),
    )


def _format_of(container: InputContainer) -> str:
    return container.format.name.split(",")[0]


def _tag(metadata: Mapping[str, str], name: str) -> str | None:
    """A tag of a file in any spelling of its name (Matroska: TIMECODE)."""
    return next((value.strip() for key, value in metadata.items() if key.lower() == name), "") or None


def _audio_info(sound: av.AudioStream) -> AudioInfo:
    codec = sound.codec_context
    return AudioInfo(codec=codec.codec.canonical_name, rate=codec.sample_rate, channels=layout_of(codec).channels)


def _start_timecode(container: InputContainer, rate: Fraction) -> str:
    """The `timecode` tag of any stream (a tmcd track) or of the container, if it is a timecode at this rate, else zero."""
    for metadata in (*(stream.metadata for stream in container.streams), container.metadata):
        if text := _tag(metadata, "timecode"):
            try:
                frame, drop = parse_timecode(text, rate)
            except UsageError:
                continue
            return format_timecode(frame, rate, drop=drop)
    return format_timecode(0, rate)


def known_duration(container: InputContainer, picture: av.VideoStream, place: Place) -> float | None:
    """Seconds from the first frame to the end; None if the container does not say, or says nonsense."""
    if picture.duration and picture.time_base:
        if _lists_only_its_beginning(container, picture, place):
            return None
        seconds = float(picture.duration * picture.time_base)
    elif container.duration:
        seconds = container.duration / av.time_base
        start = (container.start_time or 0) / av.time_base
        if _format_of(container) in _COUNTED_FROM_ZERO and 0 < start < seconds:
            seconds -= start
    else:
        return None
    file_size = _file_size(container, place)
    implausible = is_spliced(container) and file_size is not None and file_size * 8 < seconds * _MIN_BITS_PER_SECOND
    return None if seconds <= 0 or implausible else seconds


def _lists_only_its_beginning(container: InputContainer, picture: av.VideoStream, place: Place) -> bool:
    """Whether an MP4 in fragments was opened from front to back: then its duration is that of the fragments read so far."""
    index = picture.index_entries
    fragmented = len(index) - picture.frames
    if place.path is not None or _format_of(container) != "mov" or fragmented <= 0 or not picture.duration:
        return False
    states_more = picture.duration > index[len(index) - 1].timestamp + 2 * picture.duration / fragmented  # a segment index does
    lists = [stream.index_entries for stream in container.streams if stream.type in ("video", "audio")]
    end = max(entries[len(entries) - 1].pos + entries[len(entries) - 1].size for entries in lists if len(entries))
    return not states_more and (container.size <= 0 or end < _MIN_INDEXED_SHARE * container.size)


def _file_size(container: InputContainer, place: Place) -> int | None:
    if place.path is not None:
        return place.path.stat().st_size
    size = container.size
    return size if size > 0 and container.format.name != "hls" else None  # a playlist's size is not that of its media


def _name(place: Place) -> str:
    if place.path is not None:
        return place.path.name
    if place.kind == "stdin":
        return "standard input"
    parts = urlsplit(place.uri)
    return Path(unquote(parts.path)).name or parts.hostname or place.uri
