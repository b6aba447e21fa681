"""Tag stored captions again, under another vocabulary or by another classifier. Captions and the source are not touched."""

from __future__ import annotations

import asyncio

from streamtags.config import Settings
from streamtags.errors import ModelError
from streamtags.events import ErrorInfo, SegmentFailed, SegmentTagged
from streamtags.pipeline.run import open_tools
from streamtags.pipeline.tag import Tools, tag
from streamtags.pipeline.writer import Publish
from streamtags.state import SegmentState
from streamtags.timeline.store import SqliteStore

__all__ = ["retag"]

# Segments whose tags become durable in one commit.
_BATCH = 256


async def retag(timeline: str, settings: Settings, store: SqliteStore, *, publish: Publish = lambda _: None) -> int:
    """Give every captioned segment of `timeline` a new tag set; people's corrections stay over it.

    Returns:
        How many segments the classifier failed on; they keep the tags they had.

    Raises:
        VocabularyError: the vocabulary has mistakes; nothing was changed.
        StoreError: batches already told of are kept.
    """
    failed = 0
    state = store.state(timeline)
    captioned = [segment for segment in state.segments if segment.caption is not None]
    async with open_tools(settings) as tools:
        store.save_vocabulary(tools.vocabulary)
        for begin in range(0, len(captioned), _BATCH):
            slots = asyncio.Semaphore(tools.profile.concurrency)
            found = await asyncio.gather(*(_retagged(segment, tools, slots) for segment in captioned[begin : begin + _BATCH]))
            failed += sum(isinstance(payload, SegmentFailed) for payload in found)
            publish(await asyncio.to_thread(store.append, timeline, found, expect_epoch=state.epoch))
    return failed


async def _retagged(segment: SegmentState, tools: Tools, slots: asyncio.Semaphore) -> SegmentTagged | SegmentFailed:
    async with slots:
        try:
            return await tag(segment, tools)
        except ModelError as error:
            return SegmentFailed(segment=segment.segment, stage="tag", error=ErrorInfo(code=error.code, message=str(error)))
