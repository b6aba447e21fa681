"""Which files of a watched folder are complete, which were done before, and which are given up. Pure: no clock, disk or thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Arrivals", "FileStamp", "Outcome", "Record"]

# A file that was last written so long ago, in seconds, was complete before it came: it was moved in.
_OLD_SECONDS = 60.0
# How often a file that cannot be analyzed is tried, and the wait before the second try; it doubles with each further one.
_MAX_TRIES = 3
_RETRY_SECONDS = 60.0

Outcome = Literal["done", "failed"]


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What sets one state of a file apart from another, without reading it: size in bytes, time of the last write in ns, and inode."""

    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a file across restarts.

    Attributes:
        stamp: of the file when it was analyzed.
        outcome: how the last try ended.
        tries: how often this state of the file was tried.
    """

    stamp: FileStamp
    outcome: Outcome
    tries: int = 1


@dataclass(slots=True)
class _Seen:
    stamp: FileStamp
    since: float
    not_before: float = 0.0


class Arrivals:
    """Decides which files are ready from what is seen of a folder again and again.

    A file is complete when it is not empty and its stamp has not changed for `settle_seconds`; one that was moved in, when it is seen a
    second time. A file that was done is never ready again until its stamp changes, also under another name in the same file system. One
    that failed is tried three times.

    Memory: an entry for each file in the folder, and a record for each that was ever tried.

    Args:
        settle_seconds: how long a file must not change.
        records: what was remembered, by path.
    """

    def __init__(self, settle_seconds: float, records: Mapping[str, Record]) -> None:
        self._settle_seconds = settle_seconds
        self._records = dict(records)
        self._done = {record.stamp for record in records.values() if record.outcome == "done"}
        self._seen: dict[str, _Seen] = {}

    def observe(self, files: Mapping[str, FileStamp], now: float, wall_ns: int) -> list[str]:
        """Take what is in the folder at `now`, in seconds of a steady clock, and return the files that are ready, in order of arrival.

        Args:
            files: stamps by path.
            now: seconds of a clock that never goes back.
            wall_ns: the time of day in ns, from which the age of a file follows.
        """
        for path in self._seen.keys() - files.keys():
            del self._seen[path]
        ready = [path for path, stamp in files.items() if self._is_ready(path, stamp, now, wall_ns)]
        return sorted(ready, key=lambda path: (self._seen[path].since, path))

    def waiting(self) -> list[str]:
        """Return the files that are not complete yet, or wait for another try."""
        return [path for path, seen in self._seen.items() if not self._is_settled(path, seen.stamp)]

    def record(self, path: str, stamp: FileStamp, outcome: Outcome, now: float) -> Record:
        """Remember how the analysis of a file ended."""
        before = self._records.get(path)
        tries = before.tries + 1 if before is not None and before.stamp == stamp else 1
        self._records[path] = record = Record(stamp, outcome, tries)
        if outcome == "done":
            self._done.add(stamp)
        elif path in self._seen:
            self._seen[path].not_before = now + _RETRY_SECONDS * 2 ** (tries - 1)
        return record

    def is_given_up(self, path: str) -> bool:
        """Return whether a file failed so often that it is not tried again until it changes."""
        record = self._records.get(path)
        return record is not None and record.outcome == "failed" and record.tries >= _MAX_TRIES

    def _is_ready(self, path: str, stamp: FileStamp, now: float, wall_ns: int) -> bool:
        seen = self._seen.get(path)
        if seen is None or seen.stamp != stamp:
            self._seen[path] = _Seen(stamp, now)
            return False
        if not stamp.size or now < seen.not_before or self._is_settled(path, stamp):
            return False
        moved_in = (wall_ns - stamp.mtime_ns) / 1e9 >= _OLD_SECONDS
        return moved_in or now - seen.since >= self._settle_seconds

    def _is_settled(self, path: str, stamp: FileStamp) -> bool:
        """Return whether nothing is left to do for this state of the file."""
        record = self._records.get(path)
        return stamp in self._done or (record is not None and record.stamp == stamp and self.is_given_up(path))
