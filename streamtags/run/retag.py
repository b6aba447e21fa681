"""Tag stored captions again, under another vocabulary or by another classifier. Captions and the source are not touched."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streamtags.config.settings import Settings
from streamtags.core.errors import ModelError
from streamtags.core.events import ErrorInfo, SceneDetected, SegmentFailed, SegmentTagged
from streamtags.core.fold import Fold
from streamtags.core.ports import Readiness
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.stores import Store
from streamtags.run.backends import open_tools
from streamtags.run.claim import claimed
from streamtags.run.load import Lane
from streamtags.run.tag import Tools, tag
from streamtags.run.writer import Publish, Writer
from streamtags.stages.scenes.builder import mean_tags

__all__ = ["retag", "retag_with"]

# Segments in hand at once: enough that one durable write serves many, few enough that readers see tags several times a second.
_IN_HAND = 512


async def retag(timeline: str, settings: Settings, store: Store, *, publish: Publish = lambda _: None) -> int:
    """Give every captioned segment of `timeline` a new tag set, told as each becomes durable; people's corrections stay over it.

    Scenes whose tags are others now are told again.

    Returns:
        How many segments the classifier failed on; they keep the tags they had.

    Raises:
        VocabularyError: the vocabulary has mistakes; nothing was changed.
        ModelError: the classifier cannot be reached or refuses; nothing was changed.
        StoreError: what was told of is kept; with code `store.claimed`, somebody is at work on the timeline and nothing was changed.
    """
    async with open_tools(settings) as tools:
        return await retag_with(tools, timeline, store, publish=publish)


async def retag_with(
    tools: Tools,
    timeline: str,
    store: Store,
    *,
    publish: Publish = lambda _: None,
    wanted: Callable[[SegmentState], bool] = lambda _: True,
) -> int:
    """`retag` with what is open already, of the captioned segments that are `wanted`."""
    if isinstance(tools.classifier, Readiness):
        await tools.classifier.ready()
    async with claimed(store, timeline):
        store.save_vocabulary(tools.vocabulary)
        return await _retag_all(tools, timeline, store, publish, wanted)


async def _retag_all(tools: Tools, timeline: str, store: Store, publish: Publish, wanted: Callable[[SegmentState], bool]) -> int:
    fold = Fold.from_snapshot(store.state(timeline))
    writer = Writer(store, timeline, fold, publish, epoch=fold.state.epoch)
    lane = Lane("tag", tools.profile)
    captioned = iter([segment for segment in fold.state.segments if segment.caption is not None and wanted(segment)])
    try:
        with _laid_aside():
            async with asyncio.TaskGroup() as group:
                hands = [
                    group.create_task(_work_off(captioned, tools, lane, writer)) for _ in range(max(_IN_HAND, tools.profile.concurrency))
                ]
    except BaseExceptionGroup as errors:  # the first is the reason, and the others follow from it
        raise errors.exceptions[0] from None
    await writer.write(*_changed_scenes(fold.state))
    return sum(hand.result() for hand in hands)


@contextmanager
def _laid_aside() -> Iterator[None]:
    """What is in memory stays there meanwhile: going through it for garbage again and again would take a sixth of the time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _work_off(segments: Iterator[SegmentState], tools: Tools, lane: Lane, writer: Writer) -> int:
    """Tag one after the other of `segments`, which others take from too; returns how many failed."""
    failed = 0
    for segment in segments:
        told: SegmentTagged | SegmentFailed
        try:
            told = await tag(segment, tools, lane)
        except ModelError as error:
            why = ErrorInfo(code=error.code, message=str(error))
            told = SegmentFailed(segment=segment.segment, stage="tag", error=why, usage=error.usage)
            failed += 1
        await writer.write(told)
    return failed


def _changed_scenes(state: TimelineState) -> list[SceneDetected]:
    """The scenes whose segments' tags sum up to others than the scene's."""
    changed = []
    for scene in state.scenes:
        first, last = state.segment(scene.first), state.segment(scene.last)
        tags = mean_tags(state.segments[first.index : last.index + 1])
        if tags != list(scene.tags):
            changed.append(scene.model_copy(update={"tags": tags}))
    return changed
