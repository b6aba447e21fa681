"""`streamtags export`: a timeline in another format."""

from __future__ import annotations

import argparse

from streamtags.cli.common import add_common, add_timeline, check_output, open_configured_store, settings_of, write_output

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_timeline(parser)
    parser.add_argument("--format", metavar="F", required=True, help="json, jsonl or csv")
    parser.add_argument("--output", metavar="FILE", help="where to (default: standard output)")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Render it and write it, whole or not at all."""
    from streamtags.export.formats import export_format

    export = export_format(args.format)
    check_output(args.output or "-")
    with open_configured_store(settings_of(args)) as store:
        timeline = store.find(args.id)
        text = export.render(store.state(timeline), store.read(timeline))
    write_output(text, args.output)
    return 0
