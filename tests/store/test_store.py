from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import ConfigError, NotInStore, StoreError
from streamtags.core.events import UnknownPayload
from streamtags.core.fold import fold
from streamtags.core.records import Candidate, Fingerprint, TimelineIdentity
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.store.location import store_path
from streamtags.store.opening import open_store
from streamtags.store.sqlite.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "events.db", timeout_seconds=5) as store:
        yield store


def test_events_come_back_as_they_were_given(store: SqliteStore, make: Any) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    given = store.append("tl_a", [make.opened(), make.detected(0), make.measured(0)])
    given += store.append("tl_a", [make.captioned(0, 1, 'A "boat"\n– ß 🚢'), make.tagged(0, 1, Calm=0.9)])
    assert [event.seq for event in given] == [1, 2, 3, 4, 5]
    assert store.read("tl_a") == given
    assert store.read("tl_a", after=3) == given[3:]
    assert store.read("tl_a", after=1, limit=2) == given[1:3]
    assert store.read("tl_a", after=5) == []


def test_lines_are_what_events_print(store: SqliteStore, make: Any) -> None:
    store.open_timeline('tl_"ß', TimelineIdentity("key"))
    given = store.append('tl_"ß', [make.opened("ß\u2028.mp4"), make.detected(0), make.corrected(0, 1, Calm=1.0)])
    assert store.read_json('tl_"ß') == [event.to_json() for event in given]
    assert store.read_json('tl_"ß', after=2, limit=5) == [given[2].to_json()]


def test_an_unknown_type_is_kept_whole(store: SqliteStore, make: Any, tmp_path: Path) -> None:
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


def test_opening_again_keeps_the_log_and_makes_it_the_last(store: SqliteStore, make: Any) -> None:
    first = store.open_timeline("tl_a", TimelineIdentity("key a"), name="a.mp4")
    store.open_timeline("tl_b", TimelineIdentity("key b"))
    store.append("tl_a", [make.detected(0)])
    assert store.find("last") == "tl_b"
    assert store.open_timeline("tl_a", TimelineIdentity("key a")) == (first.epoch, 1)
    assert store.find("last") == "tl_a"
    assert [summary.id for summary in store.timelines()] == ["tl_a", "tl_b"]
    assert store.timelines()[0].name == "a.mp4"


@pytest.mark.parametrize(("timeline", "key"), [("tl_a", "another"), ("tl_other", "key")])
def test_an_id_and_a_key_belong_together(store: SqliteStore, timeline: str, key: str) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    with pytest.raises(StoreError) as caught:
        store.open_timeline(timeline, TimelineIdentity(key))
    assert caught.value.code == "store.key"
    assert [summary.id for summary in store.timelines()] == ["tl_a"]


def test_a_timeline_is_found_by_key_prefix_and_last(store: SqliteStore) -> None:
    for name in ("tl_abc", "tl_abd", "tl_abcd"):
        store.open_timeline(name, TimelineIdentity(f"key of {name}"))
    assert store.by_identity(TimelineIdentity("key of tl_abd")) == "tl_abd"
    assert store.by_identity(TimelineIdentity("no key")) is None
    assert store.find("tl_abd") == store.find("abd") == "tl_abd"
    assert store.find("tl_abc") == "tl_abc"  # a whole id wins over those it begins
    with pytest.raises(NotInStore, match=r"2 timelines begin with 'abc'.*tl_abcd, tl_abc"):
        store.find("abc")
    for nothing in ("tl_x", "", "%", "tl_ab_"):
        with pytest.raises(NotInStore, match="streamtags timelines"):
            store.find(nothing)


def test_last_of_an_empty_store_is_not_found(store: SqliteStore) -> None:
    with pytest.raises(NotInStore):
        store.find("last")


def test_a_summary_says_what_the_fold_says(store: SqliteStore, make: Any) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    assert (store.timelines()[0].state, store.state("tl_a").state) == ("queued", "queued")
    for payloads in (
        [make.opened("film.mp4"), make.detected(1)],
        [make.detected(0)],
        [make.completed(segments=2)],
        [make.corrected(0, 1, Calm=1.0)],
    ):
        store.append("tl_a", payloads)
        summary, state = store.timelines()[0], store.state("tl_a")
        assert (summary.state, summary.epoch, summary.seq) == (state.state, state.epoch, state.seq)
        assert summary.segments == 2
        assert (summary.name, summary.seconds) == ("film.mp4", 20.02)


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


def test_more_timelines_than_are_kept_folded(store: SqliteStore, make: Any) -> None:
    names = [f"tl_{i}" for i in range(40)]
    for i, name in enumerate(names):
        store.open_timeline(name, TimelineIdentity(name))
        store.append(name, [make.detected(i)])
    for _ in range(2):
        assert [store.state(name).segments[0].index for name in names] == list(range(40))


