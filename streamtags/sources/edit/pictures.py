"""Pictures of one media file at given times: it is opened once, only the used ranges are decoded, and pictures used again are kept."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import av
import numpy as np

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError
from streamtags.core.model import Picture, SourceInfo, Still
from streamtags.sources.file.access import Place
from streamtags.sources.file.pictures import FrameStill, Shrinker, StillKeeper, orientation_of
from streamtags.sources.file.selection import choose_picture
from streamtags.sources.file.streams import check_pixels, describe, lacks_pts, open_container, pixel_aspect, prepare_decoder

__all__ = ["EditStill", "MediaReader", "Shown"]

# A jump forward of at most this many seconds is decoded through; a longer one is a seek.
_DECODE_THROUGH_SECONDS = 2
# A seek may land after its target in files without an index: try again so many seconds earlier, then from the start.
_EARLIER_SECONDS = (0, 5, 30)
_MAX_ERRORS = 32
# A still takes at most about so many bytes: larger pictures are scaled down.
_STILL_BYTES = 1_500_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture and the time from which it is shown, in seconds from the file's first picture."""

    start: Fraction
    bgr: Picture
    still: FrameStill


class EditStill:
    """A still of media at its place in the edit.

    Args:
        pts: in the time base of the edit.
        still: the still of the media.
    """

    __slots__ = ("_still", "pts")

    def __init__(self, pts: int, still: Still) -> None:
        self.pts = pts
        self._still = still

    def rgb(self, max_side: int | None = None) -> Picture:
        """See `streamtags.core.model.Still`."""
        return self._still.rgb(max_side)


