"""`streamtags analyze`: a video to a timeline."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from streamtags.cli.common import (
    INTERRUPTED,
    SOME_FAILED,
    add_common,
    check_output,
    open_configured_store,
    settings_of,
    show_command,
    write_output,
)
from streamtags.cli.hints import music_hint, untagged_hint
from streamtags.cli.sources import listed_sources, names_several, run_many
from streamtags.cli.waiting import after_lines
from streamtags.core.errors import SourceError, UsageError
from streamtags.process import hidden_programs, limit_opencv_threads
from streamtags.run.traces import traced

if TYPE_CHECKING:
    from streamtags.cli.views import View
    from streamtags.config.settings import Settings
    from streamtags.core.stores import Store
    from streamtags.run.outcome import Analyzed, Outcome

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="*",
        help="a video file, an edit (EDL, FCPXML, xmeml, OTIO, AAF), a URL, - for standard input, a folder of videos, or a pattern",
    )
    parser.add_argument("--recursive", action="store_true", help="of a folder: look into the folders in it, too")
    parser.add_argument("--list", metavar="FILE", help="a text file with more sources, one a line; - for standard input")
    parser.add_argument(
        "--profile", metavar="P", help="captioner and classifier by name (default: auto, the best that works on this machine)"
    )
    parser.add_argument("--tags", metavar="FILE", help="vocabulary: a YAML file or the name of one that ships (default: music-library)")
    parser.add_argument(
        "--jsonl", metavar="FILE", nargs="?", const="-", help="write the event log as lines, each when durable (default FILE: stdout)"
    )
    parser.add_argument("--export", metavar="FORMAT:FILE", action="append", default=[], help="also write the finished timeline; repeatable")
    parser.add_argument("--fresh", action="store_true", help="start anew instead of resuming or replaying")
    parser.add_argument("--rate", metavar="R", help="of an EDL, which does not state it: frames a second, e.g. 25 or 23.976")
    parser.add_argument(
        "--media-root", metavar="DIR", action="append", default=[], help="of an edit: search media in this folder; repeatable"
    )
    parser.add_argument("--media-map", metavar="MAP", help="of an edit: JSON or TOML file that maps names, reels or paths to media files")
    parser.add_argument("--follow", action="store_true", help="the file is still being written: read on as it grows")
    parser.add_argument("--listen", action="store_true", help="wait for a sender to connect to this rtmp or tcp address")
    parser.add_argument(
        "--dry-run", action="store_true", help="only count shots and estimate tokens, money and time; sends nothing to a model"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Analyze, show, export; the exit status says how it went."""
    sources, jsonl = _sources_and_jsonl(args)
    exports = [_export(text) for text in args.export]
    args.set += [f"ingest.live.{name}=true" for name in ("follow", "listen") if getattr(args, name)]
    args.set += _edit_settings(args)
    settings = settings_of(args, profile=args.profile, tags=args.tags)
    if _are_many(args):
        return run_many(sources, settings, args, jsonl)
    source = sources[0]
    with open_configured_store(settings) as store:
        if source == "-" and not args.dry_run:
            _check_input()
        settings, lines = _chosen(source, settings, store, fresh=args.fresh)
        if args.dry_run:
            return _estimate(source, settings, store, lines)
        show = show_command(args, settings, "last")
        state, stopped, left = asyncio.run(_analyze(source, settings, store, fresh=args.fresh, jsonl=jsonl, show=show, lines=lines))
        for format_name, target in exports:
            _write_export(store, state.id, format_name, target)
    live = state.source is not None and state.source.live
    if stopped and left:
        print(f"{left}; run the same command again to resume {state.id}", file=sys.stderr)
        return SOME_FAILED
    if stopped:
        what = f"stopped; what was received is in {state.id}" if live else f"stopped; run the same command again to resume {state.id}"
        print(what, file=sys.stderr)
        return INTERRUPTED
    _report_missing(state)
    failed = [segment for segment in state.segments if segment.status == "failed"]
    if failed:
        error = failed[0].error
        why = f": {error.message}" if error else ""
        again = "" if live else "; run the same command again to retry only those"
        print(f"{len(failed)} of {len(state.segments)} segments failed{why}{again}", file=sys.stderr)
        return SOME_FAILED
    for hint in filter(None, (untagged_hint(state, settings.tags), music_hint(state, settings))):
        print(hint, file=sys.stderr)
    return 0


