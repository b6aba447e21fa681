"""Analyses of many sources, one after another: what is shown of them, and the exit status of all."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from streamtags.cli.common import INTERRUPTED, SOME_FAILED
from streamtags.cli.views import View, counted, printable, summary_line
from streamtags.core.errors import BackendError, StreamtagsError, UsageError
from streamtags.process import collect_finished_analysis

if TYPE_CHECKING:
    from streamtags.config.settings import Settings
    from streamtags.core.events import Event
    from streamtags.core.stores import Store
    from streamtags.run.budget import Budget
    from streamtags.run.outcome import Analyzed
    from streamtags.run.stop import Stop

__all__ = ["Results", "Runs", "SourceLines", "SourcesView", "is_about_source", "sources_view", "worst"]

# From bad to worse. A fault of streamtags and an interruption come before what is wrong with a source.
_SEVERITY = (0, SOME_FAILED, 3, 4, 2, 1, INTERRUPTED)


class SourcesView(Protocol):
    """Shows analyses of several sources, one at a time."""

    def begin(self, source: str) -> None:
        """Show that the analysis of a source begins."""
        ...

    def show(self, events: Sequence[Event]) -> None:
        """Show events of the current source."""
        ...

    def end(self, source: str, line: str, *, good: bool) -> None:
        """Show how the analysis of a source ended, as one line."""
        ...

    def close(self) -> None:
        """Show nothing more."""
        ...


class SourceLines:
    """One line for each source when it has ended; events go to another view, if any."""

    def __init__(self, events: View | None, *, to_stdout: bool) -> None:
        self._events, self._to_stdout = events, to_stdout

    def begin(self, source: str) -> None:
        """Print nothing."""

    def show(self, events: Sequence[Event]) -> None:
        """Pass the events on."""
        if self._events is not None:
            self._events.show(events)

    def end(self, source: str, line: str, *, good: bool) -> None:
        """Print the line; to standard error if it is bad, or if events go to standard output."""
        print(line, file=sys.stdout if good and self._to_stdout else sys.stderr, flush=True)

    def close(self) -> None:
        """Close the view of events."""
        if self._events is not None:
            self._events.close(None)


class Results:
    """How the analyses of many sources ended, as lines of a view, exit statuses, and a sum.

    Attributes:
        statuses: how many sources ended with each exit status.
        failures: the lines of those that did not end well.
    """

    def __init__(self, view: SourcesView) -> None:
        self._view = view
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []

    def add(self, source: str, result: Analyzed | StreamtagsError, left: str = "") -> int:
        """Show how a source ended; return its exit status.

        Args:
            source: the source.
            result: its timeline, or what is wrong with it.
            left: what a budget left undone.
        """
        if isinstance(result, StreamtagsError):
            stopped = result.code == "source.stopped"
            status, line = (INTERRUPTED, "stopped") if stopped else (result.exit_status, str(result))
        else:
            status, line = _status(result), summary_line(result) + _why(result)
        line = f"{line}; {left}" if left else line
        self.statuses[status] += 1
        line = printable(line if line.startswith(source) else f"{source}: {line}")
        self.failures += [line] if status else []
        self._view.end(source, line, good=status == 0)
        return status

    def summary(self, left: int = 0) -> str:
        """Return one line about all of them; `left` were not tried."""
        names = {0: "done", SOME_FAILED: "with failed segments", INTERRUPTED: "stopped"}
        parts = [f"{count} {names[status]}" for status, count in sorted(self.statuses.items()) if status in names]
        failed = sum(count for status, count in self.statuses.items() if status not in names)
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{left} not begun"] if left else []
        return f"{counted(self.statuses.total() + left, 'source')}: {', '.join(parts) or 'nothing to do'}"


class Runs:
    """Analyzes sources one after another. A source that cannot be read stops nothing; what would stop every source is raised.

    Args:
        settings: of every analysis.
        store: where the timelines are.
        view: shows them.
        stop: ends the current analysis; no other is begun.
        fresh: start each anew.

    Attributes:
        results: how they ended.
    """

    def __init__(self, settings: Settings, store: Store, view: SourcesView, stop: Stop, *, fresh: bool = False) -> None:
        self._settings, self._store, self._view = settings, store, view
        self._stop, self._fresh = stop, fresh
        self._line = self._said = ""  # which profile was chosen
        self._budget: Budget | None = None
        self.results = Results(view)

    async def analyze(self, source: str) -> int:
        """Analyze one source; return its exit status.

        Raises:
            ConfigError: what is set cannot work for any source.
            ModelError: a model cannot be reached or refuses.
            StoreError: the store cannot be read or written.
        """
        from streamtags.run.analyze import run_analysis
        from streamtags.run.budget import Budget
        from streamtags.run.choice import choose_profile

        budget = self._budget = self._budget or Budget(self._settings.budget, self._stop)
        self._view.begin(source)
        try:
            chosen = await choose_profile(self._settings, store=self._store, uri=source, fresh=self._fresh)
            self._line = chosen.line or self._line
            publish = budget.counting(chosen.settings.choose_profile(), self._show)
            state = await run_analysis(source, chosen.settings, self._store, fresh=self._fresh, publish=publish, stop=self._stop)
        except StreamtagsError as error:
            if not is_about_source(error):
                raise
            return self.results.add(source, error)
        finally:
            collect_finished_analysis()
        left = budget.what_is_left(state) if budget.used_up and state.state == "cancelled" else ""
        return self.results.add(source, state, left)

    def _show(self, events: Sequence[Event]) -> None:
        """Say which profile was chosen if it is another than before, once the source has opened; show the events."""
        if self._line != self._said:
            self._said = self._line
            print(printable(self._line), file=sys.stderr, flush=True)
        self._view.show(events)


def is_about_source(error: StreamtagsError) -> bool:
    """Return whether an error concerns one source; any other would stop every source."""
    return not isinstance(error, UsageError | BackendError) or error.code == "store.claimed"


def worst(statuses: Sequence[int]) -> int:
    """Return the exit status of all: that of the source that ended worst."""
    return max(statuses, key=_SEVERITY.index, default=0)


def sources_view(jsonl: str | None, left: Callable[[], None]) -> SourcesView:
    """Return the view that fits where the output goes.

    Args:
        jsonl: file for the events of all sources as JSON lines, `-` for standard output, None for none.
        left: called once when the reader of the output has closed it.

    Raises:
        UsageError: the file for `jsonl` cannot be written.
    """
    from streamtags.cli.output import json_lines

    if jsonl is not None:
        return SourceLines(json_lines(jsonl, left), to_stdout=jsonl != "-")
    if not sys.stdout.isatty():
        return SourceLines(None, to_stdout=True)
    from streamtags.cli.sources_table import SourcesTable  # loads rich's live display only on a terminal

    return SourcesTable()


def _status(state: Analyzed) -> int:
    if state.state == "cancelled":
        return INTERRUPTED
    return SOME_FAILED if any(segment.status == "failed" for segment in state.segments) else 0


def _why(state: Analyzed) -> str:
    failed = [segment for segment in state.segments if segment.status == "failed"]
    if not failed:
        return ""
    error = failed[0].error
    return f"; {counted(len(failed), 'segment')} failed" + (f": {error.message}" if error else "")
