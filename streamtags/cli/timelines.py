"""`streamtags timelines`: list the timelines of the store."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import datetime

from streamtags.cli.common import add_common, no_timelines, open_configured_store, settings_of
from streamtags.cli.views import counted, printable
from streamtags.core.errors import UsageError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--json", action="store_true", help="as JSON lines")
    parser.add_argument("--limit", metavar="N", type=int, help="only the N that were opened last")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print one line for each timeline, the one opened last first.

    Raises:
        UsageError: the limit is not a number from 1.
    """
    if args.limit is not None and args.limit < 1:
        raise UsageError(f"is {args.limit}, not at least 1", where="--limit")
    settings = settings_of(args)
    with open_configured_store(settings) as store:
        summaries = store.timelines(limit=args.limit)
    for summary in summaries:
        if args.json:
            line = asdict(summary)
            del line["opened"]
            print(json.dumps({**line, "key": summary.identity.key}))
        else:
            when = datetime.fromisoformat(summary.opened_at).astimezone().strftime("%Y-%m-%d %H:%M")
            print(f"{summary.id}  {summary.state:9}  {when}  {counted(summary.segments, 'segment'):>14}  {printable(summary.name)}")
    if not summaries and not args.json:
        print(no_timelines(settings))
    return 0
