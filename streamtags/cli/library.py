"""`streamtags library`: music libraries that cues are chosen from."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamtags.cli.common import SOME_FAILED, add_common, open_configured_store, settings_of
from streamtags.cli.many import worst
from streamtags.cli.views import counted, printable
from streamtags.cli.waiting import show_measuring

if TYPE_CHECKING:
    from streamtags.core.music import Library, MusicLibraries
    from streamtags.music.catalog import Catalog
    from streamtags.run.library import LibraryUpdate

__all__ = ["add_arguments", "run"]

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    add = actions.add_parser(
        "add", help="read folders of audio and catalogs; measure the files that are new or have changed", allow_abbrev=False
    )
    add.add_argument("paths", metavar="PATH", type=Path, nargs="+", help="a folder of audio, or a catalog: a CSV, TSV or JSONL file")
    add.add_argument("--name", help="name of the library (default: that of the folder or file)")
    add.add_argument("--json", action="store_true", help="as JSON")
    add_common(add)
    add.set_defaults(_module="library", action=_add)
    listing = actions.add_parser("list", help="list the libraries", allow_abbrev=False)
    listing.add_argument("--json", action="store_true", help="as JSON")
    add_common(listing)
    listing.set_defaults(_module="library", action=_list)
    remove = actions.add_parser("remove", help="forget a library; its files stay", allow_abbrev=False)
    remove.add_argument("name", metavar="NAME", help="the library")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    add_common(remove)
    remove.set_defaults(_module="library", action=_remove)
    check = actions.add_parser(
        "check", help="read a music catalog; print what its columns mean and which lines are wrong", allow_abbrev=False
    )
    check.add_argument("file", metavar="FILE", type=Path, help="a CSV, TSV or JSONL file with one track in each line")
    check.add_argument("--json", action="store_true", help="as JSON, with every mistake that was kept")
    check.add_argument("--debug", action="store_true", help="print a traceback with an error")
    check.set_defaults(_module="library", action=_check)


def run(args: argparse.Namespace) -> int:
    """Run the action; the status is 5 if tracks were left out."""
    action: Callable[[argparse.Namespace], int] = args.action
    return action(args)


def _with_libraries(args: argparse.Namespace, work: Callable[[MusicLibraries], int]) -> int:
    from streamtags.store.opening import open_music_libraries

    settings = settings_of(args)
    with open_configured_store(settings) as store, closing(open_music_libraries(store)) as libraries:
        return work(libraries)


def _add(args: argparse.Namespace) -> int:
    from streamtags.core.errors import UsageError
    from streamtags.process import limit_opencv_threads
    from streamtags.run.library import add_library

    limit_opencv_threads()
    if args.name is not None and len(args.paths) > 1:
        raise UsageError("is for one library", where="--name", hint="add the paths one after another")

    def work(libraries: MusicLibraries) -> int:
        statuses, updates = [], []
        for path in args.paths:
            try:
                with show_measuring() as notice:
                    update = add_library(libraries, path, args.name, notice=notice)
            except UsageError as error:
                if len(args.paths) == 1:
                    raise
                print(f"streamtags: {printable(str(error))}", file=sys.stderr)
                statuses.append(error.exit_status)
                continue
            updates.append(update)
            statuses.append(SOME_FAILED if update.skipped else 0)
            if not args.json:
                _print_update(update)
        if args.json:
            print(json.dumps({"libraries": [_update_as_json(update) for update in updates]}, ensure_ascii=False))
        return worst(statuses)

    return _with_libraries(args, work)


def _print_update(update: LibraryUpdate) -> None:
    parts = [counted(update.tracks, "track"), f"{update.added} new", f"{update.changed} changed", f"{len(update.removed)} removed"]
    print(f"{printable(update.name)}: {', '.join(parts)}; measured {counted(update.measured, 'file')}")
    for name in update.removed[:_SHOWN]:
        print(f"  removed: {printable(name)}")
    if len(update.removed) > _SHOWN:
        print(f"  and {len(update.removed) - _SHOWN} more removed")
    for problem in update.problems[:_SHOWN]:
        print(f"  {printable(problem.place)}: {printable(problem.message)}{' (left out)' if problem.is_skipped else ''}")
    if update.problem_count > _SHOWN:
        print(f"  and {update.problem_count - _SHOWN} more")


def _update_as_json(update: LibraryUpdate) -> dict[str, Any]:
    return {
        "library": update.name,
        "tracks": update.tracks,
        "added": update.added,
        "changed": update.changed,
        "removed": update.removed,
        "measured": update.measured,
        "problems": [{"place": one.place, "message": one.message, "skipped": one.is_skipped} for one in update.problems],
        "problem_count": update.problem_count,
    }


def _list(args: argparse.Namespace) -> int:
    def work(libraries: MusicLibraries) -> int:
        known = libraries.libraries()
        if args.json:
            rows = [{"library": one.name, "kind": one.kind, "path": one.path, "tracks": one.tracks} for one in known]
            print(json.dumps({"libraries": rows}, ensure_ascii=False))
            return 0
        for library in known:
            print(f"{printable(library.name)}  {counted(library.tracks, 'track')}  {library.kind}  {printable(library.path)}")
        if not known:
            print("no libraries yet; `streamtags library add FOLDER` adds one")
        return 0

    return _with_libraries(args, work)


def _remove(args: argparse.Namespace) -> int:
    def work(libraries: MusicLibraries) -> int:
        library = libraries.library(args.name)
        if not args.yes and sys.stdin is not None and sys.stdin.isatty() and not _is_confirmed(library):
            print("nothing was removed", file=sys.stderr)
            return 0
        libraries.remove(args.name)
        print(f"removed {printable(args.name)}; its files stay")
        return 0

    return _with_libraries(args, work)


def _is_confirmed(library: Library) -> bool:
    question = f"remove {printable(library.name)} ({counted(library.tracks, 'track')})? Its files stay. [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _check(args: argparse.Namespace) -> int:
    from streamtags.music.catalog import read_catalog

    catalog = read_catalog(args.file)
    if args.json:
        print(json.dumps(_as_json(catalog), ensure_ascii=False))
    else:
        _print(catalog)
    return SOME_FAILED if catalog.skipped else 0


def _as_json(catalog: Catalog) -> dict[str, Any]:
    problems = [{"line": one.line, "message": one.message, "skipped": one.is_skipped} for one in catalog.problems]
    return {"tracks": len(catalog.tracks), "columns": catalog.columns, "problems": problems, "problem_count": catalog.problem_count}


def _print(catalog: Catalog) -> None:
    print(f"{counted(len(catalog.tracks), 'track')} can be used")
    for heading, field in catalog.columns.items():
        print(f"  {printable(heading)}: {field or 'not used'}")
    for problem in catalog.problems[:_SHOWN]:
        print(f"line {problem.line}: {printable(problem.message)}{' (left out)' if problem.is_skipped else ''}")
    if catalog.problem_count > _SHOWN:
        print(f"and {catalog.problem_count - _SHOWN} more")
