"""Loudness by ITU-R BS.1770-4: K-weighting, mean square, gating. Measured per tick of 10 ms, summed up per segment."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamtags.stages.measure.blocks import PAST, SPAN, TICK, TICKS, TICKS_PER_SECOND, Floats, filtered

__all__ = ["integrated", "k_power", "max_momentary", "silence_share"]

# ITU-R BS.1770-4, annex 1, tables 1 and 2: the two stages of K-weighting at 48 kHz, (b, a) each.
_SHELF: Final = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS: Final = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))

_OFFSET: Final = -0.691  # BS.1770-4, equation 2: makes a 997 Hz full-scale sine in one channel read -3.01 LUFS
_ABSOLUTE_GATE: Final = -70.0  # LUFS, BS.1770-4, equation 6
_RELATIVE_GATE: Final = -10.0  # LU below the absolutely gated loudness, BS.1770-4, equation 7
_WINDOW: Final = 2 * TICKS_PER_SECOND // 5  # gating block and momentary window: 400 ms
_STEP: Final = TICKS_PER_SECOND // 10  # gating blocks overlap by 75 %: one each 100 ms
_INAUDIBLE: Final = -120.0  # LUFS; below is rounding noise of the filters, not sound
_SILENT: Final = -60.0  # LUFS over 100 ms; FFmpeg's silencedetect draws its line at -60 dB too


def _response() -> NDArray[np.complex64]:
    z = np.exp(-2j * np.pi * np.arange(SPAN // 2 + 1) / SPAN)  # one sample's delay at each frequency of the spectrum
    stages = [np.polyval(b[::-1], z) / np.polyval(a[::-1], z) for b, a in (_SHELF, _HIGH_PASS)]
    return np.asarray(stages[0] * stages[1], dtype=np.complex64)


_K_RESPONSE: Final = _response()  # what of its impulse response lies beyond the past of a block is 114 dB down


def k_power(spectra: Floats) -> Floats:
    """K-weighted mean square of blocks, summed over channels (weight 1 each, BS.1770-4 table 3).

    Args:
        spectra: of each `Block.span`, float32 [blocks, channels, SPAN] from `spectrum`.

    Returns:
        float32 [blocks, TICKS], full-scale square = 1.
    """
    blocks, channels = spectra.shape[:2]
    weighted = filtered(spectra.reshape(-1, SPAN), _K_RESPONSE)[:, PAST:].reshape(blocks, channels, TICKS, TICK)
    return np.asarray(np.einsum("bcts,bcts->bt", weighted, weighted) / TICK, dtype=np.float32)


def _lufs(power: float) -> float:
    return _OFFSET + 10.0 * float(np.log10(power)) if power > 0.0 else -np.inf


def _threshold(lufs: float) -> float:
    return float(10.0 ** ((lufs - _OFFSET) / 10.0))


def _windows(power: Floats) -> NDArray[np.float64]:
    """Mean power of each 400 ms window, one a tick; a shorter range is one window."""
    width = min(_WINDOW, len(power))
    total = np.concatenate(([0.0], np.cumsum(power, dtype=np.float64)))
    return np.asarray(np.maximum(total[width:] - total[:-width], 0.0) / width)


def integrated(power: Floats) -> float | None:
    """Gated loudness in LUFS of `power` [ticks] from `k_power` (BS.1770-4, equations 3 to 7).

    Gating blocks are counted from the start of the range; one that is incomplete at its end is not used. A range shorter than one
    gating block is measured as a single shorter block. None when nothing is louder than the absolute gate of -70 LUFS.
    """
    if not len(power):
        return None
    blocks = _windows(power)[::_STEP]
    loud = blocks[blocks > _threshold(_ABSOLUTE_GATE)]
    if not loud.size:
        return None
    # Never empty: the loudest block lies above the mean, let alone 10 LU below it.
    return _lufs(float(loud[loud > loud.mean() * 10.0 ** (_RELATIVE_GATE / 10.0)].mean()))


def max_momentary(power: Floats) -> float | None:
    """Highest loudness in LUFS of any 400 ms (EBU Tech 3341, section 2.2), moved by 10 ms; None for digital silence."""
    if not len(power):
        return None
    loudest = _lufs(float(_windows(power).max()))
    return loudest if loudest > _INAUDIBLE else None


def silence_share(power: Floats) -> float:
    """Share 0..1 of the range whose 100 ms blocks, counted from its start, lie below -60 LUFS; a last, shorter one counts by its length."""
    starts = np.arange(0, len(power), _STEP)
    lengths = np.diff(starts, append=len(power))
    silent = np.add.reduceat(power, starts) / lengths < _threshold(_SILENT)
    return float(lengths[silent].sum() / len(power))
