"""What operations work with: the ports that a server, or a program that embeds streamtags, provides."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from pydantic import BaseModel

from streamtags.config.settings import ProfileSettings, Settings
from streamtags.core.protocol import Role
from streamtags.core.state import TimelineState
from streamtags.core.stores import Store
from streamtags.operations.retags import Retags
from streamtags.search.engine import Search
from streamtags.sources.file.access import Access
from streamtags.sources.folders import FolderPage

__all__ = [
    "Analyses",
    "AnalysisRequest",
    "Blocking",
    "Caller",
    "MediaBrowser",
    "Readers",
    "SearchProvider",
    "Services",
    "SourcePolicy",
    "Threads",
    "VocabularyCatalog",
]

T = TypeVar("T")


class AnalysisRequest(BaseModel):
    """One analysis that a client requested.

    Attributes:
        timeline: the timeline it goes into.
        uri: the source, already checked by a `SourcePolicy`.
        profile: name of the profile.
        chosen: its settings if they were chosen for this analysis; None for those of the server.
        tags: name or path of the vocabulary.
        user: who requested it, for limits.
        traceparent: the span of the request (W3C Trace Context).
        follow: the file is still being written.
    """

    timeline: str
    uri: str
    profile: str
    tags: str
    follow: bool = False
    chosen: ProfileSettings | None = None
    user: str = ""
    traceparent: str | None = None

    def settings(self, base: Settings) -> Settings:
        """Return `base` with what this request changes."""
        settings = base.model_copy(update={"profile": self.profile, "tags": self.tags})
        if self.chosen is not None:
            settings = settings.model_copy(update={"profiles": {**base.profiles, self.profile: self.chosen}})
        if not self.follow:
            return settings
        live = settings.ingest.live.model_copy(update={"follow": True})
        return settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"live": live})})


class Analyses(Protocol):
    """The queue of analyses."""

    async def state(self, timeline: str) -> Literal["queued", "running"] | None:
        """Return whether the timeline is queued or running, here or at another server of the store.

        Raises:
            StoreError: the store cannot be read.
        """
        ...

    async def check_room(self, user: str) -> None:
        """Check that a further analysis of this user may be queued.

        Raises:
            QueueFullError: the queue is full, or the user's share of it.
        """
        ...

    async def submit(self, request: AnalysisRequest) -> None:
        """Queue an analysis; do nothing if the timeline is queued or running already.

        Raises:
            QueueFullError: the queue is full.
            StoreError: the job cannot be saved.
        """
        ...

    async def wait_for_exit(self, timeline: str) -> None:
        """Wait for a worker that has already written its final event to exit."""
        ...

    async def cancel(self, timeline: str) -> None:
        """Cancel an analysis; return when its log says so.

        Raises:
            ConflictError: it is neither queued nor running, here or at another server.
        """
        ...


class SourcePolicy(Protocol):
    """Decides which sources a client may name.

    Attributes:
        access: what an analysis may read, the media of an edit included.
    """

    access: Access

    def allowed(self, requested: str) -> str:
        """Return `requested` as a URL, or as the path of a file that may be read.

        Raises:
            SourceRefused: it may not be read here.
            SourceError: there is no such file, or it cannot be read.
        """
        ...

    def file_of(self, state: TimelineState) -> Path:
        """Return the file that a timeline was made from.

        Raises:
            NotInStore: there is none, it may not be read here, or it has changed since.
        """
        ...

    def discard(self, uri: str) -> None:
        """Delete the file `uri` if a client uploaded it; do nothing for any other source."""
        ...


class MediaBrowser(Protocol):
    """Lists the files that clients may name."""

    def browse(self, path: str) -> FolderPage:
        """Return what is in a folder; the media roots if `path` is "".

        Raises:
            SourceRefused: it may not be listed.
            NotInStore: there is no such folder, or it cannot be read.
        """
        ...


class VocabularyCatalog(Protocol):
    """The vocabularies a client may choose."""

    def choose(self, requested: str | None) -> str:
        """Return the name or path of a vocabulary: by its name, a file that may be read, or the text of one.

        Raises:
            VocabularyError: there is no such vocabulary, or the text has mistakes.
        """
        ...

    def named(self) -> list[dict[str, Any]]:
        """Return the vocabularies that have a name, each with its axes and tags."""
        ...


class Readers(Protocol):
    """Live access to the logs of a store."""

    async def resolve(self, name: str) -> str:
        """Return the timeline that `name` stands for: its id, a unique prefix of it, or `last`.

        Raises:
            NotInStore: no timeline matches, or several do.
        """
        ...

    async def state_json(self, timeline: str) -> str:
        """Return the fold of the log as JSON.

        Raises:
            NotInStore: there is no such timeline.
        """
        ...

    async def refresh(self) -> None:
        """Read what has changed in the store, and notify readers."""
        ...

    def wake(self, timeline: str = "") -> None:
        """Have the store read soon; may be called from any thread."""
        ...

    def follow(self, timeline: str, after: int) -> AsyncGenerator[str, None]:
        """Yield lines of JSON, one or more events each time, until the timeline is removed or the service stops."""
        ...


class Blocking(Protocol):
    """Runs blocking calls in threads of its own, so that a slow disk or name server delays no other kind of call."""

    async def __call__(self, call: Callable[[], T], /) -> T:
        """Return what `call` returns.

        Raises:
            OverloadedError: it did not finish within the deadline, or too many calls wait. A call that has begun may still finish.
        """
        ...


class SearchProvider(Protocol):
    """Gives the search of the store."""

    def get(self) -> Search:
        """Return the search; the first call may open it.

        Raises:
            StoreError: its index cannot be opened.
        """
        ...


class Threads(Protocol):
    """Where blocking calls run."""

    @property
    def reading(self) -> Blocking:
        """Reads of the store."""
        ...

    @property
    def writing(self) -> Blocking:
        """Writes to the store, which may wait for another writer."""
        ...

    @property
    def searching(self) -> Blocking:
        """Searches, the first of which may have to index the store."""
        ...

    @property
    def lookups(self) -> Blocking:
        """Whatever depends on name servers, media folders and model servers."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything an operation may use."""

    store: Store
    settings: Settings
    readers: Readers
    analyses: Analyses
    sources: SourcePolicy
    media: MediaBrowser
    vocabularies: VocabularyCatalog
    threads: Threads
    retags: Retags
    search: SearchProvider


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        role: what the caller may do.
        name: what to write into the log as `by`; "" if unknown.
        user: the name by which limits count; "" if the server does not distinguish users.
    """

    role: Role | None
    name: str = ""
    user: str = ""
