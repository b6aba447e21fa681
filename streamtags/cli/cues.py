"""`streamtags cues`: where a film wants music, and which tracks of a library fit."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.cli.common import add_common, names_source, open_configured_store, settings_of, user_name
from streamtags.cli.views import printable

if TYPE_CHECKING:
    from streamtags.config.settings import Settings
    from streamtags.core.state import TimelineState
    from streamtags.core.stores import Store
    from streamtags.run.cues import Decision

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("id", metavar="ID", help="a timeline, or a film, which is analyzed first")
    parser.add_argument(
        "--library", metavar="LIB", help="a music library by name, or its folder or catalog; without it, cues are only spotted"
    )
    parser.add_argument(
        "--guide", metavar="TEXT", default="", help='what you ask of the music: "slower, only piano, hopeful", "+strings -drums:0.5"'
    )
    parser.add_argument("--top", metavar="N", type=int, default=3, help="tracks for each cue (default 3)")
    parser.add_argument("--cue", metavar="CUE", help="suggest for this cue only")
    parser.add_argument("--instrumental", action="store_true", help="no tracks with vocals")
    parser.add_argument(
        "--license", metavar="L", action="append", default=[], help="only tracks whose license contains this; may be repeated"
    )
    parser.add_argument("--matcher", metavar="FILE", help="a matcher from `streamtags cues train`, which takes part in the ranking")
    parser.add_argument(
        "--over-music",
        action=argparse.BooleanOptionalAction,
        help="spot also where music is heard already, or not; default: as it was spotted before, at first not",
    )
    for name, what in (("accept", "the first suggestion, or this track"), ("reject", "the cue, or this track for it")):
        parser.add_argument(f"--{name}", metavar="CUE[=TRACK]", action="append", default=[], help=f"{name} {what}")
    parser.add_argument(
        "--reset", metavar="CUE[=TRACK]", action="append", default=[], help="take back what was decided about the cue, or about this track"
    )
    parser.add_argument("--swap", metavar="CUE=TRACK", action="append", default=[], help="reject the present track and accept this one")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Write the decisions, spot, suggest, and print the cues."""
    from streamtags.run.cues import CueRequest, cues_as_json, suggest_cues
    from streamtags.run.matching import open_matcher

    settings = settings_of(args, cues={"matcher": args.matcher} if args.matcher else None)
    with open_configured_store(settings) as store:
        timeline = _timeline(args.id, settings, store)
        is_decided = _decide(args, store, timeline)
        library = None if args.library is None else _library(args.library, store)
        request = CueRequest(
            library=library,
            guide=args.guide,
            top=args.top,
            cue=args.cue,
            is_instrumental=args.instrumental,
            licenses=tuple(args.license),
            is_over_music=args.over_music,
            matcher=None if settings.cues.matcher is None or library is None else open_matcher(settings.cues.matcher),
        )
        state = store.state(timeline) if is_decided and library is None else suggest_cues(store, timeline, request)
    if args.json:
        print(json.dumps({"cues": cues_as_json(state, args.top)}, ensure_ascii=False))
    else:
        _print(state, args.top, library)
    return 0


def _timeline(name: str, settings: Settings, store: Store) -> str:
    """Return the timeline of that name; a film is analyzed into one first, or its finished one is taken."""
    if not names_source(name):
        return store.find(name)
    from streamtags.process import limit_opencv_threads
    from streamtags.run.analyze import run_analysis
    from streamtags.run.choice import choose_profile

    limit_opencv_threads()

    async def work() -> str:
        chosen = await choose_profile(settings, store=store, uri=name)
        if chosen.line:
            print(printable(chosen.line), file=sys.stderr)
        return (await run_analysis(name, chosen.settings, store)).id

    return asyncio.run(work())


def _library(name: str, store: Store) -> str:
    """Return the name of a library; a folder or catalog that is none yet becomes one."""
    from streamtags.run.library import add_library
    from streamtags.store.opening import open_music_libraries

    with closing(open_music_libraries(store)) as libraries:
        known = {library.name for library in libraries.libraries()}
        if name in known or not Path(name).exists():
            return libraries.library(name).name
        return add_library(libraries, Path(name)).name


def _decide(args: argparse.Namespace, store: Store, timeline: str) -> bool:
    """Write the decisions of the command line; return whether there were any."""
    from streamtags.run.cues import decide

    chosen: list[tuple[Decision, str]] = [
        *(("reset", text) for text in args.reset),
        *(("reject", text) for text in args.reject),
        *(("accept", text) for text in args.accept),
        *(("swap", text) for text in args.swap),
    ]
    for decision, text in chosen:
        cue, _, track = text.partition("=")
        decide(store, timeline, cue, decision, track or None, user_name())
    return bool(chosen)


def _print(state: TimelineState, top: int, library: str | None) -> None:
    from streamtags.core.cue_tracks import tracks_of

    for cue in state.spotting:
        seconds = cue.end.seconds - cue.start.seconds
        decided = f"  {cue.decision}" if cue.decision else ""
        print(f"{cue.cue:6} {cue.start.timecode} to {cue.end.timecode}  {seconds:.1f} s  {cue.usage}{decided}")
        print(f"       {printable(cue.reason)}")
        for hit in cue.hits:
            print(f"       hit {hit.at.timecode}  {printable(hit.reason)}")
        tracks = tracks_of(cue, state, top)
        if library is not None and not tracks and cue.usage != "source" and cue.decision != "rejected":
            print(f"       no track of {printable(library)} fits: the limits exclude all that were not rejected or used for other cues")
        for number, track in enumerate(tracks, 1):
            by = f" by {track.artist}" if track.artist else ""
            print(f"       {number}. {track.score:.2f}  {printable(track.title + by)}  [{printable(track.track)}]")
            print(f"          {printable(track.why)}")
            if track.fit is not None and track.fit.offset_seconds:
                fade = f"; fade in {track.fit.fade_in_seconds:g} s" if track.fit.fade_in_seconds else ""
                print(f"          begin {track.fit.offset_seconds:.2f} s into the track{fade}")
    if not state.spotting:
        print("no cue: everywhere people speak, music is heard already, or the span is too short; --over-music ignores the music")
