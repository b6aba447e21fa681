"""The stages of a run, each with its runner and its lane."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from streamtags.core.errors import ModelError
from streamtags.core.events import Payload
from streamtags.core.state import SegmentState
from streamtags.run.lanes import Lane
from streamtags.stages.measure.stage import MEASURE
from streamtags.stages.stage import SOUND, STILLS, SceneRunner, SegmentRunner, SegmentWork, Stage
from streamtags.stages.table import BUILT_IN, all_stages
from streamtags.stages.tools import Tools

__all__ = ["Runners"]

_log = logging.getLogger(__name__)

# While remote answers come in, a commit waits so long for more of them: the server may need the processors that commits use.
_COMMIT_WAIT_SECONDS = 0.005


class Runners:
    """Makes the runners and the lanes of a run.

    Args:
        tools: the models and the vocabulary.
        stages: the stages to run; those of the table that are enabled unless given.

    Attributes:
        tools: the same.
        segment_stages: the stages of scope `segment` in order, without `measure`, which the pass over the source does.
        scene_runners: the runners of scope `scene`, in order.
        scene_needs: the inputs of the stages of scope `scene`.

    Raises:
        ConfigError: an installed stage does not fit into the table.
    """

    def __init__(self, tools: Tools, stages: Sequence[Stage] | None = None) -> None:
        table = [stage for stage in all_stages() if stage.is_enabled is None or stage.is_enabled(tools)] if stages is None else stages
        self.tools = tools
        self.segment_stages = tuple(stage for stage in table if stage.scope == "segment" and stage is not MEASURE)
        self.scene_needs = frozenset[str]().union(*(stage.needs for stage in table if stage.scope == "scene"))
        self.scene_runners: tuple[SceneRunner, ...] = tuple(stage.create(tools) for stage in table if stage.scope == "scene")
        self._runners: dict[str, SegmentRunner] = {stage.name: stage.create(tools) for stage in self.segment_stages}
        self._run = {
            stage.name: self._runners[stage.name].run if stage in BUILT_IN else _Guarded(stage, self._runners[stage.name]).run
            for stage in self.segment_stages
        }
        lanes = {stage.lane: Lane(stage.lane, stage.limits or tools.profile) for stage in self.segment_stages if stage.lane}
        self._lanes = {stage.name: lanes[stage.lane] for stage in self.segment_stages if stage.lane}

    async def ready(self) -> None:
        """Return when every stage can work.

        Raises:
            ModelError: a server cannot be reached, refuses, or lacks the model.
        """
        await asyncio.gather(*(runner.ready() for runner in self._runners.values()))

    async def ask(self, stage: Stage, work: SegmentWork) -> Sequence[Payload]:
        """Return the answer of `stage` for one segment, through the stage's lane.

        Raises:
            ModelError: there is none.
        """
        run, lane = self._run[stage.name], self._lanes.get(stage.name)
        if lane is None:
            return await run(work)
        return await lane.ask(lambda: run(work), where=work.state.segment)

    @property
    def need_stills(self) -> bool:
        """Whether a stage uses full pictures; otherwise stills need not be larger than a thumbnail."""
        return self.tools.needs_frames or any(STILLS in stage.needs for stage in self.segment_stages if stage.backend is None)

    @property
    def need_sound(self) -> bool:
        """Whether a stage listens; otherwise no sound is kept."""
        return any(SOUND in stage.needs for stage in self.segment_stages)

    def lacking(self, segment: SegmentState) -> list[Stage]:
        """Return the stages whose answers `segment` lacks, in order; a gap lacks none."""
        return [] if segment.kind == "gap" else [stage for stage in self.segment_stages if not stage.has_answer(segment)]

    def runner(self, stage: Stage) -> SegmentRunner:
        """Return the runner of a stage of scope `segment`."""
        return self._runners[stage.name]

    def commit_wait_seconds(self) -> float:
        """Return how long the next commit may wait for more answers: not at all unless a remote stage is busy."""
        busy = any(runner.is_remote and name in self._lanes and self._lanes[name].busy for name, runner in self._runners.items())
        return _COMMIT_WAIT_SECONDS if busy else 0.0

    async def close(self) -> None:
        """Release what the runners hold; the tools stay open."""
        for runner in self._runners.values():
            await runner.close()


class _Guarded:
    """Turns the mistakes of a stage of another package into failures that name the stage."""

    def __init__(self, stage: Stage, runner: SegmentRunner) -> None:
        self._stage = stage
        self._runner = runner

    async def run(self, work: SegmentWork) -> Sequence[Payload]:
        """Return the answer of the stage.

        Raises:
            ModelError: the stage raised one, raised another error (code `stage.error`), or returned something else (`stage.answer`).
        """
        try:
            answers = await self._runner.run(work)
        except ModelError:
            raise
        except Exception as error:
            _log.info("stage %s raised an error", self._stage.name, exc_info=True)
            raise self._error(f"raised {type(error).__name__}: {error}", "stage.error") from error
        (answer_class,) = self._stage.emits
        name = work.state.segment
        if [type(answer) for answer in answers] != [answer_class] or getattr(answers[0], "segment", None) != name:
            raise self._error(f"must return one {answer_class.__name__} for segment {name}", "stage.answer")
        return answers

    def _error(self, what: str, code: str) -> ModelError:
        return ModelError(f"the stage {what}", where=f"stage {self._stage.name}", hint="report this to the author of the stage", code=code)
