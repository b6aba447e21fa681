"""`streamtags backfill`: many films on a Ray cluster."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.cli.common import INTERRUPTED, add_common, open_configured_store, settings_of
from streamtags.cli.many import Results, SourceLines, SourcesView, is_about_source, worst
from streamtags.cli.sources import listed_sources
from streamtags.cli.views import printable
from streamtags.core.errors import ConfigError, SourceError, UsageError
from streamtags.process import hidden_programs

if TYPE_CHECKING:
    from streamtags.config.settings import Settings
    from streamtags.core.stores import Store

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("sources", metavar="SOURCE", nargs="*", help="a video file, an edit, a URL, a folder of videos, or a pattern")
    parser.add_argument("--recursive", action="store_true", help="of a folder: look into the folders in it, too")
    parser.add_argument("--list", metavar="FILE", help="a text file with more sources, one a line; - for standard input")
    parser.add_argument(
        "--address",
        metavar="RAY",
        help="a Ray cluster that runs: HOST:PORT, or auto (default: $RAY_ADDRESS, else start Ray on this machine for this command)",
    )
    parser.add_argument("--workers", metavar="N", type=int, help="most films at once (default: one for each CPU)")
    parser.add_argument(
        "--captioners",
        metavar="N",
        type=int,
        help="processes that load the captioner of a profile without a server (default: one for each GPU)",
    )
    parser.add_argument("--profile", metavar="P", help="captioner and classifier by name (default: auto, chosen once for all films)")
    parser.add_argument("--tags", metavar="FILE", help="vocabulary: a YAML file or the name of one that ships")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Analyze the films that the log of the store lacks; return the exit status of the one that ended worst."""
    for name in ("workers", "captioners"):
        if (number := getattr(args, name)) is not None and not 1 <= number <= 100_000:
            raise UsageError("must be 1 to 100000", where=f"--{name} {number}", hint="leave it out to use all that the cluster has")
    settings = settings_of(args, profile=args.profile, tags=args.tags)
    if find_spec("ray") is None:
        raise ConfigError("needs the package ray", where="streamtags backfill", hint="pip install 'streamtags[ray]'")
    if settings.budget.model_fields_set:
        raise ConfigError("is for runs on one machine", where="budget", hint="leave it out; limit tokens at the model server")
    with hidden_programs():
        sources, statuses = _films(args, settings)
    if not sources:
        print("no films to analyze", file=sys.stderr)
        return worst(statuses)
    with open_configured_store(settings) as store:
        return worst([*statuses, *_backfill(sources, _shared(settings), store, args)])


def _films(args: argparse.Namespace, settings: Settings) -> tuple[list[str], list[int]]:
    """The films that the arguments stand for, with absolute paths, and the exit statuses of arguments that stand for none."""
    from streamtags.sources.file.access import is_url
    from streamtags.sources.live.source import is_live
    from streamtags.sources.media_files import expand_sources

    given = [*args.sources, *(listed_sources(args.list) if args.list is not None else [])]
    if not all(given) or (not given and args.list is None):
        raise UsageError("SOURCE is missing", where="streamtags backfill", hint="give films, folders, patterns or --list FILE")
    statuses = list[int]()

    def refuse(error: SourceError) -> None:
        print(f"streamtags: {printable(str(error))}", file=sys.stderr)
        statuses.append(error.exit_status)

    films = list[str]()
    for source in expand_sources(given, recursive=args.recursive, refuse=refuse):
        try:
            is_film = source != "-" and not is_live(source, settings.ingest)
        except SourceError:
            is_film = True  # the worker that tries it reports why it cannot be read
        if is_film:
            films.append(source if is_url(source) else os.path.abspath(source))  # noqa: PTH100 - a link stays a link
        else:
            refuse(SourceError("is no film that can be read again", where=source, hint="use `streamtags analyze`"))
    return films, statuses


def _shared(settings: Settings) -> Settings:
    """The settings as other processes need them: a profile that is named, and files with absolute paths."""
    import asyncio

    from streamtags.run.choice import choose_profile
    from streamtags.store.location import store_path
    from streamtags.store.opening import is_postgres

    with hidden_programs():
        chosen = asyncio.run(choose_profile(settings))
    if chosen.line:
        print(printable(chosen.line), file=sys.stderr, flush=True)
    store = settings.store if is_postgres(settings.store or "") else f"sqlite:///{store_path(settings.store).absolute()}"
    tags = str(Path(settings.tags).absolute()) if Path(settings.tags).is_file() else settings.tags
    return chosen.settings.model_copy(update={"store": store, "tags": tags})


def _backfill(sources: list[str], settings: Settings, store: Store, args: argparse.Namespace) -> list[int]:
    with hidden_programs():
        from streamtags.run.executors.ray_process import RayOptions, films_on_ray
    view = _view(len(sources))
    results = Results(view)

    def notice(line: str) -> None:
        print(f"streamtags: {printable(line)}", file=sys.stderr, flush=True)

    options = RayOptions(args.address or os.environ.get("RAY_ADDRESS") or None, args.workers, args.captioners, args.debug)
    try:
        with _interrupted_by_termination(), closing(films_on_ray(sources, settings, options, notice)) as films:
            for film in films:
                if film.error is not None and not is_about_source(film.error):
                    raise film.error
                results.add(film.source, film.error or store.state(film.timeline))
    except KeyboardInterrupt:
        return [*results.statuses, INTERRUPTED]
    finally:
        view.close()
        if results.failures:
            print("not done:", *results.failures, sep="\n  ", file=sys.stderr)
        print(results.summary(len(sources) - results.statuses.total()))
    return [*results.statuses]


@contextmanager
def _interrupted_by_termination() -> Iterator[None]:
    """Treat a request to terminate like Ctrl-C inside the block, so that the command ends with a summary."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _view(total: int) -> SourcesView:
    if not sys.stdout.isatty():
        return SourceLines(None, to_stdout=True)
    from streamtags.cli.sources_table import SourcesBar  # loads rich's live display only on a terminal

    return SourcesBar(total)
