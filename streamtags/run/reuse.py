"""Reuse: the answers for shots that have not changed are copied from timelines analyzed before."""

from __future__ import annotations

from collections.abc import Sequence

from streamtags.core.events import Payload, Reused, SegmentCorrected
from streamtags.core.model import Evidence, Measured
from streamtags.core.state import PERSON, SegmentState
from streamtags.core.stores import Store
from streamtags.run.runners import Runners
from streamtags.stages.measure.fingerprint import same, traits
from streamtags.stages.stage import PASS_INPUTS, Earlier, SegmentWork, Stage

__all__ = ["Reuse"]

# Sound counts as the same within these tolerances: above the effect of another encoder, below that of a mixer.
_SOUND_TOLERANCE = {"loudness_lufs": 1.0, "speech_share": 0.15, "silence_share": 0.15}


class Reuse:
    """Looks up segments with the same pictures in other timelines of the store.

    Each stage decides whether an earlier answer applies (`SegmentRunner.reuse`). A stage that needs another stage's answer can only reuse
    its own if that answer is reused too, or was set by a person. A person's correction is copied with the answers.
    """

    def __init__(self, store: Store, timeline: str, runners: Runners) -> None:
        self._store = store
        self._timeline = timeline
        self._runners = runners

    def answers(self, measured: Measured, segment: SegmentState, stages: Sequence[Stage]) -> list[Payload]:
        """Return the answers of `stages` that can be reused for a segment, in order, and a person's correction; the revs are not set."""
        frames = measured.segment.end.frame - measured.segment.start.frame
        work = SegmentWork(segment, measured)
        # Another encoding may move a gradual transition by a frame.
        near = self._store.candidates(frames, traits=traits(measured.fingerprint), slack=1, exclude=self._timeline)
        for candidate in near:
            if not same(candidate.fingerprint.data, measured.fingerprint):
                continue
            known = self._store.state(candidate.timeline).by_id.get(candidate.segment)
            if known is None:
                continue
            origin = Reused(timeline=candidate.timeline, segment=candidate.segment)
            same_sound = known.text == measured.text and _same_sound(known.evidence or {}, measured.evidence)
            answers = self._take(work, Earlier(known, origin, same_sound), stages)
            if answers:
                return answers
        return []

    def _take(self, work: SegmentWork, earlier: Earlier, stages: Sequence[Stage]) -> list[Payload]:
        available = {*PASS_INPUTS, "evidence", "text"}
        if earlier.state.caption_model == PERSON:
            available.add("caption")
        by_stage = list[tuple[Stage, Sequence[Payload]]]()
        for stage in stages:
            answers = self._runners.runner(stage).reuse(work, earlier) if stage.needs <= available else ()
            if answers:
                available |= stage.outputs
                by_stage.append((stage, answers))
        captioned = [payload for stage, answers in by_stage if "caption" in stage.outputs for payload in answers]
        others = [payload for stage, answers in by_stage if "caption" not in stage.outputs for payload in answers]
        correction = _correction(work.state.segment, earlier) if "caption" in available else []
        return [*captioned, *correction, *others]


def _correction(name: str, earlier: Earlier) -> list[Payload]:
    person = earlier.state.correction
    if person is None:
        return []
    correction = SegmentCorrected(
        segment=name,
        rev=0,
        tags=list(person.tags),
        untag=list(person.untag),
        caption=person.caption,
        by=person.by,
        reused_from=earlier.origin,
    )
    return [correction]


def _same_sound(one: Evidence, two: Evidence) -> bool:
    for name, tolerance in _SOUND_TOLERANCE.items():
        a, b = one.get(name), two.get(name)
        if isinstance(a, int | float) and isinstance(b, int | float):
            if abs(a - b) > tolerance:
                return False
        elif a != b:
            return False
    return True
