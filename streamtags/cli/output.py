"""Choose how a running analysis is shown: a live table on a terminal, plain lines in a pipe, events as JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from streamtags.cli.views import JsonLines, PlainLines, Together, View, WhileRead
from streamtags.core.errors import UsageError

if TYPE_CHECKING:
    from streamtags.core.stores import Store

__all__ = ["choose_view", "json_lines"]


def choose_view(jsonl: str | None, store: Store, left: Callable[[], None], show: str) -> View:
    """Return the view that fits where the output goes.

    Args:
        jsonl: file for JSON lines, `-` for standard output, None for no JSON lines.
        store: where the log and the thumbnails are.
        left: called once when the reader of the output has closed it.
        show: the command to print at the end.

    Raises:
        UsageError: the file for `--jsonl` cannot be written.
    """
    if jsonl == "-":
        return json_lines(jsonl, left)
    shown: View = PlainLines(store, show)
    if sys.stdout.isatty():
        from streamtags.cli.live import LiveTable  # loads rich's live display only on a terminal

        shown = LiveTable(store, show)
    shown = WhileRead(shown, left)
    if jsonl is None:
        return shown
    return Together((shown, json_lines(jsonl, left)))


def json_lines(jsonl: str, left: Callable[[], None]) -> View:
    """Return the view that writes events as JSON lines to the file `jsonl`, `-` for standard output.

    Raises:
        UsageError: the file cannot be written.
    """
    if jsonl == "-":
        return WhileRead(JsonLines(sys.stdout), left)
    try:
        file = Path(jsonl).open("w", encoding="utf-8")  # noqa: SIM115 - closed by the view
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=jsonl, hint="check the folder and its permissions") from error
    return WhileRead(JsonLines(file), left)
