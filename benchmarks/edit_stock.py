"""Shots that hard development edits are cut from: ranges of the clips in the shared media, split so that no clip is in both halves.

`Stock.take` gives frames of one shot: a crop of consecutive frames, played back and forth if the shot is shorter. Nothing here is
written into the repository.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

__all__ = ["SHOTS", "SIZE", "Edit", "Picture", "Shot", "Stock", "crop", "resize"]

Picture = NDArray[np.uint8]
SIZE = (320, 180)  # of the edits, width and height
_SOURCE = (640, 360)  # of the shots they are cropped from
_MAX_FRAMES = 300


@dataclass(frozen=True)
class Shot:
    """A range of frames of a clip without a boundary inside.

    Attributes:
        file: path below the shared media.
        first: first frame.
        last: last frame.
        person: a person is close to the camera.
        bars: share of the height that black bars take at the top and at the bottom.
    """

    file: str
    first: int
    last: int
    person: bool = False
    bars: float = 0.0


_SINTEL, _TEST, _ISSUE = "shots/sintel_trailer-720p.mp4", "shots/testvideo.mp4", "shots/issue-195-aspect-ratio.mp4"
SHOTS: dict[str, tuple[Shot, ...]] = {
    "dev": (
        Shot("single/R6llTwEh07w.mp4", 0, 302, person=True),
        Shot("single/carphone_pristine.mp4", 0, 119, person=True),
        Shot("single/demo_skeleton.mp4", 0, 71, person=True),
        Shot("single/gizmo.mp4", 0, 165),
        Shot("single/v_SoccerJuggling_g23_c01.avi", 0, 239),
        Shot("single/vtest.avi", 0, 299),
        Shot("single/cup.mp4", 0, 216),
        Shot("shots/SOX5yA1l24A.mp4", 2, 136),
        Shot("shots/SOX5yA1l24A.mp4", 140, 217, person=True),
        Shot("shots/SOX5yA1l24A.mp4", 221, 290, person=True),
        Shot("shots/SOX5yA1l24A.mp4", 294, 331, person=True),
        Shot("shots/Megamind.avi", 2, 96, person=True),
        Shot("shots/Megamind.avi", 100, 152, person=True),
        Shot(_SINTEL, 303, 332, person=True, bars=0.13),
        Shot(_SINTEL, 470, 490, bars=0.13),
        Shot(_SINTEL, 573, 619, bars=0.13),
    ),
    "unseen": (
        Shot("single/mma_makeup_test.avi", 0, 163, person=True),
        Shot("single/mma_pool_test.mp4", 0, 299),
        Shot("single/run.mp4", 0, 149),
        Shot("single/test_video.mp4", 0, 299),
        Shot("single/trailer.ogv", 0, 299),
        Shot("single/world.mp4", 0, 299),
        Shot("odd/vp9cake.webm", 0, 239),
        Shot(_ISSUE, 2, 68, person=True),
        Shot(_ISSUE, 72, 168),
        Shot(_ISSUE, 172, 299, person=True),
        Shot(_ISSUE, 303, 419),
        Shot(_ISSUE, 486, 625, person=True),
        Shot(_TEST, 32, 178),
        Shot(_TEST, 245, 328),
        Shot(_TEST, 568, 655),
        Shot(_SINTEL, 336, 356, person=True, bars=0.13),
        Shot(_SINTEL, 623, 656, bars=0.13),
        Shot(_SINTEL, 870, 955, bars=0.13),
        Shot("shots/Megamind.avi", 156, 198, person=True),
        Shot("shots/Megamind.avi", 202, 269, person=True),
    ),
}


@dataclass
class Edit:
    """Frames in a row, and what lies between them."""

    frames: list[Picture] = field(default_factory=list)
    boundaries: list[dict[str, Any]] = field(default_factory=list)
    distractors: list[dict[str, Any]] = field(default_factory=list)

    def go_on(self, frames: Sequence[Picture]) -> None:
        """Add frames of the shot that is running."""
        self.frames += frames

    def cut(self, frames: Sequence[Picture]) -> None:
        """Add a shot after a hard cut."""
        if self.frames:
            self.boundaries.append({"type": "cut", "frame": len(self.frames)})
        self.frames += frames

    def blend(self, frames: Sequence[Picture], masks: Sequence[NDArray[np.float32]], kind: str) -> None:
        """Lay the first frames of a shot over the last ones so far, by masks: the share of the new picture, [height, width, 1] or [1]."""
        first = len(self.frames) - len(masks)
        for i, mask in enumerate(masks):
            mixed = self.frames[first + i] * (1.0 - mask) + frames[i] * mask
            self.frames[first + i] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
        self.frames += frames[len(masks) :]
        self.boundaries.append({"type": kind, "start": first, "end": first + len(masks) - 1})

    def dissolve(self, frames: Sequence[Picture], length: int) -> None:
        """Add a shot after a dissolve of `length` mixed frames."""
        self.blend(frames, [np.array([(i + 1) / (length + 1)], np.float32) for i in range(length)], "dissolve")

    def no_cut(self, count: int, what: str) -> None:
        """Note that the last `count` frames only look like a boundary."""
        self.distractors.append({"type": "not_a_cut", "start": len(self.frames) - count, "end": len(self.frames) - 1, "what": what})


def resize(picture: Picture, size: tuple[int, int]) -> Picture:
    """Scale to (width, height)."""
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


class Stock:
    """Decodes shots once and hands out pieces of them.

    Args:
        media: the shared media.
        half: "dev" or "unseen".
        seed: of the random choices.
    """

    def __init__(self, media: Path, half: str, seed: int) -> None:
        self._media = media
        self._shots = SHOTS[half]
        self._decoded: dict[Shot, list[Picture]] = {}
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Choose from the beginning again, with this seed."""
        self._last: Shot | None = None
        self.rng = np.random.default_rng(seed)

    def choose(self, *, person: bool = False) -> Shot:
        """A shot other than the last one chosen."""
        fitting = [shot for shot in self._shots if shot != self._last and (shot.person or not person)]
        self._last = fitting[int(self.rng.integers(len(fitting)))]
        return self._last

    def frames(self, shot: Shot) -> list[Picture]:
        """All frames of a shot, BGR [360, 640, 3]."""
        if shot not in self._decoded:
            self._decoded[shot] = _decode(self._media / shot.file, shot)
        return self._decoded[shot]

    def take(
        self, shot: Shot, count: int, *, start: int | None = None, zoom: float = 1.0, place: tuple[float, float] = (0.5, 0.5)
    ) -> list[Picture]:
        """`count` frames at the edit's size.

        Args:
            shot: what to take from.
            count: frames.
            start: first frame; None chooses one.
            zoom: how much narrower the crop is than the shot.
            place: of the crop in the shot, 0 to 1 across and down.
        """
        frames = self.frames(shot)
        if start is None:
            start = int(self.rng.integers(max(1, len(frames) - count + 1)))
        return [crop(frames[_there_and_back(start + i, len(frames))], zoom, place) for i in range(count)]


