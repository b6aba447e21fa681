"""The scheduler: runs for each segment the stages whose answers the log still lacks, in the order of the stage table."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from streamtags.core.errors import ModelError
from streamtags.core.events import ErrorInfo, Payload, SceneDetected, SegmentFailed
from streamtags.core.model import Measured
from streamtags.core.payload import with_rev
from streamtags.core.records import Fingerprint
from streamtags.core.segment_fold import after
from streamtags.core.state import SegmentState
from streamtags.run.ledger import Ledger
from streamtags.run.policies import Policy, skipped
from streamtags.run.reuse import Reuse
from streamtags.run.runners import Runners
from streamtags.run.traces import span
from streamtags.run.writer import Writer
from streamtags.stages.measure.fingerprint import traits
from streamtags.stages.measure.stage import payload_of
from streamtags.stages.stage import PASS_INPUTS, SOUND, STILLS, SegmentWork, Stage

__all__ = ["Scheduler"]

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Job:
    """One segment on its way through the stages.

    Attributes:
        measured: with the stills, as long as a stage may need them.
        lacking: the stages without an answer, in order.
        queued: the names of those that count as waiting.
        started: the names of those that run.
        refused: why stages skip this segment, by name.
        answers: what the stages returned in this run; a part of it may not be in the log yet.
        rooms: what it was admitted with by the policy: stills, sound.
    """

    name: str
    measured: Measured | None = None
    lacking: list[Stage] = field(default_factory=list)
    queued: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    refused: dict[str, ModelError] = field(default_factory=dict)
    answers: list[Payload] = field(default_factory=list)
    rooms: set[str] = field(default_factory=set)


class Scheduler:
    """Brings segments through the stages.

    A stage starts when its inputs have come. If an answer fails, the stages that need it are left for the next run. The stills of a
    segment are released when no stage needs them any more; the policy bounds the segments that have stills in memory.

    Args:
        group: runs the work; the caller waits for it.
    """

    def __init__(self, ledger: Ledger, writer: Writer, runners: Runners, policy: Policy, reuse: Reuse, group: asyncio.TaskGroup) -> None:
        self._ledger = ledger
        self._writer = writer
        self._runners = runners
        self._policy = policy
        self._reuse = reuse
        self._group = group
        self._waiting: Counter[str] = Counter()
        self._unsettled: set[str] = set()  # segments whose inputs of the scene stages may still come
        self._next_in_scene = 0

    def expect(self, names: Iterable[str]) -> None:
        """Keep segments out of scenes until they have been taken or resumed."""
        self._unsettled.update(names)

    def detected(self, name: str) -> None:
        """Note a new segment that will be taken."""
        self._unsettled.add(name)

    async def take(self, measured: Measured) -> None:
        """Start the work on a segment; wait as long as the policy says."""
        await self._policy.admit(STILLS)
        job = _Job(measured.segment.id, measured, rooms={STILLS})
        self._open(job, self._ledger.segment(job.name))
        if _needs(SOUND, job.lacking):
            await self._policy.admit(SOUND)
            job.rooms.add(SOUND)
        if job.refused:
            await self._begin(job)  # not in the background, or segments would pile up in front of a slow store
        else:
            self._group.create_task(self._begin(job))

    def resume(self, name: str) -> None:
        """Do what is possible for an unfinished segment of a live source, whose stills were lost with an earlier run."""
        job = _Job(name)
        segment = self._state(job)
        self._open(job, segment)
        self._unsettled.add(job.name)
        for stage in [stage for stage in job.lacking if not PASS_INPUTS.isdisjoint(stage.needs)]:
            if segment.status == "failed":  # which the log says already
                self._drop(job, *(one for one in _blocked(stage, job.lacking) if one in job.lacking))
            else:
                job.refused[stage.name] = skipped(f"the analysis was cut short before the stage {stage.name} had an answer")
        self._advance(job)

    def finish(self) -> list[Payload]:
        """Return the last events of the scene stages; no segment follows."""
        self._unsettled.clear()
        payloads = self._link_scenes()
        return payloads + self._changed([payload for runner in self._runners.scene_runners for payload in runner.finish()])

    def _open(self, job: _Job, segment: SegmentState | None) -> None:
        job.lacking = list(self._runners.segment_stages) if segment is None else self._runners.lacking(segment)
        for stage in job.lacking:
            if not PASS_INPUTS.isdisjoint(stage.needs):
                self._queue(job, stage)

    def _queue(self, job: _Job, stage: Stage) -> None:
        """Count the segment as waiting for `stage`, unless the policy refuses that."""
        self._waiting[stage.name] += 1
        job.queued.add(stage.name)
        refusal = self._policy.refusal(stage, self._waiting[stage.name])
        if refusal is not None:
            job.refused[stage.name] = refusal

    async def _begin(self, job: _Job) -> None:
        await self._record(job)
        self._advance(job)

    async def _record(self, job: _Job) -> None:
        """Write the measurements, what an earlier timeline knows, and provisional answers."""
        measured = job.measured
        if measured is None:
            return
        segment = self._ledger.segment(job.name)  # None while the event of its detection is on its way to the log
        if segment is None or segment.evidence is None:
            frames = measured.segment.end.frame - measured.segment.start.frame
            await self._writer.write(
                payload_of(measured),
                thumbnails={job.name: measured.thumbnail} if measured.thumbnail else {},
                fingerprints={job.name: Fingerprint(frames, measured.fingerprint, traits(measured.fingerprint))},
                waveforms={job.name: measured.waveform} if measured.waveform else {},
            )
        if not job.lacking:
            return
        await self._write(job, self._reuse.answers(measured, self._state(job), job.lacking))
        state = self._state(job)
        self._drop(job, *(stage for stage in job.lacking if stage.has_answer(state)))
        for stage in job.lacking:
            try:
                answers = await self._runners.runner(stage).provisional(SegmentWork(self._state(job)))
            except ModelError as error:
                _log.info("%s has no provisional answer of stage %s: %s", job.name, stage.name, error)
            else:
                await self._writer.write(*answers)

    def _advance(self, job: _Job) -> None:
        """Start every stage whose inputs are there, and release what is not needed any more."""
        awaited = frozenset[str]().union(*(stage.outputs for stage in job.lacking))
        for stage in job.lacking:
            if stage.name not in job.started and (stage.needs | stage.uses).isdisjoint(awaited):
                job.started.add(stage.name)
                if stage.name not in job.queued:
                    self._queue(job, stage)
                self._group.create_task(self._run_stage(job, stage))
        for what in [what for what in job.rooms if not _needs(what, job.lacking)]:
            job.rooms.discard(what)
            job.measured = _without(what, job.measured)
            self._policy.release(what)
        if job.name in self._unsettled and awaited.isdisjoint(
            self._runners.scene_needs | _upstream(self._runners.scene_needs, job.lacking)
        ):
            self._unsettled.discard(job.name)
            self._writer.put(*self._link_scenes())

    async def _run_stage(self, job: _Job, stage: Stage) -> None:
        try:
            if stage.name in job.refused:
                raise job.refused[stage.name]
            with span(f"stage {stage.name}", segment=job.name):
                answers = await self._runners.ask(stage, self._work(job, stage))
        except ModelError as error:
            await self._fail(job, stage, error)
        else:
            await self._keep(job, stage, answers)
        self._advance(job)

    def _work(self, job: _Job, stage: Stage) -> SegmentWork:
        state = self._state(job)
        previous = self._ledger.segment(_name(state.index - 1))
        return SegmentWork(state, None if PASS_INPUTS.isdisjoint(stage.needs) else job.measured, previous)

    async def _keep(self, job: _Job, stage: Stage, answers: Sequence[Payload]) -> None:
        """Write an answer; if only another stage waits for it, that stage does not wait for the disk."""
        numbered = self._numbered(job, answers)
        job.answers += numbered
        state = self._state(job)
        done = [stage, *(other for other in job.lacking if other.name not in job.started and other.has_answer(state))]
        is_awaited = any(not stage.outputs.isdisjoint(other.needs) for other in job.lacking if other not in done)
        if is_awaited and stage.outputs.isdisjoint(self._runners.scene_needs):
            self._writer.put(*numbered)
        else:
            await self._writer.write(*numbered)
        self._drop(job, *done)

    async def _fail(self, job: _Job, stage: Stage, error: ModelError) -> None:
        info = ErrorInfo(code=error.code, message=str(error))
        await self._writer.write(SegmentFailed(segment=job.name, stage=stage.name, error=info, usage=error.usage))
        self._drop(job, *_blocked(stage, job.lacking))

    def _drop(self, job: _Job, *stages: Stage) -> None:
        """Take note that `stages` do nothing more for this segment in this run."""
        for stage in stages:
            job.lacking.remove(stage)
            if stage.name in job.queued:
                self._waiting[stage.name] -= 1

    async def _write(self, job: _Job, answers: Sequence[Payload]) -> None:
        numbered = self._numbered(job, answers)
        job.answers += numbered
        await self._writer.write(*numbered)

    def _numbered(self, job: _Job, answers: Sequence[Payload]) -> list[Payload]:
        """Return `answers` with the next revs of the segment."""
        rev = self._state(job).rev
        return [with_rev(answer, rev + number) for number, answer in enumerate(answers, 1)]

    def _state(self, job: _Job) -> SegmentState:
        """Return the segment as it is when everything written so far is in the log."""
        segment = self._ledger.segment(job.name)
        if segment is None:
            raise AssertionError(f"{job.name} is measured before it is detected")
        return after(segment, *job.answers)

    def _link_scenes(self) -> list[Payload]:
        """Give the scene stages every segment whose inputs are settled, in order; return what they say that the log does not have."""
        payloads = list[Payload]()
        while (name := _name(self._next_in_scene)) not in self._unsettled and (segment := self._ledger.segment(name)) is not None:
            payloads += [payload for runner in self._runners.scene_runners for payload in runner.push(segment)]
            self._next_in_scene += 1
        return self._changed(payloads)

    def _changed(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [payload for payload in payloads if not isinstance(payload, SceneDetected) or not self._ledger.has_scene(payload)]


def _name(index: int) -> str:
    return f"s{index:04d}"


def _needs(what: str, stages: Sequence[Stage]) -> bool:
    return any(what in stage.needs for stage in stages)


def _without(what: str, measured: Measured | None) -> Measured | None:
    """Return `measured` without its stills or its sound, so that they are freed."""
    if measured is None:
        return None
    return replace(measured, stills=(), thumbnail=b"") if what == STILLS else replace(measured, sound=None)


def _blocked(stage: Stage, stages: Sequence[Stage]) -> list[Stage]:
    """Return `stage` and those of `stages` that need its answer, directly or not; `stages` are in order."""
    missing, blocked = set(stage.outputs), [stage]
    for other in stages:
        if not missing.isdisjoint(other.needs):
            missing |= other.outputs
            blocked.append(other)
    return blocked


def _upstream(names: frozenset[str], stages: Sequence[Stage]) -> frozenset[str]:
    """Return what the stages that give `names` need, directly or not."""
    needed = set(names)
    for stage in reversed(stages):
        if not needed.isdisjoint(stage.outputs):
            needed |= stage.needs
    return frozenset(needed)
