"""Operations on timelines: list, get, analyze, cancel, remove, retag."""

from __future__ import annotations

import asyncio
import json
import os
import re
from typing import Any

from streamtags.config.settings import Settings
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.records import Job, TimelineSummary
from streamtags.operations.errors import ConflictError
from streamtags.operations.params import Analyze, ListTimelines, OneTimeline, Retag
from streamtags.operations.services import AnalysisRequest, Caller, Services
from streamtags.run.backends import open_tools
from streamtags.run.choice import choose_profile
from streamtags.run.recording import Choice, choose_timeline
from streamtags.run.traces import current_traceparent
from streamtags.sources.file.access import SCHEMES, is_url, without_password

# The identity of a file, as `source_identity` makes it: path, size, digest.
_FILE_IDENTITY = re.compile(r"file:(.+):\d+:[0-9a-f]+", re.DOTALL)
# Fields of a summary that a line of the list has under the same names.
_LINE = ("id", "name", "epoch", "seq", "segments", "seconds", "opened_at")

__all__ = ["analyze", "cancel", "get_timeline", "list_timelines", "remove", "retag"]


async def list_timelines(services: Services, params: ListTimelines, _: Caller) -> dict[str, Any]:
    """Return timelines, each in one line, the one opened last first, and where the list goes on."""
    store, limit = services.store, params.limit

    def read() -> tuple[list[TimelineSummary], list[Job]]:
        # One more than requested shows whether the list goes on.
        summaries = store.timelines(before=params.before, limit=None if limit is None else limit + 1)
        return summaries, store.job_queue.jobs()

    summaries, jobs = await services.threads.reading(read)
    page, by_timeline = summaries[:limit], {job.timeline: job for job in jobs}
    lines = [
        {
            **{name: getattr(summary, name) for name in _LINE},
            "profile": summary.identity.profile,
            "vocabulary": summary.identity.vocabulary,
            "state": _public_state(by_timeline.get(summary.id), summary.state, summary.seq),
        }
        for summary in page
    ]
    return {"timelines": lines, "next": page[-1].opened if len(page) < len(summaries) else None}


async def get_timeline(services: Services, params: OneTimeline, _: Caller) -> dict[str, Any]:
    """Return the fold of a log.

    Raises:
        NotInStore: there is no such timeline.
    """
    timeline = await services.readers.resolve(params.id)
    state: dict[str, Any] = json.loads(await services.readers.state_json(timeline))
    job = await services.threads.reading(lambda: services.store.job_queue.find(timeline))
    return {**state, "state": _public_state(job, state["state"], state["seq"])}


def _public_state(job: Job | None, stored: str, seq: int) -> str:
    """Return the state of a timeline whose log, up to `seq`, says `stored`. A log that ended before says so until its next event."""
    if job is None:
        return stored
    if not job.running:
        return "queued"
    return "running" if seq <= job.started_seq else stored


async def analyze(services: Services, params: Analyze, caller: Caller) -> dict[str, Any]:
    """Queue an analysis; a completed one is only named.

    Raises:
        SourceRefused: the source may not be read here.
        SourceError: it cannot be read.
        UsageError: no such profile or vocabulary.
        QueueFullError: the queue is full, or the user's share of it.
        ConflictError: the timeline is being retagged.
        StoreError: it is to start over while another process works on it (code `store.claimed`).
    """
    traceparent = current_traceparent()
    request, done = await services.threads.lookups(lambda: _plan(services, params, caller.user, traceparent))
    if not done:
        await services.analyses.wait_for_exit(request.timeline)
        async with services.retags.accepting:
            await _accept(services, request, fresh=params.fresh)
    head = await services.threads.reading(lambda: services.store.head(request.timeline))
    services.readers.wake()
    state = "completed" if done else await services.analyses.state(request.timeline) or "queued"
    return {"id": request.timeline, "epoch": head.epoch, "state": state}


async def _accept(services: Services, request: AnalysisRequest, *, fresh: bool) -> None:
    """Queue the job. A log that starts over does so now, so that the epoch in the answer is the one of the events to come."""
    services.retags.check_free(request.timeline)
    if fresh and await services.analyses.state(request.timeline) is None:
        await services.analyses.check_room(request.user)
        await services.threads.writing(lambda: services.store.empty(request.timeline))
    await services.analyses.submit(request)


