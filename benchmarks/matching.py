"""The trained matcher: how well scenes and texts find their track, with text and without, beside the untrained ranking and chance.

`python -m benchmarks.matching musiccaps-dev.csv [--splits 1 2 3] [--keep FOLDER] [--validate]`

The pairs are made, not real: no person chose these tracks for a film. All of them come from a catalog in which each track has a description
and tags by one person (MusicCaps):

- the track of a pair has the description, without the sentences that say where the music could be used, and no tags;
- its scene has what those sentences say ("a restaurant" of "This song may be playing in a restaurant") as a caption, and as tags what the
  shipped vocabulary has of the track's own tags on the axes mood, energy and pace, with confidences drawn from 0.5 to 1;
- its text is made by the template of `streamtags cues train` from the other tags, three at a time, without those about the recording.

Tracks are split by a seed: 70 % are trained on, the queries of the others search these others alone. With `--validate`, the tracks that
are trained on are split again in the same way, the rest is not touched, and the ranking is left out: for choosing options.

The matcher alone answers every query of a split, the ranking the first 250. With `--keep`, the ranks of each split are kept in a folder,
and the table has all splits that are there.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.music import Track
from streamtags.matching.checkpoint import Checkpoint
from streamtags.matching.features import Query, query_of, track_features
from streamtags.matching.matcher import TrainedMatcher
from streamtags.matching.network import initial_parameters
from streamtags.matching.options import MatcherSizes, TrainingOptions
from streamtags.matching.recall import RECALLS, chance, ranks_of, retrieval_of
from streamtags.matching.texts import template_texts
from streamtags.matching.training import Example, train
from streamtags.music.catalog import read_catalog
from streamtags.music.guide import Guide
from streamtags.music.index import build_index
from streamtags.music.ranking import MAX_RESULTS, rank
from streamtags.music.wanted import Matcher, Wanted
from streamtags.run.search import StaticEmbedder

_USE = re.compile(
    r"\b(?:may|can|could|might|would)\b[^.]*?\b(?:play(?:ed|ing)?|used|suit\w*|fit\w*|heard|work)\b(?:\s+(?:in|at|as|for|on|by|while|during|well|be|a))*",
    re.IGNORECASE,
)
_MUSIC_OF = re.compile(r"^(?:the\s+)?(?:background|soundtrack|opening|score)\s*(?:music)?\s*(?:of|for|in)?\s*", re.IGNORECASE)
_RECORDING = re.compile(r"quality|record|noisy|mono\b|stereo|audio|muffled|distorted|reverb", re.IGNORECASE)
_SCENE_AXES = frozenset({"mood", "energy", "pace"})
_LEARNED = 0.7
_RANKED = 250
_EMBEDDER = StaticEmbedder()


@dataclass(frozen=True, slots=True)
class Made:
    """A pair that was made of a track."""

    track: Track
    wanted: Wanted
    texts: tuple[str, ...]


def made_pairs(path: Path) -> list[Made]:
    """Return the pairs of a catalog; tracks that lack a part of one are left out."""
    tags = {
        name.casefold(): tag
        for tag in load_vocabulary("music-library").tags
        if tag.axis in _SCENE_AXES
        for name in (tag.name, *tag.aliases)
    }
    pairs = []
    for track in read_catalog(path).tracks.values():
        drawn = random.Random(track.track)
        uses, rest = [], []
        for sentence in filter(None, (part.strip() for part in track.description.split("."))):
            match = _USE.search(sentence)
            (uses if match else rest).append(_MUSIC_OF.sub("", sentence[match.end() :].strip()) if match else sentence)
        moods = dict.fromkeys(tags[word.casefold()].name for word in track.tags if word.casefold() in tags)
        wishes = tuple(word for word in track.tags if word.casefold() not in tags and not _RECORDING.search(word))
        caption = ". ".join(use for use in uses if use)
        if rest and len(wishes) >= 2 and (caption or moods):
            wanted = Wanted(words=caption, tags=tuple((mood, round(drawn.uniform(0.5, 1), 2)) for mood in moods))
            texts = template_texts(replace(track, tags=wishes), seed=1)
            pairs.append(Made(replace(track, title="", tags=(), description=". ".join(rest)), wanted, texts))
    return sorted(pairs, key=lambda pair: pair.track.track)


class Trial:
    """One split: the tracks and examples of both sides."""

    def __init__(self, pairs: Sequence[Made], seed: int, *, validate: bool) -> None:
        order = np.random.default_rng(seed).permutation(len(pairs))
        learned, tested = _split(order)
        if validate:
            learned, tested = _split(learned)
        self.learned, self.tested = ([pairs[place] for place in sorted(side)] for side in (learned, tested))
        self._learned_index, self.index = (build_index([pair.track for pair in side], _EMBEDDER) for side in (self.learned, self.tested))
        self.sizes = MatcherSizes(embedder=_EMBEDDER.name, dimensions=self.index.vectors.shape[1])
        self.queries = [_queries(pair, pair.texts[:1])[0] for pair in self.tested]

    def train(self, options: TrainingOptions) -> TrainedMatcher:
        """Train a matcher on the one side."""
        examples = [Example(_queries(pair, pair.texts), place) for place, pair in enumerate(self.learned)]
        arrays = train(examples, track_features(self._learned_index), self.sizes, options)
        return TrainedMatcher(Checkpoint(self.sizes, arrays, {}), _EMBEDDER, "benchmark")

    def plain(self) -> TrainedMatcher:
        """Return a matcher before its training: likeness of the embeddings."""
        arrays = {name: value.numpy() for name, value in initial_parameters(self.sizes, 0).items()}
        return TrainedMatcher(Checkpoint(self.sizes, arrays, {}), _EMBEDDER, "benchmark")

    def ranks(self, matcher: TrainedMatcher, *, has_text: bool) -> NDArray[np.float64]:
        """Return the rank of each query's track by a matcher alone."""
        queries = self.queries if has_text else [Query(query.segments, query.phrases[:0]) for query in self.queries]
        return ranks_of(matcher.queries(queries) @ matcher.tracks(self.index).T, range(len(queries)))

    def ranking(self, matcher: Matcher | None, *, has_text: bool, has_scene: bool = True) -> NDArray[np.float64]:
        """Return the rank of each track in the results of the ranking; those that are not among them share the next rank."""
        ranks = []
        for pair, own in zip(self.tested[:_RANKED], self.index.ids, strict=False):
            wanted, guide = pair.wanted if has_scene else Wanted(), Guide(text=pair.texts[0] if has_text else "")
            results = [each.track for each in rank(self.index, _EMBEDDER, wanted, guide, matcher=matcher, top=MAX_RESULTS)]
            ranks.append(results.index(own) + 1 if own in results else MAX_RESULTS + 1)
        return np.array(ranks, np.float64)


