"""`PostgresStore`: every port of a store over one PostgreSQL database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

from streamtags.store.objects import open_objects
from streamtags.store.postgres.address import PostgresAddress
from streamtags.store.postgres.blobs import PostgresBlobs
from streamtags.store.postgres.catalog import PostgresCatalog
from streamtags.store.postgres.claims import PostgresClaims
from streamtags.store.postgres.database import Database
from streamtags.store.postgres.event_log import PostgresEventLog
from streamtags.store.postgres.jobs import PostgresJobQueue
from streamtags.store.postgres.listener import Listener
from streamtags.store.postgres.vocabularies import PostgresVocabularies
from streamtags.store.subscribers import Subscribers

__all__ = ["PostgresStore"]


class PostgresStore(PostgresEventLog, PostgresCatalog, PostgresVocabularies, PostgresClaims, PostgresBlobs):
    """Timelines in the schema `streamtags` of a PostgreSQL database, 15 or later, which processes on any number of machines share.

    Every method raises `StoreError` if the database cannot be read or written, and `NotInStore` if a timeline does not exist.

    Args:
        url: see `PostgresAddress.parse`.
        retry_seconds: for how long a call waits for a database that cannot be reached, such as one that is restarted.

    Raises:
        ConfigError: `url` is not such a URL, or the place for thumbnails that it names cannot be used.
        StoreError: the database cannot be opened, or a newer release wrote it.
    """

    def __init__(self, url: str, *, retry_seconds: float = 10.0) -> None:
        address = PostgresAddress.parse(url)
        objects = open_objects(address.thumbnails)
        super().__init__(Database(address, retry_seconds=retry_seconds), Subscribers())
        self._objects = objects
        self._job_queue = PostgresJobQueue(self._database)
        self._listeners: list[Listener] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL as it was given; it may contain a password."""
        return self._database.address.url

    @property
    def folder(self) -> Path:
        """The folder that the parameter `files` of the URL names, or one in the user's data folder."""
        return self._database.address.folder

    @property
    def job_queue(self) -> PostgresJobQueue:
        """The jobs of the servers of this store."""
        return self._job_queue

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with a timeline's id after each durable change made through this object; return a function that stops that."""
        return self._subscribers.add(callback)

    def watch(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call `callback` with the data version soon after any process has written; return a function that stops that."""
        self._database.check_open()
        listener = Listener(self._database, callback)
        self._listeners.append(listener)
        return listener.stop

    def data_version(self) -> int:
        """Return a number that changes when any process has written."""
        return self._database.data_version()

    def check_health(self) -> None:
        """Check, without writing, that the tables can be read."""
        self._database.check_health()

    def close(self) -> None:
        """Close every connection; safe to call twice."""
        for listener in self._listeners:
            listener.stop()
        self._database.close()
