"""`streamtags analyze` with several sources, a folder, a pattern or a list."""

from __future__ import annotations

import argparse
import asyncio
import glob
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.cli.common import INTERRUPTED, open_configured_store
from streamtags.cli.many import Runs, sources_view, worst
from streamtags.cli.views import printable
from streamtags.core.errors import SourceError, StreamtagsError, UsageError
from streamtags.process import hidden_programs, limit_opencv_threads
from streamtags.run.stop import Stop
from streamtags.run.traces import traced

if TYPE_CHECKING:
    from streamtags.config.settings import Settings
    from streamtags.core.stores import Store

__all__ = ["listed_sources", "names_several", "run_many", "stop_on_signals"]

# More than any folder has; a list that is no list of names is refused before memory is full.
_MAX_LIST_BYTES = 64 << 20

# Arguments in a row that may be the words of one name.
_MAX_NAME_WORDS = 30


def names_several(argument: str) -> bool:
    """Return whether an argument is a folder that is no edit, or a pattern and no file of that name."""
    from streamtags.sources.edit.read import is_bundle

    try:
        return (Path(argument).is_dir() and not is_bundle(argument)) or (
            glob.has_magic(argument) and "://" not in argument and not Path(argument).exists()
        )
    except (OSError, ValueError):
        return False


def listed_sources(name: str) -> list[str]:
    """Return the lines of a list of sources; empty ones are left out.

    Args:
        name: a text file, or `-` for standard input.

    Raises:
        UsageError: it cannot be read, or is no text.
    """
    try:
        with Path(name).open("rb") if name != "-" else sys.stdin.buffer as file:
            data = file.read(_MAX_LIST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=f"--list {name}", hint="give a text file with a source on each line"
        ) from error
    if len(data) > _MAX_LIST_BYTES or b"\0" in data:
        raise UsageError("is no list of sources", where=f"--list {name}", hint="give a text file with a source on each line")
    return [line for line in data.decode("utf-8", "surrogateescape").splitlines() if line.strip()]


def run_many(given: list[str], settings: Settings, args: argparse.Namespace, jsonl: str | None) -> int:
    """Analyze what the arguments stand for, one after another; return the exit status of the one that ended worst.

    Raises:
        UsageError: an option that is for one source only.
        StreamtagsError: what would stop every source.
    """
    if args.export or args.dry_run:
        option = "--export" if args.export else "--dry-run"
        raise UsageError("is for one source", where=option, hint="name one source, or run `streamtags export` for each timeline afterwards")
    if args.list is None:
        _check_quoting(given)
    with hidden_programs():
        from streamtags.sources.media_files import expand_sources
    limit_opencv_threads()
    statuses = list[int]()

    def refuse(error: SourceError) -> None:
        print(f"streamtags: {printable(str(error))}", file=sys.stderr)
        statuses.append(error.exit_status)

    sources = expand_sources(given, recursive=args.recursive, refuse=refuse)
    if "-" in sources:
        raise UsageError("standard input is one source", where="-", hint="analyze it by itself")
    with traced("streamtags"), open_configured_store(settings) as store:
        statuses += asyncio.run(_analyze(sources, settings, store, jsonl, fresh=args.fresh))
    return worst(statuses)


def _check_quoting(given: list[str]) -> None:
    """Refuse the parts of one name with spaces.

    Raises:
        UsageError: several arguments in a row are no files, and their words together are the name of one.
    """
    words: list[str] = []
    for argument in given:
        words = [] if os.path.lexists(argument) else [*words[-_MAX_NAME_WORDS:], argument]
        for start in range(len(words) - 1):
            name = " ".join(words[start:])
            if os.path.lexists(name):
                raise UsageError(f"did you mean {shlex.quote(name)}? Quote a name with spaces", where="streamtags analyze")


async def _analyze(sources: list[str], settings: Settings, store: Store, jsonl: str | None, *, fresh: bool) -> list[int]:
    stop = stop_on_signals()
    view = sources_view(jsonl, stop.set)
    runs, left = Runs(settings, store, view, stop, fresh=fresh), len(sources)
    try:
        for source in sources:
            if stop.is_set():
                break
            await runs.analyze(source)
            left -= 1
    except StreamtagsError:
        view.close()
        print(runs.results.summary(left), file=sys.stderr)
        raise
    view.close()
    print(runs.results.summary(left), file=sys.stderr if jsonl == "-" else sys.stdout)
    return [*runs.results.statuses, *([INTERRUPTED] if stop.is_set() else [])]


def stop_on_signals() -> Stop:
    """Return an event that an interruption or a request to terminate sets; call it in the event loop."""
    stop = Stop()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop
