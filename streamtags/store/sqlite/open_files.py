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
        named, target = os.fspath(path.absolute()), os.fspath(path.resolve())  # the working directory may change
        self._main = named
        self._all = tuple(dict.fromkeys((named, target, *(target + suffix for suffix in _SUFFIXES))))  # strings: this runs for each write
        self._identities = _identities(self._all)

    def check(self) -> None:
        """Check that the files are still the same.

        Raises:
            StoreError: one of them was deleted or replaced (code `store.replaced`).
        """
        self._compare(self._all)

    def check_main(self) -> None:
        """Check the database file only.

        Raises:
            StoreError: it was deleted or replaced (code `store.replaced`).
        """
        self._compare((self._main,))

    def _compare(self, files: tuple[str, ...]) -> None:
        try:
            if _identities(files) == self._identities[: len(files)]:
                return
        except OSError:
            pass  # deleted: the error below says so
        raise StoreError(
            "was deleted or replaced, or its -wal or -shm file was, while it was open",
            where=str(self._path),
            hint="put the file back and restart this program; nothing is written until then",
            code="store.replaced",
        )


def _identities(files: tuple[str, ...]) -> list[tuple[int, int]]:
    return [(status.st_dev, status.st_ino) for status in map(os.stat, files)]