def _plan(services: Services, params: Analyze, user: str, traceparent: str | None) -> tuple[AnalysisRequest, bool]:
    """Choose the timeline; return the request, and whether it is completed already. Blocks."""
    uri = services.sources.allowed(params.uri)
    request = AnalysisRequest(
        timeline="",
        uri=uri,
        profile=params.profile or services.settings.profile,
        tags=services.vocabularies.choose(params.tags),
        follow=params.follow,
        user=user,
        traceparent=traceparent,
    )
    given = request.settings(services.settings)

    async def chosen() -> tuple[Settings, Choice]:
        resolved = await choose_profile(given, store=services.store, uri=uri, access=services.sources.access, fresh=params.fresh)
        async with open_tools(resolved.settings) as tools:
            timeline = choose_timeline(services.store, uri, resolved.settings, tools, fresh=params.fresh, access=services.sources.access)
            return resolved.settings, timeline

    settings, choice = asyncio.run(chosen())
    if settings is not given:
        request = request.model_copy(update={"profile": settings.profile, "chosen": settings.profiles.get(settings.profile)})
    services.store.open_timeline(choice.timeline, choice.identity, name=_name_before_it_is_read(uri))
    state = services.store.state(choice.timeline)
    done = not params.fresh and state.state == "completed" and not any(segment.status == "failed" for segment in state.segments)
    return request.model_copy(update={"timeline": choice.timeline}), done


def _name_before_it_is_read(uri: str) -> str:
    """Return the name of a file, and the address of a live source, which may be waited for: without password and query."""
    shown, _, _ = without_password(uri).partition("?" if is_url(uri) else "\0")
    is_live = is_url(uri) and SCHEMES[uri.partition(":")[0].lower()].live
    return (shown if is_live else os.path.basename(shown))[:200]  # noqa: PTH119 - a URI, not a path


async def cancel(services: Services, params: OneTimeline, _: Caller) -> dict[str, Any]:
    """End an analysis.

    Raises:
        ConflictError: it is neither queued nor running at a server of the store.
        StoreError: a command analyzes it, whose process the message names (code `store.claimed`).
    """
    timeline = await services.readers.resolve(params.id)
    if await services.analyses.state(timeline) is None:
        await services.threads.reading(lambda: services.store.check_free(timeline))
    await services.analyses.cancel(timeline)
    summary = await services.threads.reading(lambda: services.store.summary(timeline))
    return {"id": timeline, "epoch": summary.epoch, "state": summary.state}


async def remove(services: Services, params: OneTimeline, _: Caller) -> None:
    """Delete a timeline and all that belongs to it.

    Raises:
        ConflictError: it is being analyzed or retagged here.
        StoreError: another process works on it (code `store.claimed`).
    """
    timeline = await services.readers.resolve(params.id)
    await services.analyses.wait_for_exit(timeline)
    await _check_idle(services, timeline)
    source = (await services.threads.reading(lambda: services.store.summary(timeline))).identity.source
    await services.threads.writing(lambda: services.store.remove(timeline))
    await services.readers.refresh()
    match = _FILE_IDENTITY.fullmatch(source)
    if match and not await services.threads.reading(lambda: services.store.timelines(source=source, limit=1)):
        await services.threads.lookups(lambda: services.sources.discard(match[1]))


async def _check_idle(services: Services, timeline: str) -> None:
    if await services.analyses.state(timeline) is not None:
        raise ConflictError("is being analyzed", where=timeline, hint="wait for its end, or cancel it first")
    services.retags.check_free(timeline)


async def retag(services: Services, params: Retag, _: Caller) -> dict[str, Any]:
    """Start to classify the stored captions again; the new tags come as events.

    Raises:
        VocabularyError: the vocabulary has mistakes.
        ConflictError: the timeline is being analyzed or retagged here.
        StoreError: another process works on it (code `store.claimed`).
    """
    timeline = await services.readers.resolve(params.id)
    tags = await services.threads.lookups(lambda: services.vocabularies.choose(params.tags))
    vocabulary = await services.threads.lookups(lambda: load_vocabulary(tags))
    settings = services.settings.model_copy(update={"profile": params.profile or services.settings.profile, "tags": tags})
    if not settings.is_auto:
        settings.choose_profile()
    await services.analyses.wait_for_exit(timeline)
    async with services.retags.accepting:  # no other request starts an analysis or a retag in between
        await _check_idle(services, timeline)
        await services.threads.reading(lambda: services.store.check_free(timeline))
        services.retags.start(timeline, settings)
    head = await services.threads.reading(lambda: services.store.head(timeline))
    return {"id": timeline, "epoch": head.epoch, "seq": head.seq, "vocabulary": vocabulary.ref.model_dump(mode="json")}
