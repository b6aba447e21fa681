"""`streamtags correct`: a person knows better."""

from __future__ import annotations

import argparse
import sys

from streamtags.cli.common import add_common, add_timeline, open_chosen_store, settings_of, user_name
from streamtags.cli.views import printable, segment_line
from streamtags.core.errors import UsageError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_timeline(parser)
    parser.add_argument("segment", metavar="SEGMENT", help="a segment's id, as `show` prints it")
    parser.add_argument("--tag", metavar="T=0.9", action="append", default=[], help="set a tag, with a confidence in 0..1 (1 if left out)")
    parser.add_argument("--untag", metavar="U", action="append", default=[], help="take a tag away")
    parser.add_argument("--caption", metavar="TEXT", help="replace the caption")
    parser.add_argument("--reset", action="store_true", help="discard earlier corrections; alone, return to the models' answer")
    parser.add_argument("--by", metavar="NAME", default=None, help="who says so (default: your user name)")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Store the correction."""
    from streamtags.run.correct import correct

    tags = [_tag(text) for text in args.tag]
    with open_chosen_store(args, settings_of(args)) as store:
        segment, unknown_tags = correct(
            store,
            store.find(args.id),
            args.segment,
            tags=tags,
            untag=args.untag,
            caption=args.caption,
            reset=args.reset,
            by=args.by or user_name(),
        )
    for tag, near in unknown_tags.items():
        hint = f"; did you mean {near}?" if near else ""
        print(printable(f"note: {tag} is not in the timeline's vocabulary{hint}"), file=sys.stderr)
    print(segment_line(segment))
    return 0


def _tag(text: str) -> tuple[str, float]:
    name, equals, confidence = text.rpartition("=")
    if not equals:
        return text, 1.0
    try:
        return name, float(confidence)
    except ValueError as error:
        raise UsageError("not TAG=CONFIDENCE", where=f"--tag {text}", hint="for example --tag Tense=0.9") from error
