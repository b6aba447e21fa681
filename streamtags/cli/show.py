"""`streamtags show`: one timeline."""

from __future__ import annotations

import argparse
import json
import sys

from streamtags.cli.answers import answer_lines
from streamtags.cli.common import add_common, add_timeline, open_configured_store, settings_of
from streamtags.cli.views import printable, segment_line, summary_line

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_timeline(parser)
    parser.add_argument("--json", action="store_true", help="the whole state as JSON")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print it: cards on a terminal, lines in a pipe."""
    with open_configured_store(settings_of(args)) as store:
        state = store.state(store.find(args.id))
        if args.json:
            print(json.dumps(state.to_dict(), ensure_ascii=False))
            return 0
        if state.source is not None:
            print(f"{printable(state.source.name)}  {state.source.video.width}x{state.source.video.height}  {state.source.video.rate} fps")
        if sys.stdout.isatty():
            from rich.console import Console

            from streamtags.cli.live import card

            console = Console()
            for segment in state.segments:
                console.print(card(segment, store.thumbnail(state.id, segment.segment) if console.color_system == "truecolor" else None))
                for line in answer_lines(segment):
                    console.print(line, markup=False, highlight=False)
        else:
            for segment in state.segments:
                print(segment_line(segment))
                for line in answer_lines(segment):
                    print(line)
        print(summary_line(state))
    return 0