def _split(order: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    cut = int(_LEARNED * len(order))
    return order[:cut], order[cut:]


def _queries(pair: Made, texts: Sequence[str]) -> tuple[Query, ...]:
    alone = query_of(pair.wanted, "", _EMBEDDER)
    return tuple(Query(alone.segments, query_of(Wanted(), text, _EMBEDDER).phrases) for text in texts)


def ranks_of_split(pairs: Sequence[Made], options: TrainingOptions, *, validate: bool) -> dict[str, NDArray[np.float64]]:
    """Train on a split, and return the ranks of its queries by each way to find their track."""
    trial = Trial(pairs, options.seed, validate=validate)
    before = time.perf_counter()
    matchers = {
        "trained, text dropout": trial.train(options),
        "trained, no text dropout": trial.train(options.model_copy(update={"text_dropout": 0.0})),
    }
    seconds = (time.perf_counter() - before) / len(matchers)
    print(f"split {options.seed}: {len(trial.learned)} pairs trained on, {len(trial.tested)} tested; {seconds:.0f} s to train", flush=True)
    ranks = {}
    for text, has_text in (("scene and text", True), ("scene alone", False)):
        for name, matcher in {"embeddings alone": trial.plain(), **matchers}.items():
            ranks[f"{text}: {name}"] = trial.ranks(matcher, has_text=has_text)
        for name, one in () if validate else (("ranking", None), ("ranking, trained matcher", matchers["trained, text dropout"])):
            ranks[f"{text}: {name}"] = trial.ranking(one, has_text=has_text)
    if not validate:
        ranks["text alone: ranking"] = trial.ranking(None, has_text=True, has_scene=False)
    return ranks


def print_table(splits: Sequence[Mapping[str, NDArray[np.float64]]]) -> None:
    """Print recall and median rank of each way, over splits."""
    by_lot = chance(max(map(len, splits[0].values())))
    shares = " ".join(f"{share:.4f}" for share in by_lot.recall)
    print(f"chance: {shares}, {by_lot.median_rank:.0f}; mean ± standard deviation over the splits")
    print(f"{'':50} {'  '.join(f'recall@{most:<6}' for most in RECALLS)}  median rank")
    for name in splits[0]:
        results = [retrieval_of(split[name]) for split in splits]
        cells = [_mean([result.recall[place] for result in results], ".3f") for place in range(len(RECALLS))]
        print(f"{name:50} {'  '.join(f'{cell:13}' for cell in cells)}  {_mean([result.median_rank for result in results], '.1f')}")


def _mean(values: Sequence[float], form: str) -> str:
    return f"{np.mean(values):{form}} ± {np.std(values, ddof=min(1, len(values) - 1)):{form}}"


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--splits", type=int, nargs="*", default=[1, 2, 3], help="seeds of the splits and of the training")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the ranks of each split are kept")
    parser.add_argument("--validate", action="store_true")
    for name, field in TrainingOptions.model_fields.items():
        if name != "seed":
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(field.default), default=field.default)
    args = parser.parse_args()
    pairs = made_pairs(args.catalog)
    with_caption, with_tags = sum(bool(pair.wanted.words) for pair in pairs), sum(bool(pair.wanted.tags) for pair in pairs)
    print(f"{len(pairs)} pairs; {with_caption} scenes with a caption, {with_tags} with tags")
    given = {name: getattr(args, name) for name in TrainingOptions.model_fields if name != "seed"}
    splits = []
    for seed in args.splits:
        splits.append(ranks_of_split(pairs, TrainingOptions(**given, seed=seed), validate=args.validate))
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
            np.savez(args.keep / f"split-{seed}.npz", **splits[-1])
    if args.keep:
        splits = [dict(np.load(file)) for file in sorted(args.keep.glob("split-*.npz"))]
    print_table(splits)


if __name__ == "__main__":
    main()
