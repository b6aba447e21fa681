"""What a running analysis knows of its timeline: segments in little memory, counts, and how far the log goes.

A `Fold` keeps every segment as a value, for readers. A run works on the last segments only and counts the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from streamtags.core.compaction import changed
from streamtags.core.events import (
    Event,
    Payload,
    SceneDetected,
    SegmentDetected,
    SourceDropped,
    SourceLost,
    SourceResumed,
    TimelineCancelled,
    TimelineCompleted,
    TimelineOpened,
)
from streamtags.core.fold import check_log, is_next, run_state_after
from streamtags.core.segment_fold import SEGMENT_CHANGES, after_detected, answered_segment, changes_by
from streamtags.core.state import RunState, SegmentState
from streamtags.core.stores import Store
from streamtags.process import paused_collection
from streamtags.run.replay import pages
from streamtags.run.shelf import SegmentShelf
from streamtags.stages.stage import Stage

__all__ = ["Counts", "Ledger", "Reception"]


@dataclass(slots=True)
class Counts:
    """How many segments a timeline has, and what they have.

    Attributes:
        tagged: with tags that are not provisional.
        finished: with the status `tagged`.
        stages: with the answer of a stage that is kept in `answers`, by the stage's name.
    """

    shots: int = 0
    captioned: int = 0
    tagged: int = 0
    finished: int = 0
    failed: int = 0
    reused: int = 0
    stages: Counter[str] = field(default_factory=Counter)

    def add(self, segment: SegmentState, stages: Sequence[Stage], step: int) -> None:
        """Count a segment: `step` is 1 to add it, -1 to take away what it was before a change."""
        self.captioned += step * (segment.caption is not None)
        self.tagged += step * bool(segment.tags_rev)
        self.finished += step * (segment.status == "tagged")
        self.failed += step * (segment.status == "failed")
        self.reused += step * (segment.reused_from is not None)
        for stage in stages:
            if stage.is_answered is None and stage.has_answer(segment):
                self.stages[stage.name] += step


@dataclass(slots=True)
class Reception:
    """How a live source has been received.

    Attributes:
        dropped: frames decoded but not analyzed.
        gaps: how often the source came back.
        lost: why the source is lost; None while it is there.
    """

    dropped: int = 0
    gaps: int = 0
    lost: SourceLost | None = None

    def take(self, report: SourceDropped | SourceLost | SourceResumed) -> None:
        """Take note of a report."""
        match report:
            case SourceDropped():
                self.dropped += report.frames
            case SourceLost():
                self.lost = report
            case SourceResumed():
                self.gaps, self.lost = self.gaps + 1, None


class Ledger:
    """Takes the events of one log, in order.

    Memory: less than a kilobyte for each segment, and a digest for each scene.

    Args:
        stages: those of scope `segment` that the run has.

    Attributes:
        seq: of the last event.
        state: whether the timeline runs, and how it ended.
        summary: what the last run counted at its end; None while the timeline runs.
        opened: the event that says what the source is.
        segments: so far, in the order in which they were detected.
        unfinished: ids of the segments that lack the answer of a stage.
        counts: of the segments.
        reception: of a live source; None for any other, and before the first report.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.seq = 0
        self.state: RunState = "queued"
        self.summary: dict[str, Any] | None = None
        self.opened: TimelineOpened | None = None
        self.segments = SegmentShelf()
        self.unfinished: dict[str, None] = {}
        self.counts = Counts()
        self.reception: Reception | None = None
        self._log = ("", "")
        self._stages = stages
        self._newest = ""
        self._scenes: dict[str, bytes] = {}

    @classmethod
    def of(cls, store: Store, timeline: str, stages: Sequence[Stage], also: Callable[[list[Event]], None] = lambda _: None) -> Ledger:
        """Return what the log of a timeline says now; `also` gets the events too, in pages."""
        ledger = cls(stages)
        for page in pages(store, timeline):
            with paused_collection():
                for event in page:
                    ledger.apply(event)
                also(page)
        return ledger

    def segment(self, name: str) -> SegmentState | None:
        """Return one segment as it is now; None if it was not detected."""
        return self.segments.get(name)

    def has_scene(self, scene: SceneDetected) -> bool:
        """Whether the log's last event about this scene says the same."""
        return self._scenes.get(scene.scene) == _digest(scene)

    @property
    def scenes(self) -> Collection[str]:
        """The ids of the scenes that were detected."""
        return self._scenes.keys()

    def apply(self, event: Event) -> None:
        """Take the next event; one that was taken already is ignored.

        Raises:
            StoreError: events are missing before this one (code `store.gap`), or it belongs to another log (code `store.epoch`).
        """
        check_log(event, *self._log)
        if is_next(event.seq, self.seq, event.timeline):
            self._log = event.timeline, event.epoch
            self.seq = event.seq
            self._take(event.data)

    def _take(self, payload: Payload) -> None:
        match payload:
            case SegmentDetected():
                self._detect(payload)
            case _ if isinstance(payload, SEGMENT_CHANGES):
                self._change(payload.segment, payload)
            case SceneDetected():
                self._scenes[payload.scene] = _digest(payload)
            case TimelineOpened():
                self.opened = payload
            case SourceDropped() | SourceLost() | SourceResumed():
                self.reception = self.reception or Reception()
                self.reception.take(payload)
            case _ if (name := answered_segment(payload)) is not None:
                self._change(name, payload)
        before, self.state = self.state, run_state_after(self.state, payload)
        if isinstance(payload, TimelineCompleted | TimelineCancelled):
            self.summary = payload.summary
        elif self.state != before:
            self.summary = None

    def _detect(self, detected: SegmentDetected) -> None:
        known, newest = self.segments.get(detected.segment), self.segments.get(self._newest)
        self._put(known, after_detected(known, newest, detected))
        if newest is None or newest.index < detected.index:
            self._newest = detected.segment
            self.counts.shots += newest is None or newest.shot != detected.shot
            if newest is not None and self.opened is not None and self.opened.source.live:
                self.segments.put(changed(newest, {"final": True}))

    def _change(self, name: str, payload: Payload) -> None:
        known = self.segments.get(name)
        if known is not None:
            self._put(known, changed(known, changes_by(known, payload)))

    def _put(self, known: SegmentState | None, segment: SegmentState) -> None:
        if known is not None:
            self.counts.add(known, self._stages, -1)
        self.counts.add(segment, self._stages, 1)
        self.segments.put(segment)
        if segment.kind == "gap" or all(stage.has_answer(segment) for stage in self._stages):
            self.unfinished.pop(segment.segment, None)
        else:
            self.unfinished[segment.segment] = None


def _digest(scene: SceneDetected) -> bytes:
    return blake2b(scene.model_dump_json().encode(), digest_size=16).digest()
