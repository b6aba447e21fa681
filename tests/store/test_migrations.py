"""Stores of earlier releases, opened by this one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from streamtags.core.records import Fingerprint, TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore

# Written by the release before identity columns: a file, two recordings of a live source, and a key that is not JSON.
FIRST_SCHEMA = Path(__file__).parent / "fixtures" / "store-1.sql"
FILE, LIVE, SECOND_LIVE = "tl_2456fc86256e97de", "tl_2bfac098bb2351fa", "tl_8bff055cf3eab56d"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST_SCHEMA.read_text(encoding="utf-8"))
    connection.close()
    return path


def test_a_store_of_the_first_schema_keeps_its_timelines_and_all_that_belongs_to_them(path: Path) -> None:
    with SqliteStore(path) as store:
        assert [summary.id for summary in store.timelines()] == ["tl_x", SECOND_LIVE, LIVE, FILE]
        for timeline in (FILE, LIVE, SECOND_LIVE):
            assert [event.seq for event in store.read(timeline)] == [1, 2]
            assert store.thumbnail(timeline, "s0000") == b"jpeg"
        assert [candidate.fingerprint for candidate in store.candidates(48)] == [Fingerprint(48, b"fp")] * 3
        store.remove(FILE)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT count(DISTINCT timeline) FROM events").fetchone() == (2,)
    connection.close()


def test_the_identities_of_an_earlier_release_give_the_same_ids(path: Path) -> None:
    with SqliteStore(path) as store:
        identities = {summary.id: summary.identity for summary in store.timelines()}
        assert {identities[timeline].timeline for timeline in (FILE, LIVE, SECOND_LIVE)} == {FILE, LIVE, SECOND_LIVE}
        assert store.by_identity(identities[FILE]) == FILE
        assert identities[FILE].source == "file:/films/one.mp4:1000:1"
        assert (identities[FILE].captioner, identities[FILE].classifier) == ("embedded", 'tags "two" ß')
        assert identities["tl_x"] == TimelineIdentity("not json")


def test_recordings_of_an_earlier_release_belong_together(path: Path) -> None:
    with SqliteStore(path) as store:
        identities = {summary.id: summary.identity for summary in store.timelines()}
        assert [summary.id for summary in store.recordings(identities[LIVE])] == [SECOND_LIVE, LIVE]
        assert (identities[LIVE].recording, identities[SECOND_LIVE].recording) == (None, "0a1b2c3d")


def test_a_new_store_and_a_migrated_one_have_the_same_schema(path: Path, tmp_path: Path) -> None:
    SqliteStore(path).close()
    SqliteStore(tmp_path / "new.db").close()
    schemas = []
    for file in (path, tmp_path / "new.db"):
        with sqlite3.connect(file) as connection:
            schemas.append(sorted(connection.execute("SELECT type, name, tbl_name FROM sqlite_schema").fetchall()))
        connection.close()
    assert schemas[0] == schemas[1]
