"""`streamtags serve`: HTTP, WebSocket and the web page on one port."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from pydantic import ValidationError

from streamtags.cli.common import add_common, settings_of
from streamtags.core.errors import ConfigError
from streamtags.core.validation import first_mistake

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--host", metavar="H", help="address to listen on (default: 127.0.0.1); beyond this machine a token file is required"
    )
    parser.add_argument("--port", metavar="N", type=int, help="port (default: 8710; 0 takes a free one)")
    parser.add_argument("--media-root", metavar="DIR", type=Path, action="append", help="a folder whose files may be analyzed; repeatable")
    parser.add_argument("--token-file", metavar="FILE", type=Path, help="hashed tokens; every client must then have one")
    parser.add_argument("--tls-cert", metavar="FILE", type=Path, help="certificate chain in PEM; with --tls-key the server speaks TLS")
    parser.add_argument("--tls-key", metavar="FILE", type=Path, help="its private key in PEM")
    parser.add_argument("--profile", metavar="P", help="captioner and classifier unless a client names others")
    parser.add_argument("--tags", metavar="FILE", help="vocabulary unless a client names another")
    parser.add_argument(
        "--new-token", metavar="ROLE", choices=("viewer", "editor"), help="print a new token and its line for the token file"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    try:
        app, access = import_module("streamtags_server.app"), import_module("streamtags_server.access.tokens")
    except ModuleNotFoundError as error:
        raise ConfigError(f"needs {error.name}, which is not installed", where="serve", hint="pip install 'streamtags[server]'") from error
    if args.new_token is not None:
        token, line = access.new_token(args.new_token)
        print(line)
        print(f"the token, shown this once: {token}", file=sys.stderr)
        return 0
    roots = [root.expanduser().resolve() for root in args.media_root] if args.media_root else None
    for root in roots or []:
        if not root.is_dir():
            raise ConfigError("is not a folder", where=f"--media-root {root}")
    given = {"host": args.host, "port": args.port, "media_roots": roots, "token_file": args.token_file}
    given |= {"tls_certificate": args.tls_cert, "tls_key": args.tls_key}
    settings = settings_of(args, profile=args.profile, tags=args.tags)
    try:
        server = settings.server.model_validate(
            {**settings.server.model_dump(), **{name: value for name, value in given.items() if value is not None}}
        )
    except ValidationError as error:
        mistake = first_mistake(error)
        raise ConfigError(mistake.text, where=f"--{mistake.place} {mistake.value}") from error
    app.serve(settings.model_copy(update={"server": server}))
    return 0
