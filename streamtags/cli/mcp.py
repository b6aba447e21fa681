"""`streamtags mcp`: the Model Context Protocol on standard input and output."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from streamtags.cli.common import add_common, settings_of
from streamtags.core.errors import ConfigError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--media-root", metavar="DIR", type=Path, action="append", help="a folder whose files may be analyzed (default: the current folder)"
    )
    parser.add_argument("--profile", metavar="P", help="captioner and classifier unless the assistant names others")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until standard input ends."""
    try:
        stdio = import_module("streamtags_server.mcp.stdio")
    except ModuleNotFoundError as error:
        raise ConfigError(f"needs {error.name}, which is not installed", where="mcp", hint="pip install 'streamtags[server]'") from error
    roots = [root.expanduser().resolve() for root in args.media_root or [Path()]]
    for root in roots:
        if not root.is_dir():
            raise ConfigError("is not a folder", where=f"--media-root {root}")
    settings = settings_of(args, profile=args.profile)
    server = settings.server.model_copy(update={"media_roots": roots})
    stdio.serve_stdio(settings.model_copy(update={"server": server}))
    return 0
