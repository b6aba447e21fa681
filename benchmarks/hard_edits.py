"""Build hard development edits for shot detectors, with exact truth, from the shared media.

`python -m benchmarks.hard_edits OUT [MEDIA]` writes `OUT/dev/NAME.mp4` and `OUT/unseen/NAME.mp4`, each with `NAME.cuts.json`. The two
halves share no shot and no seed; parameters are chosen on `dev` and `unseen` is scored when they are settled. One kind of difficulty an
edit, 320x180, about 25 seconds. The files contain other people's footage: keep them out of the repository.

In the truth, frames count from 0; a cut is the first frame of the new shot, and `start` to `end` are the mixed frames of a transition.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from benchmarks.edit_recipes import RECIPES
from benchmarks.edit_stock import SHOTS, SIZE, Edit, Stock

__all__ = ["SEEDS", "main", "write_edits"]

SEEDS = {"dev": 1001, "unseen": 9007}
_RATES = {"slow_rate": 15}
_RATE = 25
_QUALITIES = ("22", "27", "32")  # CRF, by turns


def write_edits(media: Path, out: Path, half: str) -> None:
    """Write all edits of one half: "dev" or "unseen"."""
    out.mkdir(parents=True, exist_ok=True)
    for number, (name, recipe) in enumerate(RECIPES.items()):
        edit = Edit()
        recipe(edit, Stock(media, half, SEEDS[half] + number))
        rate = _RATES.get(name, _RATE)
        _encode(edit, out / f"{name}.mp4", rate, _QUALITIES[number % len(_QUALITIES)])
        truth = {"file": f"{name}.mp4", "frames": len(edit.frames), "rate": rate, "what": (recipe.__doc__ or "").strip()}
        truth |= {"boundaries": edit.boundaries, "distractors": edit.distractors}
        (out / f"{name}.cuts.json").write_text(json.dumps(truth, indent=1))
        print(f"{half}/{name}: {len(edit.frames)} frames, {len(edit.boundaries)} boundaries", flush=True)


def _encode(edit: Edit, path: Path, rate: int, quality: str) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options={"crf": quality, "preset": "veryfast"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for picture in edit.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())


def main(arguments: Sequence[str]) -> int:
    """Write both halves."""
    if not arguments:
        print("usage: python -m benchmarks.hard_edits OUT [MEDIA]", file=sys.stderr)
        return 2
    shared = Path(os.environ.get("STREAMTAGS_SHARED", Path(__file__).parents[2] / "shared"))
    media = Path(arguments[1]) if len(arguments) > 1 else shared / "media"
    if not media.is_dir():
        print(f"{media}: no such folder; give the development media as the second argument", file=sys.stderr)
        return 2
    for half in SHOTS:
        write_edits(media, Path(arguments[0]) / half, half)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
