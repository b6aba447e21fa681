"""`streamtags show`: print one timeline."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from streamtags.cli.answers import answer_lines
from streamtags.cli.common import add_common, add_timeline, open_chosen_store, settings_of
from streamtags.cli.views import printable, scene_line, segment_line, summary_line
from streamtags.core.pictureless import has_picture

if TYPE_CHECKING:
    from streamtags.core.state import SegmentState, TimelineState
    from streamtags.core.stores import Store

__all__ = ["add_arguments", "run"]

_PrintSegment: TypeAlias = "Callable[[SegmentState, Sequence[str]], None]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_timeline(parser)
    parser.add_argument("--json", action="store_true", help="the whole state as JSON")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the timeline: cards on a terminal, lines in a pipe; each scene before its segments."""
    with open_chosen_store(args, settings_of(args)) as store:
        state = store.state(store.find(args.id))
        if args.json:
            print(json.dumps(state.to_dict(), ensure_ascii=False))
            return 0
        _print_timeline(state, *_printers(store, state))
    return 0


def _print_timeline(state: TimelineState, print_segment: _PrintSegment, print_line: Callable[[str], None]) -> None:
    if state.source is not None:
        video = state.source.video
        what = f"{video.width}x{video.height}  {video.rate} fps" if has_picture(video) else "sound without picture"
        print_line(f"{printable(state.source.name)}  {what}")
    scenes = {scene.first: scene for scene in state.scenes}
    before = None
    for segment in state.segments:
        if (scene := scenes.get(segment.segment)) is not None:
            print_line(scene_line(scene))
        print_segment(segment, answer_lines(segment, before))
        before = segment
    if any(segment.correction is not None and segment.correction.tags for segment in state.segments):
        print_line("* set by a person")
    if state.error is not None:
        print_line(printable(state.error.message))
    print_line(summary_line(state))


def _printers(store: Store, state: TimelineState) -> tuple[_PrintSegment, Callable[[str], None]]:
    """Return what prints a segment with the answers of its stages, and what prints a line."""
    if not sys.stdout.isatty():
        return lambda segment, answers: print(segment_line(segment), *answers, sep="\n"), print
    from rich.console import Console

    from streamtags.cli.live import card

    console = Console()
    has_pictures = console.color_system == "truecolor"

    def print_card(segment: SegmentState, answers: Sequence[str]) -> None:
        console.print(card(segment, store.thumbnail(state.id, segment.segment) if has_pictures else None, answers))

    return print_card, lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True)
