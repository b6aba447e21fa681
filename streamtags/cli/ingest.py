"""`streamtags ingest`: analyze the files of a folder as they arrive."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.cli.common import INTERRUPTED, add_common, open_configured_store, settings_of
from streamtags.cli.many import Runs, sources_view, worst
from streamtags.cli.sources import stop_on_signals
from streamtags.core.errors import UsageError
from streamtags.process import hidden_programs, limit_opencv_threads
from streamtags.run.traces import traced

if TYPE_CHECKING:
    from streamtags.config.settings import Settings
    from streamtags.core.stores import Store

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder into which files are copied, moved or downloaded")
    parser.add_argument("--watch", action="store_true", help="go on and wait for more files, until interrupted")
    parser.add_argument("--recursive", action="store_true", help="look into the folders in it, too")
    parser.add_argument(
        "--settle", metavar="S", type=float, default=5.0, help="a file is complete when it has not changed for S seconds (default: 5)"
    )
    parser.add_argument("--profile", metavar="P", help="captioner and classifier by name")
    parser.add_argument("--tags", metavar="FILE", help="vocabulary: a YAML file or the name of one that ships")
    parser.add_argument(
        "--jsonl", metavar="FILE", nargs="?", const="-", help="write the events of all files as lines (default FILE: stdout)"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Analyze what is there and what arrives; return the exit status of the file that ended worst."""
    if not 0 <= args.settle <= 86_400:
        raise UsageError("must be 0 to 86400", where=f"--settle {args.settle}", hint="seconds, for example 5")
    settings = settings_of(args, profile=args.profile, tags=args.tags)
    with traced("streamtags"), open_configured_store(settings) as store:
        statuses = asyncio.run(_ingest(args, settings, store))
    return worst(statuses)


async def _ingest(args: argparse.Namespace, settings: Settings, store: Store) -> list[int]:
    with hidden_programs():
        from streamtags.run.ingest import Inbox, ingest
        from streamtags.run.journal import Journal
    limit_opencv_threads()

    def notice(line: str) -> None:
        print(f"streamtags: {line}", file=sys.stderr, flush=True)

    stop = stop_on_signals()
    journal = Journal(store.folder, args.folder)
    inbox = Inbox(args.folder, journal, recursive=args.recursive, settle_seconds=args.settle, notice=notice)
    view = sources_view(args.jsonl, stop.set)
    runs = Runs(settings, store, view, stop)

    async def analyze_file(path: str) -> bool:
        return await runs.analyze(path) == 0

    try:
        await ingest(inbox, analyze_file, watch=args.watch, stop=stop)
    finally:
        view.close()
        print(runs.results.summary(), file=sys.stderr if args.jsonl == "-" else sys.stdout)
    interrupted = [INTERRUPTED] if stop.is_set() and not args.watch else []
    return [status for status in (*runs.results.statuses, *interrupted) if status != INTERRUPTED or not args.watch] or [0]
