"""A thread that waits for announcements of the database, instead of asking it again and again."""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable

import psycopg

from streamtags.store.postgres.database import CHANNEL, Connection, Database, version_of

__all__ = ["Listener"]

# A change whose announcement was lost, because its process ended just then, is seen after this time.
_CHECK_SECONDS = 1.0
_RETRY_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Listener:
    """Calls `callback` with the data version soon after a change, from a thread of its own, until `stop`.

    A change that was announced while the connection was lost is reported once it is there again.

    Args:
        database: the open database; the listener keeps a connection of its own.
        callback: must return at once.
    """

    def __init__(self, database: Database, callback: Callable[[int], None]) -> None:
        self._database, self._callback = database, callback
        self._version = -1
        self._awake, self._waker = socket.socketpair()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="streamtags-listen", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; safe to call twice."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._waker.send(b"\0")
            self._thread.join(timeout=_CHECK_SECONDS)
            self._waker.close()
            self._awake.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._database.connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._follow(connection)
            except psycopg.Error as error:
                if not self._stopped.is_set():
                    _log.warning("changes of other processes are not seen now, retrying: %s", " ".join(str(error).split()))
                    self._stopped.wait(_RETRY_SECONDS)

    def _follow(self, connection: Connection) -> None:
        while not self._stopped.is_set():
            version = version_of(connection.execute("SELECT pg_current_snapshot()::text").fetchall())
            if version != self._version:
                self._version = version
                self._callback(version)
            if not any(True for _ in connection.notifies(timeout=0)):
                select.select([connection.fileno(), self._awake.fileno()], [], [], _CHECK_SECONDS)
                for _ in connection.notifies(timeout=0):
                    pass
