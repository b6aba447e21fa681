"""The search index in a SQLite file of its own: full text by FTS5, vectors as blobs.

It holds nothing that the logs do not hold: delete the file and search rebuilds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
# Documents that are ranked by bm25 for a query: that takes 2.5 us each, counting them a twentieth.
_RANKED = 4_000
_CACHE_KIB = 32_768  # of each connection; a query reads about a thousand pages here and there
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
            UNIQUE (timeline, segment)
        )
        """
    )
    # Apart from the documents, so that many vectors are on one page.
    execute("CREATE TABLE vectors (number INTEGER PRIMARY KEY REFERENCES documents (number) ON DELETE CASCADE, vector BLOB NOT NULL)")
    execute(
        """
        CREATE TABLE document_tags (
            document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
            tag TEXT NOT NULL,
            axis TEXT NOT NULL,
            confidence REAL NOT NULL,
            PRIMARY KEY (document, tag)
        ) WITHOUT ROWID
        """
    )
    execute("CREATE INDEX documents_by_time ON documents (at)")
    execute("CREATE INDEX document_tags_by_tag ON document_tags (tag, confidence, document)")
    execute("CREATE INDEX document_tags_by_axis ON document_tags (axis, confidence, document)")
    execute(f"CREATE VIRTUAL TABLE texts USING fts5 ({', '.join(FIELDS)}, tokenize = 'porter unicode61 remove_diacritics 2')")


