"""Schemas of SQLite files, and bringing a file to the present state of its schema."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from streamtags.core.errors import StoreError

__all__ = ["Migration", "Schema", "prepare"]

_RETRY_SECONDS = 0.02

Migration = Callable[[sqlite3.Connection], None]
"""One step of a schema. It runs in the transaction of the whole migration, with foreign keys off, so that it can rebuild a table."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a kind of file.

    Attributes:
        application: marks the file as ours, in the header's application id (https://sqlite.org/fileformat2.html#application_id).
        migrations: the steps from an empty file to the present. Append only: a step that has shipped is never changed.
    """

    application: int
    migrations: tuple[Migration, ...]

    @property
    def version(self) -> int:
        """The version that a file has after all migrations."""
        return len(self.migrations)


def prepare(connection: sqlite3.Connection, path: Path, schema: Schema, timeout_seconds: float) -> None:
    """Check that the file is a store, switch it to write-ahead logging, and run the migrations that it lacks, in one transaction.

    Raises:
        StoreError: the file belongs to another program, or a newer streamtags wrote it.
        sqlite3.Error: the file cannot be read or written, or a migration failed.
    """
    _check_ours(connection, path, schema)
    _use_write_ahead_log(connection, timeout_seconds)
    if _version(connection) == schema.version:
        return
    connection.execute("PRAGMA foreign_keys = OFF")  # a step may rebuild a table: https://sqlite.org/lang_altertable.html#otheralter
    connection.execute("BEGIN IMMEDIATE")
    try:
        for migrate in schema.migrations[_version(connection) :]:
            migrate(connection)
        connection.execute(f"PRAGMA user_version = {schema.version}")
        connection.execute(f"PRAGMA application_id = {schema.application}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("PRAGMA foreign_keys = ON")


def _check_ours(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    connection.execute("BEGIN")  # one view: another process may be setting the file up just now
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    version = _version(connection)
    connection.execute("COMMIT")
    if tables and application != schema.application:
        raise StoreError(
            "is a database of another program",
            where=str(path),
            hint="choose another --store; it was not changed",
            code="store.foreign",
        )
    if version > schema.version:
        raise StoreError(
            f"was written by a newer streamtags (store version {version}, this one knows {schema.version})",
            where=str(path),
            hint="upgrade streamtags, or choose another --store",
            code="store.newer",
        )


def _use_write_ahead_log(connection: sqlite3.Connection, timeout_seconds: float) -> None:
    """Switch the file to write-ahead logging; SQLite does not wait by itself if two processes switch at the same time."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
