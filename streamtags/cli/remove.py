"""`streamtags remove`: delete a timeline."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from streamtags.cli.common import add_common, add_timeline, open_chosen_store, settings_of
from streamtags.cli.views import counted, printable

if TYPE_CHECKING:
    from streamtags.core.stores import Store

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_timeline(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Delete the timeline with its log and thumbnails; the source is not touched. On a terminal, ask first."""
    with open_chosen_store(args, settings_of(args)) as store:
        timeline = store.find(args.id)
        if not args.yes and sys.stdin is not None and sys.stdin.isatty() and not _is_confirmed(store, timeline):
            print("nothing was removed", file=sys.stderr)
            return 0
        store.remove(timeline)
    print(f"removed {timeline}")
    return 0


def _is_confirmed(store: Store, timeline: str) -> bool:
    state = store.state(timeline)
    name = printable(state.source.name) if state.source is not None else "no source yet"
    corrected = sum(segment.correction is not None for segment in state.segments)
    loses = f"{counted(len(state.segments), 'segment')}, {counted(corrected, 'correction')}"
    print(f"remove {timeline} ({name}: {loses})? The film stays. [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
