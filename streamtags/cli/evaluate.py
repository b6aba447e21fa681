"""`streamtags evaluate`: how good a profile is, against labels."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.cli.common import SOME_FAILED, add_common, settings_of, write_output
from streamtags.cli.views import counted
from streamtags.core.errors import UsageError

if TYPE_CHECKING:
    from streamtags.config.settings import Settings
    from streamtags.core.vocabulary import Vocabulary
    from streamtags.evaluation.dataset import Dataset, Item
    from streamtags.evaluation.scores import ItemResult, Scores

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("dataset", metavar="DATASET", type=Path, help="a folder with dataset.toml, or a JSON-lines file of labeled items")
    parser.add_argument("--profile", metavar="P", action="append", help="profile to score; repeat it to compare (default: embedded)")
    parser.add_argument("--tags", metavar="FILE", help="vocabulary to score in (default: the dataset's)")
    parser.add_argument("--split", metavar="NAME", help="only the items of this split")
    parser.add_argument(
        "--threshold", metavar="C", type=float, default=0.0, help="for F1, tags below this confidence do not count (default: 0, all count)"
    )
    parser.add_argument("--reliability", action="store_true", help="draw for each axis how far its confidences can be believed")
    parser.add_argument("--json", metavar="FILE", help="write all figures as JSON (- for standard output)")
    parser.add_argument("--html", metavar="FILE", help="write a report with reliability plots as one page")
    parser.add_argument(
        "--fit-calibration", metavar="FILE", type=Path, help="fit the classifier's confidences on one half, score the other, keep the fit"
    )
    add_common(parser)


def _named(settings: Settings) -> Settings:
    """Scores are of a profile with a name: what auto chooses differs between machines."""
    return settings.model_copy(update={"profile": "embedded"}) if settings.is_auto else settings


def run(args: argparse.Namespace) -> int:
    """Run the profiles, score them, report; status 5 if a model failed on some items."""
    from streamtags.evaluation.dataset import load_dataset
    from streamtags.evaluation.report import bars, curves, page, table

    if not 0.0 <= args.threshold <= 1.0:
        raise UsageError("a confidence must be in 0..1", where=f"--threshold {args.threshold:g}")
    profiles = list(dict.fromkeys(args.profile or [None]))
    if args.fit_calibration and len(profiles) > 1:
        raise UsageError("a fit needs exactly one profile", where="--fit-calibration", hint="give --profile once")
    dataset = load_dataset(args.dataset)
    items = dataset.part(args.split)
    tags = args.tags or dataset.vocabulary
    several = [_named(settings_of(args, profile=profile, tags=tags)) for profile in profiles]
    scores: list[Scores] = []
    for settings in several:
        scores += asyncio.run(_scored(dataset, items, settings, args))
    if args.json == "-":
        print(_json(dataset, scores))
    else:
        print(table(scores), *((curves if args.reliability else bars)(one) for one in scores), sep="\n\n")
        if args.json:
            write_output(_json(dataset, scores) + "\n", args.json)
    if args.html:
        split = f", split {args.split}" if args.split else ""
        about = f"{dataset.title or dataset.name}: {counted(len(items), 'item')}{split}. {dataset.license}"
        write_output(page(f"{dataset.name} in {scores[0].vocabulary}", about, scores), args.html)
    failed = sum(one.failed for one in scores)
    if failed:
        print(f"{counted(failed, 'answer')} failed: {', '.join(sorted({why for one in scores for why in one.failures}))}", file=sys.stderr)
        return SOME_FAILED
    return 0


async def _scored(dataset: Dataset, items: tuple[Item, ...], settings: Settings, args: argparse.Namespace) -> list[Scores]:
    from streamtags.config.vocabulary_file import load_vocabulary
    from streamtags.evaluation.scores import score
    from streamtags.run.evaluate import answer_all

    vocabulary = load_vocabulary(settings.tags)
    own = load_vocabulary(dataset.vocabulary) if dataset.vocabulary else None
    if args.fit_calibration:
        return await _fitted(dataset, items, settings, vocabulary, own, args)
    answers, model = await answer_all(dataset, items, settings, own)
    _refuse_unlabeled(answers, vocabulary)
    return [score(answers, vocabulary, profile=settings.profile, model=model, threshold=args.threshold)]


async def _fitted(
    dataset: Dataset,
    items: tuple[Item, ...],
    settings: Settings,
    vocabulary: Vocabulary,
    own: Vocabulary | None,
    args: argparse.Namespace,
) -> list[Scores]:
    """Figures of the second half, with the model's own confidences and with confidences fitted on the first half."""
    from dataclasses import replace

    from streamtags.evaluation.dataset import halves
    from streamtags.evaluation.scores import confidence_pairs, score
    from streamtags.run.evaluate import answer_all
    from streamtags.stages.tag.calibration import fit_confidences, save_confidences

    profile = settings.choose_profile()
    bare = settings.model_copy(
        update={"profiles": {**settings.profiles, settings.profile: profile.model_copy(update={"calibration": None})}}
    )
    dev, test = halves(items)
    answers, model = await answer_all(dataset, [*dev, *test], bare, own)
    _refuse_unlabeled(answers, vocabulary)
    fit = fit_confidences(confidence_pairs(answers[: len(dev)]), model=model, vocabulary=vocabulary.id)
    save_confidences(fit, args.fit_calibration)
    others = answers[len(dev) :]
    corrected = [
        replace(answer, confidences={tag: fit.apply(confidence) for tag, confidence in answer.confidences.items()}) for answer in others
    ]
    print(f"fitted on {fit.pairs} given tags of {len(dev)} items, scored on {len(test)} others; the fit is in {args.fit_calibration}")
    print(f'use it: [profiles.{settings.profile}] calibration = "{args.fit_calibration}"\n')
    return [
        score(others, vocabulary, profile=settings.profile, model=model, threshold=args.threshold),
        score(corrected, vocabulary, profile=f"{settings.profile}, fitted", model=model, threshold=args.threshold),
    ]


def _refuse_unlabeled(answers: list[ItemResult], vocabulary: Vocabulary) -> None:
    if not any(answer.is_labeled for answer in answers):
        raise UsageError(f"nothing is labeled in {vocabulary.id}", where="DATASET", hint="choose the labels' vocabulary with --tags")


def _json(dataset: Dataset, scores: list[Scores]) -> str:
    return json.dumps({"v": 1, "dataset": dataset.name, "profiles": [one.model_dump(mode="json") for one in scores]}, indent=2)
