"""Operations that read a timeline: its events, its exports, its media."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

from streamtags.export import find_format
from streamtags.operations.operation import Document, FileResult, Lines
from streamtags.operations.params import ExportTimeline, OneTimeline, ReadEvents
from streamtags.operations.services import Caller, Services
from streamtags.run.onto import export_onto, is_onto_source, render_new

__all__ = ["export", "media", "read_events"]

_BATCH = 500


async def read_events(services: Services, params: ReadEvents, _: Caller) -> Lines:
    """Return the events after `after`, one a line.

    Raises:
        NotInStore: there is no such timeline.
    """
    timeline = await services.readers.resolve(params.id)
    follow = params.follow == "1"
    return Lines(services.readers.follow(timeline, params.after) if follow else _stored(services, timeline, params.after))


async def _stored(services: Services, timeline: str, after: int) -> AsyncIterator[str]:
    """Yield the log as far as it reaches now."""
    store, reading = services.store, services.threads.reading
    epoch, end = await reading(lambda: store.head(timeline))
    while after < end:
        start, count = after, min(_BATCH, end - after)
        lines = await reading(lambda start=start, count=count: store.read_json(timeline, start, count))  # type: ignore[misc]
        if not lines or json.loads(lines[0])["epoch"] != epoch:
            return  # replaced since the first read: what was sent is a whole prefix of the old log
        yield "".join(f"{line}\n" for line in lines)
        after += len(lines)


async def export(services: Services, params: ExportTimeline, _: Caller) -> Document:
    """Return the timeline in another format: if it was made from an edit in this format, the edit with its markers.

    Raises:
        NotInStore: there is no such timeline, or its edit is not there any more.
        UsageError: there is no such format, or the options do not fit it.
    """
    timeline = await services.readers.resolve(params.id)
    chosen, options = find_format(params.format), params.options()
    store = services.store

    def render() -> tuple[bytes, str]:
        state = store.state(timeline)
        title = state.source.name.rpartition(".")[0] or state.source.name if state.source else timeline
        if params.new_timeline == "1" or not is_onto_source(state, chosen):
            return render_new(store, timeline, chosen, options), title
        return export_onto(store, timeline, chosen, options, services.sources.file_of(state)), title

    content, title = await services.threads.reading(render)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", title)[:100] or timeline
    return Document(content, chosen.media_type, file_name=f"{safe}{chosen.suffix}")


async def media(services: Services, params: OneTimeline, _: Caller) -> FileResult:
    """Return the file that a timeline was made from.

    Raises:
        NotInStore: it was not made from a file, or the file may not be read here, is gone or has changed.
    """
    timeline = await services.readers.resolve(params.id)
    return FileResult(await services.threads.lookups(lambda: services.sources.file_of(services.store.state(timeline))))
