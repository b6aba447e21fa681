"""Analyze the files of a folder as they arrive."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from streamtags.core.errors import SourceError
from streamtags.run.arrivals import Arrivals, FileStamp
from streamtags.run.journal import Journal
from streamtags.sources.media_files import is_media_name

__all__ = ["Inbox", "ingest"]

_POLL_SECONDS = 2.0
# Downloaders write beside the file they are filling, or to it, and delete this file in the end.
_PARTIAL_SUFFIXES = (".part", ".partial", ".crdownload", ".download", ".aria2", ".tmp")


class Inbox:
    """A folder that is looked at again and again, and what is remembered of its files.

    Looking is polling: it works the same on network mounts, where no system call reports changes of other machines, and a file must rest
    for some seconds anyway before it counts as complete.

    Args:
        folder: to look into.
        journal: what is remembered across restarts.
        recursive: look into the folders in it, too.
        settle_seconds: how long a file must not change before it is complete.
        notice: called with a line when the folder is gone and when it is back.

    Raises:
        SourceError: there is no such folder.
    """

    def __init__(
        self, folder: Path, journal: Journal, *, recursive: bool, settle_seconds: float, notice: Callable[[str], None] = lambda _: None
    ) -> None:
        if not folder.is_dir():
            raise SourceError("there is no such folder", where=str(folder), hint="create it, or give another one")
        self._folder, self._recursive = folder, recursive
        self._journal, self._notice = journal, notice
        self._arrivals = Arrivals(settle_seconds, journal.records)
        self._stamps: dict[str, FileStamp] = {}
        self._is_there = True

    def scan(self) -> list[str]:
        """Look at the folder and return the files that are ready, in order of arrival; none while the folder is gone."""
        try:
            self._stamps = self._look()
        except OSError as error:
            if self._is_there:
                self._notice(f"{self._folder} cannot be read: {error.strerror}; waiting for it to come back")
            self._is_there = False
            return []
        if not self._is_there:
            self._notice(f"{self._folder} is back")
        self._is_there = True
        return self._arrivals.observe(self._stamps, time.monotonic(), time.time_ns())

    def is_unchanged(self, path: str) -> bool:
        """Return whether a ready file is still as it was, and no other program has locked it."""
        try:
            return _stamp(Path(path).stat()) == self._stamps[path] and not _is_locked(path)
        except OSError:
            return False

    def waiting(self) -> list[str]:
        """Return the files that are not complete yet, or wait for another try."""
        return self._arrivals.waiting()

    def record(self, path: str, *, done: bool) -> bool:
        """Remember how the analysis of a file ended; return whether it is given up. A file that is gone has not failed.

        Raises:
            StoreError: it cannot be written down.
        """
        if not done and not Path(path).exists():
            return False
        record = self._arrivals.record(path, self._stamps[path], "done" if done else "failed", time.monotonic())
        self._journal.add(path, record)
        return self._arrivals.is_given_up(path)

    def _look(self) -> dict[str, FileStamp]:
        stamps: dict[str, FileStamp] = {}
        folders = [str(self._folder)]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    listed = {entry.name: entry for entry in entries}
            except OSError:
                if folder == str(self._folder):
                    raise
                continue  # moved away since it was listed, or not ours to read
            for name, entry in listed.items():
                with suppress(OSError):  # moved away since it was listed
                    if entry.is_dir(follow_symlinks=False):
                        folders += [entry.path] if self._recursive and not name.startswith(".") else []
                    elif is_media_name(name) and entry.is_file() and not any(name + suffix in listed for suffix in _PARTIAL_SUFFIXES):
                        stamps[entry.path] = _stamp(entry.stat())
        return stamps


async def ingest(
    inbox: Inbox,
    analyze_file: Callable[[str], Awaitable[bool]],
    *,
    watch: bool,
    stop: asyncio.Event,
    poll_seconds: float = _POLL_SECONDS,
) -> None:
    """Analyze the files of `inbox` one after another, each when it is complete.

    Args:
        inbox: where files arrive.
        analyze_file: analyzes one and returns whether that succeeded; not called again for a file that did.
        watch: go on until `stop`; else return when every file was tried once, those included that are still being written.
        stop: ends the wait. A file whose analysis was interrupted counts as not tried.
        poll_seconds: how often the folder is looked at.

    Raises:
        StoreError: what was done cannot be written down.
    """
    tried: set[str] = set()
    while not stop.is_set():
        ready = [path for path in await asyncio.to_thread(inbox.scan) if watch or path not in tried]
        for path in ready:
            if stop.is_set():
                return
            if not await asyncio.to_thread(inbox.is_unchanged, path):
                continue
            done = await analyze_file(path)
            if stop.is_set():
                return
            tried.add(path)
            await asyncio.to_thread(inbox.record, path, done=done)
        if not watch and tried.issuperset(inbox.waiting()):
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), poll_seconds)


def _stamp(status: os.stat_result) -> FileStamp:
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)


def _is_locked(path: str) -> bool:
    """Return whether another program has locked the file, by flock(2) or fcntl(2)."""
    with Path(path).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # some systems report a lock as the latter: fcntl(2)
            return True
        except OSError:
            return False  # this file system has no locks
    return False
