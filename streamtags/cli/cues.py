"""`streamtags cues`: where a film wants music, and which tracks of a library fit."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.cli.common import add_common, names_source, open_chosen_store, open_configured_store, settings_of, user_name
from streamtags.cli.views import printable
from streamtags.cli.waiting import after_lines, show_analysis, show_measuring

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
    """Write the decisions, spot, suggest, and print the cues. What is wrong in the command is said before a film or music is analyzed."""
    from streamtags.music.guide import parse_guide
    from streamtags.run.cues import CueRequest, cues_as_json, suggest_cues
    from streamtags.run.matching import open_matcher

    guide = parse_guide(args.guide)
    settings = settings_of(args, cues={"matcher": args.matcher} if args.matcher else None)
    is_film = names_source(args.id)
    with open_configured_store(settings) if is_film else open_chosen_store(args, settings) as store:
        known = None if is_film else store.find(args.id)
        library, tracks = (None, 0) if args.library is None else _library(args.library, store)
        timeline = known or _analyzed(args.id, settings, store)
        is_decided = _decide(args, store, timeline)
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
        has_limits = guide.has_limits or args.instrumental or bool(args.license)
        nothing = "" if library is None else _nothing_left(library, tracks, has_limits=has_limits)
        _print(state, args.top, {cue.cue: nothing for cue in state.spotting if args.cue in (None, cue.cue)})
    return 0


def _nothing_left(library: str, tracks: int, *, has_limits: bool) -> str:
    """Return why a library has no track for a cue."""
    if not tracks:
        return f"{library} has no tracks"
    limits = ", or break a limit of the guide, --instrumental or --license" if has_limits else ""
    which = "its track was rejected or is" if tracks == 1 else f"all {tracks} tracks were rejected, or are"
    return f"no track of {library} is left: {which} used for another cue{limits}"


def _analyzed(name: str, settings: Settings, store: Store) -> str:
    """Return the timeline of a film: its finished one, or the one that it is analyzed into."""
    from streamtags.process import limit_opencv_threads
    from streamtags.run.analyze import run_analysis
    from streamtags.run.choice import choose_profile

    limit_opencv_threads()

    async def work() -> str:
        chosen = await choose_profile(settings, store=store, uri=name)
        with show_analysis(name) as show:
            return (await run_analysis(name, chosen.settings, store, publish=after_lines([chosen.line], show))).id

    return asyncio.run(work())


def _library(name: str, store: Store) -> tuple[str, int]:
    """Return the name of a library and how many tracks it has; a folder or catalog that is none yet becomes one."""
    from streamtags.run.library import add_library
    from streamtags.store.opening import open_music_libraries

    with closing(open_music_libraries(store)) as libraries:
        known = {library.name for library in libraries.libraries()}
        if name in known or not Path(name).exists():
            library = libraries.library(name)
            return library.name, library.tracks
        with show_measuring() as notice:
            update = add_library(libraries, Path(name), notice=notice)
        return update.name, update.tracks


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


def _print(state: TimelineState, top: int, without_track: Mapping[str, str]) -> None:
    """Print the cues; `without_track` is what is said of one that has no track, by its name."""
    from streamtags.core.cue_tracks import tracks_of

    for cue in state.spotting:
        seconds = cue.end.seconds - cue.start.seconds
        decided = f"  {cue.decision}" if cue.decision else ""
        print(f"{cue.cue:6} {cue.start.timecode} to {cue.end.timecode}  {seconds:.1f} s  {cue.usage}{decided}")
        print(f"       {printable(cue.reason)}")
        for hit in cue.hits:
            print(f"       hit {hit.at.timecode}  {printable(hit.reason)}")
        tracks = tracks_of(cue, state, top)
        if not tracks and cue.usage != "source" and cue.decision != "rejected" and without_track.get(cue.cue):
            print(f"       {printable(without_track[cue.cue])}")
        for number, track in enumerate(tracks, 1):
            by = f" by {track.artist}" if track.artist else ""
            print(f"       {number}. {track.score:.2f}  {printable(track.title + by)}  [{printable(track.track)}]")
            print(f"          {printable(track.why)}")
            if track.fit is not None and track.fit.offset_seconds:
                fade = f"; fade in {track.fit.fade_in_seconds:g} s" if track.fit.fade_in_seconds else ""
                print(f"          begin {track.fit.offset_seconds:.2f} s into the track{fade}")
    if not state.spotting:
        print("no cue: everywhere people speak, music is heard already, or the span is too short; --over-music ignores the music")
