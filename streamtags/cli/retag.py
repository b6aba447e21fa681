"""`streamtags retag`: other tags, the same captions."""

from __future__ import annotations

import argparse
import asyncio
import sys

from streamtags.cli.common import SOME_FAILED, add_common, add_timeline, open_chosen_store, settings_of, show_command, silence_output
from streamtags.cli.hints import untagged_hint
from streamtags.cli.views import JsonLines, printable

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_timeline(parser)
    parser.add_argument("--tags", metavar="FILE", help="vocabulary: a YAML file or the name of one that ships")
    parser.add_argument("--profile", metavar="P", help="whose classifier to use (default: embedded)")
    parser.add_argument("--jsonl", action="store_true", help="write the new events to standard output")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Classify every stored caption again; never captions, never opens the source."""
    from streamtags.run.retag import retag

    settings = settings_of(args, profile=args.profile, tags=args.tags)
    lines = JsonLines(sys.stdout) if args.jsonl else None
    with open_chosen_store(args, settings) as store:
        timeline = store.find(args.id)
        try:
            failed = asyncio.run(retag(timeline, settings, store, publish=lines.show if lines else lambda _: None))
        except BrokenPipeError as error:  # who reads the events has left in the middle of the work
            silence_output()
            raise KeyboardInterrupt from error
        hint = untagged_hint(store.state(timeline), printable(settings.tags))
    if not args.jsonl:
        print(f"{timeline} is tagged anew under {printable(settings.tags)}; see `{printable(show_command(args, settings, timeline))}`")
    if failed:
        kept = "segment keeps its" if failed == 1 else "segments keep their"
        print(f"{failed} {kept} old tags, the classifier failed; run it again", file=sys.stderr)
        return SOME_FAILED
    if hint is not None:
        print(hint, file=sys.stderr)
    return 0
