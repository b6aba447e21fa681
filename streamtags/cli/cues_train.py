"""`streamtags cues train`: a matcher of scenes and music, learned from what was chosen before."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamtags.cli.common import SOME_FAILED, add_common, check_output, open_chosen_store, settings_of
from streamtags.cli.views import counted, printable
from streamtags.cli.waiting import TimedLines

if TYPE_CHECKING:
    from streamtags.matching.recall import Retrieval
    from streamtags.matching.training import Epoch
    from streamtags.run.matching import TrainReport

__all__ = ["add_arguments", "run"]

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("pairs", metavar="PAIRS", type=Path, help="CSV, TSV or JSONL: a scene or a cue, and the track that was chosen")
    parser.add_argument("--library", metavar="LIB", required=True, help="the music library that has the tracks")
    parser.add_argument("--output", metavar="FILE", default="matcher.safetensors", help="where to write it (default matcher.safetensors)")
    parser.add_argument("--epochs", metavar="N", type=int, help="passes over the pairs (default 40)")
    parser.add_argument("--seed", metavar="N", type=int, help="of everything that is drawn (default 1)")
    parser.add_argument("--text-dropout", metavar="SHARE", type=float, help="share of pairs whose text is left out in a step (default 0.5)")
    parser.add_argument(
        "--texts",
        choices=("auto", "model", "template", "none"),
        default="auto",
        help="texts of pairs without one: by the language model of the profile's classifier, or from tags of the track (default auto)",
    )
    parser.add_argument(
        "--test-share", metavar="SHARE", type=float, default=0.1, help="share of the tracks that are kept for the score (default 0.1)"
    )
    parser.add_argument("--fresh", action="store_true", help="begin anew, also where a training was interrupted")
    parser.add_argument("--profile", metavar="P", help="whose classifier writes texts")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Train, write the matcher, print the score; the status is 5 if pairs were left out."""
    from pydantic import ValidationError

    from streamtags.core.errors import UsageError
    from streamtags.core.validation import first_mistake
    from streamtags.matching.options import TrainingOptions
    from streamtags.run.matching import TrainRequest, train_matcher

    given = {"epochs": args.epochs, "seed": args.seed, "text_dropout": args.text_dropout}
    try:
        options = TrainingOptions.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        mistake = first_mistake(error)
        raise UsageError(mistake.sentence, where=f"--{mistake.place.replace('_', '-')}") from error
    if not 0 <= args.test_share < 1:
        raise UsageError(f"{args.test_share:g} is no share from 0 to below 1", where="--test-share")
    check_output(args.output)
    settings = settings_of(args, profile=args.profile)
    request = TrainRequest(args.pairs, args.library, Path(args.output), options, args.texts, args.test_share, args.fresh)
    with open_chosen_store(args, settings) as store:
        lines = TimedLines()
        report = train_matcher(store, settings, request, lambda epoch: _show(epoch, options.epochs, lines))
    if args.json:
        print(json.dumps(_as_json(report, args.output), ensure_ascii=False))
    else:
        _print(report, args.output)
    return SOME_FAILED if report.pairs.skipped else 0


def _show(epoch: Epoch, epochs: int, lines: TimedLines) -> None:
    line = f"epoch {epoch.number} of {epochs}: loss {epoch.loss:.3f}"
    if sys.stderr.isatty():
        print(line, file=sys.stderr)
    else:
        lines.say(line)


def _print(report: TrainReport, output: str) -> None:
    for problem in sorted(report.pairs.problems, key=lambda problem: problem.line)[:_SHOWN]:
        print(f"line {problem.line}: {printable(problem.message)}{' (left out)' if problem.is_skipped else ''}")
    if report.pairs.problem_count > _SHOWN:
        print(f"and {report.pairs.problem_count - _SHOWN} more")
    texts = report.texts
    kinds = [f"{texts.written} in the file"]
    if texts.model:
        kinds.append(f"{len(texts.by_model)} by {printable(texts.model)}")
    if texts.by_template:
        kinds.append(f"{len(texts.by_template)} from tags")
    print(f"{printable(output)}: trained on {counted(report.trained, 'pair')}; texts: {', '.join(kinds)}")
    if texts.failed:
        print(f"the model gave no usable text for {counted(texts.failed, 'track')}; they have texts from tags")
    score = report.score
    if score is None:
        print("no score: too few pairs were kept for it")
        return
    print(f"{counted(score.pairs, 'pair')} that it was not trained on, among {counted(score.tracks, 'track')}:")
    print("               recall@1      @5     @10   median rank")
    for name, retrieval in (("with text", score.with_text), ("without text", score.without_text), ("chance", score.chance)):
        shares = " ".join(f"{share:7.3f}" for share in retrieval.recall)
        print(f"  {name:12} {shares}   {retrieval.median_rank:.0f}")


def _as_json(report: TrainReport, output: str) -> dict[str, Any]:
    score = report.score
    return {
        "matcher": output,
        "trained": report.trained,
        "skipped": report.pairs.skipped,
        "problems": [{"line": one.line, "message": one.message, "skipped": one.is_skipped} for one in report.pairs.problems],
        "problem_count": report.pairs.problem_count,
        "texts": {
            "written": report.texts.written,
            "by_model": len(report.texts.by_model),
            "by_template": len(report.texts.by_template),
            "failed": report.texts.failed,
        },
        "score": None
        if score is None
        else {
            "pairs": score.pairs,
            "tracks": score.tracks,
            **{name: _retrieval(getattr(score, name)) for name in ("with_text", "without_text", "chance")},
        },
    }


def _retrieval(retrieval: Retrieval) -> dict[str, float]:
    from streamtags.matching.recall import RECALLS

    names = [f"recall_at_{most}" for most in RECALLS]
    return {**dict(zip(names, retrieval.recall, strict=True)), "median_rank": retrieval.median_rank}
