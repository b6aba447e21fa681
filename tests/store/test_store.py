from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import ConfigError, NotInStore
from streamtags.core.events import UnknownPayload
from streamtags.core.fold import fold
from streamtags.core.records import Fingerprint, TimelineIdentity
from streamtags.store.location import store_path
from streamtags.store.opening import open_store
from streamtags.store.sqlite.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "events.db", timeout_seconds=5) as store:
        yield store


def test_lines_equal_the_json_of_events(store: SqliteStore, make: Any) -> None:
    store.open_timeline('tl_"ß', TimelineIdentity("key"))
    given = store.append('tl_"ß', [make.opened("ß\u2028.mp4"), make.detected(0), make.corrected(0, 1, Calm=1.0)])
    assert store.read_json('tl_"ß') == [event.to_json() for event in given]
    assert store.read_json('tl_"ß', after=2, limit=5) == [given[2].to_json()]


def test_an_event_of_an_unknown_type_keeps_its_data(store: SqliteStore, make: Any, tmp_path: Path) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    store.append("tl_a", [make.opened()])
    with sqlite3.connect(tmp_path / "events.db") as connection:
        connection.execute("INSERT INTO events SELECT timeline, 2, 'segment.scented', at, '{\"smell\":1}' FROM events")
    connection.close()
    strange = store.read("tl_a")[1]
    assert isinstance(strange.data, UnknownPayload)
    assert json.loads(strange.to_json())["data"] == {"smell": 1}


def test_a_log_survives_closing(tmp_path: Path, make: Any) -> None:
    with SqliteStore(tmp_path / "events.db") as store:
        head = store.open_timeline("tl_a", TimelineIdentity("key"))
        given = store.append("tl_a", [make.opened(), make.detected(0)])
    with SqliteStore(tmp_path / "events.db") as again:
        assert again.read("tl_a") == given
        assert again.open_timeline("tl_a", TimelineIdentity("key")) == (head.epoch, 2)


def test_state_is_the_fold_of_the_log_however_it_grew(store: SqliteStore, tmp_path: Path, make: Any) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    assert store.state("tl_a").id == "tl_a"
    with SqliteStore(tmp_path / "events.db") as elsewhere:
        for i in range(3):
            store.append("tl_a", [make.detected(i)])
            elsewhere.append("tl_a", [make.tagged(i, 1, Calm=0.5)])
            assert store.state("tl_a") == elsewhere.state("tl_a") == fold(store.read("tl_a"))
        assert store.state("tl_a") is store.state("tl_a")
        elsewhere.replace("tl_a", [make.opened()])
        assert store.state("tl_a") == fold(elsewhere.read("tl_a"))
        elsewhere.remove("tl_a")
    with pytest.raises(NotInStore):
        store.state("tl_a")


def test_states_are_right_for_more_timelines_than_the_cache_has_places(store: SqliteStore, make: Any) -> None:
    names = [f"tl_{i}" for i in range(40)]
    for i, name in enumerate(names):
        store.open_timeline(name, TimelineIdentity(name))
        store.append(name, [make.detected(i)])
    for _ in range(2):
        assert [store.state(name).segments[0].index for name in names] == list(range(40))


def test_removing_a_timeline_deletes_its_rows_in_every_table(store: SqliteStore, tmp_path: Path, make: Any) -> None:
    for name in ("tl_a", "tl_b"):
        store.open_timeline(name, TimelineIdentity(name))
        store.append(name, [make.opened()], thumbnails={"s0000": b"jpeg"}, fingerprints={"s0000": Fingerprint(48, b"fp")})
    store.remove("tl_a")
    assert list(store.heads()) == ["tl_b"]
    assert store.thumbnail("tl_b", "s0000") == b"jpeg"
    with sqlite3.connect(tmp_path / "events.db") as connection:
        assert [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("events", "thumbnails", "fingerprints")
        ] == [1, 1, 1]
    connection.close()


@pytest.mark.allow_error_logs
def test_a_subscriber_that_fails_does_not_undo_the_append(store: SqliteStore, make: Any, caplog: pytest.LogCaptureFixture) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    seen: list[str] = []
    store.subscribe(lambda timeline: {}[timeline])
    store.subscribe(seen.append)
    assert [event.seq for event in store.append("tl_a", [make.opened()])] == [1]
    assert seen == ["tl_a"]
    assert "a subscriber of the store failed on tl_a" in caplog.text


def test_readers_do_not_wait_for_a_writer(store: SqliteStore, tmp_path: Path, make: Any) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    store.append("tl_a", [make.opened()])
    writer = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM events")
    with SqliteStore(tmp_path / "events.db", timeout_seconds=0.1) as reader:
        assert len(reader.read("tl_a")) == 1
    writer.close()


def test_a_url_names_a_file_and_no_url_the_file_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_path("sqlite:///events.db") == Path("events.db")
    assert store_path("sqlite:////var/a b%20.db") == Path("/var/a b%20.db")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert store_path(None) == tmp_path / "streamtags" / "streamtags.db"
    with open_store() as store:
        assert store.path.is_file()


@pytest.mark.parametrize("url", ["events.db", "sqlite://events.db", "sqlite:///", "sqlite:///:memory:", "postgresql://host/db", ""])
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///PATH"):
        store_path(url)
