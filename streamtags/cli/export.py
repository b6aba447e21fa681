"""`streamtags export`: write a timeline in another format."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.cli.common import SOME_FAILED, add_common, add_timeline, check_output, open_chosen_store, settings_of, write_output
from streamtags.core.errors import UsageError

if TYPE_CHECKING:
    from streamtags.export import ExportOptions

__all__ = ["add_arguments", "run"]

CLIPS = "clips"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_timeline(parser)
    parser.add_argument("--format", metavar="F", required=True, help="name of the format; see --list")
    parser.add_argument("--list", action=_ListFormats, help="list the formats and exit")
    parser.add_argument("--output", metavar="FILE", help="file to write, or the folder of clips (default: standard output)")
    parser.add_argument(
        "--rate", metavar="R", help="frame rate of the exported timeline: 25, 23.976 or 24000/1001 (default: as the source)"
    )
    parser.add_argument("--start-timecode", metavar="TC", help="timecode of the first frame, e.g. 01:00:00:00 (default: as the source)")
    parser.add_argument("--axis", metavar="A", action="append", default=[], help="only tags of this axis; repeatable")
    parser.add_argument("--tag", metavar="T", action="append", default=[], help="only this tag; repeatable")
    parser.add_argument("--min-confidence", metavar="X", help="only tags with at least this confidence, 0 to 1")
    parser.add_argument("--color", metavar="AXIS=NAME", action="append", default=[], help="color of the markers of an axis; repeatable")
    parser.add_argument("--format-version", metavar="V", help="version of the file format, e.g. 1.8 for fcpxml (default: its usual one)")
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument("--onto", metavar="EDIT", help="write the markers into this edit (default: the edit that was analyzed)")
    goal.add_argument("--new-timeline", action="store_true", help="write a new timeline even if the source was an edit")
    add_common(parser)


class _ListFormats(argparse.Action):
    """Prints the formats and exits, like `--help`."""

    def __init__(self, option_strings: list[str], dest: str, help: str | None = None) -> None:  # noqa: A002 - the name argparse passes
        super().__init__(option_strings, dest, nargs=0, default=False, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print one line for each format."""
        from streamtags.export import formats

        for name, export in formats().items():
            print(f"{name:12}  {export.suffix:12}  {export.description}")
        print(f"{CLIPS:12}  {'a folder':12}  Segments as files: copied where cuts allow, else encoded again")
        parser.exit()


def run(args: argparse.Namespace) -> int:
    """Render the timeline and write it, whole or not at all."""
    from streamtags.export import find_format
    from streamtags.export.options import parse_options
    from streamtags.run.onto import export_onto, render_export, render_new

    options = parse_options(
        [
            ("rate", args.rate),
            ("start_timecode", args.start_timecode),
            ("min_confidence", args.min_confidence),
            ("format_version", args.format_version),
            *(("axis", name) for name in args.axis),
            *(("tag", name) for name in args.tag),
            *(("color", pair) for pair in args.color),
        ]
    )
    if args.format == CLIPS:
        return _run_clips(args, options)
    export = find_format(args.format)
    export.check(options)
    check_output(args.output or "-")
    with open_chosen_store(args, settings_of(args)) as store:
        timeline = store.find(args.id)
        if args.onto is not None:
            data = export_onto(store, timeline, export, options, Path(args.onto))
        else:
            render = render_new if args.new_timeline else render_export
            data = render(store, timeline, export, options)
    write_output(data, args.output)
    return 0


def _run_clips(args: argparse.Namespace, options: ExportOptions) -> int:
    """Write clips into a folder; print a line for each."""
    from streamtags.run.clips import export_clips

    if not args.output or args.output == "-":
        raise UsageError("clips are files: name a folder", where="--format clips", hint="add --output FOLDER")
    settings = settings_of(args)
    with open_chosen_store(args, settings) as store:
        manifest = export_clips(store, store.find(args.id), Path(args.output), options, settings, report=print)
    return SOME_FAILED if any("error" in clip for clip in manifest["clips"]) else 0