def _chosen(source: str, settings: Settings, store: Store, *, fresh: bool) -> tuple[Settings, list[str]]:
    """Return the settings with the profile that is used here; which it is if it was chosen, and whether its captioner failed a check."""
    with hidden_programs():
        from streamtags.cli.model_check import known_problems
        from streamtags.run.check_captioner import model_of
        from streamtags.run.choice import choose_profile

    chosen = asyncio.run(choose_profile(settings, store=store, uri=source, fresh=fresh))
    return chosen.settings, [line for line in (chosen.line, known_problems(model_of(chosen.settings))) if line]


def _edit_settings(args: argparse.Namespace) -> list[str]:
    """The flags about the media of an edit, as settings."""
    values = {"rate": args.rate, "media_roots": args.media_root or None, "media_map": args.media_map}
    return [f"ingest.edit.{name}={json.dumps(value)}" for name, value in values.items() if value is not None]


def _report_missing(state: Analyzed) -> None:
    """Name the media of an edit that could not be read."""
    from streamtags.cli.views import printable

    names = dict.fromkeys(clip.media for s in state.segments if s.kind == "gap" and (clip := s.clip) is not None and clip.media)
    for name in names:
        print(f"missing: {printable(name)}", file=sys.stderr)


def _check_input() -> None:
    """Wait for standard input to begin; what is peeked at is read later.

    Raises:
        SourceError: it ended without a byte.
    """
    piped = None if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer
    if isinstance(piped, io.BufferedReader) and not piped.peek(1):
        hint = "run the command before the | by itself to see why"
        raise SourceError("nothing came on standard input", where="-", hint=hint, code="source.empty")


def _estimate(source: str, settings: Settings, store: Store, lines: Sequence[str]) -> int:
    from streamtags.cli.views import estimate_lines, printable

    with hidden_programs():
        from streamtags.run.estimate import estimate
    limit_opencv_threads()

    estimated = asyncio.run(estimate(source, settings, store))
    for line in lines:
        print(printable(line), file=sys.stderr)
    for line in estimate_lines(estimated, settings.profile):
        print(line)
    return 0


def _sources_and_jsonl(args: argparse.Namespace) -> tuple[list[str], str | None]:
    """`--jsonl film.mp4` swallows the source as its FILE; a person who wrote that means stdout."""
    given, jsonl = args.sources, args.jsonl
    if not given and args.list is None and jsonl not in (None, "-"):
        given, jsonl = [jsonl], "-"
    if args.list is not None:
        given = [*given, *listed_sources(args.list)]
    if not all(given) or (not given and args.list is None):
        raise UsageError("SOURCE is missing", where="streamtags analyze", hint="give a video file, a URL or - for standard input")
    args.sources = given
    return given, jsonl


def _are_many(args: argparse.Namespace) -> bool:
    """Whether the arguments stand for several sources, or for as many as a folder or a pattern has."""
    given = args.sources
    return args.list is not None or args.recursive or len(given) != 1 or names_several(given[0])


def _export(text: str) -> tuple[str, str]:
    from streamtags.export import find_format

    name, colon, target = text.partition(":")
    if not colon or not target:
        raise UsageError("not FORMAT:FILE", where=f"--export {text}", hint="for example --export csv:tags.csv")
    find_format(name)
    check_output(target)
    return name, target


def _write_export(store: Store, timeline: str, name: str, target: str) -> None:
    from streamtags.export import find_format
    from streamtags.run.onto import render_export

    write_output(render_export(store, timeline, find_format(name)), target)


async def _analyze(
    source: str, settings: Settings, store: Store, *, fresh: bool, jsonl: str | None, show: str, lines: Sequence[str]
) -> tuple[Outcome, bool, str]:
    """Analyze; return the state, whether the run was stopped before the end, and what is left if its budget stopped it."""
    from streamtags.cli.output import choose_view

    with hidden_programs():
        from streamtags.run.analyze import run_analysis
        from streamtags.run.budget import Budget
        from streamtags.run.stop import Stop
    limit_opencv_threads()

    stop = Stop()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    view: View = choose_view(jsonl, store, stop.set, show)
    try:
        budget = Budget(settings.budget, stop)
        publish = after_lines(lines, budget.counting(settings.choose_profile(), view.show))
        with traced("streamtags"):
            state = await run_analysis(source, settings, store, fresh=fresh, publish=publish, stop=stop)
    except BaseException as error:
        view.close(None)
        if isinstance(error, SourceError) and error.code == "source.stopped":
            raise KeyboardInterrupt from error
        raise
    view.close(state)
    return state, stop.is_set() and state.state == "cancelled", budget.what_is_left(state) if budget.used_up else ""
