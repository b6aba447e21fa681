"""Run a profile over a labeled dataset: captions through its classifier, clips through the whole analysis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from streamtags.config.settings import Settings
from streamtags.core.answers import apparent_expression, heard_shares, transcript_text
from streamtags.core.errors import ModelError, SourceError
from streamtags.core.events import Event, SegmentCaptioned, SegmentTagged
from streamtags.core.model import ClassifyRequest, Usage
from streamtags.core.ports import Readiness
from streamtags.core.state import TimelineState
from streamtags.core.vocabulary import Vocabulary
from streamtags.evaluation.dataset import Dataset, Item
from streamtags.evaluation.metrics import Span
from streamtags.evaluation.scores import ItemResult
from streamtags.run.analyze import analyze
from streamtags.run.backends import open_tools
from streamtags.run.cues import CueRequest, suggest_cues
from streamtags.run.lanes import Lane
from streamtags.run.usage import TokenCount, cost_of
from streamtags.stages.tools import Tools
from streamtags.store.sqlite.store import SqliteStore

__all__ = ["answer_all"]

# The model name of a dataset's captions. They are not made of measurements, so a classifier uses their words.
_CAPTIONED_BY = "dataset"


async def answer_all(dataset: Dataset, items: Sequence[Item], settings: Settings, own: Vocabulary | None) -> tuple[list[ItemResult], str]:
    """Tag `items` with the settings' profile.

    Args:
        dataset: the dataset of the items.
        items: captions are tagged concurrently, clips analyzed one after the other.
        settings: profile and vocabulary.
        own: the dataset's vocabulary, for plain lists of labels; None takes the settings'.

    Returns:
        The results in the order of `items`, and the name of the model that chose the tags.

    Raises:
        ConfigError: an unknown profile or backend.
        UsageError: a label that is not in the vocabulary.
        ModelError: a model cannot be reached or refuses, before the first request.
    """
    async with open_tools(settings) as tools:
        clips = any(item.clip is not None for item in items)
        if clips:
            await tools.ready()
        elif isinstance(tools.classifier, Readiness):
            await tools.classifier.ready()
        labels = [item.tags(tools.vocabulary, own.id if own else None) for item in items]
        lane = Lane("tag", tools.profile)
        captioned = [
            asyncio.create_task(_tagged(item, right, tools, lane)) for item, right in zip(items, labels, strict=True) if item.clip is None
        ]
        try:
            done = {answer.item: answer for answer in await asyncio.gather(*captioned)}
        finally:
            for task in captioned:
                task.cancel()
        for item, right in zip(items, labels, strict=True):
            if item.clip is not None:
                done[item.id] = await _analyzed(item, right, dataset.folder / item.clip, settings)
        return [done[item.id] for item in items], tools.tags_model if clips else tools.classifier.model


async def _tagged(item: Item, right: tuple[str, ...] | None, tools: Tools, lane: Lane) -> ItemResult:
    request = ClassifyRequest(
        segment=item.id, caption=item.caption or "", caption_model=_CAPTIONED_BY, evidence=item.evidence, text=item.text
    )
    took = 0.0

    async def classify() -> tuple[dict[str, float], Usage | None]:
        nonlocal took
        began = time.perf_counter()
        tags = await tools.classifier.classify(request, tools.vocabulary)
        took = (time.perf_counter() - began) * 1000
        return {score.tag: score.confidence for score in tags.tags}, tags.usage

    try:
        confidences, usage = await lane.ask(classify, where=item.id)
    except ModelError as error:
        return ItemResult(item.id, right, {}, failed=error.code)
    price = tools.profile.classifier.price
    cost = {price.currency: cost_of(usage, price)} if price and usage else {}
    return ItemResult(item.id, right, confidences, (took,), usage, cost)


async def _analyzed(item: Item, right: tuple[str, ...] | None, clip: Path, settings: Settings) -> ItemResult:
    """Analyze a clip; each tag counts with its highest confidence over the segments."""
    events: list[Event] = []
    with TemporaryDirectory(prefix="streamtags-evaluate-") as folder, SqliteStore(Path(folder) / "clip.db") as store:
        try:
            state = await analyze(str(clip), settings, store, publish=events.extend)
            if item.cues is not None:
                state = suggest_cues(store, state.id, CueRequest())
        except SourceError as error:
            return ItemResult(item.id, right, {}, failed=error.code)
    tags: dict[str, float] = {}
    for segment in state.segments:
        for score in segment.tags:
            tags[score.tag] = max(score.confidence, tags.get(score.tag, 0.0))
    spent = TokenCount(settings.choose_profile())
    spent.add(events)
    return ItemResult(
        item.id,
        right,
        tags,
        _milliseconds(events),
        spent.usage,
        dict(spent.money),
        (_shots(state), item.shots) if item.shots is not None else None,
        (item.transcript, _said(state)) if item.transcript is not None else None,
        {kind: (right, _share(state, kind)) for kind, right in item.content.items()},
        (_cues(state), item.cues) if item.cues is not None else None,
        (item.expression, _expression(state)) if item.expression is not None else None,
        next((segment.error.code for segment in state.segments if segment.error), ""),
    )


def _said(state: TimelineState) -> str:
    return "\n".join(transcript_text(segment.answers) for segment in state.segments)


def _share(state: TimelineState, kind: str) -> float:
    """Return the share of a kind of sound, segments weighted by their lengths; 0 where no stage has listened."""
    total = sum(segment.seconds for segment in state.segments)
    return sum(segment.seconds * heard_shares(segment.answers).get(kind, 0.0) for segment in state.segments) / total if total else 0.0


def _expression(state: TimelineState) -> str:
    """Return the apparent expression of a clip: that with the most confidence over its segments, weighted by their lengths."""
    weights: dict[str, float] = {}
    for segment in state.segments:
        label, confidence = apparent_expression(segment.answers)
        weights[label] = weights.get(label, 0.0) + confidence * segment.seconds
    return max(weights, key=lambda label: weights[label], default="")


def _cues(state: TimelineState) -> tuple[Span, ...]:
    """Return the spans that want music, in seconds from the start of the clip; music that is heard in it already wants none."""
    wanted = [cue for cue in state.spotting if cue.usage != "source"]
    origin = state.segments[0].start.seconds if state.segments else 0.0
    return tuple((cue.start.seconds - origin, cue.end.seconds - origin) for cue in wanted)


def _shots(state: TimelineState) -> tuple[int, ...]:
    firsts = {segment.shot: segment for segment in reversed(state.segments)}
    origin = state.segments[0].start.frame if state.segments else 0
    return tuple(sorted(segment.start.frame for segment in firsts.values() if segment.start.frame > origin))


def _milliseconds(events: Sequence[Event]) -> tuple[float, ...]:
    """Time of caption and tags together, per segment."""
    took: dict[str, float] = {}
    for event in events:
        payload = event.data
        if isinstance(payload, SegmentCaptioned) or (isinstance(payload, SegmentTagged) and payload.rev):
            took[payload.segment] = took.get(payload.segment, 0.0) + payload.ms
    return tuple(took.values())
