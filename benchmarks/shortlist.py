"""Measure how often the shortlist of a vocabulary of 2,000 tags contains the tags that a person chose.

Two measurements, printed as recall at several lengths of the shortlist:

- `shots`: the hand-labeled captions of `examples/datasets/film-captions` under the shipped music-library vocabulary, among tags of a
  music catalog.
- `catalog`: every tenth caption of MusicCaps, labeled with its own aspect lists, under its 2,000 most common aspects, without
  descriptions.

The music catalog is not part of the project: `python benchmarks/shortlist.py FOLDER`, where FOLDER contains `musiccaps-dev.csv`.
"""

from __future__ import annotations

import ast
import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.model import ClassifyRequest
from streamtags.core.vocabulary import Axis, Tag, Vocabulary, folded
from streamtags.stages.tag.shortlist import Shortlist

SIZE = 2000
LENGTHS = (50, 120, 200, 300)


def catalog(folder: Path) -> list[tuple[str, list[str]]]:
    """Read MusicCaps as (caption, aspects)."""
    with (folder / "musiccaps-dev.csv").open(encoding="utf-8", newline="") as file:
        return [(row["caption"], [folded(aspect) for aspect in ast.literal_eval(row["aspect_list"])]) for row in csv.DictReader(file)]


def recalls(vocabulary: Vocabulary, labeled: Sequence[tuple[str, list[str]]]) -> dict[int, float]:
    """Return the share of the labels that are on the shortlist, by its length."""
    shares = {}
    for length in LENGTHS:
        chooser = Shortlist(vocabulary, length)
        hit = total = 0
        for caption, labels in labeled:
            chosen = set(chooser.choose(ClassifyRequest(segment="", caption=caption, caption_model="")))
            hit += len(chosen.intersection(labels))
            total += len(labels)
        shares[length] = hit / total
    return shares


def main(folder: Path) -> None:
    """Print both measurements and the time of one choice."""
    music = catalog(folder)
    common = [aspect for aspect, _ in Counter(aspect for _, aspects in music for aspect in aspects).most_common(3 * SIZE)]

    shipped = load_vocabulary("music-library")
    others = [aspect for aspect in common if shipped.find(aspect) is None][: SIZE - len(shipped.tags)]
    long = Vocabulary(
        id="long",
        version="1",
        axes=(*shipped.axes, Axis(name="aspect")),
        tags=(*shipped.tags, *(Tag(name=name, axis="aspect") for name in others)),
    )
    items = Path(__file__).parents[1] / "examples" / "datasets" / "film-captions" / "items.jsonl"
    labeled = [(read["caption"], read["labels"]["music-library"]) for read in map(json.loads, items.read_text("utf-8").splitlines())]
    shots = [(caption, labels) for caption, labels in labeled if labels]
    # Tags with rules depend on measurements, not on words.
    worded = {tag.name for tag in shipped.tags if not tag.when}
    shots = [(caption, [label for label in labels if label in worded]) for caption, labels in shots]
    print(f"shots: {len(shots)} captions, {len(long.tags)} tags", {n: round(r, 3) for n, r in recalls(long, shots).items()})

    names = common[:SIZE]
    aspects = Vocabulary(
        id="aspects", version="1", axes=(Axis(name="aspect"),), tags=tuple(Tag(name=name, axis="aspect") for name in names)
    )
    known = [(caption, [label for label in labels if label in aspects.by_name]) for caption, labels in music[::10]]
    print(f"catalog: {len(known)} captions, {len(names)} tags", {n: round(r, 3) for n, r in recalls(aspects, known).items()})

    began = time.process_time()
    chooser = Shortlist(long, 200)
    built = time.process_time() - began
    began = time.process_time()
    for caption, _ in shots:
        chooser.choose(ClassifyRequest(segment="", caption=caption, caption_model=""))
    print(f"CPU: {built:.2f} s for a vocabulary, {(time.process_time() - began) / len(shots) * 1000:.1f} ms for a choice")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
