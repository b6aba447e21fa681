"""Faults around a store: one error that says what to do, and nothing written before is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import StoreError
from streamtags.core.records import Fingerprint, TimelineIdentity
from streamtags.store.sqlite.migrations import STORE_SCHEMA
from streamtags.store.sqlite.schema import Migration, Schema
from streamtags.store.sqlite.store import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def refused(path: Path) -> StoreError:
    with pytest.raises(StoreError) as caught:
        SqliteStore(path)
    assert caught.value.exit_status == 4
    assert str(path) in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_a_missing_folder_is_created(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "a" / "b" / "events.db") as store:
        assert store.timelines() == []


def test_a_folder_is_not_a_store(tmp_path: Path) -> None:
    assert "is a folder" in str(refused(tmp_path))


def test_a_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "folder cannot be made" in str(refused(tmp_path / "file" / "events.db"))


@pytest.mark.parametrize("content", [b"once upon a time " * 100, b"\0" * 5000, b"SQLite format 3\0" + b"\xff" * 4080])
def test_a_file_that_is_not_a_database_is_not_changed(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refused(path).code == "store.corrupt"
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_not_changed(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    before = path.read_bytes()
    assert "another program" in str(refused(path))
    assert path.read_bytes() == before


def test_a_store_of_a_newer_version_is_not_changed(path: Path) -> None:
    SqliteStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {STORE_SCHEMA.version + 1}")
    connection.close()
    assert "newer streamtags" in str(refused(path))


def test_a_migration_that_fails_leaves_the_store_as_it_was(path: Path, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteStore(path) as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        given = store.append("tl_a", [make.opened()])

    def add_and_fail(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE thumbnails")
        connection.execute("ALTER TABLE absent ADD COLUMN note")

    def add(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE timelines ADD COLUMN note TEXT")

    def newer(*steps: Migration) -> None:
        schema = Schema(STORE_SCHEMA.application, (*STORE_SCHEMA.migrations, *steps))
        monkeypatch.setattr("streamtags.store.sqlite.store.STORE_SCHEMA", schema)

    newer(add, add_and_fail)
    with pytest.raises(StoreError, match="no such table: absent"):
        SqliteStore(path)
    newer(add)
    with SqliteStore(path) as store:
        assert store.read("tl_a") == given


@pytest.fixture
def filled(path: Path, make: Any) -> Iterator[tuple[SqliteStore, list[Any]]]:
    """A store with two events, which every fault must leave as they are."""
    with SqliteStore(path, timeout_seconds=0.1) as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        yield store, store.append("tl_a", [make.opened(), make.detected(0)])


def test_no_space_left(filled: tuple[SqliteStore, list[Any]], make: Any) -> None:
    store, given = filled
    with store._database.write() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    store._database._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="no space left") as caught:
        store.append(
            "tl_a",
            [make.detected(1), make.captioned(1, 1, "x" * 100_000)],
            thumbnails={"s0001": b"j"},
            fingerprints={"s0001": Fingerprint(1, b"")},
        )
    assert caught.value.code == "store.full"
    assert store.read("tl_a") == given
    assert store.timelines()[0].segments == 1
    assert store.candidates(1) == []
    with pytest.raises(StoreError, match="no space left"):
        store.replace("tl_a", [make.captioned(1, 1, "x" * 1_000_000)])
    assert store.read("tl_a") == given
    store._database._writer.execute("PRAGMA max_page_count = 1000000")
    assert store.append("tl_a", [make.detected(1)])[0].seq == 3


def test_another_process_locks_the_store(filled: tuple[SqliteStore, list[Any]], path: Path, make: Any) -> None:
    store, given = filled
    program = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        with pytest.raises(StoreError, match=r"another process has been writing for more than 0\.1 s") as caught:
            store.append("tl_a", [make.detected(1)])
        assert caught.value.code == "store.locked"
        assert store.read("tl_a") == given
        holder.stdin.close()
    assert store.append("tl_a", [make.detected(1)])[0].seq == 3


def test_a_truncated_store_is_damaged_and_not_empty(path: Path, make: Any) -> None:
    with SqliteStore(path) as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        store.append("tl_a", [make.captioned(0, 1, "x" * 50_000)])
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(StoreError) as caught:
        SqliteStore(path).read("tl_a")
    assert caught.value.code == "store.corrupt"
    assert "is damaged" in str(caught.value)


def test_a_damaged_event_is_named_by_its_number(filled: tuple[SqliteStore, list[Any]], path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET data = '{}' WHERE seq = 2")
    connection.close()
    for call in (lambda: filled[0].read("tl_a"), lambda: filled[0].state("tl_a")):
        with pytest.raises(StoreError, match="event 2 cannot be read") as caught:
            call()
        assert caught.value.code == "store.corrupt"


# Runs without privileges where the tests run as root, for whom permissions do not count.
READ_ONLY = """
import os, sys
from streamtags.core.errors import StoreError
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    with SqliteStore(sys.argv[1]) as store:
        print(len(store.timelines()))
        store.open_timeline("tl_b", TimelineIdentity("key b"))
except StoreError as error:
    print(error.code, error)
"""


@pytest.mark.parametrize("mode", [0o555, 0o755])
def test_a_store_without_write_permission(make: Any, mode: int) -> None:
    folder = Path(tempfile.mkdtemp())  # outside pytest's folder, which other users cannot enter
    try:
        path = folder / "events.db"
        with SqliteStore(path) as store:
            store.open_timeline("tl_a", TimelineIdentity("key"))
            given = store.append("tl_a", [make.opened()])
        path.chmod(0o444)
        folder.chmod(mode if os.geteuid() == 0 else 0o555)
        ran = subprocess.run([sys.executable, "-c", READ_ONLY, str(path)], capture_output=True, text=True, check=True)
        assert "store.read_only" in ran.stdout or "store.cannot_open" in ran.stdout
        assert "choose another --store" in ran.stdout
        folder.chmod(0o755)
        path.chmod(0o644)
        with SqliteStore(path) as store:
            assert store.read("tl_a") == given
    finally:
        shutil.rmtree(folder)


def test_a_folder_that_takes_no_files() -> None:
    if not Path("/proc/self").is_dir():
        pytest.skip("needs /proc, where no file can be created")
    assert refused(Path("/proc/self/events.db")).code == "store.cannot_open"
    assert "folder cannot be made" in str(refused(Path("/proc/streamtags/events.db")))
