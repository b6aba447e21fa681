"""Connections to a PostgreSQL database: whole transactions that survive a lost connection and a restart of the server.

Commits wait for the disk (`synchronous_commit` is on unless the database says otherwise). Errors are raised as `StoreError`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed

from streamtags.core.backoff import Backoff
from streamtags.core.errors import StoreError
from streamtags.store.postgres.address import PostgresAddress
from streamtags.store.postgres.errors import explain, is_transient
from streamtags.store.postgres.migrations import migrate

__all__ = ["CHANNEL", "Connection", "Database"]

Connection = psycopg.Connection[tuple[Any, ...]]
_T = TypeVar("_T")

CHANNEL = "streamtags"
"""The channel on which changed timelines are announced."""

_MAX_CONNECTIONS = 8
_MAX_IDLE_SECONDS = 120.0
_CONNECT_SECONDS = 5
_BACKOFF = Backoff(first_seconds=0.05, most_seconds=2.0, least_share=0.5)
# A process that stops in the middle of a transaction must not lock a timeline for good.
_OPTIONS = "-c lock_timeout=20s -c idle_in_transaction_session_timeout=30s -c timezone=UTC"
_PARAMETERS: dict[str, Any] = {
    "application_name": "streamtags",
    "autocommit": True,
    "connect_timeout": _CONNECT_SECONDS,
    "keepalives_idle": 30,
    "tcp_user_timeout": 20_000,
}


class Database:
    """A database with the tables of a store; safe to use from several threads.

    While the database cannot be reached, calls wait and try again, so that a restart of the server is a pause and not an error.

    Args:
        address: where it is.
        retry_seconds: for how long a call waits for the database.

    Raises:
        StoreError: it cannot be opened, or a newer streamtags wrote it.
    """

    def __init__(self, address: PostgresAddress, *, retry_seconds: float) -> None:
        self.address = address
        self._retry_seconds = retry_seconds
        self._closed = False
        parameters = dict(_PARAMETERS)
        if "options=" not in address.connection:
            parameters["options"] = _OPTIONS
        self._parameters = parameters
        self._retried(lambda: self._prepare())
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            address.connection,
            kwargs=parameters,
            min_size=0,
            max_size=_MAX_CONNECTIONS,
            max_idle=_MAX_IDLE_SECONDS,
            timeout=_CONNECT_SECONDS,
            reconnect_timeout=_CONNECT_SECONDS,
            open=True,
            name="streamtags-store",
        )

    def connect(self) -> Connection:
        """Return a connection outside of the pool.

        Raises:
            psycopg.Error: the database cannot be reached.
        """
        return psycopg.connect(self.address.connection, **self._parameters)

    def read(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one statement, which sees one state of the database.

        Raises:
            StoreError: it cannot be read.
        """

        def attempt() -> list[tuple[Any, ...]]:
            with self._connection() as connection:
                return connection.execute(statement.encode(), values).fetchall()

        return self._retried(attempt)

    def write(self, work: Callable[[Connection], _T], *, is_committed: Callable[[Connection, _T], bool] | None = None) -> _T:
        """Run `work` in a transaction; when this returns, the transaction is durable.

        Args:
            work: may run several times: a lost connection and a deadlock undo what it has done. It must not keep the connection.
            is_committed: returns whether the transaction that gave this result was committed although the connection was lost before
                the database confirmed it. Without it, `work` runs again in that case.

        Raises:
            StoreError: nothing was written; with code `store.unreachable` after a lost connection, that is not certain.
        """
        in_doubt: list[_T] = []

        def attempt() -> _T:
            with self._connection() as connection:
                if in_doubt and is_committed is not None:
                    with connection.transaction():
                        if is_committed(connection, in_doubt[0]):
                            return in_doubt[0]
                in_doubt.clear()
                with connection.transaction():
                    result = work(connection)
                    in_doubt.append(result)
            return result

        return self._retried(attempt)

    def announce(self, timeline: str) -> None:
        """Announce a durable change to the listeners of every process.

        This is a transaction of its own: PostgreSQL commits transactions that notify one after the other, so the transaction of the
        change must not. A process that ends between the two is noticed by the listeners a second later.
        """
        with self._connection() as connection, connection.pipeline(), connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = off")
            connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, timeline))

    def data_version(self) -> int:
        """Return a number that changes with every transaction that writes.

        It is a digest of the transactions that are in progress and finished, which costs the database no look at a table
        (https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT).
        """
        return version_of(self.read("SELECT pg_current_snapshot()::text"))

    def check_health(self) -> None:
        """Check that the tables can be read.

        Raises:
            StoreError: they cannot.
        """
        self.read("SELECT 1 FROM streamtags.timelines LIMIT 1")

    def check_open(self) -> None:
        """Check that `close` was not called.

        Raises:
            StoreError: it was (code `store.closed`).
        """
        if self._closed:
            raise StoreError("is closed", where=self.address.shown, code="store.closed")

    def close(self) -> None:
        """Close every connection; safe to call twice."""
        self._closed = True
        self._pool.close()

    def _prepare(self) -> None:
        with self.connect() as connection:
            migrate(connection, self.address.shown)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        self.check_open()
        with self._pool.connection() as connection:
            yield connection

    def _retried(self, attempt: Callable[[], _T]) -> _T:
        deadline = time.monotonic() + self._retry_seconds
        failures = 0
        while True:
            try:
                return attempt()
            except PoolClosed:
                self.check_open()
                raise
            except psycopg.Error as error:
                pause = _BACKOFF.seconds(failures)
                if not is_transient(error) or time.monotonic() + pause > deadline:
                    raise explain(error, self.address.shown) from error
                failures += 1
            time.sleep(pause)
            self._drop_broken_connections()

    def _drop_broken_connections(self) -> None:
        """Replace idle connections that a restart of the server has ended, so that the next try does not get one of them."""
        if not self._closed and hasattr(self, "_pool"):
            self._pool.check()


def version_of(rows: Sequence[tuple[Any, ...]]) -> int:
    """Return the number for a snapshot's text."""
    return int.from_bytes(hashlib.blake2b(rows[0][0].encode(), digest_size=7).digest(), "big")
