"""Views of a running analysis: plain lines, events as JSON lines; and the lines that describe segments and summaries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from streamtags.cli.common import silence_output
from streamtags.cli.unfinished import UnfinishedSegments
from streamtags.core.errors import UsageError
from streamtags.core.events import Event, SceneDetected, SourceDropped, SourceLost, SourceResumed
from streamtags.core.model import TagScore
from streamtags.core.state import SegmentState

if TYPE_CHECKING:
    from streamtags.core.stores import Store
    from streamtags.run.estimate import Estimate
    from streamtags.run.outcome import Analyzed

__all__ = [
    "JsonLines",
    "PlainLines",
    "Together",
    "View",
    "WhileRead",
    "counted",
    "estimate_lines",
    "live_line",
    "mark",
    "printable",
    "scene_line",
    "segment_line",
    "summary_line",
]


class View(Protocol):
    """Shows durable events, in order, and how the run ended."""

    def show(self, events: Sequence[Event]) -> None:
        """Show `events`."""
        ...

    def close(self, state: Analyzed | None) -> None:
        """Show the final state; None if the run ended with an error."""
        ...


class Together:
    """Several views of one run."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views

    def show(self, events: Sequence[Event]) -> None:
        """Show `events` in each."""
        for view in self._views:
            view.show(events)

    def close(self, state: Analyzed | None) -> None:
        """Close each."""
        for view in self._views:
            view.close(state)


class WhileRead:
    """A view that stops, and calls `left`, when the reader of the output has exited (`| head`)."""

    def __init__(self, view: View, left: Callable[[], None]) -> None:
        self._view = view
        self._left = left
        self._has_reader = True

    def show(self, events: Sequence[Event]) -> None:
        """Show `events`, unless the reader has exited."""
        if self._has_reader:
            try:
                self._view.show(events)
            except BrokenPipeError:
                self._leave()

    def close(self, state: Analyzed | None) -> None:
        """Close it."""
        try:
            self._view.close(state if self._has_reader else None)
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> None:
        self._has_reader = False
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            silence_output()
        self._left()


