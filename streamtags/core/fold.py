"""Folding: the state of a timeline from its events, or from a snapshot and the events after it.

Pure; no clock, no file. The rules:

- `seq` rises by one. An event that was folded already is ignored, a missing one is an error.
- A caption or tag set counts if its `rev` is higher than that of the present one, so the order of arrival does not matter.
- Corrections win over the answers of all models, now and later, tag by tag; of two corrections of one tag the later in the log wins.
- A correction with `reset` discards earlier corrections: the latest answers of the models return.
- The timeline's vocabulary is that of the last tag set that counts; provisional tag sets do not change it.
- A failure stands until the stage that failed succeeds; if two stages failed, the state reports the earlier stage.
- The answer of any other stage is an event `segment.NAME` with `segment` and `rev`; the highest `rev` is kept in `answers` under NAME.
- For a live source, dropped frames are added up, and the source is lost until it resumes.
- A segment is final when its timeline has ended; one of a live source already when the next segment is detected.
- A timeline that was completed, cancelled or failed runs again when it is opened again, progresses, or detects another segment.
- A cue keeps what people decided about it when it is detected again; it is gone when it is detected as removed.
- What a person says about the beginning of a scene wins over the detector, before and after. Scenes that were split or merged have the
  bounds and the mean tags of their segments.
- Unknown event types and fields are ignored, as are events about segments that were never detected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from streamtags.core.compaction import changed, shared
from streamtags.core.cue_fold import after_cue_event, in_order
from streamtags.core.errors import StoreError
from streamtags.core.events import (
    CueDecided,
    CueDetected,
    CuesSuggested,
    Event,
    Payload,
    SceneCorrected,
    SceneDetected,
    SegmentDetected,
    SegmentTagged,
    SourceDropped,
    SourceLost,
    SourceResumed,
    TimelineCancelled,
    TimelineCompleted,
    TimelineFailed,
    TimelineOpened,
    TimelineProgress,
)
from streamtags.core.scene_fold import after_scene_corrected, edited_scenes
from streamtags.core.segment_fold import SEGMENT_CHANGES, after_detected, answered_segment, changes_by
from streamtags.core.state import LiveState, RunState, SegmentState, TimelineState

__all__ = ["Fold", "TimelineState", "check_log", "fold", "is_next", "run_state_after"]

_ENDED: frozenset[RunState] = frozenset({"completed", "failed", "cancelled"})
# Fields of the state whose last value counts.
_LAST_VALUE = ("id", "epoch", "source", "vocabulary", "profile", "settings", "progress", "live", "summary", "error")
_RUN_AFTER: dict[type[Payload], RunState] = {
    TimelineOpened: "running",
    TimelineProgress: "running",
    SegmentDetected: "running",
    TimelineCompleted: "completed",
    TimelineFailed: "failed",
    TimelineCancelled: "cancelled",
}


def fold(events: Iterable[Event]) -> TimelineState:
    """Return the state after `events`, which begin at seq 1.

    Raises:
        StoreError: an event is missing, or belongs to another log.
    """
    folding = Fold()
    for event in events:
        folding.apply(event)
    return folding.state


def run_state_after(state: RunState, payload: Payload) -> RunState:
    """Return what `state` becomes with `payload`."""
    return _RUN_AFTER.get(type(payload), state)


def check_log(event: Event, timeline: str, epoch: str) -> None:
    """Check that `event` is of the log with that timeline and epoch; "" allows any.

    Raises:
        StoreError: it belongs to another log (code `store.epoch`).
    """
    if (timeline and event.timeline != timeline) or (epoch and event.epoch != epoch):
        raise StoreError(
            f"event {event.seq} is of another log ({event.timeline}, epoch {event.epoch})",
            where=f"{timeline}, epoch {epoch}",
            hint="read the timeline again from its start",
            code="store.epoch",
        )


def is_next(seq: int, known: int, timeline: str) -> bool:
    """Return whether event `seq` follows event `known`; False for an event that was folded already.

    Raises:
        StoreError: events are missing between them (code `store.gap`).
    """
    if seq > known + 1:
        raise StoreError(
            f"events {known + 1} to {seq - 1} are missing",
            where=timeline,
            hint=f"read the log again after event {known}",
            code="store.gap",
        )
    return seq > known


class Fold:
    """Takes events one at a time; `state` is the timeline so far, as a frozen value."""

    def __init__(self) -> None:
        self._load(TimelineState())

    @classmethod
    def from_snapshot(cls, snapshot: TimelineState | Mapping[str, Any]) -> Fold:
        """Return a fold that continues from `snapshot`, a state or its `to_dict()`.

        Raises:
            pydantic.ValidationError: not a snapshot.
        """
        folding = cls()
        folding._load(snapshot if isinstance(snapshot, TimelineState) else TimelineState.model_validate(snapshot))
        return folding

    def _load(self, state: TimelineState) -> None:
        self._state: TimelineState | None = state  # None when it is out of date
        self._seq = state.seq
        self._run: RunState = state.state
        self._segments = {segment.segment: segment for segment in state.segments}
        self._newest = state.segments[-1].segment if state.segments else ""
        self._scenes = {scene.scene: scene for scene in state.models_scenes}
        self._scene_edits = {edit.segment: edit for edit in state.scene_edits}
        self._cues = {(cues.scene, cues.segment, cues.cue): cues for cues in state.cues}
        self._spotting = {cue.cue: cue for cue in state.spotting}
        self._fields: dict[str, Any] = {name: getattr(state, name) for name in _LAST_VALUE}

    @property
    def state(self) -> TimelineState:
        """The timeline as it is now. Later events do not change a state that was returned before."""
        if self._state is None:
            self._state = TimelineState.model_construct(
                **self._fields,
                seq=self._seq,
                state=self._run,
                segments=tuple(sorted(self._segments.values(), key=lambda segment: segment.index)),
                **self._scene_fields(),
                cues=tuple(self._cues.values()),
                spotting=in_order(self._spotting.values()),
            )
        return self._state

    @property
    def seq(self) -> int:
        """The seq of the last event folded, 0 before the first."""
        return self._seq

    @property
    def segments(self) -> Collection[SegmentState]:
        """The segments so far, in the order in which they were detected; cheaper than `state`."""
        return self._segments.values()

    @property
    def scenes(self) -> Mapping[str, SceneDetected]:
        """The scenes that were detected so far, by id, without what people said about them."""
        return self._scenes

    @property
    def live(self) -> LiveState | None:
        """How a live source has been received; None for any other source."""
        live: LiveState | None = self._fields["live"]
        return live

    def segment(self, name: str) -> SegmentState | None:
        """Return one segment as it is now; cheaper than `state`."""
        return self._segments.get(name)

    def apply(self, event: Event) -> None:
        """Fold the next event; an event that was folded already is ignored.

        Raises:
            StoreError: events are missing before this one (code `store.gap`), or it belongs to another log (code `store.epoch`).
        """
        check_log(event, self._fields["id"], self._fields["epoch"])
        if is_next(event.seq, self._seq, event.timeline):
            self._fields["id"], self._fields["epoch"] = event.timeline, event.epoch
            self._take(event.seq, event.data)

    def apply_payload(self, seq: int, payload: Payload) -> None:
        """Fold the payload of event `seq` of the log that this fold belongs to.

        Raises:
            StoreError: events are missing before this one (code `store.gap`).
        """
        if is_next(seq, self._seq, self._fields["id"]):
            self._take(seq, payload)

    def _take(self, seq: int, payload: Payload) -> None:
        self._seq, self._state = seq, None
        match payload:
            case SegmentDetected() as detected:
                self._detect(detected)
            case _ if isinstance(payload, SEGMENT_CHANGES):
                self._change_segment(payload.segment, payload)
            case SceneDetected() as scene:
                self._scenes[scene.scene] = scene
            case SceneCorrected() as corrected:
                self._scene_edits = after_scene_corrected(self._scene_edits, corrected)
            case CuesSuggested() as cues:
                self._cues[cues.scene, cues.segment, cues.cue] = cues
            case CueDetected() | CueDecided():
                self._spotting = after_cue_event(self._spotting, payload)
            case TimelineOpened() as opened:
                self._fields |= {name: getattr(opened, name) for name in ("source", "vocabulary", "profile", "settings")}
            case TimelineProgress() as progress:
                self._fields["progress"] = progress
            case SourceDropped() | SourceLost() | SourceResumed() as report:
                self._fields["live"] = _received(self._fields["live"] or LiveState(), report)
            case _ if (name := answered_segment(payload)) is not None:
                self._change_segment(name, payload)
        if type(payload) in _RUN_AFTER:
            self._change_run(payload)

    def _scene_fields(self) -> dict[str, Any]:
        """Return the fields of the state about scenes."""
        detected, edits = tuple(sorted(self._scenes.values(), key=lambda scene: scene.index)), self._scene_edits
        if not edits:
            return {"scenes": detected}
        edited = edited_scenes(detected, edits, self._segments.values())
        return {"scenes": edited, "scene_edits": tuple(edits.values()), "detected_scenes": detected}

    def _change_segment(self, name: str, payload: Payload) -> None:
        segment = self._segments.get(name)
        if segment is None:
            return
        changes = changes_by(segment, payload)
        if isinstance(payload, SegmentTagged) and "vocabulary" in changes:
            changes["vocabulary"] = vocabulary = shared(payload.vocabulary, self._fields["vocabulary"])
            if payload.rev:
                self._fields["vocabulary"] = vocabulary
        self._segments[name] = changed(segment, changes)

    @property
    def _is_live(self) -> bool:
        source = self._fields["source"]
        return source is not None and source.live

    def _detect(self, detected: SegmentDetected) -> None:
        known, before = self._segments.get(detected.segment), self._segments.get(self._newest)
        self._segments[detected.segment] = after_detected(known, before, detected)
        newest = self._segments.get(self._newest)
        if newest is None or newest.index < detected.index:
            if newest is not None and self._is_live:
                self._segments[self._newest] = changed(newest, {"final": True})
            self._newest = detected.segment

    def _change_run(self, payload: Payload) -> None:
        before, self._run = self._run, run_state_after(self._run, payload)
        match payload:
            case TimelineCompleted() | TimelineCancelled():
                self._fields |= {"summary": payload.summary, "error": None}
            case TimelineFailed():
                self._fields |= {"summary": None, "error": payload.error}
            case _ if self._run != before:
                self._fields |= {"summary": None, "error": None}
        final = self._run in _ENDED
        if final != (before in _ENDED):
            self._segments = {
                name: changed(segment, {"final": final or (self._is_live and name != self._newest)})
                for name, segment in self._segments.items()
            }


def _received(live: LiveState, report: SourceDropped | SourceLost | SourceResumed) -> LiveState:
    """Return how a live source has been received after `report`."""
    match report:
        case SourceDropped():
            return live.model_copy(update={"dropped": live.dropped + report.frames})
        case SourceLost():
            return live.model_copy(update={"lost": report})
        case SourceResumed():
            return live.model_copy(update={"lost": None, "gaps": (*live.gaps, report)})
