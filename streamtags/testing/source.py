"""A frame source in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.core.errors import SourceError
from streamtags.core.model import AudioInfo, Frame, Picture, Sound, SourceInfo, Subtitle, VideoInfo

__all__ = ["FakeSource", "PictureStill"]

_SOUND_CHUNK_SECONDS = 0.1


@dataclass(slots=True, eq=False)
class PictureStill:
    """A `Still` of a picture in memory; `picture` is BGR uint8 [height, width, 3]."""

    pts: int
    picture: Picture

    def rgb(self, max_side: int | None = None) -> Picture:
        """RGB uint8 [height, width, 3], scaled down so that no side exceeds `max_side`."""
        height, width = self.picture.shape[:2]
        scale = min(1.0, max_side / max(height, width)) if max_side else 1.0
        return cv2.cvtColor(_resized(self.picture, scale), cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


class FakeSource:
    """A `FrameSource` over pictures in memory, with sound and subtitles interleaved as a decoder would.

    Args:
        pictures: BGR uint8 [height, width, 3], all of one size; a sequence, or a callable that yields them.
        rate: frames per second.
        time_base: seconds of one pts tick; one frame if None.
        pts: rising times of the frames; evenly spaced at `rate` if None.
        sound: float32 [channels, samples] in -1..1, from the first frame on; None for a source without sound.
        sound_rate: samples per second.
        subtitles: each is yielded just before the first frame at or after its start.
        start_timecode: timecode of the first frame.
        width: width of the analysis picture in pixels; narrower pictures are not scaled.
        fail_at: index of the frame at which `read` raises `SourceError`.
        on_frame: called with the index of each frame before it is yielded.
        name: name of the source.

    Attributes:
        info: properties of the source.
        closed: `close` was called.
    """

    def __init__(
        self,
        pictures: Sequence[Picture] | Callable[[], Iterable[Picture]],
        *,
        rate: Fraction | int = 25,
        time_base: Fraction | None = None,
        pts: Sequence[int] | None = None,
        sound: NDArray[np.float32] | None = None,
        sound_rate: int = 48000,
        subtitles: Sequence[Subtitle] = (),
        start_timecode: str = "00:00:00:00",
        width: int = 256,
        fail_at: int | None = None,
        on_frame: Callable[[int], None] | None = None,
        name: str = "fake",
    ) -> None:
        self._make = pictures if callable(pictures) else lambda: pictures
        self._rate = Fraction(rate)
        self._time_base = time_base if time_base is not None else 1 / self._rate
        self._pts = pts
        self._sound = sound
        self._sound_rate = sound_rate
        self._subtitles = sorted(subtitles, key=lambda line: line.start)
        self._width = width
        self._fail_at = fail_at
        self._on_frame = on_frame
        self.closed = False
        first = next(iter(self._make()), None)
        if first is None:
            raise ValueError("a source needs at least one picture")
        duration = None if callable(pictures) else float(self._when(len(pictures)) * self._time_base)
        self.info = SourceInfo(
            uri=f"fake:{name}",
            name=name,
            size=None,
            container="fake",
            video=VideoInfo(
                codec="rawvideo",
                width=first.shape[1],
                height=first.shape[0],
                rate=self._rate,
                time_base=self._time_base,
                start_timecode=start_timecode,
                duration=duration,
            ),
            audio=None if sound is None else AudioInfo(codec="pcm_f32le", rate=sound_rate, channels=sound.shape[0]),
        )

    def _when(self, index: int) -> int:
        if self._pts is None:
            return round(index / self._rate / self._time_base)
        if index < len(self._pts):
            return self._pts[index]
        return self._pts[-1] + (self._pts[-1] - self._pts[-2] if len(self._pts) > 1 else self._tick())

    def _tick(self) -> int:
        return max(1, round(1 / self._rate / self._time_base))

    def read(self) -> Iterator[Frame | Sound | Subtitle]:
        """Yield frames in order, each after the sound and subtitles that begin before it ends.

        Raises:
            SourceError: at frame `fail_at`.
        """
        start = float(self._when(0) * self._time_base)
        heard = 0
        lines = list(self._subtitles)
        shown = 0.0
        for index, picture in enumerate(self._make()):
            pts, following = self._when(index), self._when(index + 1)
            if index == self._fail_at:
                raise SourceError(f"frame {index} cannot be decoded", where=self.info.uri)
            if self._on_frame is not None:
                self._on_frame(index)
            while lines and lines[0].start <= float(pts * self._time_base):
                yield lines.pop(0)
            scale = min(1.0, self._width / picture.shape[1])
            yield Frame(index=index, pts=pts, duration=following - pts, bgr=_resized(picture, scale), still=PictureStill(pts, picture))
            shown = float(following * self._time_base) - start
            if shown - heard / self._sound_rate >= _SOUND_CHUNK_SECONDS:
                yield from self._chunk(start, heard, until := round(shown * self._sound_rate))
                heard = until
        yield from lines
        yield from self._chunk(start, heard, round(shown * self._sound_rate))

    def _chunk(self, start: float, first: int, until: int) -> Iterator[Sound]:
        if self._sound is not None and (samples := self._sound[:, first:until]).shape[1]:
            yield Sound(start=start + first / self._sound_rate, samples=samples, rate=self._sound_rate)

    def close(self) -> None:
        """Set `closed`."""
        self.closed = True


def _resized(picture: Picture, scale: float) -> Picture:
    if scale == 1.0:
        return picture
    height, width = picture.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
