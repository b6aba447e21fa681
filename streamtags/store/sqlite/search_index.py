"""The search index in a SQLite file of its own: full text by FTS5, vectors as blobs.

It holds nothing that the logs do not hold: delete the file and search rebuilds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from streamtags.core.records import Head
from streamtags.core.search import FIELDS, IndexedDocument, Match, SearchDocument, SearchFilter
from streamtags.core.timebase import Time
from streamtags.core.vocabulary import folded
from streamtags.store.sqlite.database import Database
from streamtags.store.sqlite.schema import Schema

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqliteSearchIndex"]

# Weights of the fields in bm25, in the order of FIELDS: a word of the caption counts most.
_WEIGHTS = (3.0, 2.0, 1.5, 1.5, 1.5, 1.0)
_EXCERPT_TOKENS = 16
# Marks a matched word in an excerpt; such characters are not in a text, which holds no control characters once indexed.
_MARK = "\x02"
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
# Numbers in one statement: SQLite allows 32,766 parameters (https://sqlite.org/limits.html).
_BATCH = 10_000


def _create_tables(connection: Connection) -> None:
    execute = connection.execute
    execute("CREATE TABLE cursors (timeline TEXT PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID")
    execute(
        """
        CREATE TABLE documents (
            number INTEGER PRIMARY KEY AUTOINCREMENT,  -- a changed document gets a new number, so that a number never changes its meaning
            timeline TEXT NOT NULL,
            segment TEXT NOT NULL,
            at REAL NOT NULL,
            bounds TEXT NOT NULL,
            vector BLOB NOT NULL,
            UNIQUE (timeline, segment)
        )
        """
    )
    execute(
        """
        CREATE TABLE document_tags (
            document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
            tag TEXT NOT NULL,
            axis TEXT NOT NULL,
            confidence REAL NOT NULL
        )
        """
    )
    execute("CREATE INDEX document_tags_by_tag ON document_tags (tag, confidence, document)")
    execute("CREATE INDEX document_tags_by_axis ON document_tags (axis, confidence, document)")
    execute("CREATE INDEX document_tags_by_document ON document_tags (document)")
    execute(f"CREATE VIRTUAL TABLE texts USING fts5 ({', '.join(FIELDS)}, tokenize = 'porter unicode61 remove_diacritics 2')")


def _create_anew(connection: Connection) -> None:
    """Replace the tables: the fields have changed. Search fills them again from the logs."""
    for table in ("texts", "document_tags", "documents", "cursors"):
        connection.execute(f"DROP TABLE {table}")
    _create_tables(connection)


_SCHEMA = Schema(application=0x73747369, migrations=(_create_tables, _create_anew))  # "stsi"


class SqliteSearchIndex:
    """A `SearchIndex` in one SQLite file; safe to use from several threads and processes.

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

    def cursors(self) -> dict[str, Head]:
        """Return how far each timeline's log has been indexed."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT timeline, epoch, seq FROM cursors").fetchall()
        return {timeline: Head(epoch, seq) for timeline, epoch, seq in rows}

    def update(self, timeline: str, head: Head, documents: Sequence[SearchDocument], vectors: NDArray[np.int8], *, reset: bool) -> None:
        """Replace the documents of these segments and move the cursor of `timeline`, in one transaction."""
        with self._database.write() as connection:
            if reset:
                self._delete(connection, "timeline = ?", (timeline,))
            for document, vector in zip(documents, vectors, strict=True):
                self._delete(connection, "timeline = ? AND segment = ?", (timeline, document.segment))
                self._insert(connection, document, vector)
            connection.execute("REPLACE INTO cursors VALUES (?, ?, ?)", (timeline, head.epoch, head.seq))

    def forget(self, timeline: str) -> None:
        """Delete all documents of a timeline."""
        with self._database.write() as connection:
            self._delete(connection, "timeline = ?", (timeline,))
            connection.execute("DELETE FROM cursors WHERE timeline = ?", (timeline,))

    def match(self, words: Sequence[str], phrases: Sequence[str], allowed: SearchFilter, limit: int) -> list[Match]:
        """Return the best documents that contain any of `words` and each of `phrases`, by bm25."""
        expression = _expression(words, phrases)
        if not expression:
            return []
        condition, values = _condition(allowed)
        weights = ", ".join(str(weight) for weight in _WEIGHTS)
        statement = f"SELECT texts.rowid, bm25(texts, {weights}) AS score FROM texts"  # noqa: S608 - constants and parameters only
        if condition:
            statement += " JOIN documents ON documents.number = texts.rowid"
        statement += f" WHERE texts MATCH ?{f' AND {condition}' if condition else ''} ORDER BY score, texts.rowid LIMIT ?"
        with self._database.read() as connection:
            rows = connection.execute(statement, (expression, *values, limit)).fetchall()
        return [Match(number, -score) for number, score in rows]

    def allowed(self, allowed: SearchFilter, numbers: Sequence[int] | None = None, *, limit: int | None = None) -> list[int]:
        """Return the numbers of documents that pass the filter, of `numbers` or of all, in order; at most `limit`."""
        condition, values = _condition(allowed)
        select = f"SELECT number FROM documents WHERE {condition or 'TRUE'}"  # noqa: S608 - parameters only
        with self._database.read() as connection:
            if numbers is None:
                rows = connection.execute(f"{select} ORDER BY number LIMIT ?", (*values, -1 if limit is None else limit)).fetchall()
            else:
                some = ", ".join("?" * len(numbers))
                rows = connection.execute(f"{select} AND number IN ({some}) ORDER BY number", (*values, *numbers)).fetchall()
        return [number for (number,) in rows][:limit]

    def numbers_after(self, number: int) -> list[int]:
        """Return the numbers of documents above `number`, in order."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT number FROM documents WHERE number > ? ORDER BY number", (number,)).fetchall()
        return [above for (above,) in rows]

    def vectors(self, numbers: Sequence[int] | None = None) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Return numbers [n] and vectors int8 [n, dimensions], of `numbers` or of all documents."""
        with self._database.read() as connection:
            if numbers is None:
                rows = connection.execute("SELECT number, vector FROM documents ORDER BY number").fetchall()
            else:
                rows = _by_number(connection, "SELECT number, vector FROM documents", numbers)
        if not rows:
            return np.empty(0, np.int64), np.empty((0, 0), np.int8)
        vectors = np.frombuffer(b"".join(vector for _, vector in rows), np.int8).reshape(len(rows), -1)
        return np.array([number for number, _ in rows], np.int64), vectors

    def documents(self, numbers: Sequence[int]) -> list[IndexedDocument]:
        """Return these documents, in this order; missing ones are left out."""
        columns = ", ".join(FIELDS)
        with self._database.read() as connection:
            rows = _by_number(
                connection,
                f"SELECT number, timeline, segment, bounds, {columns} FROM documents JOIN texts ON texts.rowid = documents.number",  # noqa: S608
                numbers,
            )
        documents = {}
        for number, timeline, segment, bounds, *texts in rows:
            start, end = (Time.model_validate(time) for time in json.loads(bounds))
            documents[number] = IndexedDocument(
                number, timeline, segment, start, end, {name: text for name, text in zip(FIELDS, texts, strict=True) if text}
            )
        return [documents[number] for number in numbers if number in documents]

    def excerpts(self, number: int, words: Sequence[str], phrases: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Return field and excerpt of each text of a document that contains any of the words or phrases."""
        expression = _expression([*words, *phrases], ())
        if not expression:
            return ()
        columns = ", ".join(f"snippet(texts, {column}, '{_MARK}', '', '…', {_EXCERPT_TOKENS})" for column in range(len(FIELDS)))
        with self._database.read() as connection:
            row = connection.execute(
                f"SELECT {columns} FROM texts WHERE texts MATCH ? AND rowid = ?",  # noqa: S608 - constants and parameters only
                (expression, number),
            ).fetchone()
        texts = zip(FIELDS, row or (), strict=False)
        return tuple((name, text.replace(_MARK, "")) for name, text in texts if text and _MARK in text)

    def count(self) -> int:
        """Return the number of documents."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])

    def _insert(self, connection: Connection, document: SearchDocument, vector: NDArray[np.int8]) -> None:
        bounds = json.dumps([document.start.model_dump(mode="json"), document.end.model_dump(mode="json")])
        number = connection.execute(
            "INSERT INTO documents (timeline, segment, at, bounds, vector) VALUES (?, ?, ?, ?, ?)",
            (document.timeline, document.segment, document.at.timestamp(), bounds, vector.tobytes()),
        ).lastrowid
        places = ", ".join("?" * (len(FIELDS) + 1))
        texts = [_CONTROL.sub(" ", document.texts.get(name, "")) for name in FIELDS]
        connection.execute(f"INSERT INTO texts (rowid, {', '.join(FIELDS)}) VALUES ({places})", (number, *texts))  # noqa: S608 - constants
        connection.executemany(
            "INSERT INTO document_tags VALUES (?, ?, ?, ?)",
            [(number, folded(tag.tag), folded(tag.axis), tag.confidence) for tag in document.tags],
        )

    def _delete(self, connection: Connection, condition: str, values: tuple[str, ...]) -> None:
        numbers = connection.execute(f"SELECT number FROM documents WHERE {condition}", values).fetchall()  # noqa: S608 - from this file
        connection.executemany("DELETE FROM texts WHERE rowid = ?", numbers)
        connection.executemany("DELETE FROM documents WHERE number = ?", numbers)


def _by_number(connection: Connection, select: str, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for first in range(0, len(numbers), _BATCH):
        some = [int(number) for number in numbers[first : first + _BATCH]]
        rows += connection.execute(f"{select} WHERE number IN ({', '.join('?' * len(some))})", some).fetchall()
    return rows


def _expression(words: Sequence[str], phrases: Sequence[str]) -> str:
    """A query in FTS5's language; every word is quoted, so that nothing in it is an operator (https://sqlite.org/fts5.html)."""
    quoted = [f'"{word.replace(chr(34), " ")}"' for word in words if word.strip()]
    parts = [f"({' OR '.join(quoted)})"] if quoted else []
    parts += [f'"{phrase.replace(chr(34), " ")}"' for phrase in phrases if phrase.strip()]
    return " AND ".join(parts)


def _condition(allowed: SearchFilter) -> tuple[str, list[Any]]:
    """The filter as a condition on `documents`, and its parameters."""
    parts: list[str] = []
    values: list[Any] = []
    if allowed.timelines:
        parts.append(f"documents.timeline IN ({', '.join('?' * len(allowed.timelines))})")
        values += allowed.timelines
    for tag in allowed.tags:
        parts.append("documents.number IN (SELECT document FROM document_tags WHERE tag = ? AND confidence >= ?)")
        values += [folded(tag), allowed.min_confidence]
    if allowed.axis is not None:
        parts.append("documents.number IN (SELECT document FROM document_tags WHERE axis = ? AND confidence >= ?)")
        values += [folded(allowed.axis), allowed.min_confidence]
    if allowed.since is not None:
        parts.append("documents.at >= ?")
        values.append(allowed.since.timestamp())
    if allowed.until is not None:
        parts.append("documents.at < ?")
        values.append(allowed.until.timestamp())
    return " AND ".join(parts), values
