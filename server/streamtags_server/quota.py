"""The space that clients may take on the disk of the server."""

from __future__ import annotations

import errno
import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from streamtags.core.errors import BackendError
from streamtags.operations.errors import NoSpaceError

__all__ = ["DiskQuota", "disk_errors"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Report errors of the disk inside the block as errors of the service.

    Args:
        what: what is being written, for the message.

    Raises:
        NoSpaceError: the disk is full.
        BackendError: another error of the operating system.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoSpaceError(f"no space left for {what}", hint="try again when there is space") from error
        raise BackendError(f"{what} cannot be written: {error.strerror}", code="disk") from error


class DiskQuota:
    """Counts the bytes in some folders, and those reserved for files that are being written. Safe to use from several threads.

    Partial files, which are hidden, count by their reservation; those of another server of the same store count when they are complete.

    Args:
        folders: where the files are.
        limit_bytes: the most bytes in all.
    """

    def __init__(self, folders: Sequence[Path], limit_bytes: int) -> None:
        self._folders, self._limit_bytes = tuple(folders), limit_bytes
        self._lock = threading.Lock()
        self._keys = itertools.count()
        self._stored = 0
        self._changes = 0
        self._reserved: dict[int, int] = {}

    def open(self, size: int) -> int:
        """Count what is stored, and reserve `size` bytes; return the key of the reservation. Reads the folders.

        Raises:
            NoSpaceError: that would exceed the quota.
        """
        with self._lock:
            before = self._changes
        stored = self._scan()
        with self._lock:
            # A file that was completed during the scan may be missing in it.
            self._stored = stored if self._changes == before else max(stored, self._stored)
            self._check(size)
            key = next(self._keys)
            self._reserved[key] = size
            return key

    def grow(self, key: int, size: int) -> None:
        """Raise a reservation to `size` bytes.

        Raises:
            NoSpaceError: that would exceed the quota.
        """
        with self._lock:
            more = size - self._reserved[key]
            if more > 0:
                self._check(more)
                self._reserved[key] = size

    def close(self, key: int, *, stored_bytes: int) -> None:
        """End a reservation; `stored_bytes` is the size of the complete file, 0 if there is none."""
        with self._lock:
            self._reserved.pop(key, None)
            self._stored += stored_bytes
            self._changes += 1

    def _check(self, more: int) -> None:
        if self._stored + sum(self._reserved.values()) + more > self._limit_bytes:
            raise NoSpaceError("no space left for uploads", hint="remove timelines that were uploaded, or raise server.quota_bytes")

    def _scan(self) -> int:
        total = 0
        for folder in self._folders:
            for path in folder.rglob("*"):
                if not path.name.startswith("."):
                    try:
                        total += path.stat().st_size if path.is_file() else 0
                    except FileNotFoundError:  # removed since it was listed
                        continue
        return total
