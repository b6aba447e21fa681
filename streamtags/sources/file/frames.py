"""The pictures of a source, decoded in the same pass as its sound: each with its number, time, analysis picture and still."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any, NamedTuple

import av
from av.packet import Packet

from streamtags.config.settings import IngestSettings
from streamtags.core.model import Frame, Picture
from streamtags.sources.file.access import Place
from streamtags.sources.file.pictures import FrameStill, Orientation, Shrinker, StillKeeper, orientation_of
from streamtags.sources.file.planes import Planes
from streamtags.sources.file.pts import TimeRepair
from streamtags.sources.file.skipping import frame_skipper
from streamtags.sources.file.streams import check_pixels, pixel_aspect

__all__ = ["MAX_DELAY_PACKETS", "FrameReader"]

MAX_DELAY_PACKETS = 16
"""Packets by which a decoder may delay its pictures: the longest reordering (ITU-T H.264, A.3)."""


class _PendingFrame(NamedTuple):
    """A frame whose duration is unknown until the next one arrives."""

    number: int
    pts: int
    duration: int
    bgr: Picture
    still: FrameStill
    between: tuple[Picture, Picture] | None = None

    def until(self, pts: int | None) -> Frame:
        """The frame, which lasts until `pts`; None: as long as its packet says."""
        duration = self.duration if pts is None else pts - self.pts
        return Frame(self.number, self.pts, max(1, duration), self.bgr, self.still, self.between)


class FrameReader:
    """Turns the packets of one video stream into frames, each as soon as the next one is known.

    Args:
        stream: the video stream, its decoder prepared.
        repair: the clock, shared with the sound.
        step: ticks of a frame without a duration.
        settings: limits, and which frames are decoded.
        place: the source, for error messages.
        numbered_by_dts: the packets have no pts of their own.
        thumbnails: keep stills at thumbnail size: no stage uses full frames.

    Attributes:
        skipped: packets that could not be decoded.
        decoded: frames so far, including those that were not decoded on purpose.
        silent: packets since the latest that a picture came out of.
        silent_from: position of the first of them, in bytes.
    """

    def __init__(
        self,
        stream: av.VideoStream,
        repair: TimeRepair,
        step: int,
        settings: IngestSettings,
        place: Place,
        *,
        numbered_by_dts: bool,
        thumbnails: bool,
    ) -> None:
        self.skipped = 0
        self.decoded = 0
        self.silent = 0
        self.silent_from = 0
        self._end = 0  # position after the latest packet, in bytes
        self._refused = 0  # silent packets that were counted as skipped
        self._codec = stream.codec_context
        self._repair = repair
        self._step = step
        self._pictures = _PictureMaker(stream, settings, place, thumbnails=thumbnails)
        self._decode_clock = _DecodeClock() if numbered_by_dts else None
        self._skipper = frame_skipper(stream) if settings.frames == "needed" and not numbered_by_dts else None
        self._pending: _PendingFrame | None = None
        self._latest: int | None = None  # pts of the latest decoded picture, as the container has it

    @property
    def orientation(self) -> Orientation:
        """How the pictures become upright; known with the first."""
        return self._pictures.orientation

    @property
    def shape(self) -> tuple[int, int]:
        """(width, height) as coded."""
        return self._pictures.shape

    def push(self, packet: Packet[Any] | None) -> list[Frame]:
        """Decode one packet, None to drain the decoder."""
        if packet is not None:
            if self._decode_clock is not None:
                self._decode_clock.see(packet)
            if self._skipper is not None:
                self._skipper.see(packet)
            if not self.silent:
                self.silent_from = self._end if packet.pos is None else packet.pos
            self._end = self._end if packet.pos is None else packet.pos + packet.size
            self.silent += 1
        try:
            decoded = self._codec.decode(packet)
        except (av.FFmpegError, ValueError):
            self.skipped += 1
            self._refused += 1
            if self._skipper is not None:
                self._skipper.stop()
            return []
        if decoded or packet is None:
            silent = self.silent - len(decoded) - self._refused
            self.skipped += silent if silent > MAX_DELAY_PACKETS else 0  # the decoder took them without an error
            self.silent = self._refused = 0
        return [frame for picture in decoded for frame in self._take(picture)]

    def forget_silent(self) -> None:
        """Do not count the silent packets as skipped: another reader is given them."""
        self.skipped -= self._refused
        self.silent = self._refused = 0

    def follow(self, stream: av.VideoStream) -> FrameReader:
        """A reader of another stream whose frames continue those of this one, after `finish`."""
        reader = copy(self)
        reader._codec = stream.codec_context
        reader._decode_clock = reader._skipper = reader._latest = None
        reader.silent = reader._refused = 0
        return reader

    def finish(self) -> list[Frame]:
        """The last frame, which lasts as long as its packet says, or one step."""
        frames = [] if self._pending is None else list(self._skipped_frames(None, self._pending.bgr))
        last, self._pending = self._pending, None
        self._pictures.finish()
        return frames if last is None else [*frames, last.until(None)]

    def _take(self, picture: av.VideoFrame) -> list[Frame]:
        small, coarse = self._pictures.small(picture)
        frames = list(self._skipped_frames(picture.pts, small))
        own = picture.pts if self._decode_clock is None else self._decode_clock.time_of(picture)
        pts = self._repair.picture(own, picture.duration)
        self._latest = picture.pts
        still = self._pictures.still(pts, picture, coarse)
        return [*frames, *self._follow(pts, picture.duration, small, still)]

    def _skipped_frames(self, until: int | None, small: Picture) -> Iterator[Frame]:
        """The frames that were not decoded between the latest picture and the one at `until`, whose analysis picture is `small`."""
        if self._skipper is None or self._pending is None:
            return
        skipped = self._skipper.take(self._latest, until)
        before, still = self._pending.bgr, self._pending.still
        if not skipped:
            self._skipper.compare(before, small)
            return
        interpolated = self._skipper.between(before, small)
        for own, duration in skipped:
            picture = self._skipper.decode_late(own, before, small)
            pts = self._repair.picture(own, duration)
            if picture is None:
                yield from self._follow(pts, duration, interpolated, still, (before, small))
            else:
                late, coarse = self._pictures.small(picture)
                yield from self._follow(pts, duration, late, self._pictures.still(pts, picture, coarse))

    def _follow(
        self, pts: int, duration: int, bgr: Picture, still: FrameStill, between: tuple[Picture, Picture] | None = None
    ) -> list[Frame]:
        """Keep the next frame until its end is known, and return the one before, which ends with it."""
        last = self._pending
        self._pending = _PendingFrame(self.decoded, pts, duration or self._step, bgr, still, between)
        self.decoded += 1
        return [] if last is None else [last.until(pts)]


class _PictureMaker:
    """Makes the analysis picture and the still of a decoded frame."""

    def __init__(self, stream: av.VideoStream, settings: IngestSettings, place: Place, *, thumbnails: bool) -> None:
        self.orientation = Orientation()
        self.shape = stream.codec_context.width, stream.codec_context.height
        self._aspect = pixel_aspect(stream)
        self._settings = settings
        self._place = place
        self._thumbnails = thumbnails
        self._tools: tuple[Shrinker, StillKeeper] | None = None

    def small(self, picture: av.VideoFrame) -> tuple[Picture, Planes | None]:
        """The analysis picture, and the reduced planes it was made of, if any.

        Raises:
            SourceRefused: the frame is larger than allowed.
        """
        check_pixels(picture.width, picture.height, self._settings, self._place)
        if self._tools is None:
            self.orientation = orientation_of(picture)
            self.shape = picture.width, picture.height
            self._tools = (
                Shrinker(self._settings.width, self._aspect, self.orientation),
                StillKeeper(self._aspect, self.orientation),
            )
        shrinker = self._tools[0]
        coarse = shrinker.coarse(picture)
        return shrinker.small(picture, coarse), coarse

    def still(self, pts: int, picture: av.VideoFrame, coarse: Planes | None) -> FrameStill:
        """The still of `picture`, after `small` was called with it."""
        if self._tools is None:
            raise RuntimeError("small() must be called before still()")
        return self._tools[1].still(pts, picture, coarse if self._thumbnails else None)

    def finish(self) -> None:
        """No frame follows."""
        if self._tools is not None:
            self._tools[1].finish()


class _DecodeClock:
    """Times of pictures whose packets are numbered in the order of decoding; needs a decoder without frame threads."""

    def __init__(self) -> None:
        self._first: int | None = None  # dts of the first packet
        self._delay: int | None = None  # ticks by which the decoder delays pictures to reorder them

    def see(self, packet: Packet[Any]) -> None:
        """Look at a packet before it is decoded."""
        if self._first is None:
            self._first = packet.dts

    def time_of(self, picture: av.VideoFrame) -> int | None:
        """The dts of the packet that pushed `picture` out, less the decoder's delay."""
        if picture.dts is None or self._first is None:
            return None
        if self._delay is None:
            self._delay = picture.dts - self._first
        return picture.dts - self._delay
