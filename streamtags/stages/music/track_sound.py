"""Measuring a piece of music: loudness, tempo, how the level moves, where it is struck, whether there is a voice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import Sound
from streamtags.core.music import TrackSound
from streamtags.core.sound import as_floats
from streamtags.stages.hear.listener import MUSIC, SINGING, SPEECH, Listener
from streamtags.stages.hear.shares import Flags, decided
from streamtags.stages.measure.blocks import TICKS_PER_SECOND, Floats
from streamtags.stages.measure.rhythm import onsets
from streamtags.stages.measure.sound import SoundMeter

__all__ = ["CURVE_SECONDS", "energy_of", "measure_track"]

CURVE_SECONDS: Final = 0.5
_MAX_SECONDS: Final = 3600.0
_LISTEN_SECONDS: Final = 30.0
_MAX_HITS: Final = 240
_HIT_DISTANCE: Final = 0.25  # seconds; an accent and the notes around it are one
_SECTION_SECONDS: Final = 8.0  # compared on both sides of the edge of a section
_SECTION_RISE: Final = 12  # of 100
_SNAP_SECONDS: Final = 0.6
# Loudness of next to nothing and of a loud mix, as for `arousal_estimate` of pictures.
_QUIET_LUFS, _LOUD_LUFS = -45.0, -8.0
_OFFSET: Final = -0.691  # BS.1770-4, equation 2
# Ranges over which parts of the energy rise from 0 to 1, read off real tracks from lullabies to drum and bass.
_ENERGY_LUFS, _ENERGY_ONSETS, _ENERGY_BPM = (-32.0, -10.0), (0.3, 5.0), (60.0, 160.0)


def measure_track(sounds: Iterable[Sound], listener: Listener | None = None) -> TrackSound:
    """Measure a whole track, at most its first hour.

    Args:
        sounds: its sound in order, at 48 kHz.
        listener: says whether there is a voice; None leaves that open.
    """
    meter = SoundMeter(keeps_samples=listener is not None)
    start: float | None = None
    end = 0.0
    flags: list[Flags] = []
    listened = 0.0
    for sound in sounds:
        if start is None:
            start = listened = sound.start
        if sound.start - start >= _MAX_SECONDS:
            break
        meter.push(sound)
        end = sound.start + sound.samples.shape[1] / sound.rate
        if listener is not None and meter.heard_until - listened >= _LISTEN_SECONDS:
            flags.append(_listen(listener, meter, listened, listened + _LISTEN_SECONDS))
            listened += _LISTEN_SECONDS
    if start is None:
        return TrackSound(seconds=0.0)
    if listener is not None:
        flags.append(_listen(listener, meter, listened, end))
    evidence = meter.measure(start, end)
    power, flux = meter.power_and_flux(start, end)
    curve = _curve(power)
    hits = _hits(flux)
    loudness, onset_rate = _number(evidence.get("loudness_lufs")), _number(evidence.get("onsets_per_second")) or 0.0
    bpm, confidence = _number(evidence.get("tempo_bpm")), _number(evidence.get("tempo_confidence")) or 0.0
    return TrackSound(
        seconds=round(end - start, 3),
        loudness_lufs=loudness,
        tempo_bpm=bpm,
        tempo_confidence=confidence,
        onsets_per_second=onset_rate,
        brightness_hz=_number(evidence.get("spectral_centroid_hz")),
        energy=energy_of(loudness, onset_rate, bpm),
        curve=tuple(int(level) for level in curve),
        curve_seconds=CURVE_SECONDS,
        hits=hits,
        sections=tuple(sorted(_sections(curve, hits))),
        content=_content(flags),
    )


def energy_of(loudness_lufs: float | None, onsets_per_second: float, bpm: float | None) -> float:
    """Return how driving music is, 0 still to 1 driving; a part that is not known is left out of the mean."""
    if loudness_lufs is None:
        return 0.0
    known = [(loudness_lufs, _ENERGY_LUFS), (onsets_per_second, _ENERGY_ONSETS), *([(bpm, _ENERGY_BPM)] if bpm else [])]
    parts = [min(1.0, max(0.0, (value - low) / (high - low))) for value, (low, high) in known]
    return round(sum(parts) / len(parts), 3)


def _listen(listener: Listener, meter: SoundMeter, start: float, end: float) -> Flags:
    return decided(listener.listen(as_floats(meter.samples(start, end))))


def _content(flags: list[Flags]) -> dict[str, float]:
    frames = np.concatenate(flags) if flags else np.zeros((0, 3), np.bool_)
    if not len(frames):
        return {}
    return {
        name: round(float(frames[:, column].mean()), 3) for name, column in (("speech", SPEECH), ("singing", SINGING), ("music", MUSIC))
    }


def _curve(power: Floats) -> NDArray[np.int64]:
    """Return the level of each half second, 0..100, from the K-weighted power of ticks."""
    width = round(CURVE_SECONDS * TICKS_PER_SECOND)
    starts = np.arange(0, len(power), width)
    if not len(starts):
        return np.zeros(0, np.int64)
    mean = np.add.reduceat(power, starts) / np.diff(starts, append=len(power))
    lufs = _OFFSET + 10 * np.log10(np.maximum(mean, 1e-12))
    levels: NDArray[np.int64] = np.rint(100 * np.clip((lufs - _QUIET_LUFS) / (_LOUD_LUFS - _QUIET_LUFS), 0, 1)).astype(np.int64)
    return levels


def _hits(flux: Floats) -> tuple[float, ...]:
    """Return the times of the strongest onsets, in order: the stronger first, none within a quarter of a second of it."""
    places = onsets(flux)
    chosen: list[int] = []
    distance = round(_HIT_DISTANCE * TICKS_PER_SECOND)
    taken = np.zeros(len(flux) + 1, np.bool_)
    for place in places[np.argsort(-flux[places], kind="stable")]:
        if not taken[place]:
            chosen.append(int(place))
            taken[max(0, place - distance) : place + distance] = True
            if len(chosen) == _MAX_HITS:
                break
    return tuple(round(place / TICKS_PER_SECOND, 2) for place in sorted(chosen))


def _sections(curve: NDArray[np.int64], hits: tuple[float, ...]) -> Iterator[float]:
    """Yield where the level before and after differ for good; a time near a hit is that of the hit."""
    width = round(_SECTION_SECONDS / CURVE_SECONDS)
    if len(curve) < 2 * width:
        return
    total = np.concatenate(([0], np.cumsum(curve)))
    middle = np.arange(width, len(curve) - width + 1)
    change = np.abs((total[middle + width] - total[middle]) - (total[middle] - total[middle - width])) / width
    strikes = np.array(hits)
    while len(change) and change.max() >= _SECTION_RISE:
        best = int(change.argmax())
        seconds = float(middle[best]) * CURVE_SECONDS
        near = strikes[np.abs(strikes - seconds).argmin()] if len(strikes) else seconds
        yield float(near) if abs(near - seconds) <= _SNAP_SECONDS else seconds
        change[max(0, best - width) : best + width] = 0


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