def crop(picture: Picture, zoom: float, place: tuple[float, float]) -> Picture:
    """A part of a picture at the edit's size."""
    height, width = picture.shape[:2]
    w, h = round(width / zoom), round(height / zoom)
    x, y = round((width - w) * place[0]), round((height - h) * place[1])
    return resize(picture[y : y + h, x : x + w], SIZE)


def _there_and_back(index: int, count: int) -> int:
    if count == 1:
        return 0
    index %= 2 * count - 2
    return min(index, 2 * count - 2 - index)


def _decode(path: Path, shot: Shot) -> list[Picture]:
    frames: list[Picture] = []
    with av.open(str(path)) as container:
        for number, frame in enumerate(_readable(container)):
            if number > shot.last or len(frames) == _MAX_FRAMES:
                break
            if number >= shot.first:
                frames.append(_widescreen(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), shot.bars))
    return frames


def _readable(container: InputContainer) -> Iterator[av.VideoFrame]:
    """Frames in order; damaged packets are skipped."""
    for packet in container.demux(container.streams.video[0]):
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            continue


def _widescreen(picture: Picture, bars: float) -> Picture:
    """The middle of a picture in 16:9."""
    height = picture.shape[0]
    picture = picture[round(height * bars) : height - round(height * bars)]
    height, width = picture.shape[:2]
    w, h = min(width, round(height * 16 / 9)), min(height, round(width * 9 / 16))
    x, y = (width - w) // 2, (height - h) // 2
    return resize(picture[y : y + h, x : x + w], _SOURCE)
