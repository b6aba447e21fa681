"""Music libraries in a SQLite file beside the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from streamtags.core.errors import NotInStore
from streamtags.core.music import Library, LibraryKind, StoredTrack, Track
from streamtags.core.vocabulary import did_you_mean
from streamtags.store.sqlite.database import Database
from streamtags.store.sqlite.schema import Schema

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqliteMusicLibraries"]

_TRACK = TypeAdapter(Track)
_PAGE = 5_000  # tracks that are read at a time
_SELECT = "SELECT name, path, kind, (SELECT count(*) FROM tracks WHERE library = name), revision FROM libraries"


def _create_tables(connection: Connection) -> None:
    connection.execute(
        "CREATE TABLE libraries (name TEXT PRIMARY KEY, path TEXT NOT NULL, kind TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID"
    )
    connection.execute(
        """
        CREATE TABLE tracks (
            library TEXT NOT NULL REFERENCES libraries (name) ON DELETE CASCADE,
            track TEXT NOT NULL,
            stamp TEXT NOT NULL,
            data TEXT NOT NULL,
            PRIMARY KEY (library, track)
        ) WITHOUT ROWID
        """
    )


_SCHEMA = Schema(application=0x73746D6C, migrations=(_create_tables,))  # "stml"


class SqliteMusicLibraries:
    """`MusicLibraries` in one SQLite file; safe to use from several threads and processes.

    Args:
        path: the file; created if missing.

    Raises:
        StoreError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._database.close()

    def libraries(self) -> list[Library]:
        """Return all libraries, by name."""
        with self._database.read() as connection:
            return [Library(*row) for row in connection.execute(f"{_SELECT} ORDER BY name")]

    def library(self, name: str) -> Library:
        """Return one library.

        Raises:
            NotInStore: there is none of that name.
        """
        with self._database.read() as connection:
            row = connection.execute(f"{_SELECT} WHERE name = ?", (name,)).fetchone()
        if row is None:
            names = [library.name for library in self.libraries()]
            hint = did_you_mean(name, names) if names else "add one: streamtags library add FOLDER"
            raise NotInStore(f"no music library {name!r}", hint=hint)
        return Library(*row)

    def stored(self, name: str) -> dict[str, StoredTrack]:
        """Return the tracks of a library by id; empty if there is no such library."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT track, stamp, data FROM tracks WHERE library = ? ORDER BY track", (name,)).fetchall()
        return {track: StoredTrack(_TRACK.validate_json(data), stamp) for track, stamp, data in rows}

    def tracks(self, name: str) -> Iterator[Track]:
        """Yield the tracks of a library in the order of their ids."""
        last = ""
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    "SELECT track, data FROM tracks WHERE library = ? AND track > ? ORDER BY track LIMIT ?", (name, last, _PAGE)
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield from (_TRACK.validate_json(data) for _, data in rows)

    def some(self, name: str, ids: Sequence[str]) -> list[Track]:
        """Return these tracks, in this order; missing ones are left out."""
        with self._database.read() as connection:
            rows = [
                connection.execute("SELECT data FROM tracks WHERE library = ? AND track = ?", (name, track)).fetchone() for track in ids
            ]
        return [_TRACK.validate_json(row[0]) for row in rows if row is not None]

    def save(self, name: str, path: str, kind: LibraryKind, tracks: Iterable[StoredTrack], removed: Iterable[str] = ()) -> None:
        """Add or replace tracks of a library and remove others, in one transaction; the library is made if there is none."""
        rows = [
            (name, stored.track.track, stored.stamp, _TRACK.dump_json(stored.track, exclude_defaults=True).decode()) for stored in tracks
        ]
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO libraries VALUES (?, ?, ?, 1)"
                " ON CONFLICT (name) DO UPDATE SET path = excluded.path, kind = excluded.kind, revision = revision + 1",
                (name, path, kind),
            )
            connection.executemany("DELETE FROM tracks WHERE library = ? AND track = ?", [(name, track) for track in removed])
            connection.executemany("REPLACE INTO tracks VALUES (?, ?, ?, ?)", rows)

    def remove(self, name: str) -> None:
        """Delete a library.

        Raises:
            NotInStore: there is none of that name.
        """
        self.library(name)
        with self._database.write() as connection:
            connection.execute("DELETE FROM tracks WHERE library = ?", (name,))
            connection.execute("DELETE FROM libraries WHERE name = ?", (name,))
