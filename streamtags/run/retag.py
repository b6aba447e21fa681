"""Tag stored captions again, under another vocabulary or with another classifier. Captions and the source are not used again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from streamtags.config.settings import Settings
from streamtags.core.errors import ModelError
from streamtags.core.events import ErrorInfo, Payload, SceneDetected, SegmentFailed
from streamtags.core.fold import Fold
from streamtags.core.payload import with_rev
from streamtags.core.scene_fold import mean_tags
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.stores import Store
from streamtags.process import frozen_heap
from streamtags.run.backends import open_tools
from streamtags.run.choice import choose_for_retag
from streamtags.run.claim import claimed
from streamtags.run.runners import Runners
from streamtags.run.writer import Publish, Writer
from streamtags.stages.stage import SegmentWork
from streamtags.stages.tag.stage import TAG
from streamtags.stages.tools import Tools

__all__ = ["retag", "retag_with"]

# Segments in work at once: enough to share a durable write, few enough that readers see tags several times a second.
_CONCURRENT_SEGMENTS = 512
# A commit waits so long for more tags that it can share; a reader does not notice.
_COMMIT_WAIT_SECONDS = 0.02


async def retag(timeline: str, settings: Settings, store: Store, *, publish: Publish = lambda _: None) -> int:
    """Give every captioned segment of `timeline` a new tag set; people's corrections still win. Scenes get the new tags.

    Args:
        timeline: its id.
        settings: the vocabulary, and the profile whose classifier chooses the tags.
        store: where the timeline is.
        publish: called with the new events, each when it is durable.

    Returns:
        How many segments failed; they keep the tags that they had.

    Raises:
        VocabularyError: the vocabulary has mistakes; nothing was changed.
        ModelError: the classifier cannot be reached or refuses; nothing was changed.
        StoreError: published events are kept; with code `store.claimed`, another process works on the timeline and nothing was changed.
    """
    async with open_tools(choose_for_retag(settings, store.state(timeline))) as tools:
        return await retag_with(tools, timeline, store, publish=publish)


async def retag_with(
    tools: Tools,
    timeline: str,
    store: Store,
    *,
    publish: Publish = lambda _: None,
    wanted: Callable[[SegmentState], bool] = lambda _: True,
) -> int:
    """Do what `retag` does, with tools that are open, for the captioned segments that are `wanted`."""
    runners = Runners(tools, [TAG])
    await runners.ready()
    async with claimed(store, timeline):
        store.save_vocabulary(tools.vocabulary)
        return await _retag_all(runners, timeline, store, publish, wanted)


async def _retag_all(runners: Runners, timeline: str, store: Store, publish: Publish, wanted: Callable[[SegmentState], bool]) -> int:
    fold = Fold.from_snapshot(store.state(timeline))
    writer = Writer(store, timeline, fold, publish, epoch=fold.state.epoch, wait_seconds=lambda: _COMMIT_WAIT_SECONDS)
    segments = iter([segment for segment in fold.state.segments if segment.caption is not None and wanted(segment)])
    workers = max(_CONCURRENT_SEGMENTS, runners.tools.profile.concurrency)
    try:
        with frozen_heap():
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_tag_each(segments, runners, writer)) for _ in range(workers)]
    except BaseExceptionGroup as errors:  # the first is the reason, the others follow from it
        raise errors.exceptions[0] from None
    await writer.write(*_changed_scenes(fold.state))
    return sum(task.result() for task in tasks)


async def _tag_each(segments: Iterator[SegmentState], runners: Runners, writer: Writer) -> int:
    """Tag one after the other of `segments`, an iterator that several tasks share; return how many failed."""
    failed = 0
    for segment in segments:
        payloads: list[Payload]
        try:
            answers = await runners.ask(TAG, SegmentWork(segment))
            payloads = [with_rev(answer, segment.rev + 1) for answer in answers]
        except ModelError as error:
            info = ErrorInfo(code=error.code, message=str(error))
            payloads = [SegmentFailed(segment=segment.segment, stage=TAG.name, error=info, usage=error.usage)]
            failed += 1
        await writer.write(*payloads)
    return failed


def _changed_scenes(state: TimelineState) -> list[SceneDetected]:
    """Return the detected scenes whose tags differ from the mean of their segments' tags, with the new tags."""
    changed = []
    for scene in state.models_scenes:
        first, last = state.segment(scene.first), state.segment(scene.last)
        tags = mean_tags(state.segments[first.index : last.index + 1])
        if tags != list(scene.tags):
            changed.append(scene.model_copy(update={"tags": tags}))
    return changed
