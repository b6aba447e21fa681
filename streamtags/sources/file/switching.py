"""A picture that moves to another stream of the same container, as at a change of program or to another PID of a broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet

__all__ = ["PictureSwitch", "alternatives"]

_SILENCE_SECONDS = 1.0  # without a packet of the picture, after which another video stream takes its place
_MAX_PACKETS = 512  # of another stream that are kept; more is not lost, but decides the switch


def alternatives(container: InputContainer, picture: av.VideoStream) -> list[av.VideoStream]:
    """The video streams to which the picture may move: those of a transport or program stream."""
    if container.format.name not in ("mpegts", "mpeg"):
        return []
    return [stream for stream in container.streams.video if stream is not picture and stream.codec_context is not None]


class PictureSwitch:
    """Keeps the packets of other video streams while the picture is silent, and decides when one of them is the picture.

    Args:
        picture: the stream that is read now.
        others: the streams that may follow it.
        lost: packets lost before.

    Attributes:
        lost: packets of a former picture that arrived after the switch; FFmpeg delivers the last ones of a stream only at the end.
    """

    def __init__(self, picture: av.VideoStream, others: Sequence[av.VideoStream], *, lost: int = 0) -> None:
        self.lost = lost
        self._picture = picture
        self._begin = 0  # position of its first packet, in bytes
        self._others = {stream.index: stream for stream in others}
        self._former: set[int] = set()
        self._waiting: dict[int, list[Packet[Any]]] = {}

    @property
    def streams(self) -> list[av.VideoStream]:
        """The streams whose packets must be read in addition to the picture's."""
        return list(self._others.values())

    def see_picture(self, packet: Packet[Any]) -> None:
        """Take note of a packet of the picture: if it follows the packets that wait, the picture has not moved."""
        waiting = next(iter(self._waiting.values()), None)
        if waiting and (packet.pos is None or waiting[0].pos is None or packet.pos > waiting[0].pos):
            self._waiting.clear()

    def add(self, packet: Packet[Any]) -> av.VideoStream | None:
        """Keep a packet of another video stream; return that stream if it is the picture from now on."""
        if packet.pos is not None and packet.pos < self._begin:
            self.lost += 1
            return None
        packets = self._waiting.setdefault(packet.stream_index, [])
        if packets or packet.is_keyframe:
            packets.append(packet)
        elif packet.stream_index in self._former:
            self.lost += 1
        if not packets or packet.dts is None or packets[0].dts is None or packet.time_base is None:
            return None
        seconds = float((packet.dts - packets[0].dts) * packet.time_base)
        return self._others[packet.stream_index] if seconds >= _SILENCE_SECONDS or len(packets) >= _MAX_PACKETS else None

    def at_end(self) -> av.VideoStream | None:
        """The stream with the most packets after the last one of the picture, if there is one."""
        index = max(self._waiting, key=lambda index: len(self._waiting[index]), default=None)
        return None if index is None or not self._waiting[index] else self._others[index]

    def take(self, stream: av.VideoStream) -> list[Packet[Any]]:
        """Make `stream` the picture; return its packets so far."""
        packets = self._waiting.get(stream.index, [])
        self._others[self._picture.index] = self._picture
        self._former.add(self._picture.index)
        del self._others[stream.index]
        self._picture = stream
        self._begin = packets[0].pos or 0 if packets else 0
        self._waiting.clear()
        return packets
