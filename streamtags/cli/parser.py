"""The commands and their arguments."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import NoReturn, cast

__all__ = ["Parser", "build_parser", "command_of", "with_long_commands"]

# name -> (module under streamtags.cli, one line of help)
COMMANDS = {
    "analyze": ("analyze", "split a video into segments, measure, caption and tag them"),
    "ingest": ("ingest", "analyze the files of a folder as they arrive"),
    "backfill": ("backfill", "analyze many films on a Ray cluster, or on all processors of this machine"),
    "serve": ("serve", "serve timelines to editors, plugins and the web page"),
    "mcp": ("mcp", "serve assistants over the Model Context Protocol on standard input and output"),
    "watch": ("watch", "follow a server from the terminal"),
    "timelines": ("timelines", "list what is in the store"),
    "show": ("show", "print a timeline"),
    "sound": ("sound", "describe the sound of a source, with prompts for text-to-video models"),
    "search": ("search", "find segments of all timelines by words and by meaning"),
    "remove": ("remove", "delete a timeline"),
    "retag": ("retag", "tag the stored captions again under another vocabulary"),
    "correct": ("correct", "set a person's tags or caption; they win over every model"),
    "scenes": ("scenes", "print the scenes of a timeline, split and merge them"),
    "edit": ("edit", "print the clips and markers of an edit as they will be analyzed"),
    "export": ("export", "write a timeline in another format"),
    "evaluate": ("evaluate", "score a profile against labeled captions and clips"),
    "model": ("model", "fetch or serve a captioning model, or check what one sees"),
    "tags": ("tags", "look after vocabularies"),
    "library": ("library", "look after music libraries"),
    "cues": ("cues", "spot where a film wants music, and suggest tracks of a library"),
    "cues train": ("cues_train", "train a matcher on scenes and the tracks that were chosen for them"),
    "store": ("store", "copy timelines to another store"),
    "doctor": ("doctor", "say what works here and what is missing"),
}


class Parser(argparse.ArgumentParser):
    """Reports an error in one line, with what to type instead."""

    given: Sequence[str] = ()  # the arguments being parsed, for the advice in an error

    def error(self, message: str) -> NoReturn:
        """Print one line to stderr and exit with status 2."""
        wrong = re.search(r"unrecognized arguments: (--?[\w-]+)|invalid choice: '([\w-]+)'", message)
        option, command = wrong.groups() if wrong else (None, None)
        known = _commands(self) if command else sorted(_words(self))
        near = difflib.get_close_matches(option or command or "", known, n=1, cutoff=0.7)
        advice = f"did you mean {near[0]}? " if near else ""
        if re.search(r"unrecognized arguments: [^-]", message):
            advice = _quoting_advice(self.given)
        sys.stderr.write(f"{self.prog}: {message}; {advice}see {self.prog} -h\n")
        raise SystemExit(2)


def _quoting_advice(arguments: Sequence[str]) -> str:
    """Return advice to quote a name with spaces: the name, if a file of that name exists."""
    for start in range(len(arguments)):
        for end in range(len(arguments), start + 1, -1):
            name = " ".join(arguments[start:end])
            if os.path.exists(name):  # noqa: PTH110 - an argument may be no valid path
                return f"did you mean {shlex.quote(name)}? Quote a name with spaces; "
    return "quote a name with spaces; "


def _commands(parser: argparse.ArgumentParser) -> list[str]:
    """Return the values that may stand where an argument of `parser` takes one of a few words."""
    return [str(word) for action in parser._actions for word in action.choices or ()]


def _words(parser: argparse.ArgumentParser) -> set[str]:
    """Return all options and commands of `parser` and those below it: the parser above a command reports its unknown options."""
    words: set[str] = set()
    for action in parser._actions:
        words.update(action.option_strings)
        for name, below in action.choices.items() if isinstance(action, argparse._SubParsersAction) else ():
            words |= {name, *_words(below)}
    return words


def build_parser(arguments: Sequence[str] | None = None) -> Parser:
    """Return the parser of all commands.

    Args:
        arguments: what will be parsed. Of a command that they do not name only the name and the help are there, because to import the
            modules of all commands takes a second. None: everything is there.
    """
    parser = Parser(
        prog="streamtags",
        description="Segment-level streaming video analysis: shots, captions and music-library tags.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"streamtags {version('streamtags')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".", allow_abbrev=False)
        if arguments is None or _may_need(arguments, name):
            importlib.import_module(f"streamtags.cli.{module}").add_arguments(command)
        command.set_defaults(_module=module)
    return parser


def _may_need(arguments: Sequence[str], command: str) -> bool:
    """Return whether the arguments of `command` may be needed: it is named, or nothing is and an error will compare with all."""
    first = arguments[0] if arguments else "-h"
    return first == command or first not in {*COMMANDS, "-h", "--help", "--version"}


def with_long_commands(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the words of a command of two words as one: `cues train` stands beside `cues ID`."""
    long = " ".join(arguments[:2])
    return [long, *arguments[2:]] if len(arguments) > 1 and long in COMMANDS else list(arguments)


def command_of(args: argparse.Namespace) -> Callable[[argparse.Namespace], int]:
    """Return the function that runs the parsed command."""
    return cast("Callable[[argparse.Namespace], int]", importlib.import_module(f"streamtags.cli.{args._module}").run)
