"""What an analysis will cost: segments counted in the source itself, tokens from earlier runs or from a rule of thumb."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streamtags.config.settings import PriceSettings, Settings
from streamtags.core.errors import UsageError
from streamtags.core.model import Frame, Gap, Segment, Usage, clock_of
from streamtags.core.ports import Describer, FrameSource
from streamtags.core.stores import Store
from streamtags.core.vocabulary import Vocabulary
from streamtags.run.backends import captioner_options, captioner_spec, classifier_options, classifier_spec, open_tools
from streamtags.run.choice import choose_profile
from streamtags.run.instruments import shot_detector
from streamtags.run.segmenter import Segmenter
from streamtags.run.usage import cost_of, price_of
from streamtags.sources.edit.source import is_edit, open_edit
from streamtags.sources.file.access import Access
from streamtags.sources.live.source import is_live, open_any_source
from streamtags.stages.backend import BackendSpec
from streamtags.stages.stage import Stage
from streamtags.stages.table import all_stages
from streamtags.stages.tag.stage import TAG
from streamtags.stages.tools import Tools

__all__ = ["Estimate", "StageEstimate", "estimate", "estimate_retag"]

# The most earlier timelines that are read for token counts, the latest first.
_MAX_HISTORY = 5


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """One stage of the run.

    Attributes:
        stage: its name.
        usage: tokens of one segment; None if the stage's model counts none.
        seen: earlier answers of the same model that `usage` and `ms` are means of; 0 is a rule of thumb, with the longest answers.
        ms: milliseconds of one answer; None if not known.
        price: of its tokens; None if not known.
    """

    stage: str
    usage: Usage | None = None
    seen: int = 0
    ms: float | None = None
    price: PriceSettings | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate of one run.

    Attributes:
        shots: in the source.
        segments: in the source.
        seconds: length of the source.
        read_seconds: wall time of reading it for its shots.
        concurrency: segments in work at once.
        stages: those that ask a model.
    """

    shots: int
    segments: int
    seconds: float
    read_seconds: float
    concurrency: int
    stages: tuple[StageEstimate, ...] = ()

    @property
    def cost(self) -> dict[str, float]:
        """Money by currency, for the stages that have a price."""
        cost: dict[str, float] = {}
        for stage in self.stages:
            if stage.usage is not None and stage.price is not None:
                cost[stage.price.currency] = cost.get(stage.price.currency, 0.0) + self.segments * cost_of(stage.usage, stage.price)
        return cost

    @property
    def wall_seconds(self) -> float | None:
        """How long the run takes: as long as its slowest stage, because they overlap; None if the speed of a model is not known."""
        times = [stage.ms for stage in self.stages if stage.usage is not None]
        if None in times:
            return None
        return max([self.read_seconds, *(self.segments * (ms or 0.0) / 1000 / self.concurrency for ms in times)])


@dataclass(slots=True)
class _History:
    """Sums over earlier answers of one stage."""

    prompt: int = 0
    completion: int = 0
    ms: float = 0.0
    count: int = 0

    def add(self, usage: Usage, ms: float) -> None:
        self.prompt += usage.prompt_tokens
        self.completion += usage.completion_tokens
        self.ms += ms
        self.count += 1

    def mean(self, stage: str, price: PriceSettings | None) -> StageEstimate:
        usage = Usage(prompt_tokens=round(self.prompt / self.count), completion_tokens=round(self.completion / self.count))
        return StageEstimate(stage, usage, self.count, self.ms / self.count, price)


async def estimate(uri: str, settings: Settings, store: Store, *, access: Access | None = None) -> Estimate:
    """Read the source once for its shots; call no model and write nothing.

    Raises:
        UsageError: the source can be read only once, or is live.
        ConfigError: an unknown profile or backend.
        SourceError: the source cannot be read.
    """
    if uri == "-":
        raise UsageError("standard input can be read only once", where="--dry-run", hint="give a file or a URL")
    if not is_edit(uri) and is_live(uri, settings.ingest):
        raise UsageError("a live source is not there before it is recorded", where="--dry-run", hint="give a file that is like it")
    settings = (await choose_profile(settings, store=store, uri=uri)).settings
    async with open_tools(settings, check=False) as tools:
        source: FrameSource = (
            open_edit(uri, settings.ingest, access=access) if is_edit(uri) else open_any_source(uri, settings.ingest, access=access)
        )
        try:
            began = time.perf_counter()
            segments = await asyncio.to_thread(_segments, source, settings)
            read_seconds = time.perf_counter() - began
        finally:
            source.close()
        return Estimate(
            shots=len({segment.shot for segment in segments}),
            segments=len(segments),
            seconds=sum(segment.seconds for segment in segments),
            read_seconds=read_seconds,
            concurrency=tools.profile.concurrency,
            stages=_stages(tools, store),
        )


