"""`SqliteStore`: every port of a store over one SQLite file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

from streamtags.store.polling import watch_by_polling
from streamtags.store.sqlite.blobs import SqliteBlobs
from streamtags.store.sqlite.catalog import SqliteCatalog
from streamtags.store.sqlite.claims import SqliteClaims
from streamtags.store.sqlite.database import Database
from streamtags.store.sqlite.event_log import SqliteEventLog
from streamtags.store.sqlite.jobs import SqliteJobQueue
from streamtags.store.sqlite.migrations import STORE_SCHEMA
from streamtags.store.sqlite.vocabularies import SqliteVocabularies
from streamtags.store.subscribers import Subscribers

__all__ = ["SqliteStore"]


class SqliteStore(SqliteEventLog, SqliteCatalog, SqliteVocabularies, SqliteClaims, SqliteBlobs):
    """Timelines in a SQLite file, which any number of threads and processes may use at once.

    Every method raises `StoreError` if the file cannot be read or written, and `NotInStore` if a timeline does not exist.

    Args:
        path: the file; it and its folder are created if missing.
        timeout_seconds: how long to wait for another process that is writing.

    Raises:
        StoreError: the file cannot be opened, or is not a store of this or an earlier release.
    """

    def __init__(self, path: Path | str, *, timeout_seconds: float = 10.0) -> None:
        super().__init__(Database(Path(path), STORE_SCHEMA, timeout_seconds=timeout_seconds), Subscribers())
        self._job_queue = SqliteJobQueue(self._database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL of the file."""
        return f"sqlite:///{self.path}"

    @property
    def folder(self) -> Path:
        """The folder beside the file: `STORE.files`."""
        return self.path.with_name(f"{self.path.name}.files")

    @property
    def job_queue(self) -> SqliteJobQueue:
        """The jobs of the servers of this store."""
        return self._job_queue

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with a timeline's id after each durable change made through this object; return a function that stops that."""
        return self._subscribers.add(callback)

    def watch(self, callback: Callable[[int], None]) -> Callable[[], None]:
        """Call `callback` with the data version soon after any process has written; return a function that stops that."""
        return watch_by_polling(self.data_version, callback)

    def data_version(self) -> int:
        """Return a number that changes when any process has written; cheap enough to poll."""
        return self._database.data_version()

    def check_health(self) -> None:
        """Check, without writing, that the file can still be read and is the one that was opened."""
        self._database.check_health()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._database.close()
