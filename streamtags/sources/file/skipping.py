"""Frame skipping: frames that no other frame is predicted from need not be decoded where little happens.

In an H.264 film with B-frames a third or more of the frames are *disposable*: they are predicted from others and none from them. They are
skipped, at most one between two decoded frames, except

- near the beginning of something new. Frames predicted from a later *anchor* follow it in decoding order, so the anchor is known before
  them. An anchor that can be predicted badly is large, or small where a plain picture begins; then everything around it is decoded, as
  around keyframes. So is a disposable frame that is large itself, or small: that one repeats another and costs little;
- where much moves, so that two successive pictures have little in common;
- where a packet does not look intact, and after any decoding error: what a decoder cannot decode gets no number, so a frame may only be
  skipped if decoding it would succeed.

A skipped frame keeps its number and its pts. Its picture is the mean of its neighbors, and fingerprints compare it with the tolerance
that this implies (`streamtags.stages.measure.fingerprint`). Where the neighbors have nothing in common, a shot may begin with the skipped
frame or with the one after it: it is decoded after all, from the packets since the keyframe. `docs/topics/ingest.md` shows what is lost.
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

__all__ = ["FrameSkipper", "frame_skipper"]

_LARGE, _SMALL = 1.5, 0.2  # times the usual size of an anchor's packet
_DISPOSABLE_LARGE, _DISPOSABLE_SMALL = 2.3, 0.4  # times the usual size of a disposable frame's packet
_USUAL_PACKETS = 12  # packets that define the usual size
_MIN_PACKETS = 3  # packets before which no size is usual
_BUSY_ANCHORS = 2  # anchors around which everything is decoded after two pictures that had little in common
_MAX_CALM_CHANGE = 22.0  # mean difference of two pictures, in code values, up to which the frame between them may be skipped
_MAX_MEAN_CHANGE = 37.0  # the same, above which a skipped frame shows the picture before it instead of the mean
_MAX_KEPT_BYTES = 16 << 20  # of the packets after a keyframe; of a larger group nothing is decoded after all
_LATE_PACKETS, _LATE_SHARE = 300, 0.05  # packets that may be decoded twice: so many, and this share of all


class FrameSkipper:
    """Sets the decoder to skip some packets, and remembers when their frames are shown.

    Args:
        codec: the decoder of an H.264 stream whose packets contain one frame each.
        length_bytes: bytes of the length before each NAL unit.
    """

    def __init__(self, codec: av.VideoCodecContext, length_bytes: int) -> None:
        self._codec = codec
        self._length_bytes = length_bytes
        self._stopped = False
        self._sizes = _UsualSizes()
        self._newest: int | None = None  # pts of the latest anchor
        self._busy = 0  # coming anchors around which everything is decoded
        self._decode_all = True  # until the next anchor
        self._last_skipped: int | None = None  # pts
        self._decoded: deque[int] = deque(maxlen=_USUAL_PACKETS)  # pts of frames that were not skipped
        self._skipped: list[tuple[int, int]] = []  # a heap of (pts, duration)
        self._packets = _KeptPackets(codec)

    def stop(self) -> None:
        """Decode every frame from now on: the stream is damaged."""
        self._stopped = True
        self._packets.clear()

    def see(self, packet: Packet[Any]) -> None:
        """Look at the next packet before the decoder gets it."""
        pts = packet.pts
        if pts is None or self._stopped:
            self._set_decoder(skip=False)
            return
        self._packets.add(packet)
        if self._newest is None or pts > self._newest:
            self._newest = pts
            self._busy = max(0, self._busy - 1)
            self._decode_all = packet.is_keyframe or self._busy > 0 or not self._sizes.is_usual_anchor(packet.size)
            if not packet.is_keyframe:
                self._sizes.add_anchor(packet.size)
        skip = self._is_needless(packet, pts)
        self._set_decoder(skip=skip)
        if skip:
            self._last_skipped = pts
            heappush(self._skipped, (pts, packet.duration or 0))
        else:
            self._decoded.append(pts)

    def decode_late(self, pts: int, before: Picture, after: Picture) -> av.VideoFrame | None:
        """Decode the skipped frame at `pts` if the pictures on its sides have nothing in common; None if they have, or it is too late."""
        return self._packets.picture(pts) if _change(before, after) > _MAX_MEAN_CHANGE else None

    def between(self, before: Picture, after: Picture) -> Picture:
        """The picture to show between two pictures: their mean, or the first one again if they have nothing in common."""
        if self.compare(before, after) > _MAX_MEAN_CHANGE:
            return before
        return np.asarray(cv2.addWeighted(before, 0.5, after, 0.5, 0.0), np.uint8)

    def compare(self, before: Picture, after: Picture) -> float:
        """Compare two successive pictures; if they have little in common, the frames that follow are decoded.

        Returns:
            Their mean difference in code values.
        """
        change = _change(before, after)
        if change > _MAX_CALM_CHANGE:
            self._busy = _BUSY_ANCHORS
        return change

    def take(self, after: int | None, before: int | None) -> list[tuple[int, int]]:
        """Remove the frames skipped before pts `before`; return (pts, duration) of those that come after pts `after`, in order."""
        skipped = []
        while self._skipped and (before is None or self._skipped[0][0] < before):
            pts, duration = heappop(self._skipped)
            if after is not None and pts > after:
                skipped.append((pts, duration))
        return skipped

    def _is_needless(self, packet: Packet[Any], pts: int) -> bool:
        """Whether the packet need not be decoded."""
        data = memoryview(packet)
        return (
            is_disposable(data, self._length_bytes)
            and not packet.is_discard
            and not packet.is_corrupt
            and self._sizes.is_usual_disposable(packet.size)
            and not self._decode_all
            and self._stands_alone(pts)
            and is_intact(data, self._length_bytes)
        )

    def _stands_alone(self, pts: int) -> bool:
        """Whether a decoded frame is shown between the last skipped one and the one at `pts`."""
        last = self._last_skipped
        return last is None or pts < last or any(last < other < pts for other in self._decoded)

    def _set_decoder(self, *, skip: bool) -> None:
        wanted: Literal["NONREF", "DEFAULT"] = "NONREF" if skip else "DEFAULT"
        if self._codec.skip_frame != wanted:
            self._codec.skip_frame = wanted


class _KeptPackets:
    """The packets since the last keyframe but one, from which a frame that was skipped can be decoded after all.

    Args:
        codec: the decoder of the stream.
    """

    def __init__(self, codec: av.VideoCodecContext) -> None:
        self._codec = codec
        self._groups: deque[list[Packet[Any]]] = deque(maxlen=2)
        self._bytes = 0  # of the latest group
        self._left = float(_LATE_PACKETS)

    def clear(self) -> None:
        """Keep nothing."""
        self._groups.clear()

    def add(self, packet: Packet[Any]) -> None:
        """Keep a packet, unless those since the keyframe are too many bytes."""
        self._left += _LATE_SHARE
        if packet.is_keyframe:
            self._groups.append([])
            self._bytes = 0
        self._bytes += packet.size
        if self._bytes > _MAX_KEPT_BYTES:
            self.clear()
        elif self._groups:
            self._groups[-1].append(packet)

    def picture(self, pts: int) -> av.VideoFrame | None:
        """Decode the frame at `pts` by a decoder of its own, with those that it is predicted from; None if it is not kept."""
        group = next((group for group in self._groups if any(packet.pts == pts for packet in group)), [])
        if not group or self._left < len(group):
            return None
        self._left -= len(group)
        codec = av.CodecContext.create("h264", "r")
        codec.extradata, codec.thread_count = self._codec.extradata, 1
        try:
            for packet in [*group, None]:
                codec.skip_frame = "DEFAULT" if packet is None or packet.pts == pts else "NONREF"
                for frame in codec.decode(packet):
                    if frame.pts == pts:
                        return frame
        except (av.FFmpegError, ValueError):
            return None
        return None


class _UsualSizes:
    """Sizes of the latest packets, by which unusual ones are recognized."""

    def __init__(self) -> None:
        self._anchors: deque[int] = deque(maxlen=_USUAL_PACKETS)
        self._disposable: deque[int] = deque(maxlen=_MIN_PACKETS)

    def add_anchor(self, size: int) -> None:
        self._anchors.append(size)

    def is_usual_anchor(self, size: int) -> bool:
        """Whether an anchor is about as large as most of late, or as the last one, since a new shot began."""
        if len(self._anchors) < _MIN_PACKETS:
            return False
        median, last = sorted(self._anchors)[len(self._anchors) // 2], self._anchors[-1]
        return _SMALL * min(median, last) <= size <= _LARGE * max(median, last)

    def is_usual_disposable(self, size: int) -> bool:
        """Whether a disposable frame is about as large as the latest ones; counts it among them."""
        full = len(self._disposable) == _MIN_PACKETS
        usual = sorted(self._disposable)[_MIN_PACKETS // 2] if full else 0
        self._disposable.append(size)
        return _DISPOSABLE_SMALL * usual <= size <= _DISPOSABLE_LARGE * usual


_MAX_UNITS = 64  # NAL units of a packet that are examined; one with more is decoded
_SLICE, _KEY_SLICE = 1, 5  # NAL unit types, ITU-T H.264 table 7-1
_B_SLICES = (1, 6)  # slice_type, table 7-6
_FORBIDDEN_BIT = 0x80
_HEADER_BYTES = 8  # of a slice header, enough for its first two numbers


def is_disposable(data: memoryview, length_bytes: int) -> bool:
    """Whether no other frame is predicted from a packet: nal_ref_idc of its first slice is 0 (ITU-T H.264, 7.4.1)."""
    at = 0
    for _ in range(_MAX_UNITS):
        if at + length_bytes >= len(data):
            return False
        header = data[at + length_bytes]
        if header & 31 in (_SLICE, _KEY_SLICE):
            return header >> 5 & 3 == 0
        at += length_bytes + int.from_bytes(data[at : at + length_bytes], "big")
    return False


def is_intact(data: memoryview, length_bytes: int) -> bool:
    """Whether a disposable packet can be decoded as far as its headers show.

    Its NAL units must fill it exactly, and its slices must be B-slices of which the first begins with the first macroblock.
    """
    at, slices = 0, 0
    for _ in range(_MAX_UNITS):
        if at == len(data):
            return slices > 0
        begin = at + length_bytes
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > len(data) or at - begin < 2 or data[begin] & _FORBIDDEN_BIT:
            return False
        kind = data[begin] & 31
        if kind == _KEY_SLICE or (kind == _SLICE and not _is_b_slice(data[begin + 1 : begin + 1 + _HEADER_BYTES], first=slices == 0)):
            return False
        slices += kind == _SLICE
    return False


def _is_b_slice(header: memoryview, *, first: bool) -> bool:
    """Whether a slice header begins with a plausible first_mb_in_slice and the slice_type of a B-slice (ITU-T H.264, 7.3.3)."""
    bits = int.from_bytes(header, "big")
    left = 8 * len(header)
    macroblock, left = _exp_golomb(bits, left)
    if macroblock is None or (first and macroblock):
        return False
    kind, _ = _exp_golomb(bits & ((1 << left) - 1), left)
    return kind in _B_SLICES


def _exp_golomb(bits: int, left: int) -> tuple[int | None, int]:
    """The first unsigned Exp-Golomb number (ITU-T H.264, 9.1) of the lowest `left` bits, and the bits left after it."""
    zeros = left - bits.bit_length()
    after = left - 2 * zeros - 1
    return (None, 0) if after < 0 else ((bits >> after) - 1, after)


def frame_skipper(stream: av.VideoStream) -> FrameSkipper | None:
    """A skipper for `stream`; None if it is not H.264, or its packets have no lengths, as in a broadcast."""
    codec = stream.codec_context
    configuration = codec.extradata
    if codec.name != "h264" or configuration is None or len(configuration) < 7 or configuration[0] != 1:
        return None
    return FrameSkipper(codec, (configuration[4] & 3) + 1)  # ISO/IEC 14496-15, 5.3.3.1


def _change(before: Picture, after: Picture) -> float:
    """Mean difference in code values."""
    return cv2.norm(before, after, cv2.NORM_L1) / before.size if before.shape == after.shape else inf
