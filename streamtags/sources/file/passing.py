"""Frames that need not be decoded: those that no other frame is drawn from, where little happens.

Of an H.264 film with B-frames a third or more are drawn from others and none from them. They are passed over, one between two that are
decoded at most, except

- where something new begins. The frames drawn from a later one follow it in order of decoding, so that this *anchor* is known before
  them; where it has little to be drawn from itself it is large, or small where a plain picture begins, and then all that lies around it
  is decoded, as around keyframes; so is a frame that is large itself, or small, which repeats another and costs little;
- where much moves, so that two pictures in turn have little in common.

What is passed over keeps its number and its pts; its picture is the mean of its neighbors, and fingerprints hold against it only what
both say (`streamtags.stages.measure.fingerprint`). `docs/topics/ingest.md` has what is lost.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from math import inf
from typing import Any, Literal

import av
import cv2
import numpy as np
from av.packet import Packet

from streamtags.core.model import Picture

__all__ = ["Passing", "passing"]

_LARGE, _SMALL = 1.5, 0.2  # times the usual size of an anchor's packet
_TALL, _TINY = 2.3, 0.4  # times the usual size of a disposable frame's
_USUAL = 12  # packets that say what is usual
_FEWEST = 3  # before so many nothing is usual yet
_UNITS = 64  # of a packet that are looked at for its first slice
_SLICE, _KEY_SLICE = 1, 5  # NAL unit types, ITU-T H.264 table 7-1
_BUSY = 2  # anchors around which everything is decoded after pictures that had little in common
_CALM = 22.0  # mean difference of two pictures in code values up to which what lies between them is not worth decoding
_ALIKE = 37.0  # the same above which what lies between them is not their mean


class Passing:
    """Tells the decoder which packets to pass over, and remembers when their frames are shown.

    Args:
        codec: the decoder of an H.264 stream whose packets hold one frame each.
        length_bytes: how many bytes say the length of a NAL unit.
    """

    def __init__(self, codec: av.VideoCodecContext, length_bytes: int) -> None:
        self._codec = codec
        self._length_bytes = length_bytes
        self._anchors: deque[int] = deque(maxlen=_USUAL)  # sizes
        self._disposable: deque[int] = deque(maxlen=_FEWEST)  # sizes
        self._newest: int | None = None  # pts of the anchor
        self._busy = 0  # anchors to come, around which everything is decoded
        self._whole = True  # everything is decoded until the next anchor
        self._last: int | None = None  # pts of the frame passed over last
        self._decoded: deque[int] = deque(maxlen=_USUAL)  # pts of frames that were not
        self._passed: list[tuple[int, int]] = []  # a heap of (pts, duration)

    def see(self, packet: Packet[Any]) -> None:
        """Look at the next packet before the decoder gets it."""
        pts = packet.pts
        if pts is None:
            self._tell(skip=False)
            return
        if self._newest is None or pts > self._newest:
            self._newest = pts
            self._busy = max(0, self._busy - 1)
            self._whole = packet.is_keyframe or self._busy > 0 or not self._is_usual_anchor(packet.size)
            if not packet.is_keyframe:
                self._anchors.append(packet.size)
        skip = self._is_disposable(packet) and not packet.is_discard and self._is_usual(packet.size) and self._stands_alone(pts)
        self._tell(skip=skip)
        if skip:
            self._last = pts
            heappush(self._passed, (pts, packet.duration or 0))
        else:
            self._decoded.append(pts)

    def _is_usual_anchor(self, size: int) -> bool:
        """Whether an anchor of so many bytes tells of nothing new: as large as most of late, or as the last one, since a new shot began."""
        if len(self._anchors) < _FEWEST:
            return False
        late, last = sorted(self._anchors)[len(self._anchors) // 2], self._anchors[-1]
        return _SMALL * min(late, last) <= size <= _LARGE * max(late, last)

    def _is_usual(self, size: int) -> bool:
        """Whether a disposable frame of so many bytes tells of nothing new."""
        usual = sorted(self._disposable)[_FEWEST // 2] if len(self._disposable) == _FEWEST else 0
        self._disposable.append(size)
        return not self._whole and _TINY * usual <= size <= _TALL * usual

    def _stands_alone(self, pts: int) -> bool:
        """Whether a frame that is decoded is shown between the last one passed over and the one at `pts`."""
        return self._last is None or pts < self._last or any(self._last < other < pts for other in self._decoded)

    def between(self, before: Picture, after: Picture) -> Picture:
        """What to show between two pictures: their mean, or the first again if they have nothing in common."""
        change = self.follow(before, after)
        if change > _ALIKE:
            return before
        return np.asarray(cv2.addWeighted(before, 0.5, after, 0.5, 0.0), np.uint8)

    def follow(self, before: Picture, after: Picture) -> float:
        """Look at two pictures in turn; where they have little in common, what comes next is worth decoding.

        Returns:
            Their mean difference in code values.
        """
        change = _change(before, after)
        if change > _CALM:
            self._busy = _BUSY
        return change

    def due(self, after: int | None, before: int | None) -> list[tuple[int, int]]:
        """(pts, duration) of the frames passed over between the pictures shown at these pts, in order; those further back are forgotten."""
        found = []
        while self._passed and (before is None or self._passed[0][0] < before):
            pts, duration = heappop(self._passed)
            if after is not None and pts > after:
                found.append((pts, duration))
        return found

    def _tell(self, *, skip: bool) -> None:
        wanted: Literal["NONREF", "DEFAULT"] = "NONREF" if skip else "DEFAULT"
        if self._codec.skip_frame != wanted:
            self._codec.skip_frame = wanted

    def _is_disposable(self, packet: Packet[Any]) -> bool:
        """Whether no other frame is drawn from this one: nal_ref_idc of its first slice is 0 (ITU-T H.264, 7.4.1)."""
        data = memoryview(packet)
        at, prefix = 0, self._length_bytes
        for _ in range(_UNITS):
            if at + prefix >= len(data):
                return False
            header = data[at + prefix]
            if header & 31 in (_SLICE, _KEY_SLICE):
                return header >> 5 & 3 == 0
            at += prefix + int.from_bytes(data[at : at + prefix], "big")
        return False


def passing(stream: av.VideoStream) -> Passing | None:
    """What may be passed over of `stream`; None where that cannot be told: not H.264, or packets without lengths, as in a broadcast."""
    codec = stream.codec_context
    configuration = codec.extradata
    if codec.name != "h264" or configuration is None or len(configuration) < 7 or configuration[0] != 1:
        return None
    return Passing(codec, (configuration[4] & 3) + 1)  # ISO/IEC 14496-15, 5.3.3.1


def _change(before: Picture, after: Picture) -> float:
    """Mean difference in code values."""
    return cv2.norm(before, after, cv2.NORM_L1) / before.size if before.shape == after.shape else inf