def test_what_is_not_there_is_told(store: SqliteStore, make: Any) -> None:
    for call in (
        lambda: store.append("tl_x", [make.opened()]),
        lambda: store.read("tl_x"),
        lambda: store.read_json("tl_x"),
        lambda: store.head("tl_x"),
        lambda: store.state("tl_x"),
        lambda: store.remove("tl_x"),
        lambda: store.replace("tl_x", [make.opened()]),
        lambda: store.thumbnail("tl_x", "s0000"),
        lambda: store.empty("tl_x"),
        lambda: store.claim("tl_x", "me"),
        lambda: store.check_free("tl_x"),
    ):
        with pytest.raises(NotInStore, match="tl_x"):
            call()


def test_thumbnails_and_fingerprints_come_with_their_event(store: SqliteStore, make: Any) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    store.append("tl_a", [make.measured(0)], thumbnails={"s0000": b"jpeg"}, fingerprints={"s0000": Fingerprint(48, b"fp")})
    assert store.thumbnail("tl_a", "s0000") == b"jpeg"
    with pytest.raises(NotInStore, match="s0001"):
        store.thumbnail("tl_a", "s0001")
    assert store.candidates(48) == [Candidate("tl_a", "s0000", Fingerprint(48, b"fp"))]
    assert store.candidates(47) == []
    assert len(store.candidates(47, slack=1)) == 1
    assert store.candidates(48, besides="tl_a") == []


def test_candidates_of_the_timeline_opened_last_come_first(store: SqliteStore, make: Any) -> None:
    for name in ("tl_a", "tl_b"):
        store.open_timeline(name, TimelineIdentity(name))
        prints = {f"s{i:04d}": Fingerprint(48, bytes([i])) for i in range(2)}
        store.append(name, [], fingerprints=prints)
    store.open_timeline("tl_a", TimelineIdentity("tl_a"))
    assert [(found.timeline, found.segment) for found in store.candidates(48)] == [
        ("tl_a", "s0000"),
        ("tl_a", "s0001"),
        ("tl_b", "s0000"),
        ("tl_b", "s0001"),
    ]


def test_replacing_begins_a_new_log_under_the_same_id(store: SqliteStore, make: Any) -> None:
    old = store.open_timeline("tl_a", TimelineIdentity("key"))
    store.append("tl_a", [make.opened(), make.detected(5)], thumbnails={"s0005": b"jpeg"}, fingerprints={"s0005": Fingerprint(48, b"fp")})
    events = store.replace("tl_a", [make.opened("new.mp4"), make.detected(0)])
    assert [event.seq for event in events] == [1, 2]
    assert events == store.read("tl_a")
    assert store.head("tl_a").epoch == events[0].epoch != old.epoch
    assert store.by_identity(TimelineIdentity("key")) == "tl_a"
    assert (store.timelines()[0].segments, store.timelines()[0].name) == (1, "new.mp4")
    assert store.candidates(48) == []
    with pytest.raises(NotInStore):
        store.thumbnail("tl_a", "s0005")


def test_an_emptied_log_waits_for_its_first_event_under_a_new_epoch(store: SqliteStore, make: Any) -> None:
    old = store.open_timeline("tl_a", TimelineIdentity("key"))
    store.append("tl_a", [make.opened(), make.detected(0)], thumbnails={"s0000": b"jpeg"})
    assert store.state("tl_a").segments
    head = store.empty("tl_a")
    assert head == store.head("tl_a") == (head.epoch, 0)
    assert head.epoch != old.epoch
    state = store.state("tl_a")
    assert (state.epoch, state.state, state.segments) == (head.epoch, "queued", ())
    with pytest.raises(NotInStore):
        store.thumbnail("tl_a", "s0000")
    assert [event.seq for event in store.append("tl_a", [make.opened()], expect_epoch=head.epoch)] == [1]


def test_a_log_is_not_replaced_by_nothing(store: SqliteStore, make: Any) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    given = store.append("tl_a", [make.opened()])
    with pytest.raises(ValueError, match="events"):
        store.replace("tl_a", [])
    assert store.read("tl_a") == given


def test_a_writer_whose_log_was_replaced_is_refused(store: SqliteStore, make: Any) -> None:
    old = store.open_timeline("tl_a", TimelineIdentity("key"))
    store.append("tl_a", [make.opened()], expect_epoch=old.epoch)
    store.replace("tl_a", [make.opened()])
    with pytest.raises(StoreError) as caught:
        store.append("tl_a", [make.detected(0)], expect_epoch=old.epoch, thumbnails={"s0000": b"jpeg"})
    assert caught.value.code == "store.epoch"
    assert store.head("tl_a").seq == 1


def test_removing_takes_everything_and_nothing_else(store: SqliteStore, tmp_path: Path, make: Any) -> None:
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


