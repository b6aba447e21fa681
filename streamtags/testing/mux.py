"""Writing pictures and sound into a media file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from streamtags.core.model import Picture
from streamtags.testing.sounds import Samples

__all__ = ["SOUND_RATE", "Encoding", "write_media"]

SOUND_RATE = 48000
# Written into the file, so that no player has to guess what the BGR was turned into.
_BT601, _LIMITED = 6, 1
_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file is written.

    Attributes:
        codec: an encoder of FFmpeg's: `libx264`, `libx265`, `libvpx-vp9`, `mpeg2video`, `prores_ks`, ...
        pix_fmt: of the stored picture, `yuv420p10le` for example.
        crf: constant quality, lower is better; None leaves it to `bitrate` or the encoder.
        bitrate: bits a second.
        gop: the most frames between two keyframes.
        codec_options: further private options of the encoder.
        container_options: options of the muxer, such as `{"movflags": "+faststart"}`.
        sound_codec: `aac`, or `libopus` in WebM, unless given.
        start_timecode: written as a timecode track (MP4 and MOV only).
        rotation: degrees (0, 90, 180, 270) a player has to turn the stored picture clockwise to show it upright (MP4 and MOV only).
        threads: of the encoder; a fixed number keeps the file the same on every machine.
    """

    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    crf: int | None = 20
    bitrate: int | None = None
    gop: int = 48
    codec_options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)
    sound_codec: str | None = None
    start_timecode: str | None = None
    rotation: int = 0
    threads: int = 2

    def options(self) -> dict[str, str]:
        """Return the options of the encoder."""
        options = {"preset": "veryfast"} if self.codec in ("libx264", "libx265") else {}
        if self.codec == "libx265":
            options["x265-params"] = "log-level=none"
        if self.codec.startswith("libvpx"):
            options |= {"deadline": "realtime", "cpu-used": "8"}
        if self.crf is not None and self.bitrate is None and self.codec.startswith(("libx26", "libvpx", "libsvtav1")):
            options["crf"] = str(self.crf)
        return {**options, **self.codec_options}


def write_media(
    path: Path,
    pictures: Iterable[Picture],
    *,
    size: tuple[int, int],
    rate: Fraction,
    times: Sequence[int],
    time_base: Fraction,
    sound: Iterator[Samples] | None,
    encoding: Encoding,
) -> tuple[Fraction, tuple[int, ...]]:
    """Write a file and return (time base of its video, pts of its frames in order).

    Args:
        path: where to; the container follows from its suffix.
        pictures: BGR uint8 [height, width, 3], one for each of `times`.
        size: width and height of the upright picture.
        rate: frames a second, as the file says.
        times: when each frame is shown, in ticks of `time_base`.
        time_base: seconds of one tick; the container may round to its own.
        sound: float32 [channels, n] at 48 kHz, one after the other.
        encoding: how.
    """
    stored = size if encoding.rotation % 180 == 0 else size[::-1]
    with av.open(str(path), "w", options=dict(encoding.container_options)) as container:
        if encoding.start_timecode is not None:
            container.metadata["timecode"] = encoding.start_timecode
        video = _video_stream(container, stored, rate, time_base, encoding)
        audio: AudioStream | None = None
        first = next(sound, None) if sound is not None else None
        if first is not None:
            name = encoding.sound_codec or ("libopus" if path.suffix == ".webm" else "aac")
            audio = cast("AudioStream", container.add_stream(name, rate=SOUND_RATE, layout="mono" if first.shape[0] == 1 else "stereo"))
        heard = _Sound(container, audio, first, sound)
        for time, picture in zip(times, pictures, strict=True):
            heard.write_until(float(time * time_base))
            frame = _video_frame(picture, stored, encoding)
            frame.pts, frame.time_base = time, time_base
            container.mux(video.encode(frame))
        heard.write_until(float("inf"))
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))
    return _stored_times(path)


def _video_stream(
    container: OutputContainer, size: tuple[int, int], rate: Fraction, time_base: Fraction, encoding: Encoding
) -> VideoStream:
    stream = cast("VideoStream", container.add_stream(encoding.codec, rate=rate, options=encoding.options()))
    stream.width, stream.height = size
    stream.pix_fmt = encoding.pix_fmt
    stream.time_base = time_base
    codec = stream.codec_context
    codec.time_base = time_base
    codec.gop_size = encoding.gop
    codec.thread_count = encoding.threads
    codec.colorspace, codec.color_range = _BT601, _LIMITED
    if encoding.bitrate is not None:
        codec.bit_rate = encoding.bitrate
    if encoding.rotation:
        stream.set_display_rotation(-encoding.rotation)
    return stream


def _video_frame(picture: Picture, size: tuple[int, int], encoding: Encoding) -> av.VideoFrame:
    if encoding.rotation:
        picture = np.asarray(cv2.rotate(picture, _TURNS[encoding.rotation]), np.uint8)
    if encoding.pix_fmt == "yuv420p" and size[0] % 2 == size[1] % 2 == 0:
        return av.VideoFrame.from_ndarray(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8), format="yuv420p")
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
    return frame.reformat(format=encoding.pix_fmt, dst_colorspace=_BT601, dst_color_range=_LIMITED)


class _Sound:
    """Hands sound to the muxer no earlier than the picture it belongs to, as a camera would interleave it."""

    def __init__(
        self, container: OutputContainer, stream: AudioStream | None, first: Samples | None, rest: Iterator[Samples] | None
    ) -> None:
        self._container = container
        self._stream = stream
        self._next = first
        self._rest = rest
        self._written = 0

    def write_until(self, seconds: float) -> None:
        while self._stream is not None and self._rest is not None and self._next is not None and self._written / SOUND_RATE <= seconds:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(self._next), format="fltp", layout=self._stream.layout.name)
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self._written, Fraction(1, SOUND_RATE)
            self._container.mux(self._stream.encode(frame))
            self._written += self._next.shape[1]
            self._next = next(self._rest, None)


def _stored_times(path: Path) -> tuple[Fraction, tuple[int, ...]]:
    """The time base and the pts a reader will see, which the muxer may have moved or rounded."""
    with closing(av.open(str(path))) as container:
        stream = container.streams.video[0]
        times = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None and packet.size)
        return Fraction(stream.time_base or 1), tuple(times)
