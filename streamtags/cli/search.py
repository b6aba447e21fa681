"""`streamtags search`: segments of all timelines that fit a text."""

from __future__ import annotations

import argparse
import json

from streamtags.cli.common import add_common, no_timelines, open_configured_store, settings_of
from streamtags.cli.views import printable

__all__ = ["add_arguments", "run"]


# Fields of a result that are named, because the caption does not contain them.
_LABELS = {"text": "subtitle", "transcript": "transcript", "screen": "on-screen text"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("text", metavar="TEXT", help='what to search for; words in "quotation marks" must occur exactly so')
    parser.add_argument("--timeline", metavar="ID", action="append", default=[], help="search only this timeline; may be repeated")
    parser.add_argument("--tag", metavar="T", action="append", default=[], help="only segments with this tag; may be repeated")
    parser.add_argument("--axis", metavar="A", help="only segments with a tag of this axis")
    parser.add_argument("--min-confidence", metavar="X", type=float, default=0.0, help="tags count from this confidence on (0 to 1)")
    parser.add_argument("--top", metavar="N", type=int, default=10, help="the most results (default 10)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the results, best first."""
    from streamtags.core.search import SearchFilter
    from streamtags.run.search import open_search

    settings = settings_of(args)
    with open_configured_store(settings) as store:
        allowed = SearchFilter(
            timelines=tuple(store.find(name) for name in args.timeline),
            tags=tuple(args.tag),
            axis=args.axis,
            min_confidence=args.min_confidence,
        )
        search = open_search(store)
        try:
            results = search.search(args.text, top=args.top, allowed=allowed)
            if args.json:
                print(json.dumps({"results": [result.to_dict() for result in results]}))
        finally:
            search.close()
        anything = bool(store.timelines(limit=1))
    if args.json:
        return 0
    for result in results:
        print(f"{result.score:4.2f}  {result.start.timecode}  {printable(result.name)}  {result.timeline} {result.segment}")
        excerpt = result.caption or next((text for _, text in result.matched), "")
        print(f"      {printable(excerpt)}")
        for name, text in result.matched:
            if name in _LABELS and text != excerpt:
                print(f"      {_LABELS[name]}: {printable(text)}")
    if not results:
        print("nothing fits; try other words" if anything else no_timelines(settings))
    return 0
