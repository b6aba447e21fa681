"""`streamtags tags check`: every mistake in a vocabulary, with its line."""

from __future__ import annotations

import argparse
import sys

from streamtags.cli.views import counted

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help="validate a vocabulary file", allow_abbrev=False)
    check.add_argument("file", metavar="FILE", help="a YAML file, or the name of a vocabulary that ships")
    check.add_argument("--debug", action="store_true", help="print a traceback with an error")
    check.set_defaults(_module="tags")


def run(args: argparse.Namespace) -> int:
    """Check it; status 2 if there is a mistake."""
    from streamtags.config.vocabulary_file import check_vocabulary, load_vocabulary

    findings = check_vocabulary(args.file)
    for finding in findings:
        print(f"{args.file}:{finding.line}: {finding.severity}: {finding.message}", file=sys.stderr)
    if any(finding.severity == "mistake" for finding in findings):
        return 2
    vocabulary = load_vocabulary(args.file)
    axes = "1 axis" if len(vocabulary.axes) == 1 else f"{len(vocabulary.axes)} axes"
    print(f"{args.file}: {vocabulary.id} {vocabulary.version}, {counted(len(vocabulary.tags), 'tag')} on {axes}")
    return 0
