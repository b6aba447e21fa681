"""Connections to one SQLite file: one that writes whole transactions, and readers that do not wait for it.

Write-ahead log with `synchronous=FULL`: when a transaction has returned, it survives a power cut
(https://sqlite.org/pragma.html#pragma_synchronous). Every error of SQLite is raised as a `StoreError`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streamtags.core.errors import StoreError
from streamtags.store.sqlite.errors import explain
from streamtags.store.sqlite.open_files import OpenFiles
from streamtags.store.sqlite.schema import Schema, prepare

__all__ = ["Database"]

_MAX_IDLE_READERS = 4


class Database:
    """A SQLite file with the tables of a schema; safe to use from several threads and processes.

    One connection writes, behind a lock; readers take a connection from a small pool. If the file is deleted or replaced while it is
    open, every further write is refused.

    Args:
        path: the file; it and its folder are created if missing.
        schema: its tables.
        timeout_seconds: how long to wait for another process that is writing.
        cache_kib: most memory of the page cache of each connection, in KiB; the default is SQLite's own.

    Raises:
        StoreError: the file cannot be opened, belongs to another program, was written by a newer streamtags, or is damaged.
    """

    def __init__(self, path: Path, schema: Schema, *, timeout_seconds: float = 10.0, cache_kib: int = 2_000) -> None:
        self.path = path
        self._absolute = path.absolute()  # the working directory may change before the next connection
        self._timeout = timeout_seconds
        self._cache_kib = cache_kib
        self._writing = threading.Lock()
        self._pooling = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._watcher: sqlite3.Connection | None = None
        self._closed = False
        self._check_files: Callable[[], None] = lambda: None  # until they are open
        self._prepare_folder()
        with self._explained():
            self._writer = self._connect()
            try:
                prepare(self._writer, path, schema, timeout_seconds)
                self._writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # opens the write-ahead log
                self._files = OpenFiles(path)
                self._check_files = self._files.check
            except BaseException:
                self._writer.close()
                raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run the block in a transaction: it is durable when the block has ended, and undone as a whole if the block raises.

        Raises:
            StoreError: nothing was written.
        """
        with self._writing, self._explained():
            self._check_open()
            self._files.check()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            self._files.check_main()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Run the block on a consistent view of the file, for reading.

        Raises:
            StoreError: the file cannot be read.
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
        """Return a number that changes when any process has written; cheap enough to poll.

        Source: https://sqlite.org/pragma.html#pragma_data_version
        """
        with self._pooling, self._explained():
            self._check_open()
            if self._watcher is None:
                self._watcher = self._connect()
            return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])

    def check_health(self) -> None:
        """Check, without writing, that the file can be read and is the one that was opened.

        Raises:
            StoreError: it cannot, or it was deleted or replaced (code `store.replaced`).
        """
        self._check_open()
        self._files.check()
        with self.read() as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()

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
        connection = sqlite3.connect(self._absolute, timeout=self._timeout, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{self._cache_kib}")  # https://sqlite.org/pragma.html#pragma_cache_size
        return connection

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
            if not self._closed and len(self._idle) < _MAX_IDLE_READERS:
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
            self._check_files()  # a file that was deleted or replaced is the cause, whatever SQLite makes of it
            raise explain(error, self.path, self._timeout) from error
