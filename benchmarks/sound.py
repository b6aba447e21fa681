"""What measuring sound costs, part by part, in CPU milliseconds per second of stereo sound at 48 kHz.

    python benchmarks/sound.py [FILE]...

Without files it makes 20 s of tones and noise; with files it decodes up to 60 s of each. Every part runs on its own over the same
blocks; "all" is what `SoundMeter.push` takes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from streamtags.core.model import Sound
from streamtags.stages.measure.blocks import RATE, Floats, Grid, spectrum
from streamtags.stages.measure.loudness import k_power
from streamtags.stages.measure.rhythm import Flux
from streamtags.stages.measure.sound import SoundMeter
from streamtags.stages.measure.speech import SpeechDetector, speech_band

PIECE = 1024  # samples of an AAC packet
AT_A_TIME = 20  # blocks, as `SoundMeter` works on them
REPEATS = 3


def made() -> Floats:
    """20 s of a swelling chord in noise, float32 [2, n]."""
    t = np.arange(20 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6)) * (0.1 + 0.05 * np.sin(2 * np.pi * 2 * t))
    return (chord + np.random.default_rng(0).normal(0, 0.01, (2, t.size))).astype(np.float32)


def decoded(path: Path) -> Floats:
    """Up to 60 s of a file, float32 [2, n]."""
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
    with av.open(str(path)) as container:
        pieces = [piece.to_ndarray() for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return np.concatenate(pieces, axis=1, dtype=np.float32)[:, : 60 * RATE]


def cpu(action: Callable[[], object]) -> float:
    """Least CPU milliseconds of a few runs."""
    times = []
    for _ in range(REPEATS):
        begin = time.process_time()
        action()
        times.append(time.process_time() - begin)
    return 1e3 * min(times)


def costs(samples: Floats) -> dict[str, float]:
    """CPU milliseconds per second of sound, by part."""
    seconds = samples.shape[1] / RATE
    pieces = [Sound(at / RATE, samples[:, at : at + PIECE], RATE) for at in range(0, samples.shape[1], PIECE)]
    grid = Grid()
    blocks = [block for piece in pieces for block in grid.push(piece)]
    runs = [blocks[i : i + AT_A_TIME] for i in range(0, len(blocks), AT_A_TIME)]
    spans = [np.stack([block.span for block in run]) for run in runs]
    spectra = [spectrum(span) for span in spans]
    detector = SpeechDetector()

    def lay() -> None:
        fresh = Grid()
        for piece in pieces:
            list(fresh.push(piece))

    def rhythm() -> None:
        flux = Flux()
        for run in runs:
            flux.push(run)

    def speech() -> None:
        for each, run in zip(spectra, runs, strict=True):
            for band, block in zip(speech_band(each), run, strict=True):
                detector.push(band, follows=block.follows)

    def whole() -> None:
        for piece in pieces:
            meter.push(Sound(piece.start + rounds[0] * (seconds + 1), piece.samples, RATE))
        meter.measure(0.0, 0.0)
        rounds[0] += 1

    meter, rounds = SoundMeter(), [0]
    whole()  # loads the model
    parts = {
        "blocks": lay,
        "spectrum": lambda: [spectrum(span) for span in spans],
        "loudness": lambda: [k_power(each) for each in spectra],
        "rhythm": rhythm,
        "speech": speech,
        "all": whole,
        "measure": lambda: meter.measure(0.0, seconds),
    }
    return {name: cpu(action) / seconds for name, action in parts.items()}


def main(paths: list[Path]) -> None:
    """Print the table."""
    begin = time.process_time()
    SpeechDetector()
    print(f"loading the speech model: {1e3 * (time.process_time() - begin):.0f} ms, once")
    rows = {path.name: costs(decoded(path)) for path in paths} if paths else {"made": costs(made())}
    for name, row in rows.items():
        print(f"\n{name}")
        for part, value in row.items():
            print(f"  {part:<10}{value:7.2f} ms/s")


if __name__ == "__main__":
    main([Path(each) for each in sys.argv[1:]])