async def estimate_retag(timeline: str, settings: Settings, store: Store) -> Estimate:
    """Return what tagging the stored captions again would take; call no model and write nothing.

    Raises:
        ConfigError: an unknown profile or backend.
        NotInStore: there is no such timeline.
    """
    segments = [segment for segment in store.state(timeline).segments if segment.caption is not None]
    async with open_tools(settings, check=False) as tools:
        return Estimate(
            shots=len({segment.shot for segment in segments}),
            segments=len(segments),
            seconds=sum(segment.seconds for segment in segments),
            read_seconds=0.0,
            concurrency=tools.profile.concurrency,
            stages=tuple(stage for stage in _stages(tools, store) if stage.stage == TAG.name),
        )


def _segments(source: FrameSource, settings: Settings) -> Sequence[Segment]:
    video = source.info.video
    detector = shot_detector(source, settings)
    segmenter: Segmenter | None = None
    segments: list[Segment] = []
    end = 0
    for item in source.read():
        if isinstance(item, Frame):
            if segmenter is None:
                segmenter = Segmenter(clock_of(video, item.pts), settings.segments.max_seconds, detector.lookahead)
            segments += segmenter.push(item.index, item.pts, detector.push(item))
            end = item.pts + item.duration
        elif isinstance(item, Gap) and segmenter is not None:
            segments += segmenter.finish(end, detector.finish())
            segmenter, detector = None, shot_detector(source, settings)
    return segments if segmenter is None else [*segments, *segmenter.finish(end, detector.finish())]


def _stages(tools: Tools, store: Store) -> tuple[StageEstimate, ...]:
    """Return an estimate for each stage that the profile configures; a captioner that chooses the tags too is one stage."""
    profile = tools.profile
    backends = {"captioner": (captioner_spec, captioner_options), "classifier": (classifier_spec, classifier_options)}
    stages = [stage for stage in all_stages() if stage.backend and not (stage.backend == "classifier" and _tags_with_caption(tools))]
    history = _history(stages, tools, store)
    estimates = []
    for stage in stages:
        price = price_of(stage.name, profile)
        if history[stage.name].count:
            estimates.append(history[stage.name].mean(stage.name, price))
        elif stage.backend is not None:
            spec_of, options_of = backends[stage.backend]
            usage = _rule_of_thumb(spec_of(profile), options_of(profile), tools.vocabulary)
            estimates.append(StageEstimate(stage.name, usage, price=price))
    return tuple(estimates)


def _tags_with_caption(tools: Tools) -> bool:
    return isinstance(tools.captioner, Describer)


def _rule_of_thumb(spec: BackendSpec, options: dict[str, Any], vocabulary: Vocabulary) -> Usage | None:
    """Return the tokens of one segment if no earlier run counted any; None for a backend that counts no tokens."""
    return spec.estimate_usage(spec.read(options), vocabulary) if spec.estimate_usage is not None else None


def _history(stages: Sequence[Stage], tools: Tools, store: Store) -> dict[str, _History]:
    """Return what the same models counted in the latest timelines of this store, by stage."""
    history = {stage.name: _History() for stage in stages}
    of_event = {stage.emits[0].type: (history[stage.name], getattr(tools, str(stage.backend)).model) for stage in stages}
    for summary in store.timelines(captioner=tools.captioner.model)[:_MAX_HISTORY]:
        for event in store.read(summary.id):
            sums, model = of_event.get(event.type, (None, None))
            usage = getattr(event.data, "usage", None)
            if sums is not None and usage is not None and getattr(event.data, "model", None) == model:
                sums.add(usage, getattr(event.data, "ms", 0.0))
    return history
