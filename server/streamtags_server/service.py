"""What the server does, whichever way it is asked: HTTP and WebSocket requests both end here."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamtags.config.settings import Settings
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.errors import NotInStore, StreamtagsError, UsageError
from streamtags.core.model import TagScore
from streamtags.core.stores import Store
from streamtags.run.backends import open_tools
from streamtags.run.correct import correct
from streamtags.run.recording import Choice, choose_timeline
from streamtags.run.retag import retag
from streamtags.sources.file.access import without_password
from streamtags_server.access.sources import Sources
from streamtags_server.http.problems import ConflictError
from streamtags_server.jobs.queue import Job, Jobs, following
from streamtags_server.vocabularies import Vocabularies
from streamtags_server.ws.hub import Hub

__all__ = ["Analyze", "Correct", "Retag", "Service", "checked"]

_MAX_TEXT = 4096
_MAX_VOCABULARY = 1 << 20

Params = TypeVar("Params", bound=BaseModel)

_log = logging.getLogger(__name__)


class _Params(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Named(_Params):
    id: str = Field(max_length=200)


class Analyze(_Params):
    """What to analyze. `tags` names a vocabulary that ships, a file under a media root, or is the text of one (with line breaks)."""

    uri: str = Field(min_length=1, max_length=_MAX_TEXT)
    profile: str | None = Field(None, max_length=200)
    tags: str | None = Field(None, max_length=_MAX_VOCABULARY)
    fresh: bool = Field(False, description="throw away, at once, what is known of it")
    follow: bool = Field(False, description="the file is still being written: read on as it grows")


class Retag(_Params):
    """The vocabulary to tag under, as in `Analyze`; another profile's classifier if one is named."""

    tags: str = Field(min_length=1, max_length=_MAX_VOCABULARY)
    profile: str | None = Field(None, max_length=200)


class _Retag(Retag):
    id: str = Field(max_length=200)


class Correct(_Params):
    """A person's word on a segment."""

    tags: list[TagScore] = Field(default_factory=list, max_length=1000)
    untag: list[str] = Field(default_factory=list, max_length=1000)
    caption: str | None = Field(None, max_length=_MAX_TEXT)
    by: str | None = Field(None, max_length=200)


class _Correct(Correct):
    id: str = Field(max_length=200)
    segment: str = Field(max_length=200)