class _KeptPictures:
    """Pictures that clips may show again, up to a number of bytes."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._entries: list[tuple[Fraction, Fraction, Shown]] = []  # (start, end, picture), sorted

    def find(self, time: Fraction) -> Shown | None:
        """The picture that is shown at `time`, if it was kept."""
        at = bisect_right(self._entries, time, key=lambda entry: entry[0]) - 1
        return self._entries[at][2] if at >= 0 and time < self._entries[at][1] else None

    def add(self, shown: Shown, end: Fraction, size: int) -> None:
        """Keep a picture that is shown until `end` and takes `size` bytes, if there is room for it."""
        at = bisect_right(self._entries, shown.start, key=lambda entry: entry[0])
        if size <= self._room and (at == 0 or self._entries[at - 1][0] != shown.start):
            self._room -= size
            self._entries.insert(at, (shown.start, end, shown))


class _PictureMaker:
    """Makes the small picture and the still of decoded frames."""

    def __init__(self, stream: av.VideoStream, place: Place, settings: IngestSettings, *, thumbnails: bool) -> None:
        self._aspect = pixel_aspect(stream)
        self._place = place
        self._settings = settings
        self._thumbnails = thumbnails
        self._tools: tuple[Shrinker, StillKeeper] | None = None

    def picture(self, frame: av.VideoFrame, start: Fraction) -> Shown:
        """The picture of `frame`, which is shown from `start`.

        Raises:
            SourceRefused: the frame is larger than allowed.
        """
        check_pixels(frame.width, frame.height, self._settings, self._place)
        if self._tools is None:
            orientation = orientation_of(frame)
            self._tools = Shrinker(self._settings.width, self._aspect, orientation), StillKeeper(self._aspect, orientation)
        shrinker, keeper = self._tools
        coarse = shrinker.coarse(frame)
        small = np.ascontiguousarray(shrinker.small(frame, coarse))
        return Shown(start, small, keeper.still(frame.pts or 0, frame, coarse if self._thumbnails else None))

    def size(self, frame: av.VideoFrame, shown: Shown) -> int:
        """About how many bytes a picture takes."""
        return shown.bgr.nbytes + (0 if self._thumbnails else min(frame.width * frame.height * 3 // 2, _STILL_BYTES))


class MediaReader:
    """Reads pictures of one file.

    Args:
        place: the file.
        settings: how it is decoded.
        thumbnails: keep stills at thumbnail size.
        kept_bytes: how much of its pictures is kept for clips that show them again, in bytes.

    Attributes:
        info: what the file says of itself.
        decoded: pictures decoded so far.

    Raises:
        SourceError: the file cannot be opened, or has no picture.
    """

    def __init__(self, place: Place, settings: IngestSettings, *, thumbnails: bool, kept_bytes: int = 0) -> None:
        self.decoded = 0
        self._place = place
        self._container = open_container(place, settings)
        try:
            self._stream = choose_picture(self._container, place)
            context = self._stream.codec_context
            check_pixels(context.width, context.height, settings, place)
            prepare_decoder(self._stream, settings, in_order=lacks_pts(self._container))
            self.info: SourceInfo = describe(self._container, place, self._stream, None, (context.width, context.height), 0)
        except BaseException:
            self._container.close()
            raise
        self._time_base = Fraction(self._stream.time_base or 1)
        self._begin = (self._stream.start_time or 0) * self._time_base
        self._maker = _PictureMaker(self._stream, place, settings, thumbnails=thumbnails)
        self._kept = _KeptPictures(kept_bytes)
        self._frames: Iterator[av.VideoFrame] = iter(())
        self._current: av.VideoFrame | None = None
        self._next: av.VideoFrame | None = None
        self._shown: Shown | None = None

    def pictures(self, times: Sequence[Fraction]) -> list[Shown]:
        """The pictures that are shown at `times`, in seconds from the first picture, rising. After the end the last one is shown.

        Raises:
            SourceError: nothing can be decoded there.
        """
        known = [self._kept.find(time) for time in times]
        if all(known):
            return [shown for shown in known if shown is not None]
        first = max(times[0], Fraction(0))
        if self._current is None or not self._start_of(self._current) <= first <= self._start_of(self._current) + _DECODE_THROUGH_SECONDS:
            self._seek(first)
        return [self._at(time) for time in times]

    def close(self) -> None:
        """Release the file; safe to call twice."""
        self._current = self._next = None
        self._frames = iter(())
        self._container.close()

    def _at(self, time: Fraction) -> Shown:
        while self._next is not None and self._start_of(self._next) <= time:
            self._current, self._next, self._shown = self._next, next(self._frames, None), None
        if self._current is None:
            raise SourceError("nothing can be decoded at the place that the edit uses", where=self._place.uri, code="source.undecodable")
        if self._shown is None:
            self._shown = self._maker.picture(self._current, self._start_of(self._current))
            if self._next is not None:
                self._kept.add(self._shown, self._start_of(self._next), self._maker.size(self._current, self._shown))
        return self._shown

    def _start_of(self, frame: av.VideoFrame) -> Fraction:
        return (frame.pts or 0) * self._time_base - self._begin

    def _seek(self, time: Fraction) -> None:
        """Make the picture at `time`, or the first one after it, the current one."""
        for earlier in (*_EARLIER_SECONDS, None):
            target = Fraction(0) if earlier is None else max(Fraction(0), time - earlier)
            try:
                self._container.seek(floor((target + self._begin) / self._time_base), stream=self._stream, backward=True)
            except (av.FFmpegError, OSError, OverflowError) as error:
                raise SourceError(f"cannot be positioned: {error}", where=self._place.uri, code="source.undecodable") from error
            self._frames = self._decode()
            self._current, self._shown = next(self._frames, None), None
            self._next = next(self._frames, None)
            if target == 0 or (self._current is not None and self._start_of(self._current) <= time):
                return

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Decoded frames in order of presentation, from where the container stands; damaged packets are skipped."""
        errors, last = 0, None
        while errors < _MAX_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    try:
                        frames = self._stream.codec_context.decode(packet if packet.size else None)
                    except (av.FFmpegError, ValueError):
                        errors += 1
                        continue
                    for frame in frames:
                        if frame.pts is not None and (last is None or frame.pts > last):
                            last = frame.pts
                            self.decoded += 1
                            yield frame
                return
            except (av.FFmpegError, ValueError):
                errors += 1
