"""The live table: finished segments scroll up as cards; segments in progress and the progress bar stay at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.segment import Segment as Cells
from rich.segment import Segments
from rich.style import Style
from rich.table import Table
from rich.text import Text

from streamtags.cli.unfinished import UnfinishedSegments
from streamtags.cli.views import live_line, mark, printable, summary_line
from streamtags.core.events import Event, TimelineOpened, TimelineProgress
from streamtags.core.state import SegmentState

if TYPE_CHECKING:
    from streamtags.core.stores import Store
    from streamtags.run.outcome import Analyzed

__all__ = ["LiveTable", "card"]

_THUMBNAIL_COLUMNS = 24
_BAR_CELLS = 10
_MAX_TAGS = 5


class LiveTable:
    """Shows a run on a terminal.

    Thumbnails are drawn as half blocks if the terminal has 24-bit color, and left out otherwise.
    """

    def __init__(self, store: Store, show: str, console: Console | None = None) -> None:
        self._show_command = show
        self._store = store
        self._console = console or Console()
        self._pictures = self._console.color_system == "truecolor"
        self._segments = UnfinishedSegments(store)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),  # the name of a file is no markup
            BarColumn(None),
            TaskProgressColumn(),
            TextColumn("[dim]elapsed"),
            TimeElapsedColumn(),
            TextColumn("[dim]left"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task("opening", total=None)
        self._live = Live(self._bottom(), console=self._console, refresh_per_second=8, transient=True)
        self._live.start()

    def show(self, events: Sequence[Event]) -> None:
        """Show `events`."""
        for event in events:
            if line := live_line(event):
                self._live.console.print(Text(line, style="yellow"))
            if isinstance(event.data, TimelineOpened):
                self._progress.update(self._task, description=printable(event.data.source.name), total=event.data.source.video.duration)
            elif isinstance(event.data, TimelineProgress):
                self._progress.update(self._task, completed=event.data.decoded_seconds, total=event.data.duration_seconds)
            elif (segment := self._segments.take(event)) is not None:
                jpeg = self._store.thumbnail(event.timeline, segment.segment) if self._pictures else None
                self._live.console.print(card(segment, jpeg))
        self._live.update(self._bottom())

    def close(self, state: Analyzed | None) -> None:
        """Clear the bottom and print the summary."""
        self._live.stop()
        if state is not None:
            self._console.print(summary_line(state, self._show_command), markup=False, highlight=False, soft_wrap=True)

    def _bottom(self) -> RenderableType:
        lines = [
            Text(f"  {segment.segment}  {segment.start.timecode}  {segment.status} ...", style="dim")
            for segment in list(self._segments)[-4:]
        ]
        return Group(*lines, self._progress)


def card(segment: SegmentState, jpeg: bytes | None = None, answers: Sequence[str] = ()) -> Table:
    """Return one segment as a card: thumbnail, time, caption, tags with a bar for the confidence, and lines of other stages."""
    head = Text.assemble(
        (printable(segment.start.timecode), "bold cyan"),
        f"  {segment.seconds:.1f} s  ",
        (printable(segment.segment), "dim"),
        "  ",
        (printable(segment.transition), "dim italic"),
    )
    lines: list[RenderableType] = [head]
    if segment.error is not None and segment.status == "failed":
        lines.append(Text(printable(f"failed to {segment.error.stage}: {segment.error.message}"), style="red"))
    if segment.caption:
        lines.append(Text(printable(segment.caption), style="default" if segment.correction is None else "green"))
    lines.append(Text("nothing was received", style="yellow") if segment.kind == "gap" else _tags(segment))
    lines += [Text(printable(answer), style="dim") for answer in answers]
    table = Table.grid(padding=(0, 2, 0, 0))
    if jpeg:
        table.add_column(width=_THUMBNAIL_COLUMNS)
        table.add_column(ratio=1)
        table.add_row(_half_blocks(jpeg), Group(*lines))
    else:
        table.add_row(Group(*lines))
    table.add_row()
    return table


def _tags(segment: SegmentState) -> RenderableType:
    if not segment.tags:
        return Text("no tag", style="dim")
    grid = Table.grid(padding=(0, 1))
    for score in segment.tags[:_MAX_TAGS]:
        full = round(score.confidence * _BAR_CELLS)
        grid.add_row(
            Text(printable(score.tag) + mark(segment, score.tag), style="green" if mark(segment, score.tag) else ""),
            Text("━" * full, style="magenta") + Text("━" * (_BAR_CELLS - full), style="grey30"),
            f"{score.confidence:.2f}",
            Text(printable(score.source or ""), style="dim"),
        )
    return grid


def _half_blocks(jpeg: bytes) -> RenderableType:
    """Return a picture as cells of two pixels: foreground and background of a half block."""
    import cv2
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        return Text("")
    rows = max(2, round(_THUMBNAIL_COLUMNS * picture.shape[0] / picture.shape[1]) // 2 * 2)
    small = cv2.resize(picture, (_THUMBNAIL_COLUMNS, min(rows, 16)), interpolation=cv2.INTER_AREA)
    cells: list[Cells] = []
    for upper, lower in zip(small[::2], small[1::2], strict=True):
        for top, bottom in zip(upper, lower, strict=True):
            cells.append(Cells("▀", Style(color="#{:02x}{:02x}{:02x}".format(*top), bgcolor="#{:02x}{:02x}{:02x}".format(*bottom))))
        cells.append(Cells.line())
    return Segments(cells)
