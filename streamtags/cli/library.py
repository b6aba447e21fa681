"""`streamtags library`: music catalogs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamtags.music.catalog import Catalog

__all__ = ["add_arguments", "run"]

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser(
        "check", help="read a music catalog; print what its columns mean and which lines are wrong", allow_abbrev=False
    )
    check.add_argument("file", metavar="FILE", type=Path, help="a CSV, TSV or JSONL file with one track in each line")
    check.add_argument("--json", action="store_true", help="as JSON, with every mistake that was kept")
    check.add_argument("--debug", action="store_true", help="print a traceback with an error")
    check.set_defaults(_module="library")


def run(args: argparse.Namespace) -> int:
    """Check a catalog. The status is 5 if rows were left out."""
    from streamtags.cli.common import SOME_FAILED
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
    from streamtags.cli.views import printable

    print(f"{len(catalog.tracks)} tracks can be used")
    for heading, field in catalog.columns.items():
        print(f"  {printable(heading)}: {field or 'not used'}")
    for problem in catalog.problems[:_SHOWN]:
        print(f"line {problem.line}: {printable(problem.message)}{' (left out)' if problem.is_skipped else ''}")
    if catalog.problem_count > _SHOWN:
        print(f"and {catalog.problem_count - _SHOWN} more")
