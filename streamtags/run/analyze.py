"""Analyze a source into a store: find or create its timeline, replay what is there, run what is missing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from streamtags.config.settings import Settings
from streamtags.core.events import TimelineOpened
from streamtags.core.ports import FrameSource
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.stores import Store
from streamtags.run.backends import open_tools
from streamtags.run.choice import choose_profile
from streamtags.run.claim import claimed
from streamtags.run.instruments import shot_detector
from streamtags.run.opening import open_unless_stopped
from streamtags.run.outcome import Outcome
from streamtags.run.pipeline import Pipeline
from streamtags.run.recording import choose_timeline, recorded_of
from streamtags.run.replay import opened_of, pages
from streamtags.run.retag import retag_with
from streamtags.run.runners import Runners
from streamtags.run.traces import annotate, span
from streamtags.run.writer import Publish
from streamtags.sources.edit.source import is_edit, open_edit
from streamtags.sources.file.access import Access
from streamtags.sources.live.source import open_any_source
from streamtags.stages.tools import Tools

__all__ = ["analyze", "run_analysis"]


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
    tools: Tools | None = None,
) -> TimelineState:
    """Do what `run_analysis` does, and return the state of the timeline at the end."""
    outcome = await run_analysis(
        uri, settings, store, fresh=fresh, publish=publish, stop=stop, access=access, timeline=timeline, tools=tools
    )
    return store.state(outcome.id)


async def run_analysis(
    uri: str,
    settings: Settings,
    store: Store,
    *,
    fresh: bool = False,
    publish: Publish = lambda _: None,
    stop: asyncio.Event | None = None,
    access: Access | None = None,
    timeline: str | None = None,
    tools: Tools | None = None,
) -> Outcome:
    """Analyze `uri`; return how it ended, without every segment as a value.

    A timeline of the same source and settings is resumed where it stopped. A finished one is only replayed, except that the stages run
    for segments that lack their answers, and segments that were retagged under another vocabulary are tagged under this one again. Each
    analysis of a live source has a timeline of its own, except that one that was cut short a moment ago is continued after a gap (see
    `choose_timeline`).

    Args:
        uri: a video file, an edit that refers to some, a URL, or `-` for standard input.
        settings: what to do with it.
        store: where its timeline is kept.
        fresh: delete the timeline's log and start again.
        publish: called with every event of the log, from seq 1, in order, each when it is durable.
        stop: when set, the analysis is cancelled; what was received of a live source by then is finished first.
        access: what may be opened; anything unless given.
        timeline: for a live source, the timeline of `store` that it goes into.
        tools: opened for `settings`, whose profile is named, and left open; opened and closed here unless given.

    Raises:
        ConfigError: an unknown profile or backend, or an installed stage that does not fit into the table.
        VocabularyError: the vocabulary has mistakes.
        SourceError: the source cannot be read.
        ModelError: a model cannot be reached or refuses; nothing was written.
        StoreError: the store cannot be read or written, or another process analyzes the same source.
    """
    async with AsyncExitStack() as stack:
        if tools is None:
            settings = (await choose_profile(settings, store=store, uri=uri, access=access, fresh=fresh)).settings
            tools = await stack.enter_async_context(open_tools(settings))
        runners = Runners(tools)
        stack.push_async_callback(runners.close)
        with span("analysis", profile=settings.profile):
            return await _analyze(uri, settings, store, runners, fresh, publish, stop or asyncio.Event(), access, timeline)


async def _analyze(
    uri: str,
    settings: Settings,
    store: Store,
    runners: Runners,
    fresh: bool,
    publish: Publish,
    stop: asyncio.Event,
    access: Access | None,
    wanted: str | None,
) -> Outcome:
    tools = runners.tools
    choice = choose_timeline(store, uri, settings, tools, fresh=fresh, wanted=wanted, access=access)
    timeline, identity = choice.timeline, choice.identity
    annotate(timeline=timeline)
    recorded = None
    if not fresh and store.by_identity(identity) is not None:
        if store.summary(timeline).state == "completed":
            state = store.state(timeline)
            if not any(runners.lacking(segment) for segment in state.segments):
                store.open_timeline(timeline, identity)
                _replay(store, timeline, publish)
                return Outcome.of(await _retag_outdated(state, store, tools, publish))
        recorded = recorded_of(store, timeline)

    def open_it() -> FrameSource:
        thumbnails = not runners.need_stills
        if is_edit(uri):
            return open_edit(uri, settings.ingest, access=access, thumbnails=thumbnails)
        return open_any_source(uri, settings.ingest, access=access, recorded=recorded, thumbnails=thumbnails)

    source = await open_unless_stopped(open_it, stop, uri)
    try:
        shot_detector(source, settings)  # fails before anything is written
        await runners.ready()
        store.open_timeline(timeline, identity, name=source.info.name)
        async with claimed(store, timeline):
            store.save_vocabulary(tools.vocabulary)
            _begin(store, timeline, source, settings, tools, fresh=fresh)
            _replay(store, timeline, publish)
            return await Pipeline(store, timeline, source, settings, runners, publish, recorded).run(stop)
    finally:
        source.close()


def _replay(store: Store, timeline: str, publish: Publish) -> None:
    for page in pages(store, timeline):
        publish(page)


async def _retag_outdated(state: TimelineState, store: Store, tools: Tools, publish: Publish) -> TimelineState:
    """Tag the segments of a finished timeline that have tags of another vocabulary; return its state."""

    def is_outdated(segment: SegmentState) -> bool:
        return bool(segment.tags_rev) and segment.vocabulary != tools.vocabulary.ref

    if any(is_outdated(segment) for segment in state.segments):
        await retag_with(tools, state.id, store, publish=publish, wanted=is_outdated)
    return store.state(state.id)


def _begin(store: Store, timeline: str, source: FrameSource, settings: Settings, tools: Tools, *, fresh: bool) -> None:
    included = settings.model_dump(mode="json", include={"ingest", "shots", "segments"})
    if tools.profile.is_auto_choice:  # an analysis that resumes when the server is gone must not choose another
        included["auto"] = tools.profile.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    opened = TimelineOpened(
        source=source.info,
        vocabulary=tools.vocabulary.ref,
        profile=settings.profile,
        settings=included,
    )
    if fresh and store.head(timeline).seq:
        store.replace(timeline, [opened])
    elif opened_of(store, timeline) is None:  # new, or an earlier analysis could not open the source
        store.append(timeline, [opened])
