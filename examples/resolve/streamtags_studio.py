"""Keep the markers of the timeline that is open in DaVinci Resolve Studio up to date with a streamtags timeline.

    python streamtags_studio.py --server http://127.0.0.1:8710 --timeline last --axis mood --min-confidence 0.5

Resolve must run and allow external scripting (Preferences, System, General). The free edition does not; it has the menu script.
"""

import argparse
import importlib
import os
import sys
from typing import Any, Dict, List, Optional

from streamtags_run import run
from streamtags_settings import Configuration, SettingsError, configure

__all__ = ["main"]

_MODULES = {
    "darwin": "/Library/Application Support/Blackmagic Design/DaVinci Resolve/Developer/Scripting/Modules",
    "win32": os.path.join(
        os.environ.get("PROGRAMDATA", "C:\\ProgramData"),
        "Blackmagic Design", "DaVinci Resolve", "Support", "Developer", "Scripting", "Modules",
    ),
    "linux": "/opt/resolve/Developer/Scripting/Modules",
}  # fmt: skip


def connect() -> Any:
    """Return Resolve's scripting object; None if Resolve is not there or refuses."""
    api = os.environ.get("RESOLVE_SCRIPT_API")
    sys.path.append(os.path.join(api, "Modules") if api else _MODULES.get(sys.platform, ""))
    try:
        return importlib.import_module("DaVinciResolveScript").scriptapp("Resolve")
    except ImportError:
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--server", metavar="URL", help="address of the server (default: http://127.0.0.1:8710)")
    source.add_argument("--file", help="read a timeline that `streamtags export ID --format json` wrote, instead of a server")
    parser.add_argument("--timeline", metavar="ID", help="timeline on the server, or `last` (the default)")
    parser.add_argument("--token-file", metavar="FILE", help="file with the token of the server")
    parser.add_argument("--by", metavar="NAME", help="name that corrections are stored under")
    parser.add_argument("--once", action="store_true", help="update once and end")
    parser.add_argument("--keep-following", action="store_true", help="do not end when the analysis ends")
    parser.add_argument("--axis", action="append", metavar="AXIS", help="only tags of this axis; may be repeated")
    parser.add_argument("--tag", action="append", metavar="TAG", help="only this tag; may be repeated")
    parser.add_argument("--min-confidence", type=float, metavar="X", help="only tags with at least this confidence, 0..1")
    parser.add_argument("--color", action="append", metavar="AXIS=COLOR", help="marker color for an axis; may be repeated")
    parser.add_argument("--align", choices=("start", "timecode"), help="the source begins at the start of the timeline, or at its timecode")
    parser.add_argument("--offset-frames", type=int, metavar="N", help="frames to move all markers by")
    parser.add_argument("--target", choices=("timeline", "clip"), help="markers of the timeline, or of the clip that was analyzed")
    parser.add_argument("--paint-clips", action="store_true", help="with --target clip: color the clips of the timeline like their markers")
    parser.add_argument("--remove", action="store_true", help="remove all markers of streamtags, and no others")
    return parser


def _configuration(arguments: argparse.Namespace) -> Configuration:
    names = ("server", "file", "timeline", "by", "min_confidence", "align", "offset_frames", "target")
    fields: Dict[str, Any] = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    fields.update(axes=arguments.axis or [], tags=arguments.tag or [], follow=not arguments.once, keep_following=arguments.keep_following)
    fields.update(colors={}, paint_clips=arguments.paint_clips)
    for text in arguments.color or ():
        axis, equals, color = text.partition("=")
        if not equals:
            raise SettingsError("{!r} is not AXIS=COLOR, for example mood=Blue".format(text))
        fields["colors"][axis] = color
    if arguments.token_file:
        try:
            with open(arguments.token_file, encoding="utf-8") as file:
                fields["token"] = file.read().split()[0]
        except (OSError, ValueError, IndexError) as error:
            raise SettingsError("cannot read a token from {}: {}".format(arguments.token_file, error)) from error
    return configure(fields)


def main(words: Optional[List[str]] = None) -> int:
    """Run with the flags of a command line; return the exit status."""
    arguments = _parser().parse_args(words)
    return run(connect(), lambda: _configuration(arguments), removes=arguments.remove)


if __name__ == "__main__":
    sys.exit(main())
