"""The grid that sound is measured on: blocks of 100 ms for filtering, ticks of 10 ms for the features that are kept.

Filters run by overlap-save (Oppenheim & Schafer, Discrete-Time Signal Processing, section 8.7.3): the spectrum of the present block
and the 50 ms before it is multiplied by a filter's response, and the end of what comes back is what the filter gives for the present
block, provided the filter has died away within 50 ms. One forward transform serves every filter. Each block goes
through transforms of one fixed shape, so the result never depends on the pieces in which the sound arrived. They are OpenCV's, which take
a quarter of the time of NumPy's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import Sound

__all__ = ["BLOCK", "PAST", "RATE", "SPAN", "TICK", "TICKS", "TICKS_PER_SECOND", "Block", "Floats", "Grid", "filtered", "spectrum"]

RATE: Final = 48_000
"""Samples a second of all sound that is measured."""
TICK: Final = 480
"""Samples of one tick, 10 ms."""
BLOCK: Final = 4_800
"""Samples of one block, 100 ms."""
PAST: Final = 2_400
"""Samples before a block that filters look back on, 50 ms."""
SPAN: Final = PAST + BLOCK
"""Samples of a block with its past; of small factors, for the transform."""
TICKS: Final = BLOCK // TICK
"""Ticks of one block."""
TICKS_PER_SECOND: Final = RATE // TICK

_JITTER: Final = RATE // 50  # 20 ms: containers round timestamps to a millisecond or a packet; less than this is no gap
_CEILING: Final = 8.0  # +18 dBFS; float sound may exceed full scale, and a broken file may hold anything

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Block:
    """A full block.

    Attributes:
        index: blocks between second 0 and this one; negative before it.
        span: float32 [channels, SPAN], finite: the past and this block.
        follows: the block before this one was the last one given; if not, sound was missing and its past is zero.
    """

    index: int
    span: Floats
    follows: bool


def spectrum(rows: Floats) -> Floats:
    """Spectra of spans or frames [..., even n], packed as float32 [..., n]: Re 0, Re 1, Im 1, ..., Re n/2."""
    flat = cv2.dft(rows.reshape(-1, rows.shape[-1]), flags=cv2.DFT_ROWS)
    return np.asarray(flat, dtype=np.float32).reshape(rows.shape)


def filtered(spectra: Floats, response: NDArray[np.complex64]) -> Floats:
    """What a filter of `response` [n/2 + 1] makes of each row: float32 [rows, n], from `spectra` [rows, n] as `spectrum` packs them."""
    product, last = np.empty_like(spectra), spectra.shape[1] - 1
    product[:, ::last] = spectra[:, ::last] * response.real[:: last // 2 + 1]
    np.multiply(spectra[:, 1:-1].view(np.complex64), response[1:-1], out=product[:, 1:-1].view(np.complex64))
    return np.asarray(cv2.dft(product, flags=cv2.DFT_ROWS | cv2.DFT_INVERSE | cv2.DFT_SCALE), dtype=np.float32)


class Grid:
    """Lays pieces of sound on blocks.

    A piece that starts within 20 ms of where the last one ended follows it without a gap. What overlaps sound already taken is left out.
    Blocks without any sound are not given; in one that is broken by a gap, what is missing is zero. Channels are those of the first
    piece: a later mono piece fills both of two, a later stereo piece is averaged into one.
    """

    def __init__(self) -> None:
        self._span = np.zeros((0, SPAN), dtype=np.float32)  # no channels: nothing was taken yet
        self._index = 0
        self._fill = 0  # samples of the present block
        self._clock = 0  # sample at which the next piece is due, by the source's own clock
        self._follows = False

    def push(self, sound: Sound) -> Iterator[Block]:
        """Take a piece of sound and give the blocks it fills; to be iterated to the end.

        Raises:
            ValueError: not [1 or 2, n] at 48 kHz.
        """
        samples, at = sound.samples, round(sound.start * RATE)
        if sound.rate != RATE or samples.ndim != 2 or samples.shape[0] not in (1, 2):
            raise ValueError(f"sound must be [1 or 2, n] at {RATE} Hz, not {list(samples.shape)} at {sound.rate} Hz")
        if not len(self._span):
            self._span = np.zeros((len(samples), SPAN), dtype=np.float32)
            self._index, self._clock = at // BLOCK, at
        if len(samples) > len(self._span):
            samples = samples.mean(axis=0, keepdims=True)
        if abs(at - self._clock) <= _JITTER:
            at = self._clock
        self._clock = at + samples.shape[1]
        overlap = max(0, self._index * BLOCK + self._fill - at)
        samples, at = samples[:, overlap:], at + overlap
        if samples.shape[1]:
            yield from self._seek(at)
            yield from self._append(samples)

    def _seek(self, at: int) -> Iterator[Block]:
        """Be ready to append at sample `at`, which is not before the present one."""
        index, fill = divmod(at, BLOCK)
        if index != self._index and self._fill:
            yield self._finish()
        if index != self._index:
            self._span[:] = 0.0
            self._index, self._follows = index, False
        self._fill = fill

    def _append(self, samples: Floats) -> Iterator[Block]:
        while samples.shape[1]:
            part = samples[:, : BLOCK - self._fill]
            begin = PAST + self._fill
            self._fill += part.shape[1]
            self._span[:, begin : PAST + self._fill] = part
            samples = samples[:, part.shape[1] :]
            if self._fill == BLOCK:
                yield self._finish()

    def _finish(self) -> Block:
        fresh = self._span[:, PAST:]
        if not np.abs(fresh).max() <= _CEILING:  # NaN compares false
            fresh[:] = np.clip(np.nan_to_num(fresh), -_CEILING, _CEILING)
        block = Block(self._index, self._span, self._follows)
        self._span = np.concatenate((fresh[:, -PAST:], np.zeros_like(fresh)), axis=1)
        self._index, self._fill, self._follows = self._index + 1, 0, True
        return block
