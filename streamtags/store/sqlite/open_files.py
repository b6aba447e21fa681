"""Noticing that the files of an open database were deleted or replaced.

SQLite goes on with the files it has opened, so what it writes then is lost when the process ends, without an error.
"""

from __future__ import annotations

import os
from pathlib import Path

from streamtags.core.errors import StoreError

__all__ = ["OpenFiles"]

# SQLite puts these files beside the file that a link leads to: https://sqlite.org/walformat.html
_SUFFIXES = ("-wal", "-shm")


class OpenFiles:
    """The database file, its write-ahead log and its index, as they were when the database was opened.

    Create it while a connection has the write-ahead log open: SQLite deletes the log only with the last connection.

    Args:
        path: the database file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path, target = path.absolute(), path.resolve()  # the working directory may change
        self._files = (path, *(target.with_name(target.name + suffix) for suffix in _SUFFIXES))
        self._identities = self._read()

    def check(self) -> None:
        """Check that the files are still the same.

        Raises:
            StoreError: one of them was deleted or replaced (code `store.replaced`).
        """
        try:
            if self._read() == self._identities:
                return
        except OSError:
            pass  # deleted: the error below says so
        raise StoreError(
            "was deleted or replaced, or its -wal or -shm file was, while it was open",
            where=str(self._path),
            hint="put the file back and restart this program; nothing is written until then",
            code="store.replaced",
        )

    def _read(self) -> list[tuple[int, int]]:
        return [(stat.st_dev, stat.st_ino) for stat in map(os.stat, self._files)]
