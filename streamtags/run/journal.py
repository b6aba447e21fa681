"""What is remembered of the files of a watched folder: a JSON line for each try, written before the next file is taken."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

from streamtags.core.errors import StoreError
from streamtags.core.files import write_atomically
from streamtags.run.arrivals import FileStamp, Outcome, Record

__all__ = ["Journal"]


class Journal:
    """The records of one watched folder, in a file of the store's folder.

    A line that a crash left half written is ignored. When the file is opened, it is written anew with one line for each path.

    Args:
        folder: of the store.
        watched: the folder that is watched.

    Raises:
        StoreError: the file cannot be read or written.
    """

    def __init__(self, folder: Path, watched: Path) -> None:
        name = hashlib.sha256(os.fsencode(watched.resolve())).hexdigest()[:24]
        self._path = folder / "ingest" / f"{name}.jsonl"
        self.records: dict[str, Record] = {}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists():
                self._read()
            lines = [_line(path, record) for path, record in self.records.items()]
            write_atomically(self._path, "".join(lines).encode())
        except OSError as error:
            raise self._failure(error) from error

    def add(self, path: str, record: Record) -> None:
        """Append a record and make it durable.

        Raises:
            StoreError: it cannot be written.
        """
        self.records[path] = record
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(path, record))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._failure(error) from error

    def _read(self) -> None:
        for line in self._path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            try:
                row = json.loads(line)
                stamp = FileStamp(**{name: int(value) for name, value in row["stamp"].items()})
                outcome: Outcome = "done" if row["outcome"] == "done" else "failed"
                self.records[str(row["path"])] = Record(stamp, outcome, int(row["tries"]))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue  # half a line, or not ours: the file is analyzed again, and its timeline is replayed

    def _failure(self, error: OSError) -> StoreError:
        return StoreError(
            f"cannot be read or written: {error.strerror}", where=str(self._path), hint="free some space or check permissions"
        )


def _line(path: str, record: Record) -> str:
    return json.dumps({"path": path, **asdict(record)}) + "\n"
