"""The Python API: analyze, retag, correct, export and search, for code that runs in an event loop.

Every function takes the source or the timeline first, then the store, then options by keyword. A timeline is named by its id, a unique
prefix of it, or `last`. `streamtags.sync` has the same functions for code without an event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

from streamtags.config.settings import Settings, load_settings
from streamtags.core.search import SearchFilter, SearchResult
from streamtags.core.state import SegmentState, TimelineState
from streamtags.core.stores import Store
from streamtags.export.options import ExportOptions
from streamtags.export.registry import find_format
from streamtags.run import analyze as analysis
from streamtags.run import correct as correction
from streamtags.run import retag as retagging
from streamtags.run.onto import render_export
from streamtags.run.search import open_search
from streamtags.run.writer import Publish

__all__ = ["analyze", "correct", "export", "retag", "search"]


def _ignore(_: object) -> None:
    pass


async def analyze(
    source: str | PathLike[str],
    store: Store,
    *,
    settings: Settings | None = None,
    fresh: bool = False,
    publish: Publish = _ignore,
    stop: asyncio.Event | None = None,
) -> TimelineState:
    """Analyze a source into a store and return the state of its timeline.

    A timeline of the same source and settings is resumed, or returned if it is finished.

    Args:
        source: a file, a URL, or `-` for standard input.
        store: where the timeline is kept.
        settings: profile, vocabulary and everything else; `load_settings()` if None.
        fresh: delete the timeline's log and start again.
        publish: called with events, in order from seq 1, each after it is durable.
        stop: when set, the analysis is cancelled.

    Raises:
        UsageError: the settings or the vocabulary have a mistake.
        SourceError: the source cannot be read.
        ModelError: a model cannot be reached or refuses; nothing was written.
        StoreError: the store cannot be read or written, or another process analyzes this source.
    """
    return await analysis.analyze(fspath(source), settings or load_settings(), store, fresh=fresh, publish=publish, stop=stop)


async def retag(timeline: str, store: Store, *, settings: Settings | None = None, publish: Publish = _ignore) -> int:
    """Classify the stored captions of a timeline again; captions and corrections stay.

    Args:
        timeline: its id, a unique prefix of it, or `last`.
        store: where the timeline is kept.
        settings: profile and vocabulary; `load_settings()` if None.
        publish: called with events, in order, each after it is durable.

    Returns:
        The number of segments on which the classifier failed; they keep their tags.

    Raises:
        NotInStore: there is no such timeline.
        UsageError: the settings or the vocabulary have a mistake; nothing was changed.
        ModelError: the classifier cannot be reached or refuses; nothing was changed.
        StoreError: the store cannot be written, or another process works on the timeline.
    """
    return await retagging.retag(store.find(timeline), settings or load_settings(), store, publish=publish)


async def correct(
    timeline: str,
    store: Store,
    *,
    segment: str,
    tags: Sequence[tuple[str, float]] = (),
    untag: Sequence[str] = (),
    caption: str | None = None,
    reset: bool = False,
    by: str,
) -> SegmentState:
    """Correct one segment; the correction wins over every model, now and later.

    Args:
        timeline: its id, a unique prefix of it, or `last`.
        store: where the timeline is kept.
        segment: the segment's id.
        tags: (tag, confidence) pairs to set.
        untag: tags to remove.
        caption: the new caption; None keeps the present one.
        reset: discard earlier corrections first; alone, it returns the segment to the models' answers.
        by: name of the person who corrects.

    Returns:
        The segment after the correction.

    Raises:
        NotInStore: there is no such timeline or segment.
        UsageError: there is nothing to correct, a tag or caption is empty, or a confidence is outside 0..1.
        StoreError: the store cannot be written.
    """

    def work() -> SegmentState:
        name = store.find(timeline)
        return correction.correct(store, name, segment, tags=tags, untag=untag, caption=caption, reset=reset, by=by)[0]

    return await asyncio.to_thread(work)


async def export(timeline: str, store: Store, *, format: str, **options: Any) -> bytes:  # noqa: A002 - as on the command line
    """Render a timeline in an export format.

    Args:
        timeline: its id, a unique prefix of it, or `last`.
        store: where the timeline is kept.
        format: name of the format, such as `csv`; `streamtags export --list` prints the names.
        options: fields of `streamtags.export.options.ExportOptions`, such as `rate` and `axes`.

    Returns:
        The content of the file.

    Raises:
        NotInStore: there is no such timeline.
        UsageError: there is no such format, or it does not take these options.
    """
    chosen = find_format(format)
    parsed = ExportOptions.read(options)
    return await asyncio.to_thread(lambda: render_export(store, store.find(timeline), chosen, parsed))


async def search(text: str, store: Store, *, top: int = 10, timelines: Sequence[str] = (), **conditions: Any) -> list[SearchResult]:
    """Find the segments of all timelines that fit a text.

    Args:
        text: what to search for; words in quotation marks must occur exactly so.
        store: where the timelines are kept.
        top: the largest number of results.
        timelines: search only these; ids, unique prefixes of them, or `last`.
        conditions: further fields of `streamtags.core.search.SearchFilter`, such as `tags` and `min_confidence`.

    Returns:
        The results, the best first.

    Raises:
        NotInStore: there is no such timeline.
        UsageError: the text or a condition is wrong.
        StoreError: the index cannot be opened.
    """

    def work() -> list[SearchResult]:
        allowed = SearchFilter(timelines=tuple(store.find(name) for name in timelines), **conditions)
        engine = open_search(store)
        try:
            return list(engine.search(text, top=top, allowed=allowed))
        finally:
            engine.close()

    return await asyncio.to_thread(work)
