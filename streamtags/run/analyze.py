"""Analyze a source into a store: find or open its timeline, replay what is there, run what is missing."""

from __future__ import annotations

import asyncio

from streamtags.config.settings import Settings
from streamtags.core.events import TimelineOpened
from streamtags.core.ports import FrameSource
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.stores import Store
from streamtags.run.backends import open_tools
from streamtags.run.claim import claimed
from streamtags.run.opening import opened
from streamtags.run.recording import choose_timeline, recorded_of
from streamtags.run.retag import retag_with
from streamtags.run.session import Session
from streamtags.run.tag import Tools
from streamtags.run.writer import Publish
from streamtags.shots.detectors import create_detector
from streamtags.sources.file.access import Access
from streamtags.sources.live.source import open_any_source

__all__ = ["analyze"]


async def analyze(
    uri: str,
    settings: Settings,
    store: Store,
    *,
    fresh: bool = False,
    publish: Publish = lambda _: None,
    stop: asyncio.Event | None = None,
    access: Access | None = None,
    timeline: str | None = None,
) -> TimelineState:
    """Analyze `uri` and return its timeline's state at the end.

    A timeline of the same source and settings is resumed where it was left; a finished one is only replayed, save for segments that
    failed, which are tried again, and those that were retagged in another vocabulary since, which are tagged in this one again. Each
    analysis of a live source has a timeline of its own, save one that was cut short a moment ago, which goes on with a gap (see
    `choose_timeline`).

    Args:
        uri: a file, a URL, or `-` for standard input.
        settings: what to do with it.
        store: where its timeline is kept.
        fresh: throw the timeline's log away and start anew.
        publish: told of every event of the log, from seq 1, in order, each when it is durable.
        stop: when set, the analysis is cancelled cleanly; of a live source, what was received by then is finished first.
        access: what may be opened; anything unless given.
        timeline: of a live source, the one of `store` that it goes into.

    Raises:
        ConfigError: an unknown profile or backend.
        VocabularyError: the vocabulary has mistakes.
        SourceError: the source cannot be read.
        ModelError: a model cannot be reached or refuses; nothing was begun.
        StoreError: the store cannot be read or written, or another process analyses this very source.
    """
    async with open_tools(settings) as tools:
        choice = choose_timeline(store, uri, settings, tools, fresh=fresh, wanted=timeline)
        timeline, identity = choice.timeline, choice.identity
        recorded = None
        if not fresh and store.by_identity(identity) is not None:
            state = store.state(timeline)
            recorded = recorded_of(store, state)
            if state.state == "completed" and not any(segment.status == "failed" for segment in state.segments):
                store.open_timeline(timeline, identity)
                publish(store.read(timeline))
                return await _tagged_as_asked(state, store, tools, publish)
        stop = stop or asyncio.Event()
        thumbnails = not tools.needs_frames
        source = await opened(
            lambda: open_any_source(uri, settings.ingest, access=access, recorded=recorded, thumbnails=thumbnails), stop, uri
        )
        try:
            create_detector(settings.shots, source.info.video.time_base, source.info.video.rate)  # before anything is written
            await tools.ready()
            store.open_timeline(timeline, identity, name=source.info.name)
            async with claimed(store, timeline):
                store.save_vocabulary(tools.vocabulary)
                _begin(store, timeline, source, settings, tools, fresh=fresh)
                publish(store.read(timeline))
                session = Session(store, timeline, source, settings, tools, publish, recorded)
                return await session.run(stop)
        finally:
            source.close()


async def _tagged_as_asked(state: TimelineState, store: Store, tools: Tools, publish: Publish) -> TimelineState:
    """The state of a finished timeline after what was retagged since is tagged in the vocabulary that is asked for."""

    def otherwise(segment: SegmentState) -> bool:
        return bool(segment.tags_rev) and segment.vocabulary != tools.vocabulary.ref

    if any(otherwise(segment) for segment in state.segments):
        await retag_with(tools, state.id, store, publish=publish, wanted=otherwise)
    return store.state(state.id)


def _begin(store: Store, timeline: str, source: FrameSource, settings: Settings, tools: Tools, *, fresh: bool) -> None:
    opened = TimelineOpened(
        source=source.info,
        vocabulary=tools.vocabulary.ref,
        profile=settings.profile,
        settings=settings.model_dump(mode="json", include={"ingest", "shots", "segments"}),
    )
    if fresh and store.head(timeline).seq:
        store.replace(timeline, [opened])
    elif store.state(timeline).source is None:  # new, or it ended before its source could be read
        store.append(timeline, [opened])
