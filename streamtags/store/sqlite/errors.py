"""SQLite's errors as `StoreError`, with what to do about them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from streamtags.core.errors import StoreError

__all__ = ["explain"]

_NOTHING_LOST = "nothing of this step was written, everything before it is kept"
_EXPLANATIONS: dict[int, tuple[str, str, str]] = {
    sqlite3.SQLITE_FULL: ("store.full", "no space left on the volume", f"free some space and run the same command again; {_NOTHING_LOST}"),
    sqlite3.SQLITE_READONLY: (
        "store.read_only",
        "cannot be written",
        "check the permissions of the file and its folder, or choose another --store",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "store.cannot_open",
        "cannot be opened",
        "check the path and the permissions of its folder, or choose another --store",
    ),
    sqlite3.SQLITE_PERM: ("store.cannot_open", "may not be opened", "check the permissions of the file, or choose another --store"),
    sqlite3.SQLITE_CORRUPT: ("store.corrupt", "is damaged", "put back a copy of it, or move it away to begin a new store"),
    sqlite3.SQLITE_NOTADB: ("store.corrupt", "is not a streamtags store", "choose another --store, or move the file away"),
    sqlite3.SQLITE_IOERR: ("store.io", "the disk reports an error", f"check the disk and run the same command again; {_NOTHING_LOST}"),
}


def explain(error: sqlite3.Error, path: Path, timeout_seconds: float) -> StoreError:
    """Return the `StoreError` for `error`, raised on the file `path` after waiting at most `timeout_seconds` for a lock."""
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code: https://sqlite.org/rescode.html
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"another process has been writing for more than {timeout_seconds:g} s",
            where=str(path),
            hint=f"wait for it or end it, then run the same command again; {_NOTHING_LOST}",
            code="store.locked",
        )
    code, what, hint = _EXPLANATIONS.get(kind, ("store", str(error), f"run the same command again; {_NOTHING_LOST}"))
    return StoreError(what, where=str(path), hint=hint, code=code)