def test_vocabularies_are_kept_by_what_they_say(store: SqliteStore) -> None:
    old, new = (
        Vocabulary(id="moods", version="1", axes=(Axis(name="mood"),), tags=(Tag(name="Calm", axis="mood", description=text),))
        for text in ("still", "still, at rest")
    )
    digest = store.save_vocabulary(old)
    store.save_vocabulary(new)
    assert store.vocabulary(old.ref) == new
    assert store.vocabulary(old.ref, digest) == old
    assert store.save_vocabulary(old) == digest
    assert store.vocabulary(old.ref) == old
    with pytest.raises(NotInStore, match="weather 2"):
        store.vocabulary(old.ref.model_copy(update={"id": "weather", "version": "2"}))


def test_subscribers_are_told_after_the_event_is_durable(store: SqliteStore, make: Any) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    seen: list[tuple[str, int]] = []
    end = store.subscribe(lambda timeline: seen.append((timeline, store.heads()[timeline].seq if timeline in store.heads() else -1)))
    store.append("tl_a", [make.opened(), make.detected(0)])
    store.replace("tl_a", [make.opened()])
    store.remove("tl_a")
    assert seen == [("tl_a", 2), ("tl_a", 1), ("tl_a", -1)]
    end()
    store.open_timeline("tl_a", TimelineIdentity("key"))
    store.append("tl_a", [make.opened()])
    assert len(seen) == 3


@pytest.mark.allow_error_logs
def test_a_subscriber_that_fails_does_not_undo_the_append(store: SqliteStore, make: Any, caplog: pytest.LogCaptureFixture) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    seen: list[str] = []
    store.subscribe(lambda timeline: {}[timeline])
    store.subscribe(seen.append)
    assert [event.seq for event in store.append("tl_a", [make.opened()])] == [1]
    assert seen == ["tl_a"]
    assert "a subscriber of the store failed on tl_a" in caplog.text


def test_the_data_version_tells_of_writes_by_anybody(store: SqliteStore, tmp_path: Path, make: Any) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    before = store.data_version()
    assert store.data_version() == before
    store.append("tl_a", [make.opened()])
    own = store.data_version()
    assert own != before
    with SqliteStore(tmp_path / "events.db") as elsewhere:
        elsewhere.append("tl_a", [make.detected(0)])
    assert store.data_version() != own


def test_threads_append_to_one_log_without_gap_or_double(store: SqliteStore, make: Any) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    given: list[int] = []

    def work(i: int) -> None:
        for _ in range(20):
            given.extend(event.seq for event in store.append("tl_a", [make.detected(i), make.measured(i)]))
            assert store.state("tl_a").seq <= store.head("tl_a").seq

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(1, 161)) == [event.seq for event in store.read("tl_a")]


def test_readers_do_not_wait_for_a_writer(store: SqliteStore, tmp_path: Path, make: Any) -> None:
    store.open_timeline("tl_a", TimelineIdentity("key"))
    store.append("tl_a", [make.opened()])
    writer = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM events")
    with SqliteStore(tmp_path / "events.db", timeout_seconds=0.1) as reader:
        assert len(reader.read("tl_a")) == 1
    writer.close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "events.db")
    store.close()
    store.close()
    for call in (store.timelines, store.data_version, lambda: store.open_timeline("tl_a", TimelineIdentity("key"))):
        with pytest.raises(StoreError, match="is closed"):
            call()


def test_where_the_store_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_path("sqlite:///events.db") == Path("events.db")
    assert store_path("sqlite:////var/a b%20.db") == Path("/var/a b%20.db")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert store_path(None) == tmp_path / "streamtags" / "streamtags.db"
    with open_store() as store:
        assert store.path.is_file()


@pytest.mark.parametrize("url", ["events.db", "sqlite://events.db", "sqlite:///", "sqlite:///:memory:", "postgresql://host/db", ""])
def test_what_is_not_the_url_of_a_store(url: str) -> None:
    with pytest.raises(ConfigError, match="sqlite:///PATH"):
        store_path(url)


def test_timelines_are_found_by_identity_recording_and_captioner(store: SqliteStore) -> None:
    first = TimelineIdentity("live:camera", captioner="one", settings='{"a": 1}')
    again = replace(first, recording="00000001")
    other = replace(first, captioner="other")
    for timeline, identity in (("tl_1", first), ("tl_2", again), ("tl_3", other)):
        store.open_timeline(timeline, identity)
    assert [store.by_identity(identity) for identity in (first, again, other)] == ["tl_1", "tl_2", "tl_3"]
    assert [(summary.id, summary.identity) for summary in store.recordings(again)] == [("tl_2", again), ("tl_1", first)]
    assert [summary.id for summary in store.timelines(captioner="one")] == ["tl_2", "tl_1"]
    assert store.timelines(captioner="none") == []
