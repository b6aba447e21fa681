"""The sound of a source, decoded in the same pass: 48 kHz float32, one or two channels, in runs of about half a second.

Packets, which hold some 20 ms each, are gathered before they are decoded: one after a picture has been decoded costs twice as much as one
after another. What they give is gathered again before it is resampled or turned into an array, because Python's cost is per call.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.resampler import AudioResampler

from streamtags.core.model import Sound
from streamtags.sources.file.pts import TimeRepair

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.packet import Packet
    from numpy.typing import NDArray

__all__ = ["SOUND_RATE", "SoundReader"]

SOUND_RATE = 48_000
_RUN_SECONDS = 0.5
_RUN_PACKETS = 32  # at most, if they do not say how long they are
_LARGE_PACKET = 1 << 16  # bytes; one of so many is decoded at once, so that what is gathered stays small
_JITTER_SECONDS = 0.1  # timestamps of sound are believed again only when they are off by more


class SoundReader:
    """Turns the packets of one audio stream into runs of sound.

    Args:
        stream: the audio stream.
        repair: the clock, shared with the picture.

    Attributes:
        skipped: packets that could not be decoded.
    """

    def __init__(self, stream: av.AudioStream, repair: TimeRepair) -> None:
        self.skipped = 0
        self._time_base = Fraction(stream.time_base or Fraction(1, SOUND_RATE))
        self._tick = float(self._time_base)
        self._codec = stream.codec_context
        self._repair = repair
        self._packets: list[Packet[Any]] = []  # of the next run
        self._ticks = 0  # how long they say they are
        self._fifo: AudioFifo | None = None
        self._resampler: AudioResampler | None = None
        self._rate = SOUND_RATE  # of what was gathered
        self._shape: tuple[str, str, int] | None = None
        self._pending: Fraction | None = None  # raw time at which what was gathered since the last tear begins
        self._began = 0.0  # the same, 0 if unknown
        self._taken: int | None = None  # samples since then; None: nothing yet
        self._begun = False
        self._anchor = Fraction(0)  # where the resampler's output begins
        self._given = 0  # samples of that output
        self._last_end = Fraction(-(1 << 62))

    def push(self, packet: Packet[Any] | None) -> list[Sound]:
        """Take one packet, None to drain the decoder; return the runs that are complete."""
        if packet is not None:
            self._packets.append(packet)
            self._ticks += packet.duration or 0
            short = self._ticks * self._tick < _RUN_SECONDS and len(self._packets) < _RUN_PACKETS
            if short and packet.size < _LARGE_PACKET:
                return []
        runs = [run for held in self._packets for run in self._decode(held)]
        self._packets.clear()
        self._ticks = 0
        if packet is None:
            runs += self._decode(None)
        # Less is what came after a tear: it waits, so that the picture, which a decoder holds back, finds the tear first.
        if self._fifo is not None and self._fifo.samples >= _RUN_SECONDS / 2 * self._rate:
            runs += self._drain(last=False)
        return runs

    def finish(self) -> list[Sound]:
        """What is left when the stream has ended."""
        return self._end_run()

    def _decode(self, packet: Packet[Any] | None) -> list[Sound]:
        try:
            frames = self._codec.decode(packet)
        except (av.FFmpegError, ValueError):
            self.skipped += 1
            return []
        return [run for frame in frames if frame.samples and frame.sample_rate for run in self._take(frame)]

    def _take(self, frame: AudioFrame) -> list[Sound]:
        """Gather a frame; return what was gathered before if it does not follow that."""
        runs: list[Sound] = []
        rate = frame.sample_rate
        shape = (frame.format.name, frame.layout.name, rate)
        pts = frame.pts
        # In floating point, because this is done for every 20 ms and fractions are slow.
        torn = pts is not None and self._taken is not None and abs(pts * self._tick - self._began - self._taken / rate) > _JITTER_SECONDS
        if torn or shape != self._shape:
            runs += self._end_run()
            self._shape, self._rate = shape, rate
            self._taken = None
        if self._fifo is None:
            self._fifo = AudioFifo()
        if self._taken is None:
            self._pending = None if pts is None else pts * self._time_base
            self._began, self._taken = float(self._pending or 0), 0
            self._begun = False
        frame.pts = None  # the fifo would insist on timestamps without a flaw
        self._fifo.write(frame)
        self._taken += frame.samples
        return runs

    def _end_run(self) -> list[Sound]:
        if self._shape is None:
            return []
        runs = self._drain(last=True)
        self._fifo = self._resampler = None
        return runs

    def _drain(self, *, last: bool) -> list[Sound]:
        """Everything gathered, as one run; `last` empties the resampler too."""
        if self._shape is None or self._fifo is None:
            return []
        gathered = self._fifo.read()
        if gathered is not None:
            length = Fraction(gathered.samples, gathered.sample_rate)
            if not self._begun:
                self._anchor = self._repair.sound(self._pending, length)
                self._given = 0
                self._begun = True
            elif self._taken is not None:
                before = Fraction(self._taken - gathered.samples, gathered.sample_rate)
                self._repair.sound((self._pending or Fraction(0)) + before, length)
            gathered.pts = None
        parts = self._converted(gathered, last=last)
        if not parts:
            return []
        samples = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        start = self._anchor + Fraction(self._given, SOUND_RATE)
        self._given += samples.shape[1]
        return self._sound(start, samples)

    def _converted(self, gathered: AudioFrame | None, *, last: bool) -> list[NDArray[np.float32]]:
        layout = "mono" if gathered is not None and gathered.layout.nb_channels == 1 else "stereo"
        if self._resampler is None:
            if gathered is None:
                return []
            self._resampler = AudioResampler(format="fltp", layout=layout, rate=SOUND_RATE)
        frames = self._resampler.resample(gathered) if gathered is not None else []
        if last:
            frames += [frame for frame in self._resampler.resample(None) if frame is not None]
        return [cast("NDArray[np.float32]", frame.to_ndarray()) for frame in frames]

    def _sound(self, start: Fraction, samples: NDArray[np.float32]) -> list[Sound]:
        """The run, without what overlaps the one before."""
        overlap = self._last_end - start
        if overlap > 0:
            cut = min(samples.shape[1], round(overlap * SOUND_RATE))
            samples, start = samples[:, cut:], self._last_end
        if not samples.shape[1]:
            return []
        if not np.isfinite(samples.sum()):
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        np.clip(samples, -1.0, 1.0, out=samples)  # a downmix or a lossy codec may overshoot
        self._last_end = start + Fraction(samples.shape[1], SOUND_RATE)
        return [Sound(start=float(start), samples=samples, rate=SOUND_RATE)]
