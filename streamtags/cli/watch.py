"""`streamtags watch`: follow a server from the terminal."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamtags.cli.views import counted, printable, segment_line
from streamtags.core.errors import NotInStore, UsageError

if TYPE_CHECKING:
    from streamtags.client import Session
    from streamtags.core.events import Event
    from streamtags.core.fold import Fold
    from streamtags.core.protocol import Snapshot
    from streamtags.core.state import SegmentState, TimelineState

__all__ = ["add_arguments", "run"]

_ENDED = ("completed", "failed", "cancelled")
_SHOWN = ("segment.tagged", "segment.failed", "segment.corrected")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("url", metavar="URL", help="the server, e.g. ws://127.0.0.1:8710")
    parser.add_argument("--timeline", metavar="ID", help="a timeline: its id, any unique prefix of it, or `last` (default: all)")
    parser.add_argument("--jsonl", action="store_true", help="print events as JSON lines, each timeline's from its first event")
    parser.add_argument(
        "--token-file", metavar="FILE", type=Path, help="a file with the token, if the server requires one (default: $STREAMTAGS_TOKEN)"
    )
    parser.add_argument("--debug", action="store_true", help="print a traceback with an error")


def run(args: argparse.Namespace) -> int:
    """Follow until interrupted, or until the timeline is removed."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("streamtags: %(message)s"))
    log = logging.getLogger("streamtags.client")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        asyncio.run(_watch(args.url, args.timeline, _token(args.token_file), jsonl=args.jsonl))
    finally:
        log.removeHandler(handler)
    return 0


def _token(path: Path | None) -> str | None:
    if path is None:
        return os.environ.get("STREAMTAGS_TOKEN") or None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot be read", where=str(path), hint="the file must contain the token and nothing else") from error
    if not token or len(token.split()) != 1:
        raise UsageError("contains no token", where=str(path), hint="the file must contain the token and nothing else")
    return token


async def _watch(url: str, name: str | None, token: str | None, *, jsonl: bool) -> None:
    from streamtags.client import connect

    async with connect(url, token=token, client="streamtags watch") as session:
        listed = (await session.request("timelines.list"))["timelines"]
        timeline = "*" if name is None else _find(name, [one["id"] for one in listed], url)
        if jsonl:
            await _print_events(session, timeline, {one["id"] for one in listed if one["state"] in _ENDED})
        else:
            await _print_segments(session, timeline)


def _find(name: str, known: list[str], url: str) -> str:
    """Return the id for `name`; `known` begins with the timeline opened last."""
    if name in known:
        return name
    matches = known[:1] if name == "last" else [one for one in known if name and one.startswith((name, f"tl_{name}"))]
    if len(matches) != 1:
        several = f"{len(matches)} timelines begin with {name!r}" if matches else f"no timeline {name!r}"
        raise NotInStore(
            several, where=url, hint=f"there are {', '.join((matches or known)[:5])}" if known else "nothing was analyzed there yet"
        )
    return matches[0]


async def _print_events(session: Session, timeline: str, over: set[str]) -> None:
    """Print logs as JSON lines, each from its first event; with `*`, without the timelines in `over`."""
    from streamtags.core.protocol import Snapshot

    async for item in session.follow(timeline, after=None if timeline == "*" else 0):
        if not isinstance(item, Snapshot):
            _print_event(item)
        elif item.timeline in over:
            over.discard(item.timeline)  # another snapshot of it is of a new log
        else:
            async for event in session.replay(item.timeline, until=item.seq, epoch=item.epoch):
                if not isinstance(event, Snapshot):
                    _print_event(event)


def _print_event(event: Event) -> None:
    print(event.to_json(), flush=True)


async def _print_segments(session: Session, timeline: str) -> None:
    """Print segments as they are tagged, under the name of their source; earlier segments first."""
    show = _shower()
    under = ""
    async for item in session.follow(timeline):
        fold = session.fold(item.timeline)
        segments, end = _shown(item, fold)
        if (segments or end) and under != item.timeline:
            under = item.timeline
            print(f"==> {_name(fold.state)} <==", flush=True)
        for segment in segments:
            show(segment)
        if end:
            print(printable(end), flush=True)


def _shown(item: Event | Snapshot, fold: Fold) -> tuple[list[SegmentState], str]:
    """Return the segments to show for `item`, and a line for the end of the timeline, or ""."""
    segments, ended = [], item.type.removeprefix("timeline.") in _ENDED
    if item.type == "snapshot":
        segments = [segment for segment in fold.state.segments if segment.status in ("tagged", "failed")]
        ended = fold.state.state in _ENDED
    elif item.type in _SHOWN and (segment := fold.segment(getattr(getattr(item, "data", None), "segment", ""))) is not None:
        segments = [segment]
    if not ended:
        return segments, ""
    state = fold.state
    return segments, f"{state.state}: {state.id}, {counted(len(state.segments), 'segment')}, {counted(len(state.scenes), 'scene')}"


def _name(state: TimelineState) -> str:
    return printable(f"{state.source.name}  {state.id}" if state.source is not None else state.id)


def _shower() -> Callable[[SegmentState], Any]:
    """Return a function that prints a segment: a card on a terminal, a line in a pipe."""
    if not sys.stdout.isatty():
        return lambda segment: print(segment_line(segment), flush=True)
    from rich.console import Console

    from streamtags.cli.live import card

    console = Console()
    return lambda segment: console.print(card(segment))
