"""A store whose files are deleted or replaced while it is open says so instead of losing what is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import StoreError
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore


def _delete(path: Path) -> None:
    path.unlink()


def _delete_log(path: Path) -> None:
    path.with_name(path.name + "-wal").unlink()


def _delete_index(path: Path) -> None:
    path.with_name(path.name + "-shm").unlink()


def _replace(path: Path) -> None:
    shutil.copy(path, path.with_name("copy.db"))
    path.with_name("copy.db").replace(path)


def _move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


@pytest.mark.parametrize("tamper", [_delete, _delete_log, _delete_index, _replace, _move_folder])
def test_nothing_is_written_after_a_file_was_deleted_or_replaced(tmp_path: Path, make: Any, tamper: Callable[[Path], None]) -> None:
    path = tmp_path / "data" / "events.db"
    with SqliteStore(path) as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        store.append("tl_a", [make.opened()])
        store.check_health()
        tamper(path)
        for call in (
            lambda: store.append("tl_a", [make.detected(0)]),
            lambda: store.open_timeline("tl_b", TimelineIdentity("key b")),
            lambda: store.job_queue.release("me"),
            store.check_health,
        ):
            with pytest.raises(StoreError, match="deleted or replaced") as caught:
                call()
            assert caught.value.code == "store.replaced"
            assert str(path) in str(caught.value)


def test_a_file_that_disappears_during_a_transaction_fails_it(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "events.db"
    with SqliteStore(path) as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))

        def write() -> None:
            with store._database.write() as connection:
                connection.execute("UPDATE timelines SET name = 'new'")
                path.unlink()

        with pytest.raises(StoreError, match="deleted or replaced"):
            write()


def test_a_reader_that_comes_after_the_log_was_deleted_gets_the_cause(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "events.db"
    with SqliteStore(path) as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        store.append("tl_a", [make.opened()])
        with store._database.read():  # the only connection of the pool
            _delete_log(path)
            with pytest.raises(StoreError) as caught:
                store.read("tl_a")
            assert caught.value.code == "store.replaced"


def test_a_store_is_healthy_behind_a_link_from_another_folder_and_beside_other_processes(
    tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "events.db")
    monkeypatch.chdir(tmp_path)
    with SqliteStore("link.db") as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        monkeypatch.chdir("/")
        for number in range(3):
            with SqliteStore(tmp_path / "real" / "events.db") as other:
                other.append("tl_a", [make.detected(2 * number)])
            store.append("tl_a", [make.detected(2 * number + 1)])
            store.check_health()
        assert store.head("tl_a").seq == 6


def test_a_new_store_at_the_place_of_a_deleted_one_is_separate(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "events.db"
    with SqliteStore(path) as old:
        old.open_timeline("tl_a", TimelineIdentity("key"))
        for file in tmp_path.iterdir():
            file.unlink()
        with SqliteStore(path) as new:
            assert new.timelines() == []
            new.open_timeline("tl_b", TimelineIdentity("key b"))
            with pytest.raises(StoreError, match="deleted or replaced"):
                old.append("tl_a", [make.opened()])
            assert list(new.heads()) == ["tl_b"]
