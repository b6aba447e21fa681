"""One SQLite file: opened with care, written in whole transactions, read without waiting for the writer.

Write-ahead log with `synchronous=FULL`: when a transaction has returned, it survives a power cut
(https://sqlite.org/pragma.html#pragma_synchronous). Every error of SQLite leaves here as a `StoreError`.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from streamtags.core.errors import StoreError
from streamtags.store.sqlite.migrations import MIGRATIONS, Migration

__all__ = ["Database"]

# "sttg"
_APPLICATION = 0x73747467
_IDLE_READERS = 4
_RETRY_SECONDS = 0.02

_NOTHING_LOST = "nothing of this step was written, everything before it is kept"
_EXPLAINED: dict[int, tuple[str, str, str]] = {
    sqlite3.SQLITE_FULL: ("store.full", "no space left on the volume", f"free some space and run the same command again; {_NOTHING_LOST}"),
    sqlite3.SQLITE_READONLY: (
        "store.read_only",
        "cannot be written",
        "check the permissions of the file and its folder, or choose another --store",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "store.cannot_open",
        "cannot be opened",
        "check the path and the permissions of its folder, or choose another --store",
    ),
    sqlite3.SQLITE_PERM: ("store.cannot_open", "may not be opened", "check the permissions of the file, or choose another --store"),
    sqlite3.SQLITE_CORRUPT: ("store.corrupt", "is damaged", "put back a copy of it, or move it away to begin a new store"),
    sqlite3.SQLITE_NOTADB: ("store.corrupt", "is not a streamtags store", "choose another --store, or move the file away"),
    sqlite3.SQLITE_IOERR: ("store.io", "the disk reports an error", f"check the disk and run the same command again; {_NOTHING_LOST}"),
}


class Database:
    """A SQLite file with the tables of `streamtags.store.sqlite.migrations`; safe to use from several threads and processes.

    One connection writes, behind a lock; readers take one from a small pool and never wait for the writer.

    Args:
        path: the file; it and its folder are made if missing.
        timeout_seconds: how long to wait for another process that is writing.
        migrations: the steps that make its tables; those of a store if None.
        application: marks the file as ours, in the header's application id (https://sqlite.org/fileformat2.html#application_id).

    Raises:
        StoreError: the file cannot be opened, is of another program, of a newer streamtags, or damaged.
    """

    def __init__(
        self,
        path: Path,
        *,
        timeout_seconds: float = 10.0,
        migrations: Sequence[Migration] | None = None,
        application: int = _APPLICATION,
    ) -> None:
        self.path = path
        self._migrations = MIGRATIONS if migrations is None else migrations
        self._application = application
        self._timeout = timeout_seconds
        self._writing = threading.Lock()
        self._pooling = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._watcher: sqlite3.Connection | None = None
        self._closed = False
        self._prepare_folder()
        with self._explained():
            self._writer = self._connect()
            try:
                self._set_up(self._writer)
            except BaseException:
                self._writer.close()
                raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes: durable when the block has ended, undone as a whole if it raised.

        Raises:
            StoreError: nothing was written.
        """
        with self._writing, self._explained():
            self._check_open()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the file, for reading.

        Raises:
            StoreError: it cannot be read.
        """
        with self._explained():
            connection = self._take_reader()
            try:
                connection.execute("BEGIN")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.close()
                raise
            self._put_back(connection)

    def data_version(self) -> int:
        """A number that changes when anybody, in this process or another, has written; cheap enough to poll.

        Source: https://sqlite.org/pragma.html#pragma_data_version
        """
        with self._pooling, self._explained():
            self._check_open()
            if self._watcher is None:
                self._watcher = self._connect()
            return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close every connection; safe to call twice. Do not call while another thread reads."""
        with self._writing, self._pooling, self._explained():
            self._closed = True
            for connection in [*self._idle, *([self._watcher] if self._watcher else []), self._writer]:
                connection.close()
            self._idle, self._watcher = [], None

    def _prepare_folder(self) -> None:
        if self.path.is_dir():
            raise StoreError("is a folder", where=str(self.path), hint="name a file in it, such as streamtags.db", code="store.cannot_open")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"its folder cannot be made: {error.strerror}",
                where=str(self.path),
                hint="choose another --store",
                code="store.cannot_open",
            ) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        self._check_ours(connection)
        self._use_write_ahead_log(connection)
        if self._version(connection) == len(self._migrations):
            return
        connection.execute("PRAGMA foreign_keys = OFF")  # a step may rebuild a table: https://sqlite.org/lang_altertable.html#otheralter
        connection.execute("BEGIN IMMEDIATE")
        try:
            for migrate in self._migrations[self._version(connection) :]:
                migrate(connection)
            connection.execute(f"PRAGMA user_version = {len(self._migrations)}")
            connection.execute(f"PRAGMA application_id = {self._application}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("PRAGMA foreign_keys = ON")

    def _check_ours(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")  # one view: another process may be setting the file up just now
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        version = self._version(connection)
        connection.execute("COMMIT")
        if tables and application != self._application:
            raise StoreError(
                "is a database of another program",
                where=str(self.path),
                hint="choose another --store; it was not changed",
                code="store.foreign",
            )
        if version > len(self._migrations):
            raise StoreError(
                f"was written by a newer streamtags (store version {version}, this one knows {len(self._migrations)})",
                where=str(self.path),
                hint="upgrade streamtags, or choose another --store",
                code="store.newer",
            )

    def _use_write_ahead_log(self, connection: sqlite3.Connection) -> None:
        """Switch the file to write-ahead logging; the switch does not wait by itself where two processes make it at once."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_SECONDS)
            else:
                return

    @staticmethod
    def _version(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def _take_reader(self) -> sqlite3.Connection:
        with self._pooling:
            self._check_open()
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _put_back(self, connection: sqlite3.Connection) -> None:
        with self._pooling:
            if not self._closed and len(self._idle) < _IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("is closed", where=str(self.path), code="store.closed")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: sqlite3.Error) -> StoreError:
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code: https://sqlite.org/rescode.html
        if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreError(
                f"another process has been writing for more than {self._timeout:g} s",
                where=str(self.path),
                hint=f"wait for it or end it, then run the same command again; {_NOTHING_LOST}",
                code="store.locked",
            )
        code, what, hint = _EXPLAINED.get(kind, ("store", str(error), f"run the same command again; {_NOTHING_LOST}"))
        return StoreError(what, where=str(self.path), hint=hint, code=code)
