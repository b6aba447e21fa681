"""Tag stored captions again, under another vocabulary or by another classifier. Captions and the source are not touched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from streamtags.config import Settings
from streamtags.errors import ModelError
from streamtags.events import ErrorInfo, SceneDetected, SegmentFailed
from streamtags.pipeline.backends import open_tools
from streamtags.pipeline.claim import claimed
from streamtags.pipeline.load import Lane
from streamtags.pipeline.tag import Tools, tag
from streamtags.pipeline.writer import Publish, Writer
from streamtags.ports import Readiness
from streamtags.state import SegmentState, TimelineState
from streamtags.timeline.fold import Fold
from streamtags.timeline.scenes import mean_tags
from streamtags.timeline.store import SqliteStore

__all__ = ["retag", "retag_with"]

# Segments in hand at once: enough that one durable write serves many, few enough that queueing for a turn stays cheap.
_IN_HAND = 256


async def retag(timeline: str, settings: Settings, store: SqliteStore, *, publish: Publish = lambda _: None) -> int:
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
    store: SqliteStore,
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


async def _retag_all(tools: Tools, timeline: str, store: SqliteStore, publish: Publish, wanted: Callable[[SegmentState], bool]) -> int:
    fold = Fold.from_snapshot(store.state(timeline))
    writer = Writer(store, timeline, fold, publish, epoch=fold.state.epoch)
    lane = Lane("tag", tools.profile)
    captioned = [segment for segment in fold.state.segments if segment.caption is not None and wanted(segment)]
    room = asyncio.Semaphore(max(_IN_HAND, tools.profile.concurrency))
    done: list[asyncio.Task[bool]] = []
    try:
        async with asyncio.TaskGroup() as group:
            for segment in captioned:
                await room.acquire()
                done.append(group.create_task(_retagged(segment, tools, lane, writer)))
                done[-1].add_done_callback(lambda _: room.release())
    except BaseExceptionGroup as errors:  # the first is the reason, and the others follow from it
        raise errors.exceptions[0] from None
    await writer.write(*_changed_scenes(fold.state))
    return sum(not task.result() for task in done)


async def _retagged(segment: SegmentState, tools: Tools, lane: Lane, writer: Writer) -> bool:
    """Whether there are new tags."""
    try:
        found = await tag(segment, tools, lane)
    except ModelError as error:
        told = ErrorInfo(code=error.code, message=str(error))
        await writer.write(SegmentFailed(segment=segment.segment, stage="tag", error=told, usage=error.usage))
        return False
    await writer.write(found)
    return True


def _changed_scenes(state: TimelineState) -> list[SceneDetected]:
    """The scenes whose segments' tags sum up to others than the scene's."""
    changed = []
    for scene in state.scenes:
        first, last = state.segment(scene.first), state.segment(scene.last)
        tags = mean_tags(state.segments[first.index : last.index + 1])
        if tags != list(scene.tags):
            changed.append(scene.model_copy(update={"tags": tags}))
    return changed
