"""What an analysis will take, before it is paid for: segments counted in the source itself, tokens from earlier runs or a rule of thumb."""

from __future__ import annotations

import asyncio
import json
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
from streamtags.run.backends import captioner_options, classifier_options, open_tools
from streamtags.run.segment import Segmenter
from streamtags.run.tag import Tools
from streamtags.run.usage import cost_of
from streamtags.shots.detectors import create_detector
from streamtags.sources.file.source import open_source
from streamtags.sources.live.source import is_live
from streamtags.stages.tag.instructor import InstructorOptions
from streamtags.stages.tag.prompts import system_prompt
from streamtags.stages.tag.schema import response_model

__all__ = ["Estimate", "StageEstimate", "estimate", "rule_of_thumb"]

# OpenAI's rule of thumb for English text (help.openai.com, "What are tokens and how to count them?").
_CHARACTERS_PER_TOKEN = 4
# LLaVA-NeXT-Video pools 14-pixel patches 2 x 2 (144 tokens of a frame of 336 x 336); Qwen2-VL merges them likewise.
_PIXELS_PER_TOKEN = 28 * 28
_CAPTION_PROMPT_TOKENS = 80
_SEGMENT_TOKENS = 300  # caption, subtitles and measured numbers of one segment, as the classifier is told them
_DEFAULT_ANSWER = 500
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
    async with open_tools(settings) as tools:
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
    thumbs = rule_of_thumb(profile.captioner.backend, captioner_options(profile), tools.vocabulary)
    first = captions.mean("caption", profile.captioner.price) if captions.count else _thumb("caption", thumbs, profile.captioner)
    if both:
        return (first,)
    thumbs = rule_of_thumb(profile.classifier.backend, classifier_options(profile), tools.vocabulary)
    return first, tags.mean("tag", profile.classifier.price) if tags.count else _thumb("tag", thumbs, profile.classifier)


def _thumb(stage: str, usage: Usage | None, backend: BackendSettings) -> StageEstimate:
    return StageEstimate(stage, usage, price=backend.price)


def rule_of_thumb(backend: str, options: dict[str, Any], vocabulary: Vocabulary) -> Usage | None:
    """Tokens of one segment where nothing is known of the model: pictures by their pixels, text by its length, answers at their longest.

    Args:
        backend: captioner or classifier, by name.
        options: its options, a preset's included.
        vocabulary: what is chosen from.

    Returns:
        None for a backend that counts no tokens.
    """
    if backend not in ("openai", "openai-tags", "instructor"):
        return None
    prompt, answer = 0, int(options.get("max_tokens") or _DEFAULT_ANSWER)
    if backend != "instructor":
        each = round(int(options.get("image_size") or 336) ** 2 / _PIXELS_PER_TOKEN)
        prompt += int(options.get("frames") or 8) * each + _CAPTION_PROMPT_TOKENS
        answer = int(options.get("max_tokens") or 160)
    if backend != "openai":
        tags = len(vocabulary.tags)
        usual = {name: InstructorOptions.model_fields[name].default for name in ("shortlist", "shortlist_above")}
        above, short = (int(options.get(name) or usual[name]) for name in ("shortlist_above", "shortlist"))
        shown = short if tags > above and backend == "instructor" else tags
        text = len(system_prompt(vocabulary)) + len(json.dumps(response_model(vocabulary).model_json_schema()))
        prompt += round(text * shown / tags / _CHARACTERS_PER_TOKEN) + _SEGMENT_TOKENS
    if backend == "openai-tags":
        answer += int(options.get("tags_tokens") or 700)
    return Usage(prompt_tokens=prompt, completion_tokens=answer)


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
