"""The pictures of a source, decoded in the same pass as its sound: each with its place, its small picture and a still."""

from __future__ import annotations

from typing import Any, NamedTuple

import av
from av.packet import Packet

from streamtags.config.settings import IngestSettings
from streamtags.core.model import Frame, Picture
from streamtags.sources.file.access import Place
from streamtags.sources.file.passing import passing
from streamtags.sources.file.pictures import FrameStill, Orientation, Shrinker, StillKeeper, orientation_of
from streamtags.sources.file.pts import TimeRepair
from streamtags.sources.file.streams import check_pixels, pixel_aspect

__all__ = ["FrameReader"]


class _Waiting(NamedTuple):
    """A frame whose duration is not known before the next one is."""

    number: int
    pts: int
    duration: int
    bgr: Picture
    still: FrameStill
    between: tuple[Picture, Picture] | None = None

    def until(self, pts: int | None) -> Frame:
        duration = self.duration if pts is None else pts - self.pts
        return Frame(self.number, self.pts, max(1, duration), self.bgr, self.still, self.between)


class FrameReader:
    """Turns the packets of one video stream into frames, each when the next is known.

    Args:
        stream: the video stream, its decoder prepared.
        repair: the clock, shared with the sound.
        step: ticks a frame lasts where nothing says so.
        settings: how.
        place: where it comes from, for errors.
        numbered_by_dts: the stream has no pts of its own.
        thumbnails: nobody will look at a still but to make a thumbnail of it.

    Attributes:
        skipped: packets that could not be decoded.
        decoded: frames given, those passed over among them.
        orientation: how the pictures become upright; known with the first.
        shape: (width, height) as coded.
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
        self.orientation = Orientation()
        self.shape = stream.codec_context.width, stream.codec_context.height
        self._codec = stream.codec_context
        self._aspect = pixel_aspect(stream)
        self._repair = repair
        self._step = step
        self._settings = settings
        self._place = place
        self._numbered_by_dts = numbered_by_dts
        self._thumbnails = thumbnails
        self._first_dts: int | None = None
        self._delay: int | None = None  # ticks by which the decoder holds pictures back to reorder them
        self._shrinker: Shrinker | None = None
        self._keeper: StillKeeper | None = None
        self._waiting: _Waiting | None = None
        self._passing = passing(stream) if settings.frames == "needed" and not numbered_by_dts else None
        self._latest: int | None = None  # pts of the latest picture as the file has it

    def push(self, packet: Packet[Any] | None) -> list[Frame]:
        """Decode one packet, None to drain the decoder."""
        if self._first_dts is None and packet is not None:
            self._first_dts = packet.dts
        if self._passing is not None and packet is not None:
            self._passing.see(packet)
        try:
            decoded = self._codec.decode(packet)
        except (av.FFmpegError, ValueError):
            self.skipped += 1
            return []
        return [frame for picture in decoded for frame in self._take(picture)]

    def finish(self) -> list[Frame]:
        """The last frame, which lasts as long as its packet says, or one step."""
        frames = self._passed_over(None, self._waiting.bgr) if self._waiting is not None else []
        last, self._waiting = self._waiting, None
        if self._keeper is not None:
            self._keeper.finish()
        return frames if last is None else [*frames, last.until(None)]

    def _take(self, picture: av.VideoFrame) -> list[Frame]:
        check_pixels(picture.width, picture.height, self._settings, self._place)
        if self._shrinker is None or self._keeper is None:
            self.orientation = orientation_of(picture)
            self.shape = picture.width, picture.height
            self._shrinker = Shrinker(self._settings.width, self._aspect, self.orientation)
            self._keeper = StillKeeper(self._aspect, self.orientation)
        coarse = self._shrinker.coarse(picture)
        small = self._shrinker.small(picture, coarse)
        frames = self._passed_over(picture.pts, small)
        pts = self._repair.picture(self._by_dts(picture) if self._numbered_by_dts else picture.pts, picture.duration)
        self._latest = picture.pts
        still = self._keeper.still(pts, picture, coarse if self._thumbnails else None)
        return frames + self._follow(pts, picture.duration, small, still)

    def _passed_over(self, until: int | None, small: Picture) -> list[Frame]:
        """What was passed over between the latest picture and the one at `until`, of which `small` is given."""
        if self._passing is None or self._waiting is None:
            return []
        passed = self._passing.due(self._latest, until)
        if not passed:
            self._passing.follow(self._waiting.bgr, small)
            return []
        before, still = self._waiting.bgr, self._waiting.still
        made_up, between = self._passing.between(before, small), (before, small)
        return [
            frame
            for pts, duration in passed
            for frame in self._follow(self._repair.picture(pts, duration), duration, made_up, still, between)
        ]

    def _follow(
        self, pts: int, duration: int, bgr: Picture, still: FrameStill, between: tuple[Picture, Picture] | None = None
    ) -> list[Frame]:
        """The next frame waits for its end; the one before has found it."""
        last = self._waiting
        self._waiting = _Waiting(self.decoded, pts, duration or self._step, bgr, still, between)
        self.decoded += 1
        return [] if last is None else [last.until(pts)]

    def _by_dts(self, picture: av.VideoFrame) -> int | None:
        """The dts of the packet that pushed `picture` out, less the decoder's delay; needs a decoder without frame threads."""
        if picture.dts is None or self._first_dts is None:
            return None
        if self._delay is None:
            self._delay = picture.dts - self._first_dts
        return picture.dts - self._delay
