"""What a command shows on standard error while it works and has nothing to print yet: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streamtags.cli.views import printable
from streamtags.core.events import TimelineProgress

if TYPE_CHECKING:
    from streamtags.core.events import Event

__all__ = ["TimedLines", "after_lines", "show_analysis", "show_measuring"]

_FIRST_SECONDS = 2.0  # what is done sooner is not reported
_EVERY_SECONDS = 10.0


class TimedLines:
    """Prints lines to standard error, at most one every 10 seconds, the first after 2."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _FIRST_SECONDS

    def say(self, line: str) -> None:
        """Print a line if it is time for one."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY_SECONDS
            print(printable(line), file=sys.stderr, flush=True)


def after_lines(lines: Sequence[str], publish: Callable[[Sequence[Event]], None]) -> Callable[[Sequence[Event]], None]:
    """Return `publish` for an analysis that prints `lines` to standard error with its first events: an error before them stands alone."""
    waiting = [line for line in lines if line]

    def publish_after(events: Sequence[Event]) -> None:
        while waiting:
            print(printable(waiting.pop(0)), file=sys.stderr, flush=True)
        publish(events)

    return publish_after


@contextmanager
def show_measuring() -> Iterator[Callable[[str, int, int], None]]:
    """Show which track is measured: what is yielded takes its name, its number and how many there are."""
    if not sys.stderr.isatty():
        lines = TimedLines()
        yield lambda track, number, total: lines.say(f"measuring {number} of {total}: {track}")
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("measuring {task.description}", markup=False), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, visible=False)

        def show(track: str, number: int, total: int) -> None:
            progress.update(task, description=printable(track)[-60:], completed=number, total=total, visible=True)

        yield show


@contextmanager
def show_analysis(source: str) -> Iterator[Callable[[Sequence[Event]], None]]:
    """Show how far the analysis of a source is: what is yielded takes its events."""
    if not sys.stderr.isatty():
        lines = TimedLines()

        def say(events: Sequence[Event]) -> None:
            for event in events:
                if isinstance(data := event.data, TimelineProgress):
                    length = "" if data.duration_seconds is None else f" of {data.duration_seconds:.0f}"
                    lines.say(f"analyzing {source}: {data.decoded_seconds:.0f}{length} s, {data.tagged} of {data.segments} segments tagged")

        yield say
        return
    from rich.console import Console

    from streamtags.cli.sources_table import SourcesTable

    table = SourcesTable(Console(stderr=True))
    table.begin(source)
    try:
        yield table.show
    finally:
        table.close()
