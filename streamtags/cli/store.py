"""`streamtags store`: look after event stores."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from streamtags.cli.views import counted, printable

if TYPE_CHECKING:
    from streamtags.run.copy import Copied

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    copy = actions.add_parser(
        "copy", help="copy timelines to another store, with epochs, sequence numbers and thumbnails", allow_abbrev=False
    )
    copy.add_argument("source", metavar="FROM", help="URL of a store: sqlite:///PATH or postgresql://USER@HOST/DATABASE")
    copy.add_argument("target", metavar="TO", help="URL of the store to copy to; it is created if it is a file that does not exist")
    copy.add_argument("--timeline", metavar="ID", action="append", help="this timeline; may be given several times (default: all)")
    copy.add_argument("--replace", action="store_true", help="replace logs of TO that do not begin as those of FROM")
    copy.add_argument("--debug", action="store_true", help="print a traceback with an error")
    copy.set_defaults(_module="store")


def run(args: argparse.Namespace) -> int:
    """Copy timelines. Run the command again after an interruption: it goes on where it ended. The status is 5 if one was left out."""
    from streamtags.cli.common import SOME_FAILED
    from streamtags.core.errors import ConfigError
    from streamtags.run.copy import copy_timelines
    from streamtags.store.location import store_path
    from streamtags.store.opening import is_postgres, open_store

    if not is_postgres(args.source) and not store_path(args.source).is_file():
        raise ConfigError("does not exist", where=args.source, hint="name the store to copy from first")
    with open_store(args.source) as source, open_store(args.target) as target:
        timelines = None if args.timeline is None else [source.find(name) for name in args.timeline]
        results = copy_timelines(source, target, timelines, replace=args.replace, report=_print)
    failed = sum(result.error is not None for result in results)
    print(
        f"{counted(len(results) - failed, 'timeline')} in both stores, {counted(sum(result.events for result in results), 'event')} copied"
    )
    return SOME_FAILED if failed else 0


def _print(result: Copied) -> None:
    if result.error is not None:
        print(f"{result.timeline} {printable(result.name)}: {printable(str(result.error))}", file=sys.stderr)
    else:
        print(f"{result.timeline} {printable(result.name)}: {counted(result.events, 'event')} copied, {result.seq} in all")
