"""What an analysis will take, before it is paid for: segments counted in the source itself, tokens from earlier runs or a rule of thumb."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streamtags.config.settings import BackendSettings, PriceSettings, Settings
from streamtags.core.errors import UsageError
from streamtags.core.events import SegmentCaptioned, SegmentTagged
from streamtags.core.model import Frame, Segment, Usage, clock_of
from streamtags.core.ports import Describer, FrameSource
from streamtags.core.stores import Store
from streamtags.core.vocabulary import Vocabulary
from streamtags.run.backends import captioner_options, captioner_spec, classifier_options, classifier_spec, open_tools
from streamtags.run.segment import Segmenter
from streamtags.run.tag import Tools
from streamtags.run.usage import cost_of
from streamtags.shots.detectors import create_detector
from streamtags.sources.file.source import open_source
from streamtags.sources.live.source import is_live
from streamtags.stages.backend import BackendSpec

__all__ = ["Estimate", "StageEstimate", "estimate"]

# Earlier timelines looked at, the latest first.
_LOOKED_AT = 5


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """One stage of the run.

    Attributes:
        usage: tokens of one segment; None where the stage's model counts none.
        seen: earlier answers of the same model that `usage` and `ms` are means of; 0 is a rule of thumb, with answers at their longest.
        ms: of one answer; None where nothing is known.
    """

    stage: str
    usage: Usage | None = None
    seen: int = 0
    ms: float | None = None
    price: PriceSettings | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A run that has not been made.

    Attributes:
        seconds: length of the source.
        read_seconds: wall time of reading it for its shots.
    """

    shots: int
    segments: int
    seconds: float
    read_seconds: float
    concurrency: int
    stages: tuple[StageEstimate, ...] = ()

    @property
    def cost(self) -> dict[str, float]:
        """Money by currency, of the stages that have a price."""
        found: dict[str, float] = {}
        for stage in self.stages:
            if stage.usage is not None and stage.price is not None:
                found[stage.price.currency] = found.get(stage.price.currency, 0.0) + self.segments * cost_of(stage.usage, stage.price)
        return found

    @property
    def wall_seconds(self) -> float | None:
        """How long the run takes: its slowest stage, since they overlap; None where a model's speed is not known."""
        times = [stage.ms for stage in self.stages if stage.usage is not None]
        if None in times:
            return None
        return max([self.read_seconds, *(self.segments * (ms or 0.0) / 1000 / self.concurrency for ms in times)])


@dataclass(slots=True)
class _Seen:
    prompt: int = 0
    completion: int = 0
    ms: float = 0.0
    count: int = 0

    def mean(self, stage: str, price: PriceSettings | None) -> StageEstimate:
        usage = Usage(prompt_tokens=round(self.prompt / self.count), completion_tokens=round(self.completion / self.count))
        return StageEstimate(stage, usage, self.count, self.ms / self.count, price)


async def estimate(uri: str, settings: Settings, store: Store) -> Estimate:
    """Read the source once for its shots, ask no model anything, and write nothing.

    Raises:
        UsageError: the source can be read only once, or is live.
        ConfigError: an unknown profile or backend.
        SourceError: the source cannot be read.
    """
    if uri == "-":
        raise UsageError("standard input can be read only once", where="--dry-run", hint="give a file or a URL")
    if is_live(uri, settings.ingest):
        raise UsageError("a live source is not there before it is recorded", where="--dry-run", hint="give a file that is like it")
    async with open_tools(settings, check=False) as tools:
        source = open_source(uri, settings.ingest)
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


def _segments(source: FrameSource, settings: Settings) -> Sequence[Segment]:
    video = source.info.video
    detector = create_detector(settings.shots, video.time_base, video.rate)
    segmenter: Segmenter | None = None
    found: list[Segment] = []
    end = 0
    for item in source.read():
        if isinstance(item, Frame):
            if segmenter is None:
                segmenter = Segmenter(clock_of(video, item.pts), settings.segments.max_seconds, detector.lookahead)
            found += segmenter.push(item.index, item.pts, detector.push(item))
            end = item.pts + item.duration
    return found if segmenter is None else [*found, *segmenter.finish(end, detector.finish())]


def _stages(tools: Tools, store: Store) -> tuple[StageEstimate, ...]:
    profile = tools.profile
    captions, tags = _history(tools, store)
    both = isinstance(tools.captioner, Describer)
    thumbs = _rule_of_thumb(captioner_spec(profile), captioner_options(profile), tools.vocabulary)
    first = captions.mean("caption", profile.captioner.price) if captions.count else _thumb("caption", thumbs, profile.captioner)
    if both:
        return (first,)
    thumbs = _rule_of_thumb(classifier_spec(profile), classifier_options(profile), tools.vocabulary)
    return first, tags.mean("tag", profile.classifier.price) if tags.count else _thumb("tag", thumbs, profile.classifier)


def _thumb(stage: str, usage: Usage | None, backend: BackendSettings) -> StageEstimate:
    return StageEstimate(stage, usage, price=backend.price)


def _rule_of_thumb(spec: BackendSpec, options: dict[str, Any], vocabulary: Vocabulary) -> Usage | None:
    """Tokens of one segment where no earlier run counted any; None for a backend that counts no tokens."""
    return spec.estimate_usage(spec.read(options), vocabulary) if spec.estimate_usage is not None else None


def _history(tools: Tools, store: Store) -> tuple[_Seen, _Seen]:
    """What the same models counted in the latest timelines of this store."""
    captions, tags = _Seen(), _Seen()
    for summary in store.timelines(captioner=tools.captioner.model)[:_LOOKED_AT]:
        for event in store.read(summary.id):
            told = event.data
            if isinstance(told, SegmentCaptioned) and told.model == tools.captioner.model:
                seen = captions
            elif isinstance(told, SegmentTagged) and told.model == tools.classifier.model:
                seen = tags
            else:
                continue
            if told.usage is not None:
                seen.prompt += told.usage.prompt_tokens
                seen.completion += told.usage.completion_tokens
                seen.ms += told.ms
                seen.count += 1
    return captions, tags
