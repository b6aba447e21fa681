"""What is to be heard in the demo film."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamtags.testing.sounds import Samples, SoundMaker, clicks, noise_band

__all__ = ["bells", "birds", "crackle", "drums", "engine", "layered", "pads", "rain", "surf", "wind"]

_RATE = 48000.0


def _wave(hertz: float, t: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sin(2 * np.pi * hertz * t), np.float64)


def layered(*layers: tuple[float, SoundMaker]) -> SoundMaker:
    """Several sounds at once, each with its weight."""

    def make(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
        return np.asarray(sum(weight * layer(t, rng) for weight, layer in layers), np.float32)

    return make


def pads(*chords: Sequence[float], seconds: float = 2.5) -> SoundMaker:
    """Slow chords, one after the other, each as the frequencies of its notes in hertz."""

    def make(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
        out = np.zeros(len(t))
        for place in range(int(t[-1] / seconds) + 1 if len(t) else 0):
            since = t - place * seconds
            swell = np.clip(np.minimum((since + 0.4) / 1.2, (seconds + 0.9 - since) / 1.2), 0, 1)
            now = swell > 0
            for note in chords[place % len(chords)]:
                voice = sum(_wave(note * detune, t[now]) + 0.25 * _wave(2 * note * detune, t[now]) for detune in (0.997, 1.0, 1.004))
                out[now] += voice * swell[now]
        return out.astype(np.float32)

    return make


def wind(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    """Wind that swells and falls."""
    gusts = 0.55 + 0.3 * np.sin(2 * np.pi * 0.21 * t) + 0.15 * np.sin(2 * np.pi * 0.47 * t + 1)
    return noise_band(len(t), rng, rate=_RATE, low=80, high=500) * gusts.astype(np.float32)


def surf(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    """Waves that break every three seconds."""
    breaking = np.clip(np.sin(2 * np.pi * t / 3.1), 0, 1) ** 2
    roar = noise_band(len(t), rng, rate=_RATE, low=100, high=1200) * (0.35 + breaking).astype(np.float32)
    hiss = noise_band(len(t), rng, rate=_RATE, low=2000, high=9000) * (0.25 * breaking**2).astype(np.float32)
    return roar + hiss


def birds(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    """Cries of gulls, each falling in pitch."""
    out = np.zeros(len(t))
    for start in np.arange(0.2, t[-1] if len(t) else 0.0, 0.55):
        since = t - start - rng.uniform(0, 0.2)
        now = (since > 0) & (since < 0.3)
        falling = rng.uniform(1500, 2300) * since[now] - 1300 * since[now] ** 2
        cry = np.sin(2 * np.pi * falling) + 0.4 * np.sin(4 * np.pi * falling)
        out[now] += cry * np.sin(np.pi * since[now] / 0.3) * rng.uniform(0.3, 1)
    return out.astype(np.float32)


def engine(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    """A motor under load, with the rush of air."""
    phase = 2 * np.pi * (62 * t + 0.9 * np.sin(2 * np.pi * 0.4 * t))
    motor = sum(np.sin(order * phase) / order for order in (1, 2, 3, 5))
    return np.asarray(motor * 0.5 + 2 * noise_band(len(t), rng, rate=_RATE, low=200, high=2000), np.float32)


def crackle(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    """A fire: a low roar with snaps in it."""
    roar = noise_band(len(t), rng, rate=_RATE, low=60, high=350)
    snaps = np.zeros(len(t), np.float32)
    for start in rng.integers(0, max(1, len(t) - 900), round(len(t) / _RATE * 14)):
        length = int(rng.integers(120, 900))
        snaps[start : start + length] += (
            rng.standard_normal(length, np.float32) * np.exp(-np.arange(length) / (length / 5)) * rng.uniform(0.05, 0.5)
        )
    return np.asarray(roar + snaps, np.float32)


def rain(*thunder: float) -> SoundMaker:
    """Steady rain, and thunder at the given seconds."""

    def make(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
        drops = 0.5 * noise_band(len(t), rng, rate=_RATE, low=1500, high=9000) + 0.4 * noise_band(
            len(t), rng, rate=_RATE, low=300, high=1500
        )
        rumble = 9 * noise_band(len(t), rng, rate=_RATE, low=25, high=120)
        for start in thunder:
            since = t - start
            drops = drops + rumble * np.where(since > 0, np.exp(-np.maximum(since, 0) * 1.6) * np.clip(since * 12, 0, 1), 0).astype(
                np.float32
            )
        return np.asarray(drops, np.float32)

    return make


def bells(*notes: float, seconds: float = 0.8) -> SoundMaker:
    """Single notes that ring out, in hertz, one every `seconds`."""

    def make(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
        out = np.zeros(len(t))
        for place in range(int(t[-1] / seconds) + 1 if len(t) else 0):
            since = t - place * seconds
            now = since >= 0
            note = notes[place % len(notes)]
            ring = _wave(note, since[now]) + 0.5 * _wave(note * 2.76, since[now]) * np.exp(-since[now] * 4)
            out[now] += ring * np.exp(-since[now] * 1.8)
        return out.astype(np.float32)

    return make


def drums(bpm: float) -> SoundMaker:
    """A beat: a drum on every quarter, a softer, brighter one on every eighth."""
    return layered((1.0, clicks(bpm)), (0.3, clicks(bpm * 2, pitch=190, snap=0.8)))