class Service:
    """Timelines: listed, analyzed, corrected.

    Args:
        sources: what may be analyzed.
        vocabularies: what it may be tagged under.
    """

    def __init__(self, store: Store, hub: Hub, jobs: Jobs, settings: Settings, sources: Sources, vocabularies: Vocabularies) -> None:
        self.store, self.hub, self.jobs, self.settings = store, hub, jobs, settings
        self._sources, self._vocabularies = sources, vocabularies
        self._retagging: dict[str, asyncio.Task[None]] = {}
        self._accepting = asyncio.Lock()

    async def answer(self, method: str, params: dict[str, Any], who: str) -> Any:
        """The result of a WebSocket request.

        Raises:
            StreamtagsError: it cannot be done; its code and message are for the client.
        """
        match method:
            case "timelines.list":
                return {"timelines": await self.timelines()}
            case "timelines.get":
                return await self.get(await self.resolve(checked(_Named, params).id))
            case "timelines.analyze":
                return await self.analyze(checked(Analyze, params))
            case "timelines.cancel":
                return await self.cancel(await self.resolve(checked(_Named, params).id))
            case "timelines.retag":
                wanted = checked(_Retag, params)
                return await self.retag(await self.resolve(wanted.id), wanted)
            case "segments.correct":
                said = checked(_Correct, params)
                return await self.correct(await self.resolve(said.id), said.segment, said, who)
            case "vocabularies.list":
                return {"vocabularies": await asyncio.to_thread(self._vocabularies.named)}
            case _:
                raise StreamtagsError("is not built into this server", where=method, code="not_available")

    async def resolve(self, name: str) -> str:
        """The timeline that `name` stands for: its id, a unique beginning of it, or `last`.

        Raises:
            NotInStore: there is none, or several.
        """
        return await self.hub.resolve(name)

    async def timelines(self) -> list[dict[str, Any]]:
        """Every timeline in one line, the one opened last first."""
        found = []
        for summary in await asyncio.to_thread(self.store.timelines):
            line = asdict(summary)
            del line["identity"]
            found.append({**line, "state": self._state(summary.id, summary.state)})
        return found

    async def get(self, timeline: str) -> dict[str, Any]:
        """The fold of its log."""
        state: dict[str, Any] = json.loads((await self.hub.state(timeline)).json)
        return {**state, "state": self._state(timeline, state["state"])}

    def _state(self, timeline: str, stored: str) -> str:
        return "queued" if self.jobs.state(timeline) == "queued" else stored

    async def analyze(self, wanted: Analyze) -> dict[str, Any]:
        """Queue an analysis; one that is done already is only named.

        Raises:
            SourceRefused: the source may not be read here.
            SourceError: it cannot be.
            UsageError: no such profile or vocabulary.
            QueueFullError: too many wait.
            ConflictError: it is being retagged.
            StoreError: it is to begin anew while another process works on it (code `store.claimed`).
        """
        job, done = await asyncio.to_thread(self._plan, wanted)
        if not done:
            await self.jobs.leave(job.timeline)
            async with self._accepting:
                await self._accept(job, fresh=wanted.fresh)
        head = await asyncio.to_thread(self.store.head, job.timeline)
        self.hub.wake()
        return {"id": job.timeline, "epoch": head.epoch, "state": "completed" if done else self.jobs.state(job.timeline) or "queued"}

    async def _accept(self, job: Job, *, fresh: bool) -> None:
        """Queue the job. A log that is to begin anew does so now: the epoch that is answered is the one of the events to come."""
        if job.timeline in self._retagging:
            raise ConflictError("is being retagged", where=job.timeline, hint="try again when that is done")
        if fresh and self.jobs.state(job.timeline) is None:
            self.jobs.check_room()
            await asyncio.to_thread(self.store.empty, job.timeline)
        self.jobs.submit(job)

    def _plan(self, wanted: Analyze) -> tuple[Job, bool]:
        uri = self._sources.allowed(wanted.uri)
        tags = self._vocabularies.chosen(wanted.tags)
        settings = self.settings.model_copy(update={"profile": wanted.profile or self.settings.profile, "tags": tags})
        settings = following(settings) if wanted.follow else settings

        async def chosen() -> Choice:
            async with open_tools(settings) as tools:
                return choose_timeline(self.store, uri, settings, tools, fresh=wanted.fresh)

        choice = asyncio.run(chosen())
        name = os.path.basename(without_password(uri))[:200]  # noqa: PTH119 - a URI, not a path
        self.store.open_timeline(choice.timeline, choice.identity, name=name)
        state = self.store.state(choice.timeline)
        done = not wanted.fresh and state.state == "completed" and not any(segment.status == "failed" for segment in state.segments)
        job = Job(
            timeline=choice.timeline,
            uri=uri,
            profile=settings.profile,
            tags=tags,
            follow=wanted.follow,
            asked=time.time(),
        )
        return job, done

    async def cancel(self, timeline: str) -> dict[str, Any]:
        """End an analysis.

        Raises:
            ConflictError: it neither waits nor runs here; says whether it waits elsewhere.
            StoreError: it runs elsewhere; says in which process (code `store.claimed`).
        """
        if not self.jobs.holds(timeline):
            await asyncio.to_thread(self.store.check_free, timeline)
        await self.jobs.cancel(timeline)
        summary = next((one for one in await asyncio.to_thread(self.store.timelines) if one.id == timeline), None)
        if summary is None:
            raise NotInStore(f"no timeline {timeline!r}")
        return {"id": timeline, "epoch": summary.epoch, "state": summary.state}

    async def remove(self, timeline: str) -> None:
        """Delete a timeline and all that belongs to it.

        Raises:
            ConflictError: it is being worked on.
            StoreError: by another process (code `store.claimed`).
        """
        await self.jobs.leave(timeline)
        self._refuse_busy(timeline)
        await asyncio.to_thread(self.store.remove, timeline)
        await self.hub.refresh()

    def _refuse_busy(self, timeline: str) -> None:
        if self.jobs.state(timeline) is not None:
            raise ConflictError("is being analyzed", where=timeline, hint="wait for its end, or cancel it first")
        if timeline in self._retagging:
            raise ConflictError("is being retagged", where=timeline, hint="try again when that is done")

    async def retag(self, timeline: str, wanted: Retag) -> dict[str, Any]:
        """Begin to classify the stored captions again; the new tags come as events.

        Raises:
            VocabularyError: the vocabulary has mistakes.
            ConflictError: it is being worked on.
            StoreError: by another process (code `store.claimed`).
        """
        tags = await asyncio.to_thread(self._vocabularies.chosen, wanted.tags)
        vocabulary = await asyncio.to_thread(load_vocabulary, tags)
        settings = self.settings.model_copy(update={"profile": wanted.profile or self.settings.profile, "tags": tags})
        settings.choose_profile()
        await self.jobs.leave(timeline)
        self._refuse_busy(timeline)
        await asyncio.to_thread(self.store.check_free, timeline)
        self._refuse_busy(timeline)  # nor has anybody here begun meanwhile
        task = asyncio.create_task(self._retag(timeline, settings))
        self._retagging[timeline] = task
        task.add_done_callback(lambda _: self._retagging.pop(timeline, None))
        head = await asyncio.to_thread(self.store.head, timeline)
        return {"id": timeline, "epoch": head.epoch, "seq": head.seq, "vocabulary": vocabulary.ref.model_dump(mode="json")}

    async def _retag(self, timeline: str, settings: Settings) -> None:
        try:
            failed = await asyncio.to_thread(lambda: asyncio.run(retag(timeline, settings, self.store)))
            _log.info("%s retagged, %d segments failed", timeline, failed)
        except StreamtagsError as error:
            _log.warning("%s could not be retagged: %s", timeline, error)

    async def correct(self, timeline: str, segment: str, said: Correct, who: str) -> dict[str, Any]:
        """Write a person's correction; the segment as it is then.

        Raises:
            NotInStore: no such segment.
            UsageError: nothing to correct, or an empty tag or caption.
        """

        def write() -> dict[str, Any]:
            tags = [(score.tag, score.confidence) for score in said.tags]
            by = said.by or who or "person"
            now, _ = correct(self.store, timeline, segment, tags=tags, untag=said.untag, caption=said.caption, by=by)
            return now.model_dump(mode="json")

        return await asyncio.to_thread(write)

    async def media(self, timeline: str) -> Path:
        """The file a timeline was made from.

        Raises:
            NotInStore: it was no file, or the file may not be read here, is gone or is another one now.
        """
        return await asyncio.to_thread(lambda: self._sources.file_of(self.store.state(timeline)))

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._retagging:
            await asyncio.wait(self._retagging.values(), timeout=2.0)


def checked(model: type[Params], params: Any) -> Params:
    """`params` as a `model`.

    Raises:
        UsageError: they are not one; says where.
    """
    try:
        return model.model_validate(params)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "params"
        raise UsageError(f"{place}: {first['msg']}", code="invalid_params") from error