def _create_anew(connection: Connection) -> None:
    """Replace the tables: the fields have changed. Search fills them again from the logs."""
    for table in ("texts", "vectors", "document_tags", "documents", "cursors"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    _create_tables(connection)


_SCHEMA = Schema(application=0x73747369, migrations=(_create_tables, _create_anew, _create_anew))  # "stsi"


class SqliteSearchIndex:
    """A `SearchIndex` in one SQLite file; safe to use from several threads and processes.

    Args:
        path: the file; created if missing.

    Raises:
        StoreError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA, cache_kib=_CACHE_KIB)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._database.close()

    def cursors(self, timelines: Collection[str] | None = None) -> dict[str, Head]:
        """Return how far the logs of `timelines`, or of all, have been indexed, without those that have not been."""
        statement = "SELECT timeline, epoch, seq FROM cursors"
        with self._database.read() as connection:
            if timelines is None:
                rows = connection.execute(statement).fetchall()
            else:
                rows = [row for one in timelines for row in connection.execute(f"{statement} WHERE timeline = ?", (one,))]
        return {timeline: Head(epoch, seq) for timeline, epoch, seq in rows}

    def update(self, timeline: str, head: Head, documents: Sequence[SearchDocument], vectors: NDArray[np.int8], *, reset: bool) -> None:
        """Replace the documents of these segments and move the cursor of `timeline`, in one transaction."""
        with self._database.write() as connection:
            row = connection.execute("SELECT epoch, seq FROM cursors WHERE timeline = ?", (timeline,)).fetchone()
            if row is not None and row[0] == head.epoch and row[1] >= head.seq:
                return  # another process has indexed this much
            if reset:
                self._delete(connection, "timeline = ?", (timeline,))
            else:
                for document in documents:
                    self._delete(connection, "timeline = ? AND segment = ?", (timeline, document.segment))
            _insert(connection, documents, vectors)
            connection.execute("REPLACE INTO cursors VALUES (?, ?, ?)", (timeline, head.epoch, head.seq))

    def forget(self, timeline: str) -> None:
        """Delete all documents of a timeline."""
        with self._database.write() as connection:
            self._delete(connection, "timeline = ?", (timeline,))
            connection.execute("DELETE FROM cursors WHERE timeline = ?", (timeline,))

    def match(self, words: Sequence[str], phrases: Sequence[str], allowed: SearchFilter, limit: int) -> list[Match]:
        """Return the best documents that contain any of `words` and each of `phrases`, by bm25.

        Words that very many documents contain find nothing beside rarer ones, and of documents that contain only such words the newest
        are ranked: each document that is ranked costs time.
        """
        conditions = _conditions(allowed)
        weights = ", ".join(str(weight) for weight in _WEIGHTS)
        statement = f"SELECT texts.rowid, bm25(texts, {weights}) AS score FROM texts"  # noqa: S608 - constants and parameters only
        statement += " WHERE texts MATCH ? AND rowid >= ?" + "".join(f" AND {one.check.format('texts.rowid')}" for one in conditions)
        values = [value for one in conditions for value in one.values]
        with self._database.read() as connection:
            expression = _affordable(connection, words, phrases)
            if not expression:
                return []
            oldest = _oldest(connection, expression)
            rows = connection.execute(f"{statement} ORDER BY score, rowid LIMIT ?", (expression, oldest, *values, limit)).fetchall()
        return [Match(number, -score) for number, score in rows]

    def allowed(self, allowed: SearchFilter, numbers: Sequence[int] | None = None, *, limit: int | None = None) -> list[int]:
        """Return the numbers of documents that pass the filter, of `numbers` or of all; at most `limit`."""
        conditions = _conditions(allowed)
        most = -1 if limit is None else limit
        with self._database.read() as connection:
            if numbers is not None:
                checks, values = _checks(conditions, "vectors.number")
                rows = _by_number(connection, "SELECT number FROM vectors", numbers, checks, values)
            elif conditions:
                first = min(conditions, key=lambda condition: _size(connection, condition, most))
                checks, values = _checks([one for one in conditions if one is not first], "listed.number")
                statement = f"SELECT number FROM ({first.select} LIMIT ?) AS listed WHERE {checks}"  # noqa: S608 - parameters only
                rows = connection.execute(statement, (*first.values, most, *values)).fetchall()
            else:
                rows = connection.execute("SELECT number FROM vectors LIMIT ?", (most,)).fetchall()
        return list(dict.fromkeys(number for (number,) in rows))[:limit]  # a document has several tags of one axis

    def numbers_after(self, number: int) -> list[int]:
        """Return the numbers of documents above `number`, in order."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT number FROM vectors WHERE number > ? ORDER BY number", (number,)).fetchall()
        return [above for (above,) in rows]

    def vectors(self, numbers: Sequence[int] | None = None) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Return numbers [n] and vectors int8 [n, dimensions], of `numbers` or of all documents."""
        with self._database.read() as connection:
            if numbers is None:
                rows = connection.execute("SELECT number, vector FROM vectors ORDER BY number").fetchall()
            else:
                rows = _by_number(connection, "SELECT number, vector FROM vectors", numbers)
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
        expression = " OR ".join(quoted for text in (*words, *phrases) if (quoted := _quoted(text)))
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

    def count(self, *, after: int = 0) -> int:
        """Return how many documents have a number above `after`."""
        with self._database.read() as connection:
            return int(connection.execute("SELECT count(*) FROM vectors WHERE number > ?", (after,)).fetchone()[0])

    def optimize(self) -> None:
        """Merge the parts of the full text that many updates left; may take a minute."""
        with self._database.write() as connection:
            connection.execute("INSERT INTO texts (texts) VALUES ('optimize')")  # https://sqlite.org/fts5.html#the_optimize_command

    def _delete(self, connection: Connection, condition: str, values: tuple[str, ...]) -> None:
        numbers = connection.execute(f"SELECT number FROM documents WHERE {condition}", values).fetchall()  # noqa: S608 - from this file
        connection.executemany("DELETE FROM texts WHERE rowid = ?", numbers)
        connection.executemany("DELETE FROM documents WHERE number = ?", numbers)


def _insert(connection: Connection, documents: Sequence[SearchDocument], vectors: NDArray[np.int8]) -> None:
    """Add documents under new numbers."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'documents'").fetchone()
    first = (row[0] if row else 0) + 1
    connection.executemany(
        "INSERT INTO documents (number, timeline, segment, at, bounds) VALUES (?, ?, ?, ?, ?)",
        (
            (number, one.timeline, one.segment, one.at.timestamp(), f"[{one.start.model_dump_json()},{one.end.model_dump_json()}]")
            for number, one in enumerate(documents, first)
        ),
    )
    connection.executemany("INSERT INTO vectors VALUES (?, ?)", enumerate(map(bytes, vectors), first))
    places = ", ".join("?" * (len(FIELDS) + 1))
    connection.executemany(
        f"INSERT INTO texts (rowid, {', '.join(FIELDS)}) VALUES ({places})",  # noqa: S608 - constants
        ((number, *(_CONTROL.sub(" ", one.texts.get(name, "")) for name in FIELDS)) for number, one in enumerate(documents, first)),
    )
    connection.executemany(
        "REPLACE INTO document_tags VALUES (?, ?, ?, ?)",
        ((number, folded(tag.tag), folded(tag.axis), tag.confidence) for number, one in enumerate(documents, first) for tag in one.tags),
    )


def _by_number(
    connection: Connection, select: str, numbers: Sequence[int], check: str = "TRUE", values: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for first in range(0, len(numbers), _BATCH):
        some = [int(number) for number in numbers[first : first + _BATCH]]
        rows += connection.execute(f"{select} WHERE number IN ({', '.join('?' * len(some))}) AND {check}", (*some, *values)).fetchall()
    return rows


def _affordable(connection: Connection, words: Sequence[str], phrases: Sequence[str]) -> str:
    """A query in FTS5's language for the rarest of `words` that few enough documents contain together, or else for all of them at once."""
    sizes = sorted((_matches(connection, expression), expression) for word in words if (expression := _quoted(word)))
    rare, total = [], 0
    for size, expression in sizes:
        total += size
        if total <= _RANKED:
            rare.append(expression)
    needed = [expression for phrase in phrases if (expression := _quoted(phrase))]
    some = " OR ".join(rare) if rare else " AND ".join(expression for _, expression in sizes)
    if not rare and len(sizes) > 1 and not _matches(connection, some):
        some = " OR ".join(expression for _, expression in sizes)
    return " AND ".join([f"({some})", *needed] if some else needed)


def _quoted(words: str) -> str:
    """Words as a phrase of FTS5, so that nothing in them is an operator (https://sqlite.org/fts5.html); "" if there are none."""
    plain = words.replace('"', " ").strip()
    return f'"{plain}"' if plain else ""


def _matches(connection: Connection, expression: str) -> int:
    """How many documents match, counted up to `_RANKED` + 1."""
    statement = "SELECT count(*) FROM (SELECT 1 FROM texts WHERE texts MATCH ? LIMIT ?)"
    return int(connection.execute(statement, (expression, _RANKED + 1)).fetchone()[0])


def _oldest(connection: Connection, expression: str) -> int:
    """The number from which on `_RANKED` documents match."""
    statement = "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rowid DESC LIMIT 1 OFFSET ?"
    row = connection.execute(statement, (expression, _RANKED)).fetchone()
    return int(row[0]) if row else 0


class _Condition(NamedTuple):
    """A part of a filter.

    Attributes:
        check: is true of a document that passes; `{}` stands for its number.
        select: lists the numbers of all that pass.
        values: parameters of either.
    """

    check: str
    select: str
    values: tuple[Any, ...]


def _checks(conditions: Sequence[_Condition], number: str) -> tuple[str, list[Any]]:
    """All conditions as one, and its parameters."""
    return " AND ".join(one.check.format(number) for one in conditions) or "TRUE", [value for one in conditions for value in one.values]


def _size(connection: Connection, condition: _Condition, limit: int) -> int:
    """How many documents pass, counted up to `limit`; -1 counts all."""
    statement = f"SELECT count(*) FROM ({condition.select} LIMIT ?)"  # noqa: S608 - from this file
    return int(connection.execute(statement, (*condition.values, limit)).fetchone()[0])


def _conditions(allowed: SearchFilter) -> list[_Condition]:
    """The parts of a filter; a document passes if it passes each."""
    parts: list[_Condition] = []
    if allowed.timelines:
        parts.append(_condition("documents", f"timeline IN ({', '.join('?' * len(allowed.timelines))})", *allowed.timelines))
    parts += [_condition("document_tags", "tag = ? AND confidence >= ?", folded(tag), allowed.min_confidence) for tag in allowed.tags]
    if allowed.axis is not None:
        parts.append(_condition("document_tags", "axis = ? AND confidence >= ?", folded(allowed.axis), allowed.min_confidence))
    if allowed.since is not None:
        parts.append(_condition("documents", "at >= ?", allowed.since.timestamp()))
    if allowed.until is not None:
        parts.append(_condition("documents", "at < ?", allowed.until.timestamp()))
    return parts


def _condition(table: str, condition: str, *values: Any) -> _Condition:
    column = "number" if table == "documents" else "document"
    return _Condition(
        f"EXISTS (SELECT 1 FROM {table} AS one WHERE one.{column} = {{}} AND {condition})",  # noqa: S608 - from this file
        f"SELECT {column} AS number FROM {table} WHERE {condition}",  # noqa: S608 - from this file
        values,
    )
