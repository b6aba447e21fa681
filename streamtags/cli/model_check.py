"""`streamtags model check`: what a captioner gets right, before a film is spent on it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from streamtags.cli.common import SOME_FAILED, add_common, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamtags.evaluation.captioner_check import CaptionerCheck, ClipResult

__all__ = ["add_arguments", "known_problems", "run"]

_ORDER = {"yes": "arrives", "no": "does not arrive", "unknown": "not known: no caption says where things move or what comes first"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--profile", metavar="P", help="whose captioner to check (default: the one that `analyze` uses)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, with every caption")
    parser.add_argument("--captions", action="store_true", help="print every caption too")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Check and report; status 5 if the captioner fails basic checks."""
    from streamtags.cli.views import printable
    from streamtags.run.check_captioner import check_captioner
    from streamtags.run.choice import choose_profile

    chosen = asyncio.run(choose_profile(settings_of(args, profile=args.profile)))
    if chosen.line:
        print(printable(chosen.line), file=sys.stderr)

    def show(result: ClipResult) -> None:
        print(f"{result.clip}: {printable(result.caption or result.error)}", file=sys.stderr, flush=True)

    report = asyncio.run(check_captioner(chosen.settings, progress=show if args.captions else lambda _: None))
    if args.json:
        print(report.model_dump_json(indent=2))
    else:
        print(*map(printable, _lines(report)), sep="\n")
    return 0 if report.passed else SOME_FAILED


def known_problems(model: str | None) -> str:
    """Return a warning if the captioner of this name failed its last check, else ""."""
    from streamtags.run.check_captioner import last_check

    report = last_check(model) if model is not None else None
    if report is None or report.passed:
        return ""
    return f"warning: this captioner failed `streamtags model check` on {report.at[:10]}: {'; '.join(report.problems)}"


def _lines(report: CaptionerCheck) -> Iterator[str]:
    from streamtags.evaluation.captioner_check import BASICS

    yield f"{'captioner':15} {report.model} (profile {report.profile})"
    yield "basics; a captioner fails for these"
    yield from (_tallied(kind, report) for kind in BASICS)
    right, said = report.reversed_pairs
    yield f"{'frame order':15} {_ORDER[report.frame_order]}" + (f" ({right} of {said} clips and their reversals right)" if said else "")
    yield f"{'repetition':15} {report.loops or 'none'}"
    yield "extras; a captioner may lack these"
    yield from (_tallied(kind, report) for kind in report.tallies if kind not in BASICS)
    tokens = "" if report.prompt_tokens is None else f", {report.prompt_tokens} + {report.completion_tokens} tokens"
    yield f"{'a segment':15} {report.seconds:.2f} s{tokens}"
    yield "passed" if report.passed else f"FAILED: {'; '.join(report.problems)}"


def _tallied(kind: str, report: CaptionerCheck) -> str:
    tally = report.tallies[kind]
    more = [f"{count} {what}" for count, what in ((tally.wrong, "wrong"), (tally.not_said, "not said")) if count]
    return f"{kind:15} {tally.right} of {tally.total} right" + (f", {', '.join(more)}" if more else "")
