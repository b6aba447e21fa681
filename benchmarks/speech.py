"""Write a dataset of spoken clips with known words, at several speeds and noise levels, for `streamtags evaluate`.

    python -m benchmarks.speech FOLDER
    streamtags evaluate FOLDER --set transcribe.backend=faster-whisper --set transcribe.model=base --set hear.enabled=on

The speech is made by espeak-ng (which must be installed), the noise is white. One clip is silence.
"""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

TEXT = (
    "The train to Lisbon leaves at nine in the morning. She bought the ticket two weeks ago and spoke to no one about it. "
    "When the station clock struck eight, the old man closed his book and walked to the platform. "
    "The people of the village remembered the winter when the river froze from bank to bank."
)
WORDS_PER_MINUTE = (120, 160, 200, 240)
NOISE_DB = (None, 20, 10, 5)  # below the speech


def main(folder: Path) -> None:
    """Write the clips and their labels."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.toml").write_text('name = "speech"\ntitle = "Speech by espeak-ng"\nlicense = "made by a program"\n')
    items: list[dict[str, object]] = []
    for speed in WORDS_PER_MINUTE:
        plain = folder / f"speed{speed}.wav"
        subprocess.run(["espeak-ng", "-s", str(speed), "-w", str(plain), TEXT], check=True)
        for noise in NOISE_DB:
            clip = folder / f"speed{speed}-noise{noise or 'none'}.wav"
            _add_noise(plain, clip, noise)
            items.append({"id": clip.stem, "clip": clip.name, "transcript": TEXT, "content": {"speech": 1.0, "music": 0.0}})
        plain.unlink()
    _write(folder / "silence.wav", np.zeros(20 * 22_050), 22_050)
    items.append({"id": "silence", "clip": "silence.wav", "transcript": "", "content": {"speech": 0.0, "music": 0.0}})
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))


def _add_noise(source: Path, target: Path, noise_db: int | None) -> None:
    with wave.open(str(source)) as file:
        rate, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    if noise_db is not None:
        level = float(np.sqrt(np.mean(samples**2))) * 10 ** (-noise_db / 20)
        samples = samples + np.random.default_rng(1).normal(0, level, len(samples))
    _write(target, samples, rate)


def _write(path: Path, samples: np.ndarray, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
