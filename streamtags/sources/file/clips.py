"""Cutting ranges out of a film into files of their own: packets are copied where that is exact, else the pictures are encoded again.

Copied packets are exact if the range begins with a picture that needs no other, and if no picture of the range is stored after one that
follows it. Sound is always copied, in whole packets: it begins at most one packet before or after the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, cast

import av
from av.container import OutputContainer

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError
from streamtags.sources.file.access import Access, locate
from streamtags.sources.file.layouts import layout_of
from streamtags.sources.file.streams import open_container, prepare_decoder

__all__ = ["ClipCutter", "Cut"]

AnyPacket: TypeAlias = "av.Packet[Any]"
_CONTAINERS = frozenset({".mkv", ".mov", ".mp4"})
_QUALITY = {"crf": "18", "preset": "veryfast"}


@dataclass(frozen=True, slots=True)
class Cut:
    """How a range was written.

    Attributes:
        method: `copied` is the pictures as they were, `encoded` is a new generation in H.264.
        frames: number of pictures.
        reason: why it was encoded; "" if it was copied.
    """

    method: Literal["copied", "encoded"]
    frames: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A packet of the video: its picture's pts, and whether it needs no other picture."""

    pts: int
    is_key: bool


class ClipCutter:
    """Cuts ranges out of one file. Its video packets are read once to index them.

    Args:
        uri: path of the film.
        access: what may be opened.
        settings: limits of what is decoded.
        rotation: degrees by which players turn the picture clockwise.

    Raises:
        SourceError: the file cannot be read, is not a file, or has no video.
        SourceRefused: it may not be opened.
    """

    def __init__(self, uri: str, access: Access, settings: IngestSettings, *, rotation: int = 0) -> None:
        place = locate(uri, access)
        if place.path is None:
            raise SourceError("clips are cut from files only", where=place.uri, hint="download the film and analyze the file")
        self._uri, self._rotation = place.uri, rotation
        self._container = open_container(place, settings)
        if not self._container.streams.video:
            self._container.close()
            raise SourceError("the file has no video stream", where=self._uri, hint="pass a file with video")
        self._video = self._container.streams.video[0]
        audio = next(iter(self._container.streams.audio), None)
        self._audio = audio if audio is not None and not layout_of(audio.codec_context).custom else None
        prepare_decoder(self._video, settings, in_order=True)
        self._base = cast("Fraction", self._video.time_base)
        self._stored = [_Stored(p.pts, bool(p.is_keyframe)) for p in self._container.demux(self._video) if p.pts is not None]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._container.close()

    @property
    def suffix(self) -> str:
        """The suffix for clips: that of the film if its container takes H.264, else `.mkv`."""
        suffix = Path(self._uri).suffix.lower()
        return suffix if suffix in _CONTAINERS else ".mkv"

    def cut(self, start: Fraction, end: Fraction, path: Path) -> Cut:
        """Write the pictures from `start` up to `end`, in seconds of the file's clock, with their sound.

        Raises:
            SourceError: the range has no picture, or the file cannot be decoded or written.
        """
        first, last = self._ticks(start), self._ticks(end)
        frames = sum(first <= packet.pts < last for packet in self._stored)
        if not frames:
            raise SourceError(f"no picture between {float(start):.3f} and {float(end):.3f} s", where=self._uri)
        reason = self._why_not_copied(first, last)
        try:
            with av.open(str(path), "w", options={"movflags": "+faststart"} if path.suffix != ".mkv" else {}) as out:
                if reason:
                    frames = self._encode(out, first, last)
                else:
                    self._copy(out, first, last)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise SourceError(f"cannot write the clip {path.name}: {error}", where=self._uri) from error
        return Cut("encoded" if reason else "copied", frames, reason)

    def _ticks(self, seconds: Fraction) -> int:
        return round(seconds / self._base)

    def _why_not_copied(self, first: int, last: int) -> str:
        """Return why packets cannot be copied exactly; "" if they can."""
        at = next((index for index, packet in enumerate(self._stored) if packet.pts == first and packet.is_key), None)
        if at is None:
            return "it does not begin with a key frame"
        inside = [first <= packet.pts < last for packet in self._stored]
        if any(inside[:at]):
            return "pictures of it are stored before its key frame"
        if any(inside[self._stop(at, last) :]):
            return "pictures at its end need one that follows it"
        return ""

    def _stop(self, at: int, last: int) -> int:
        """Return the position of the first packet from `at` whose picture is not before `last`."""
        return next((index for index in range(at, len(self._stored)) if self._stored[index].pts >= last), len(self._stored))

    def _packets(self, first: int, last: int) -> Iterator[AnyPacket]:
        """Yield packets of the video and the sound around a range, from the key frame at or before it."""
        streams = [self._video, *([self._audio] if self._audio is not None else [])]
        self._container.seek(first, stream=self._video, backward=True)
        ended = 0
        for packet in self._container.demux(streams):
            if packet.pts is None:
                continue
            is_beyond = packet.pts * packet.time_base > last * self._base + 1
            ended |= is_beyond << streams.index(packet.stream)
            yield packet
            if ended == (1 << len(streams)) - 1:
                return

    def _add_sound(self, out: OutputContainer) -> av.AudioStream | None:
        return None if self._audio is None else out.add_stream_from_template(self._audio)

    def _mux_sound(self, out: OutputContainer, sound: av.AudioStream | None, packet: AnyPacket, first: int, last: int) -> None:
        """Copy a packet of sound whose start is in the range."""
        base = packet.time_base
        origin = first * self._base
        if sound is None or packet.pts is None or not origin <= packet.pts * base < last * self._base:
            return
        shift = int(origin / base)
        packet.pts, packet.dts, packet.stream = packet.pts - shift, (packet.dts or packet.pts) - shift, sound
        out.mux(packet)

    def _copy(self, out: OutputContainer, first: int, last: int) -> None:
        video, sound = out.add_stream_from_template(self._video), self._add_sound(out)
        video.set_display_rotation(-self._rotation)
        started = False
        for packet in self._packets(first, last):
            if packet.stream is not self._video:
                self._mux_sound(out, sound, packet, first, last)
                continue
            started = started or packet.pts == first
            if started and packet.pts is not None and first <= packet.pts < last:
                packet.pts, packet.dts = packet.pts - first, None if packet.dts is None else packet.dts - first
                packet.stream = video
                out.mux(packet)

    def _encode(self, out: OutputContainer, first: int, last: int) -> int:
        source = self._video.codec_context
        video = out.add_stream("libx264", rate=self._video.average_rate or 25, options=_QUALITY)
        video.width, video.height, video.pix_fmt = source.width, source.height, "yuv420p"
        codec = video.codec_context
        codec.time_base, codec.colorspace, codec.color_range = self._base, source.colorspace, source.color_range
        video.set_display_rotation(-self._rotation)
        sound = self._add_sound(out)
        frames = 0
        for packet in self._packets(first, last):
            if packet.stream is not self._video:
                self._mux_sound(out, sound, packet, first, last)
                continue
            frames += self._encode_frames(out, video, packet.decode(), first, last)
        frames += self._encode_frames(out, video, self._video.decode(None), first, last)
        out.mux(video.encode(None))
        return frames

    def _encode_frames(self, out: OutputContainer, video: av.VideoStream, decoded: object, first: int, last: int) -> int:
        frames = [frame for frame in cast("list[av.VideoFrame]", decoded) if frame.pts is not None and first <= frame.pts < last]
        for frame in frames:
            picture = frame if frame.format.name == "yuv420p" else frame.reformat(format="yuv420p")
            picture.pts, picture.time_base, picture.pict_type = cast("int", frame.pts) - first, self._base, 0
            out.mux(video.encode(picture))
        return len(frames)
