"""Folding: the state of a timeline from its events, or from a snapshot and the events after it.

Pure; no clock, no file. The rules:

- `seq` rises by one. An event already folded is ignored, a missing one is an error.
- A caption or tag set counts if its `rev` is higher than the one held, so the order of arrival does not matter.
- Corrections lie over every model's answer, now and later, tag by tag; of two corrections of one tag the later in the log wins.
- The timeline's vocabulary is that of the tag set that came last and counts; provisional ones aside.
- A failure stands until the stage that failed succeeds; of two stages that failed, the earlier is told.
- Of a live source, frames dropped are added up, and a source is away from when it is lost until it resumes.
- A segment is final when its timeline has ended; one of a live source already when the next is detected.
- A timeline that was completed, cancelled or failed runs again when it is opened again, progresses, or finds another segment.
- Event types and fields that are not known are ignored, as are events about segments that were never detected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from streamtags.core.errors import StoreError
from streamtags.core.events import (
    CuesSuggested,
    Event,
    Payload,
    SceneDetected,
    SegmentCaptioned,
    SegmentCorrected,
    SegmentDetected,
    SegmentFailed,
    SegmentMeasured,
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
from streamtags.core.model import TagScore
from streamtags.core.state import PERSON, LiveState, RunState, SegmentCorrection, SegmentError, SegmentState, SegmentStatus, TimelineState

__all__ = ["Fold", "TimelineState", "after", "fold", "run_state_after"]

_Told = SegmentMeasured | SegmentCaptioned | SegmentTagged | SegmentFailed | SegmentCorrected
_ENDED: frozenset[RunState] = frozenset({"completed", "failed", "cancelled"})
# What of a timeline is kept as it was last told.
_PLAIN = ("id", "epoch", "source", "vocabulary", "profile", "settings", "progress", "live", "summary", "error")
_STAGES = ("measure", "caption", "tag")
_RUN_AFTER: dict[type[Payload], RunState] = {
    TimelineOpened: "running",
    TimelineProgress: "running",
    SegmentDetected: "running",
    TimelineCompleted: "completed",
    TimelineFailed: "failed",
    TimelineCancelled: "cancelled",
}


def fold(events: Iterable[Event]) -> TimelineState:
    """The state after `events`, which begin at seq 1.

    Raises:
        StoreError: an event is missing, or is of another log.
    """
    folding = Fold()
    for event in events:
        folding.apply(event)
    return folding.state


def after(held: SegmentState, *told: _Told) -> SegmentState:
    """What a segment will be when `told` is in the log."""
    for payload in told:
        held = held.model_copy(update=_changes(held, payload))
    return held


def run_state_after(state: RunState, payload: Payload) -> RunState:
    """What `state` becomes with `payload`."""
    return _RUN_AFTER.get(type(payload), state)


class Fold:
    """Takes events in, one at a time; `state` is the timeline so far, as a frozen value."""

    def __init__(self) -> None:
        self._go_on_from(TimelineState())

    @classmethod
    def from_snapshot(cls, snapshot: TimelineState | Mapping[str, Any]) -> Fold:
        """A fold that goes on where `snapshot`, a state or its `to_dict()`, left off.

        Raises:
            pydantic.ValidationError: not a snapshot.
        """
        folding = cls()
        folding._go_on_from(snapshot if isinstance(snapshot, TimelineState) else TimelineState.model_validate(snapshot))
        return folding

    def _go_on_from(self, state: TimelineState) -> None:
        self._state: TimelineState | None = state  # None when it is out of date
        self._seq = state.seq
        self._run: RunState = state.state
        self._segments = {segment.segment: segment for segment in state.segments}
        self._newest = state.segments[-1].segment if state.segments else ""
        self._scenes = {scene.scene: scene for scene in state.scenes}
        self._cues = {(cues.scene, cues.segment): cues for cues in state.cues}
        self._fields: dict[str, Any] = {name: getattr(state, name) for name in _PLAIN}

    @property
    def state(self) -> TimelineState:
        """The timeline as it is now. Later events do not change a state once given."""
        if self._state is None:
            self._state = TimelineState.model_construct(
                **self._fields,
                seq=self._seq,
                state=self._run,
                segments=tuple(sorted(self._segments.values(), key=lambda segment: segment.index)),
                scenes=tuple(sorted(self._scenes.values(), key=lambda scene: scene.index)),
                cues=tuple(self._cues.values()),
            )
        return self._state

    @property
    def seq(self) -> int:
        """The last event folded in, 0 before any."""
        return self._seq

    @property
    def segments(self) -> Collection[SegmentState]:
        """The segments so far, in the order they were first told of; cheaper than `state`."""
        return self._segments.values()

    @property
    def scenes(self) -> Mapping[str, SceneDetected]:
        """The scenes so far, by id."""
        return self._scenes

    def segment(self, name: str) -> SegmentState | None:
        """One segment as it is now; cheaper than `state`."""
        return self._segments.get(name)

    def apply(self, event: Event) -> None:
        """Fold the next event in; one that was folded before is ignored.

        Raises:
            StoreError: events are missing before this one (code `store.gap`), or it is of another log (code `store.epoch`).
        """
        timeline, epoch = self._fields["id"], self._fields["epoch"]
        if (timeline and event.timeline != timeline) or (epoch and event.epoch != epoch):
            raise StoreError(
                f"event {event.seq} is of another log ({event.timeline}, epoch {event.epoch})",
                where=f"{timeline}, epoch {epoch}",
                hint="read the timeline again from its start",
                code="store.epoch",
            )
        if self._is_next(event.seq, event.timeline):
            self._fields["id"], self._fields["epoch"] = event.timeline, event.epoch
            self._take(event.seq, event.data)

    def apply_payload(self, seq: int, payload: Payload) -> None:
        """`apply` for whoever reads this very log: the payload of its event `seq`.

        Raises:
            StoreError: events are missing before this one (code `store.gap`).
        """
        if self._is_next(seq, self._fields["id"]):
            self._take(seq, payload)

    def _is_next(self, seq: int, timeline: str) -> bool:
        """False for an event that was folded before."""
        if seq > self._seq + 1:
            raise StoreError(
                f"events {self._seq + 1} to {seq - 1} are missing",
                where=timeline,
                hint=f"read the log again after event {self._seq}",
                code="store.gap",
            )
        return seq > self._seq

    def _take(self, seq: int, payload: Payload) -> None:
        self._seq, self._state = seq, None
        match payload:
            case SegmentDetected() as detected:
                self._detect(detected)
            case SegmentMeasured() | SegmentCaptioned() | SegmentTagged() | SegmentFailed() | SegmentCorrected() as told:
                held = self._segments.get(told.segment)
                if held is not None:
                    self._segments[told.segment] = held.model_copy(update=_changes(held, told))
                    if isinstance(told, SegmentTagged) and told.rev and _counts(told.rev, held.tags_rev):
                        self._fields["vocabulary"] = told.vocabulary
            case SceneDetected() as scene:
                self._scenes[scene.scene] = scene
            case CuesSuggested() as cues:
                self._cues[cues.scene, cues.segment] = cues
            case TimelineOpened() as opened:
                self._fields |= {name: getattr(opened, name) for name in ("source", "vocabulary", "profile", "settings")}
            case TimelineProgress() as progress:
                self._fields["progress"] = progress
            case SourceDropped() | SourceLost() | SourceResumed() as told:
                self._fields["live"] = _received(self._fields["live"] or LiveState(), told)
            case _:
                pass  # the end of a run is told below; an unknown type says nothing to this version
        if type(payload) in _RUN_AFTER:
            self._move_on(payload)

    @property
    def _live(self) -> bool:
        source = self._fields["source"]
        return source is not None and source.live

    def _detect(self, detected: SegmentDetected) -> None:
        bounds = dict(detected)
        held = self._segments.get(detected.segment)
        self._segments[detected.segment] = held.model_copy(update=bounds) if held else SegmentState(**bounds)
        newest = self._segments.get(self._newest)
        if newest is None or newest.index < detected.index:
            if newest is not None and self._live:
                self._segments[self._newest] = newest.model_copy(update={"final": True})
            self._newest = detected.segment

    def _move_on(self, payload: Payload) -> None:
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
                name: segment.model_copy(update={"final": final or (self._live and name != self._newest)})
                for name, segment in self._segments.items()
            }


def _received(held: LiveState, told: SourceDropped | SourceLost | SourceResumed) -> LiveState:
    """How a live source has been received, after `told`."""
    match told:
        case SourceDropped():
            return held.model_copy(update={"dropped": held.dropped + told.frames})
        case SourceLost():
            return held.model_copy(update={"lost": told})
        case SourceResumed():
            return held.model_copy(update={"lost": None, "gaps": (*held.gaps, told)})


def _changes(held: SegmentState, told: _Told) -> dict[str, Any]:
    """The fields of `held` that `told` changes."""
    new: dict[str, Any] = {}
    match told:
        case SegmentMeasured():
            new = {"evidence": told.evidence, "thumbnail": told.thumbnail, "text": told.text, "error": _left(held, "measure")}
        case SegmentCaptioned() if _counts(told.rev, held.caption_rev):
            new = _caption(held, told)
        case SegmentTagged() if _counts(told.rev, held.tags_rev):
            new = _tags(held, told)
        case SegmentCorrected():
            new = _correction(held, told)
        case SegmentFailed() if held.error is None or _STAGES.index(told.stage) <= _STAGES.index(held.error.stage):
            new = {"error": SegmentError.of(told)}
    if not isinstance(told, SegmentMeasured | SegmentFailed):
        new["rev"] = max(held.rev, told.rev)
    new["status"] = _status(held, new)
    return new


def _counts(rev: int, held: int | None) -> bool:
    return held is None or rev > held


def _left(held: SegmentState, stage: str) -> SegmentError | None:
    """The error that stands when `stage` has succeeded."""
    return None if held.error is None or held.error.stage == stage else held.error


def _status(held: SegmentState, new: Mapping[str, Any]) -> SegmentStatus:
    if new.get("error", held.error) is not None:
        return "failed"
    if new.get("tags_rev", held.tags_rev):  # rev 0 is provisional
        return "tagged"
    if new.get("caption_rev", held.caption_rev) is not None:
        return "captioned"
    return "detected" if new.get("evidence", held.evidence) is None else "measured"


def _caption(held: SegmentState, told: SegmentCaptioned) -> dict[str, Any]:
    new: dict[str, Any] = {
        "caption_rev": told.rev,
        "frames": told.frames,
        "reused_from": told.reused_from,
        "error": _left(held, "caption"),
    }
    if held.correction is None or held.correction.caption is None:
        new |= {"caption": told.caption, "caption_model": told.model}
    return new


def _tags(held: SegmentState, told: SegmentTagged) -> dict[str, Any]:
    return {
        "tags": _overlaid(told.tags, held.correction),
        "key_information": told.key_information,
        "reasoning": told.reasoning,
        "tags_model": told.model,
        "tags_rev": told.rev,
        "vocabulary": told.vocabulary,
        "error": _left(held, "tag"),
    }


def _correction(held: SegmentState, told: SegmentCorrected) -> dict[str, Any]:
    earlier = held.correction or SegmentCorrection(by=told.by)
    tags = {score.tag: score for score in earlier.tags if score.tag not in told.untag} | {score.tag: score for score in told.tags}
    untag = dict.fromkeys([*earlier.untag, *told.untag])
    merged = SegmentCorrection(
        tags=tuple(tags.values()),
        untag=tuple(tag for tag in untag if tag not in tags),
        caption=earlier.caption if told.caption is None else told.caption,
        by=told.by,
    )
    new: dict[str, Any] = {"correction": merged, "tags": _overlaid(held.tags, merged)}
    if told.caption is not None:
        new |= {"caption": told.caption, "caption_model": PERSON}
    return new


def _overlaid(tags: Sequence[TagScore], correction: SegmentCorrection | None) -> list[TagScore]:
    """`tags` with the correction over them, highest confidence first; ties keep their order, the person's last."""
    if correction is None:
        return list(tags)
    settled = {score.tag for score in correction.tags}.union(correction.untag)
    merged = [score for score in tags if score.tag not in settled] + list(correction.tags)
    return sorted(merged, key=lambda score: -score.confidence)