class JsonLines:
    """One event per line, flushed at once."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def show(self, events: Sequence[Event]) -> None:
        """Write `events`."""
        with self._reported_errors():
            for event in events:
                self._file.write(event.to_json() + "\n")
            self._file.flush()

    def close(self, state: Analyzed | None) -> None:
        """Close the file, unless it is standard output."""
        if self._file is not sys.stdout:
            with self._reported_errors():
                self._file.close()

    @contextmanager
    def _reported_errors(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            hint = "free some space and run the same command again; nothing of the analysis is lost"
            raise UsageError(f"cannot be written: {error.strerror}", where=self._file.name, hint=hint) from error


class PlainLines:
    """One line per segment, when it is tagged or has failed, and one at the end."""

    def __init__(self, store: Store, show_command: str) -> None:
        self._show_command = show_command
        self._segments = UnfinishedSegments(store)

    def show(self, events: Sequence[Event]) -> None:
        """Print the segments that these events finish."""
        for event in events:
            if line := live_line(event):
                print(line, flush=True)
            segment = self._segments.take(event)
            if segment is not None and event.type != "segment.corrected":
                print(segment_line(segment), flush=True)

    def close(self, state: Analyzed | None) -> None:
        """Print the summary."""
        if state is not None:
            print(summary_line(state, self._show_command), flush=True)


def segment_line(segment: SegmentState) -> str:
    """Return one line for a segment: id, start, length, transition, tags (`*` if a person set it), caption."""
    if segment.kind == "gap":
        return printable(f"{segment.segment}  {segment.start.timecode}  {segment.seconds:6.2f} s  gap      nothing was received")
    if segment.status == "failed" and segment.error is not None:
        what = f"failed to {segment.error.stage}: {segment.error.message}"
    else:
        tags = (
            ", ".join(f"{score.tag} {score.confidence:.2f}{mark(segment, score.tag)}{_source(score)}" for score in segment.tags) or "no tag"
        )
        what = f"{tags} | {printable(segment.caption or '')}"
    return printable(f"{segment.segment}  {segment.start.timecode}  {segment.seconds:6.2f} s  {segment.transition:7}  {what}")


def scene_line(scene: SceneDetected) -> str:
    """Return one line for a scene: number, start, length, segments, tags."""
    tags = ", ".join(f"{score.tag} {score.confidence:.2f}" for score in scene.tags)
    seconds = scene.end.seconds - scene.start.seconds
    return printable(f"scene {scene.index + 1}  {scene.start.timecode}  {seconds:.2f} s  {scene.first} to {scene.last}  {tags}")


def mark(segment: SegmentState, tag: str) -> str:
    """Return `*` for a tag that a person set, else ""."""
    persons = segment.correction.tags if segment.correction is not None else ()
    return "*" if any(score.tag == tag for score in persons) else ""


def _source(score: TagScore) -> str:
    """Return ` (subtitle)` and the like for a tag that comes from words of the source: no picture was seen for it."""
    return f" ({score.source})" if score.source in ("subtitle", "screen", "transcript") else ""


def live_line(event: Event) -> str:
    """Return one line for an event of a live source; "" for any other event."""
    match event.data:
        case SourceDropped() as dropped:
            what = f"{counted(dropped.frames, 'frame')} dropped, {dropped.total} in all: the analysis does not keep up"
            return f"       {dropped.start.timecode}  {what}"
        case SourceLost() as lost:
            then = "given up" if lost.retry_seconds is None else f"trying again in {lost.retry_seconds:g} s"
            return f"       {lost.at.timecode}  source lost: {printable(lost.error.message)}; {then}"
        case SourceResumed() as resumed:
            return f"       {resumed.end.timecode}  source is back after {resumed.seconds:.1f} s"
        case _:
            return ""


def summary_line(state: Analyzed, show: str | None = None) -> str:
    """Return one line that sums up a timeline, with the command that shows it, if any."""
    scenes = f", {counted(len(state.scenes), 'scene')}" if state.scenes else ""
    summary = state.summary or {}
    shots = summary.get("shots") or len({segment.shot for segment in state.segments})
    tokens = f", {sum(summary['usage'].values()):,} tokens" if "usage" in summary else ""
    cost = "".join(f", {amount:.4f} {currency}" for currency, amount in summary.get("cost", {}).items())
    see = f"; see `{printable(show)}`" if show else ""
    return f"{state.state}: {state.id}, {counted(shots, 'shot')}, {counted(len(state.segments), 'segment')}{scenes}{tokens}{cost}{see}"


def estimate_lines(estimate: Estimate, profile: str) -> list[str]:
    """Return lines that say what a run will take, and the basis of the estimate."""
    length = f"{estimate.seconds:.0f} s of source (read for its shots in {estimate.read_seconds:.1f} s)"
    lines = [f"{counted(estimate.segments, 'segment')} in {counted(estimate.shots, 'shot')}, {length}"]
    priced = [stage for stage in estimate.stages if stage.usage is not None]
    for stage in priced:
        if stage.usage is None:
            continue
        most = "" if stage.seen else "at most "
        basis = f"mean of {stage.seen} earlier answers" if stage.seen else "rule of thumb; the server counts the exact number"
        prompt, answer = estimate.segments * stage.usage.prompt_tokens, estimate.segments * stage.usage.completion_tokens
        lines.append(f"{stage.stage + ':':9}about {prompt:,} prompt and {most}{answer:,} completion tokens ({basis})")
    if not priced:
        return [*lines, "no tokens: this profile uses no model server"]
    unpriced = [stage for stage in priced if stage.price is None]
    if estimate.cost:
        lines.append("cost:    about " + ", ".join(f"{amount:.4f} {currency}" for currency, amount in sorted(estimate.cost.items())))
    if unpriced:
        part = {"caption": "captioner", "tag": "classifier"}[unpriced[0].stage]
        lines.append(f"cost:    no price known; set [profiles.{profile}.{part}.price] prompt and completion, per million tokens")
    if estimate.wall_seconds is None:
        lines.append("time:    not known until this model has answered once; analyze a short clip first")
    else:
        lines.append(f"time:    about {estimate.wall_seconds:.0f} s, {estimate.concurrency} segments at once")
    return lines


def counted(count: int, noun: str) -> str:
    """Return `count` with its noun: `1 segment`, `2 segments`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printable(text: str) -> str:
    """Return `text` on one line, without control characters, so that text of models and files cannot control the terminal."""
    return "".join(char if char.isprintable() else " " for char in text).strip()
