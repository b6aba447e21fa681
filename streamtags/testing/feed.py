"""Sends a film in real time, as a camera or an encoder does: `python -m streamtags.testing.feed FILM URL`.

The module imports nothing of streamtags, so that it starts quickly.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av.packet import Packet

__all__ = ["Feeder", "feed"]

_MPEGTS_DATAGRAM = "1316"  # seven packets of 188 bytes: what fits into one Ethernet frame
_FORMATS = {"rtmp": "flv", "udp": "mpegts", "tcp": "mpegts", "pipe": "mpegts"}


def feed(
    film: str | Path, target: str, *, seconds: float | None = None, start: float = 0.0, clock: float = 0.0, options: Sequence[str] = ()
) -> int:
    """Send `film` in a loop until `seconds` have passed (once if None), each packet when it is due.

    Args:
        film: a file.
        target: a URL (rtmp, udp, tcp), `pipe:1`, or a file that grows.
        seconds: how long to send.
        start: position in the film to begin at, in seconds; the next keyframe is used.
        clock: the sender's clock at the beginning, in seconds.
        options: options of the muxer, KEY=VALUE.

    Returns:
        The number of pictures that were sent.
    """
    scheme = target.partition(":")[0]
    if scheme == "udp" and "pkt_size" not in target:
        target += f"{'&' if '?' in target else '?'}pkt_size={_MPEGTS_DATAGRAM}"
    given = {"flush_packets": "1", **dict(option.split("=", 1) for option in options)}
    sent = 0
    with av.open(target, "w", format=_FORMATS.get(scheme), options=given) as out:
        packets, length = _packets(str(film), start)
        with av.open(str(film)) as source:
            streams = {one.index: out.add_stream_from_template(one) for one in source.streams if one.type in ("video", "audio")}
            began = time.time()
            sys.stderr.write(f"{began}\n")
            sys.stderr.flush()
            for turn in range(1 if seconds is None else 1 + int(seconds / length)):
                for packet in packets:
                    due = packet.due + turn * length
                    if seconds is not None and due >= seconds:
                        return sent
                    time.sleep(max(0.0, began + due - time.time()))
                    out.mux(packet.made(streams[packet.stream], clock + turn * length - start))
                    sent += packet.picture
    return sent


@dataclass(frozen=True)
class _Packet:
    stream: int
    picture: bool
    data: bytes
    keyframe: bool
    base: Fraction
    pts: int
    dts: int
    duration: int
    due: float  # seconds from the beginning

    def made(self, stream: av.stream.Stream, later: float) -> Packet[Any]:
        """Return the packet for `stream`, shifted by `later` seconds."""
        packet: Packet[Any] = Packet(self.data)
        ticks = round(Fraction(later) / self.base)
        packet.stream, packet.time_base = stream, self.base
        packet.pts, packet.dts, packet.duration = self.pts + ticks, self.dts + ticks, self.duration
        packet.is_keyframe = self.keyframe
        return packet


def _packets(film: str, start: float) -> tuple[list[_Packet], float]:
    """Return the packets in order, and their total duration in seconds."""
    packets: list[_Packet] = []
    length = 0.0
    begun = start == 0
    with av.open(film) as source:
        for packet in source.demux([one for one in source.streams if one.type in ("video", "audio")]):
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            base, picture = Fraction(packet.time_base), packet.stream.type == "video"
            begun = begun or (picture and packet.is_keyframe and packet.pts * base >= start)
            if begun:
                due, data = float(packet.dts * base) - start, bytes(packet)
                duration = packet.duration or 0
                packets.append(_Packet(packet.stream.index, picture, data, packet.is_keyframe, base, packet.pts, packet.dts, duration, due))
                length = max(length, float((packet.pts + duration) * base) - start)
    return packets, length - min(0.0, *(packet.due for packet in packets))  # decoding times must rise across repetitions


class Feeder:
    """`feed` in a process of its own, which can be killed.

    Attributes:
        began: when the first packet was sent, on the clock of `time.time`; for a connecting protocol, when a receiver had connected.
    """

    def __init__(
        self, film: Path, target: str, *, seconds: float | None = None, start: float = 0.0, clock: float = 0.0, options: Sequence[str] = ()
    ) -> None:
        words = [sys.executable, __file__, str(film), target, "--start", str(start), "--clock", str(clock), "--option", *options]
        words += [] if seconds is None else ["--seconds", str(seconds)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.began = self._read_began()

    def _read_began(self) -> float:
        line = self._process.stderr.readline() if self._process.stderr is not None else b""
        try:
            return float(line)
        except ValueError:
            rest = self._process.communicate()[1]
            raise RuntimeError(f"the feeder did not begin: {(line + rest).decode()[-500:]}") from None

    def wait(self) -> int:
        """Wait until everything is sent; return the number of pictures."""
        out, error = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(f"the feeder failed: {error.decode()[-500:]}")
        return int(out)

    def cut(self) -> None:
        """Kill the process, without any message to the receiver."""
        self._process.kill()
        self._process.communicate()  # which closes the pipes too

    def __enter__(self) -> Feeder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.returncode is None:
            self.cut()


def main() -> None:
    """Send the film and print the number of pictures."""
    parser = argparse.ArgumentParser(prog="python -m streamtags.testing.feed", description="send a film at its own speed")
    parser.add_argument("film", metavar="FILM")
    parser.add_argument("target", metavar="URL", help="rtmp, udp or tcp URL, pipe:1, or a file that grows")
    parser.add_argument("--seconds", type=float, help="how long to send, in a loop (default: once)")
    parser.add_argument("--start", type=float, default=0.0, help="position in the film to begin at, in seconds")
    parser.add_argument("--clock", type=float, default=0.0, help="the sender's clock at the beginning, in seconds")
    parser.add_argument("--option", nargs="*", default=[], metavar="KEY=VALUE", help="options of the muxer")
    args = parser.parse_args()
    sent = feed(args.film, args.target, seconds=args.seconds, start=args.start, clock=args.clock, options=args.option)
    sys.stdout.write(f"{sent}\n")


if __name__ == "__main__":
    main()
