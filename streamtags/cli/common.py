"""What several commands share: where settings come from, which timeline is meant, with what status they end."""

from __future__ import annotations

import argparse
import errno
import getpass
import os
import shlex
import shutil
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamtags.core.errors import ConfigError, UsageError
from streamtags.core.files import write_atomically

if TYPE_CHECKING:
    from streamtags.config.settings import Settings
    from streamtags.core.stores import Store

__all__ = [
    "INTERRUPTED",
    "SOME_FAILED",
    "add_common",
    "add_timeline",
    "check_output",
    "names_source",
    "nested",
    "no_timelines",
    "open_chosen_store",
    "open_configured_store",
    "settings_of",
    "show_command",
    "silence_output",
    "user_name",
    "write_output",
]

# Exit statuses of runs without an error; each error class has its own.
SOME_FAILED = 5
INTERRUPTED = 130


def add_common(parser: argparse.ArgumentParser) -> None:
    """The arguments every command takes."""
    where = "event store: sqlite:///PATH or postgresql://USER@HOST/DATABASE (default: a file in your data folder)"
    parser.add_argument("--store", metavar="URL", help=where)
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings in TOML (default: $STREAMTAGS_CONFIG)")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="any setting, e.g. --set shots.detector=content")
    parser.add_argument("--debug", action="store_true", help="print a traceback with an error")


def add_timeline(parser: argparse.ArgumentParser) -> None:
    """The argument that names a timeline."""
    parser.add_argument("id", metavar="ID", help="a timeline: its id, any unique beginning of it, or `last`")


def names_source(given: str) -> bool:
    """Return whether `given`, which may name a timeline or a source, names a source: a file, or what no id of a timeline looks like."""
    path = Path(given)
    if path.suffix or path.name != given:
        return True
    return os.path.exists(given) and not os.path.isdir(given)  # noqa: PTH110, PTH112 - an argument may be no valid path


def settings_of(args: argparse.Namespace, **flags: Any) -> Settings:
    """Settings from this command's flags (None: not given), the environment and the config file.

    Raises:
        ConfigError: a key or value that is wrong, or a file that cannot be read.
    """
    from streamtags.config.settings import load_settings

    given = nested(args.set)
    given |= {name: value for name, value in {"store": args.store, **flags}.items() if value is not None}
    config = args.config or (Path(os.environ["STREAMTAGS_CONFIG"]) if os.environ.get("STREAMTAGS_CONFIG") else None)
    return load_settings(given, config)


def nested(pairs: list[str]) -> dict[str, Any]:
    """`["shots.detector=content"]` as `{"shots": {"detector": "content"}}`.

    Raises:
        UsageError: a pair without a key or an equals sign.
    """
    tree: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        path = key.split(".")
        if not equals or not all(path):
            raise UsageError("not KEY=VALUE", where=f"--set {pair}", hint="for example --set segments.max_seconds=12")
        node = tree
        for name in path[:-1]:
            node = node.setdefault(name, {})
            if not isinstance(node, dict):
                raise UsageError(f"{name} is set to a value already", where=f"--set {pair}")
        node[path[-1]] = _value(value)
    return tree


def _value(text: str) -> Any:
    """A number, a truth value, a list or a table as TOML writes it; anything else is text, quotes or not."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # no TOML, a number of thousands of digits, or nested too deep
        return text
    return value if isinstance(value, bool | int | float | list | dict | str) else text


def open_configured_store(settings: Settings) -> Store:
    """The store that the settings name.

    Raises:
        StoreError: it cannot be opened.
    """
    from streamtags.store.opening import open_store

    return open_store(settings.store)


def open_chosen_store(args: argparse.Namespace, settings: Settings) -> Store:
    """The store that the settings name, for a command that reads what is in it: a file that `--store` names has to be there.

    Raises:
        ConfigError: there is no such file.
        StoreError: it cannot be opened.
    """
    from streamtags.store.location import store_path
    from streamtags.store.opening import is_postgres

    if args.store and not is_postgres(args.store) and not os.path.lexists(store_path(args.store)):
        raise ConfigError("does not exist", where=args.store, hint="check the path; `streamtags analyze` creates a store")
    return open_configured_store(settings)


def no_timelines(settings: Settings) -> str:
    """What to print where a store has no timelines. It names the store: the path may be a wrong one."""
    from streamtags.store.location import store_path
    from streamtags.store.opening import shown_url

    where = shown_url(settings.store or f"sqlite:///{store_path(None)}")
    return f"no timelines yet in {where}; `streamtags analyze film.mp4` makes one"


def show_command(args: argparse.Namespace, settings: Settings, timeline: str) -> str:
    """What to type to see `timeline`: where this program is not on the PATH, and where flags chose the store, that is part of it."""
    called = sys.argv[0]
    name = called if Path(called).name == "streamtags" and shutil.which("streamtags") is None else "streamtags"
    chosen = settings.store is not None and bool(args.store or args.config or args.set)
    return shlex.join([name, "show", timeline, *(["--store", str(settings.store)] if chosen else [])])


def check_output(target: str) -> None:
    """See that `target` can be written, before work is put into what is to be in it.

    Raises:
        UsageError: it is a folder, or its folder is missing or may not be written.
    """
    path = Path(target)
    reason = ""
    if path.is_dir():
        reason = "is a folder"
    elif not path.parent.is_dir():
        reason = "its folder does not exist"
    elif not os.access(path if _special(path) else path.parent, os.W_OK):
        reason = "may not be written"
    if reason and target != "-":
        raise UsageError(reason, where=target, hint="check the folder and its permissions")


def _special(path: Path) -> bool:
    """Return whether `path` is a device or a pipe, which is written to and never replaced."""
    return path.exists() and not path.is_file()


def user_name() -> str:
    """Return the name of the user who runs the command, for the log; `person` where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "person"


def silence_output() -> None:
    """Redirect standard output to the null device, so that buffered and later output does not fail at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def write_output(data: str | bytes, target: str | None) -> None:
    """Write `data` to the file `target`, whole or not at all, or to standard output if None or `-`. A link or a device stays what it is.

    Raises:
        UsageError: the file cannot be written.
    """
    if isinstance(data, str):
        data = data.encode()
    if target in (None, "-"):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(os.path.realpath(str(target)))
    try:
        if _special(path):
            path.write_bytes(data)
        else:
            write_atomically(path, data)
    except OSError as error:
        hint = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check the folder and its permissions"
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path), hint=hint) from error
