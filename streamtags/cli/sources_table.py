"""The live table of many sources: those that have ended scroll up; the current one stays at the bottom."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from streamtags.cli.views import printable
from streamtags.core.events import Event, TimelineOpened, TimelineProgress

__all__ = ["SourcesBar", "SourcesTable"]


class SourcesTable:
    """Shows analyses of several sources on a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        columns = (
            TextColumn("{task.description}", markup=False),  # names of files are no markup
            BarColumn(None),
            TaskProgressColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._ended = self._failed = 0
        self._task = self._progress.add_task("", total=None, counts="", visible=False)
        self._progress.start()

    def begin(self, source: str) -> None:
        """Show that the analysis of a source begins."""
        self._progress.remove_task(self._task)
        number = self._ended + 1
        self._task = self._progress.add_task(printable(f"{number}. {source}")[-60:], total=None, counts="opening")

    def show(self, events: Sequence[Event]) -> None:
        """Show how far the analysis is."""
        for event in events:
            match event.data:
                case TimelineOpened() as opened:
                    self._progress.update(self._task, total=opened.source.video.duration)
                case TimelineProgress() as progress:
                    counts = f"{progress.tagged} of {progress.segments} segments" + (
                        f", {progress.failed} failed" if progress.failed else ""
                    )
                    self._progress.update(self._task, completed=progress.decoded_seconds, total=progress.duration_seconds, counts=counts)
                case _:
                    continue

    def end(self, source: str, line: str, *, good: bool) -> None:
        """Print how the analysis ended, above the table."""
        self._ended += 1
        self._console.print(Text(f"{self._ended}. {line}", style="" if good else "red"), soft_wrap=True)
        self._progress.update(self._task, visible=False)

    def close(self) -> None:
        """Take the table off the terminal."""
        self._progress.stop()


class SourcesBar:
    """Shows on a terminal how many of `total` sources have ended, and a line for each. Several may run at once."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        self._console = console or Console()
        columns = (
            BarColumn(None),
            MofNCompleteColumn(),
            TextColumn("sources"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task = self._progress.add_task("", total=total)
        self._progress.start()

    def begin(self, source: str) -> None:
        """Show nothing."""

    def show(self, events: Sequence[Event]) -> None:
        """Show nothing."""

    def end(self, source: str, line: str, *, good: bool) -> None:
        """Print how an analysis ended, above the bar."""
        self._console.print(Text(line, style="" if good else "red"), soft_wrap=True)
        self._progress.advance(self._task)

    def close(self) -> None:
        """Take the bar off the terminal."""
        self._progress.stop()
