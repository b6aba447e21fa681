"""The sound of a source, decoded in the same pass: 48 kHz float32, one or two channels, in runs of about half a second.

Packets hold about 20 ms each. They are gathered before they are decoded, and what they decode to is gathered before it is resampled:
both cost less per sample that way. `docs/topics/performance.md` has the measurements.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.resampler import AudioResampler

from streamtags.core.model import Sound
from streamtags.sources.file.layouts import has_custom_layout, replace_custom_layout
from streamtags.sources.file.pts import TimeRepair

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.packet import Packet
    from numpy.typing import NDArray

__all__ = ["SOUND_RATE", "SoundReader"]

SOUND_RATE = 48_000
"""Samples a second of every run."""

_RUN_SECONDS = 0.5
_MAX_GATHERED_PACKETS = 32  # of packets that do not say how long they are
_LARGE_PACKET_BYTES = 1 << 16  # a packet of this size is decoded at once, so that gathered packets stay small
_MAX_JITTER_SECONDS = 0.1  # a timestamp that is off by more begins a new run


class SoundReader:
    """Turns the packets of one audio stream into runs of sound.

    Args:
        stream: the audio stream.
        repair: the clock, shared with the picture.

    Attributes:
        skipped: packets and runs that could not be decoded or converted.
        left_out: why nothing is decoded any more; None while it is.
    """

    def __init__(self, stream: av.AudioStream, repair: TimeRepair) -> None:
        self.skipped = 0
        self.left_out: str | None = None
        self._codec = stream.codec_context
        self._time_base = Fraction(stream.time_base or Fraction(1, SOUND_RATE))
        self._repair = repair
        self._gathered = _PacketGatherer(float(self._time_base))
        self._run: _Run | None = None
        self._last_end = Fraction(-(1 << 62))
        if not replace_custom_layout(self._codec):
            self._leave_out()

    def push(self, packet: Packet[Any] | None) -> list[Sound]:
        """Take one packet, None to drain the decoder; return the runs that are complete."""
        if packet is not None and not self._gathered.add(packet):
            return []
        runs = [run for gathered in self._gathered.take() for run in self._decode(gathered)]
        if packet is None:
            runs += self._decode(None)
        # A shorter rest follows a jump in time: it waits until the picture, which a decoder delays, has reported the jump first.
        if self._run is not None and self._run.waiting_samples >= _RUN_SECONDS / 2 * self._run.rate:
            runs += self._convert(self._run, last=False)
        return runs

    def finish(self) -> list[Sound]:
        """The rest when the stream has ended."""
        return self._end_run()

    def _leave_out(self) -> None:
        self.left_out = "the sound is left out: its channel layout is a custom one, which PyAV cannot release safely"
        self._run = None

    def _decode(self, packet: Packet[Any] | None) -> list[Sound]:
        if self.left_out is not None:
            return []
        try:
            frames = self._codec.decode(packet)
        except (av.FFmpegError, ValueError):
            self.skipped += 1
            return []
        if has_custom_layout(frames):
            self._leave_out()
            return []
        return [run for frame in frames if frame.samples and frame.sample_rate for run in self._take(frame)]

    def _take(self, frame: AudioFrame) -> list[Sound]:
        """Gather a frame; return the run before if the frame does not continue it."""
        runs: list[Sound] = []
        if self._run is None or not self._run.continues(frame):
            runs = self._end_run()
            self._run = _Run(frame, self._time_base)
        try:
            self._run.add(frame)
        except (av.FFmpegError, ValueError):
            self._drop_run()
        return runs

    def _end_run(self) -> list[Sound]:
        run, self._run = self._run, None
        return [] if run is None else self._convert(run, last=True)

    def _drop_run(self) -> None:
        """The sound is damaged or cannot be mixed down: count it and begin anew with the next frame."""
        self.skipped += 1
        self._run = None

    def _convert(self, run: _Run, *, last: bool) -> list[Sound]:
        """Everything gathered, as one piece; `last` empties the resampler too."""
        try:
            start, samples = run.convert(self._repair, last=last)
        except (av.FFmpegError, ValueError):
            self._drop_run()
            return []
        return [] if samples is None else self._without_overlap(start, samples)

    def _without_overlap(self, start: Fraction, samples: NDArray[np.float32]) -> list[Sound]:
        """The piece, without the samples that overlap the one before."""
        overlap = self._last_end - start
        if overlap > 0:
            cut = min(samples.shape[1], round(overlap * SOUND_RATE))
            samples, start = samples[:, cut:], self._last_end
        if not samples.shape[1]:
            return []
        if not np.isfinite(samples.sum()):
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        np.clip(samples, -1.0, 1.0, out=samples)  # a downmix or a lossy codec may exceed full scale
        self._last_end = start + Fraction(samples.shape[1], SOUND_RATE)
        return [Sound(start=float(start), samples=samples, rate=SOUND_RATE)]


class _PacketGatherer:
    """Collects packets until they last about half a second.

    Args:
        tick: seconds of one tick of their durations.
    """

    def __init__(self, tick: float) -> None:
        self._tick = tick
        self._packets: list[Packet[Any]] = []
        self._ticks = 0

    def add(self, packet: Packet[Any]) -> bool:
        """Add a packet; return whether the packets are to be decoded now."""
        self._packets.append(packet)
        self._ticks += packet.duration or 0
        is_short = self._ticks * self._tick < _RUN_SECONDS and len(self._packets) < _MAX_GATHERED_PACKETS
        return not is_short or packet.size >= _LARGE_PACKET_BYTES

    def take(self) -> list[Packet[Any]]:
        """Remove and return the packets."""
        packets, self._packets, self._ticks = self._packets, [], 0
        return packets


class _Run:
    """Decoded sound of one format without a jump in time.

    Args:
        frame: its first frame.
        time_base: seconds of one tick of the frames' pts.
    """

    def __init__(self, frame: AudioFrame, time_base: Fraction) -> None:
        self.rate = frame.sample_rate
        self._format = _format_of(frame)
        self._tick = float(time_base)
        self._start = None if frame.pts is None else frame.pts * time_base
        self._start_seconds = float(self._start or 0)
        self._taken = 0  # samples gathered so far
        self._fifo = AudioFifo()
        self._resampler: AudioResampler | None = None
        self._anchor: Fraction | None = None  # repaired time at which the resampler's output begins
        self._given = 0  # samples of that output

    @property
    def waiting_samples(self) -> int:
        """Samples gathered and not converted yet."""
        return self._fifo.samples

    def continues(self, frame: AudioFrame) -> bool:
        """Whether `frame` has the run's format and follows it in time."""
        if _format_of(frame) != self._format:
            return False
        if frame.pts is None:
            return True
        # In floating point: this is done for every 20 ms, and fractions are slow.
        return abs(frame.pts * self._tick - self._start_seconds - self._taken / self.rate) <= _MAX_JITTER_SECONDS

    def add(self, frame: AudioFrame) -> None:
        """Gather a frame."""
        frame.pts = None  # the fifo would require timestamps without a flaw
        self._fifo.write(frame)
        self._taken += frame.samples

    def convert(self, repair: TimeRepair, *, last: bool) -> tuple[Fraction, NDArray[np.float32] | None]:
        """Resample what was gathered; return its start in seconds and its samples, None if there are none yet."""
        gathered = self._fifo.read()
        if gathered is not None:
            self._report(repair, gathered)
            gathered.pts = None
        parts = self._resampled(gathered, last=last)
        start = (self._anchor or Fraction(0)) + Fraction(self._given, SOUND_RATE)
        if not parts:
            return start, None
        samples = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        self._given += samples.shape[1]
        return start, samples

    def _report(self, repair: TimeRepair, gathered: AudioFrame) -> None:
        """Show the clock how far the sound has come; the first time, anchor the run on it."""
        length = Fraction(gathered.samples, gathered.sample_rate)
        if self._anchor is None:
            self._anchor = repair.sound(self._start, length)
        else:
            before = Fraction(self._taken - gathered.samples, gathered.sample_rate)
            repair.sound((self._start or Fraction(0)) + before, length)

    def _resampled(self, gathered: AudioFrame | None, *, last: bool) -> list[NDArray[np.float32]]:
        if self._resampler is None:
            if gathered is None:
                return []
            layout = "mono" if gathered.layout.nb_channels == 1 else "stereo"
            self._resampler = AudioResampler(format="fltp", layout=layout, rate=SOUND_RATE)
        frames = self._resampler.resample(gathered) if gathered is not None else []
        if last:
            frames += [frame for frame in self._resampler.resample(None) if frame is not None]
        return [cast("NDArray[np.float32]", frame.to_ndarray()) for frame in frames]


def _format_of(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate
