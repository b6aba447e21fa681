"""Stores with very many timelines, filled by bulk copy: the rows are those that `open_timeline` and `append` write, which a sample proves.

Writing a million segments event by event takes hours. Here the rows of each log are made by the functions of the store and copied in.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks.search import made_up
from streamtags.core.events import Payload, SegmentCaptioned
from streamtags.core.records import TimelineIdentity
from streamtags.core.search import SearchDocument
from streamtags.core.stores import Store
from streamtags.run.search import StaticEmbedder
from streamtags.search.documents import document_of, meaning_of
from streamtags.search.engine import Search
from streamtags.search.vectors import NearestDocuments, quantized
from streamtags.store.catalog_rows import IDENTITY, identity_row
from streamtags.store.log_columns import LogColumns
from streamtags.store.postgres.catalog import _digest
from streamtags.store.postgres.store import PostgresStore
from streamtags.store.rows import encode, time_text
from streamtags.store.sqlite.search_index import SqliteSearchIndex
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.log import make_payloads

__all__ = ["FIRST_DAY", "fill_by_copy", "identity_of", "index_by_copy", "made_up_captions", "name_of", "payloads_of", "print_sizes"]

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
"""Timeline 0 is written then, and each other one a minute after the one before."""
# Logs that differ in more than their captions.
_TEMPLATES = 20
_AT_ONCE = 200
_CATALOG = f"n, id, {IDENTITY}, name, epoch, seq, state, segments, seconds, opened, opened_at"
_EVENTS = "timeline, seq, type, at, data"
Row = tuple[Any, ...]


def name_of(number: int) -> str:
    """Return the id of a timeline."""
    return f"tl_{number:016x}"


def identity_of(number: int) -> TimelineIdentity:
    """Return the identity of a timeline."""
    return TimelineIdentity(f"film {number}")


def made_up_captions(count: int) -> Iterator[str]:
    """Captions as in the benchmark of search."""
    for documents in made_up(count):
        yield from (document.texts["caption"] for document in documents)


def payloads_of(timelines: int, segments: int) -> Iterator[list[Payload]]:
    """The payloads of each timeline: whole analyses with made-up captions."""
    templates = [make_payloads(segments, seed=seed) for seed in range(_TEMPLATES)]
    captions = made_up_captions(timelines * segments)
    for number in range(timelines):
        yield [
            payload.model_copy(update={"caption": next(captions)}) if isinstance(payload, SegmentCaptioned) else payload
            for payload in templates[number % _TEMPLATES]
        ]


def fill_by_copy(store: Store, timelines: int, segments: int) -> None:
    """Fill an empty store with timelines; print how long that took.

    Raises:
        AssertionError: a row is not as the store writes it.
    """
    written = {}
    for number, payloads in enumerate(itertools.islice(payloads_of(timelines, segments), _TEMPLATES)):
        store.open_timeline(name_of(number), identity_of(number))
        store.append(name_of(number), payloads)
        written[number] = _rows_of(store, number)
        store.remove(name_of(number))
    began = time.perf_counter()
    rows = _batches(timelines, segments)
    copy = _copy_to_postgres if isinstance(store, PostgresStore) else _copy_to_sqlite
    copied = copy(cast("Any", store), rows)
    print(f"  {timelines} timelines, {copied} events copied in {time.perf_counter() - began:.0f} s", flush=True)
    for number, expected in written.items():
        if _rows_of(store, number) != expected:
            raise AssertionError(f"the rows of timeline {number} are not as the store writes them")
    print(f"  {len(written)} of these timelines are row for row as the store writes them", flush=True)


def _batches(timelines: int, segments: int) -> Iterator[tuple[list[Row], list[Row]]]:
    """Rows of the tables `timelines` and `events`, some timelines at a time."""
    texts: dict[int, str] = {}  # JSON of the payloads that logs share
    every = enumerate(payloads_of(timelines, segments))
    while some := list(itertools.islice(every, _AT_ONCE)):
        catalog, events = list[Row](), list[Row]()
        for number, payloads in some:
            columns, at = LogColumns("", "queued", 0, None), time_text(FIRST_DAY + timedelta(minutes=number))
            for seq, payload in enumerate(payloads, 1):
                columns.apply(payload)
                if isinstance(payload, SegmentCaptioned):
                    ((_, data),) = encode([payload])
                else:
                    data = texts.get(id(payload)) or texts.setdefault(id(payload), encode([payload])[0][1])
                events.append((number + 1, seq, payload.type, at, data))
            log = columns.name, f"{number:016x}", len(payloads), columns.state, columns.segments, columns.seconds
            catalog.append((number + 1, name_of(number), *identity_row(identity_of(number)), *log, number + 1, at))
        yield catalog, events


def _copy_to_sqlite(store: SqliteStore, batches: Iterable[tuple[list[Row], list[Row]]]) -> int:
    copied = 0
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        marks = ", ".join(["?"] * len(_CATALOG.split(",")))
        for catalog, events in batches:
            connection.execute("BEGIN")
            connection.executemany(f"INSERT INTO timelines ({_CATALOG}) VALUES ({marks})", catalog)
            connection.executemany(f"INSERT INTO events ({_EVENTS}) VALUES (?, ?, ?, ?, ?)", events)
            connection.execute("COMMIT")
            copied += len(events)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return copied


def _copy_to_postgres(store: PostgresStore, batches: Iterable[tuple[list[Row], list[Row]]]) -> int:
    copied = 0
    with store._database.connect() as connection:
        connection.execute("SET synchronous_commit = off")
        for catalog, events in batches:
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy(f"COPY streamtags.timelines ({_CATALOG}, identity) FROM STDIN".encode()) as copy:
                    for row in catalog:
                        copy.write_row((*row, _digest(identity_of(row[0] - 1))))
                with cursor.copy(f"COPY streamtags.events ({_EVENTS}) FROM STDIN".encode()) as copy:
                    for row in events:
                        copy.write_row(row)
            copied += len(events)
        connection.execute("SELECT setval('streamtags.openings', (SELECT max(opened) FROM streamtags.timelines))")
        connection.execute("SELECT setval(pg_get_serial_sequence('streamtags.timelines', 'n'), (SELECT max(n) FROM streamtags.timelines))")
        connection.execute("VACUUM ANALYZE")
    return copied


def index_by_copy(store: Store, timelines: int, segments: int) -> None:
    """Index a store that `fill_by_copy` has filled, with the documents of the first logs and the captions of each; print how long it took.

    Raises:
        AssertionError: a document is not as search indexes it.
    """
    folder, embedder = store.folder / "search", StaticEmbedder()
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with closing(SqliteSearchIndex(folder / f"{embedder.name}.db")) as index:
        index._database._writer.execute("PRAGMA synchronous = OFF")
        templates = [_documents_of(store, number) for number in range(min(_TEMPLATES, timelines))]
        captions, heads, done = made_up_captions(timelines * segments), store.heads(), index.cursors()
        for first in range(0, timelines, _TEMPLATES):
            logs = [
                [
                    replace(
                        document,
                        timeline=name_of(number),
                        at=FIRST_DAY + timedelta(minutes=number),
                        texts={**document.texts, "caption": next(captions)},
                    )
                    for document in templates[number % _TEMPLATES]
                ]
                for number in range(first, min(first + _TEMPLATES, timelines))
            ]
            logs = [log for log in logs if log[0].timeline not in done]
            vectors = quantized(embedder.embed([meaning_of(document) for log in logs for document in log])) if logs else np.empty((0, 0))
            for place, log in enumerate(logs):
                index.update(log[0].timeline, heads[log[0].timeline], log, vectors[place * segments :][:segments], reset=True)
        index.optimize()
        NearestDocuments(index, folder / f"{embedder.name}.npy").extend()
        print(f"  {index.count()} segments indexed by copy in {time.perf_counter() - began:.0f} s", flush=True)
        _check_index(store, index, min(_TEMPLATES, timelines))


def _documents_of(store: Store, number: int) -> list[SearchDocument]:
    at = FIRST_DAY + timedelta(minutes=number)
    return [document_of(name_of(number), segment, at, {}) for segment in store.state(name_of(number)).segments]


def _check_index(store: Store, index: SqliteSearchIndex, count: int) -> None:
    """Index the first timelines as search does, and compare; print how long that takes for each."""
    with tempfile.TemporaryDirectory() as folder, closing(SqliteSearchIndex(Path(folder) / "index.db")) as other:
        search = Search(store, other, NearestDocuments(other, Path(folder) / "index.npy"), StaticEmbedder())
        began, used = time.perf_counter(), time.process_time()
        for number in range(count):
            search._catch_up(name_of(number), None)
        taken, used = (time.perf_counter() - began) / count, (time.process_time() - used) / count
        numbers = other.numbers_after(0)
        if other.documents(numbers) != index.documents(numbers) or not np.array_equal(other.vectors(numbers)[1], index.vectors(numbers)[1]):
            raise AssertionError("the copied index is not as search makes it")
    print(f"  search itself indexes a timeline in {taken * 1000:.0f} ms, {used * 1000:.0f} ms of the processor; the documents are equal")


def _rows_of(store: Store, number: int) -> list[dict[str, Any]]:
    """All columns of a timeline and its events but its number, its epoch and the times."""
    name, schema = name_of(number), "streamtags." if isinstance(store, PostgresStore) else ""
    own = f"SELECT * FROM {schema}timelines WHERE id = '{name}'"
    of_it = f"SELECT e.* FROM {schema}events e JOIN {schema}timelines t ON t.n = e.timeline WHERE t.id = '{name}' ORDER BY seq"
    rows = list[dict[str, Any]]()
    if isinstance(store, PostgresStore):
        with store._database.connect() as connection:
            for statement in (own, of_it):
                answer = connection.execute(statement.encode())
                rows += [dict(zip([one.name for one in answer.description or ()], row, strict=True)) for row in answer]
    else:
        with closing(sqlite3.connect(cast("SqliteStore", store).path)) as connection:
            for statement in (own, of_it):
                table = connection.execute(statement)
                rows += [dict(zip([one[0] for one in table.description], row, strict=True)) for row in table]
    hidden = {"n", "timeline", "epoch", "opened", "opened_at", "at"}
    return [{column: value for column, value in row.items() if column not in hidden} for row in rows]


def print_sizes(store: Store) -> None:
    """Print what a store takes on disk, and what the server of the database takes in memory."""
    if not isinstance(store, PostgresStore):
        path = cast("SqliteStore", store).path
        files = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*") if file.is_file())
        print(f"  on disk: {files / 1e6:.0f} MB")
    else:
        tables = (
            "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class"
            " WHERE relnamespace = 'streamtags'::regnamespace AND relkind = 'r' ORDER BY 2 DESC LIMIT 2"
        )
        parts = [f"{table} {size / 1e6:.0f} MB and indexes {indexes / 1e6:.0f} MB" for table, size, indexes in store._database.read(tables)]
        (total,) = store._database.read("SELECT pg_database_size(current_database())")[0]
        processes = store._database.read("SELECT pid FROM pg_stat_activity")
        memory = sum(_private_kib(int(pid)) for (pid,) in processes)
        print(f"  on disk: {total / 1e6:.0f} MB, of which {'; '.join(parts)}")
        print(f"  memory of the database's processes without shared buffers: {memory / 1024:.0f} MB in {len(processes)} processes")
    for path in sorted((store.folder / "search").glob("*")) if (store.folder / "search").is_dir() else ():
        print(f"  search/{path.name}: {path.stat().st_size / 1e6:.0f} MB")


def _private_kib(pid: int) -> int:
    """Private memory of a process, in KiB; 0 if it has ended."""
    if not os.access(f"/proc/{pid}/smaps_rollup", os.R_OK):
        return 0
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
