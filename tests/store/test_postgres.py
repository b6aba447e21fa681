"""What the PostgreSQL store promises beyond the checks that every store passes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import ConfigError, StoreError
from streamtags.core.records import Job, TimelineIdentity
from streamtags.store.opening import open_store, shown_url
from streamtags.store.process_identity import ProcessIdentity
from streamtags.testing.log import make_payloads
from streamtags.testing.postgres import PostgresServer

psycopg = pytest.importorskip("psycopg", reason="the extra postgres is not installed")

from streamtags.store.postgres import claims, database, jobs  # noqa: E402 - after the check that the driver is there
from streamtags.store.postgres.address import PostgresAddress  # noqa: E402

A = TimelineIdentity("a")
ELSEWHERE = ProcessIdentity("another-host", 1, "boot:1@1")


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[StoreError]]:
    with pytest.raises(StoreError) as info:
        yield info
    assert info.value.code == code


@contextmanager
def confirmations_lost(monkeypatch: pytest.MonkeyPatch, count: int) -> Iterator[None]:
    """Lose the connection after the next `count` commits, before the database confirms them."""
    left = count
    original = database.Database._connection

    class Cut:
        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

        @contextmanager
        def transaction(self) -> Iterator[None]:
            nonlocal left
            with self._connection.transaction():
                yield
            if left:
                left -= 1
                raise psycopg.OperationalError("server closed the connection unexpectedly")

    @contextmanager
    def cut(self: Any) -> Iterator[Any]:
        with original(self) as connection:
            yield Cut(connection)

    with monkeypatch.context() as patched:
        patched.setattr(database.Database, "_connection", cut)
        yield


def test_a_commit_whose_confirmation_was_lost_writes_events_once(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = make_payloads(2)
    with open_store(postgres_url) as store:
        store.open_timeline("tl_a", A)
        with confirmations_lost(monkeypatch, 1):
            events = store.append("tl_a", payloads[:3])
        events += store.append("tl_a", payloads[3:])
        assert store.read("tl_a") == events
        with confirmations_lost(monkeypatch, 1):
            replaced = store.replace("tl_a", payloads[:2])
        assert store.read("tl_a") == replaced
        with confirmations_lost(monkeypatch, 1):
            store.remove("tl_a")
        assert store.timelines() == []


def test_jobs_whose_lease_was_not_confirmed_are_not_lost(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job("tl_a", "{}", 1.0)
    with open_store(postgres_url) as store:
        with confirmations_lost(monkeypatch, 1):
            assert store.job_queue.submit(job, "me")
        store.job_queue.release("me")
        with confirmations_lost(monkeypatch, 1):
            assert store.job_queue.take("you") == [job]


def test_a_crash_of_the_database_is_a_pause_for_writers_and_readers(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    events, heads = [], []
    stop = threading.Event()
    with open_store(url, retry_seconds=60) as store, open_store(url, retry_seconds=60) as other:
        store.open_timeline("tl_a", A)

        def write(handle: Any) -> None:
            while not stop.is_set():
                events.extend(handle.append("tl_a", make_payloads(1)[:2]))

        def read() -> None:
            while not stop.is_set():
                heads.append(other.head("tl_a").seq)

        changes = []
        unwatch = other.watch(changes.append)
        threads = [threading.Thread(target=write, args=(handle,)) for handle in (store, store, other)] + [threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            time.sleep(0.3)
            postgres.restart(immediate=True)
        seen, deadline = len(changes), time.monotonic() + 60
        while len(changes) == seen and time.monotonic() < deadline:
            time.sleep(0.02)
        stop.set()
        for thread in threads:
            thread.join()
        unwatch()
        assert len(changes) > seen, "changes are not reported after a restart"
        assert heads == sorted(heads)
        written = sorted(events, key=lambda event: event.seq)
        assert [event.seq for event in written] == list(range(1, len(written) + 1))
        assert store.read("tl_a") == written


def test_a_database_that_stays_away_is_an_error_that_says_what_to_do(postgres: PostgresServer) -> None:
    with open_store(postgres.new_database(), retry_seconds=0.2) as store:
        postgres.stop()
        try:
            with refused("store.unreachable") as info:
                store.timelines()
            assert "check that the database runs" in str(info.value)
        finally:
            postgres.start()
        store.timelines()


def test_a_claim_of_a_process_on_another_host_expires_and_its_writer_is_locked_out(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(postgres_url) as late, open_store(postgres_url) as store:
        store.open_timeline("tl_a", A)
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(claims, "this_process", lambda: ELSEWHERE)
            late.claim("tl_a", "late", ttl_seconds=1000)
        late.append("tl_a", make_payloads(1)[:1])
        with refused("store.claimed"):
            store.claim("tl_a", "me")
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(claims, "this_process", lambda: ELSEWHERE)
            late.claim("tl_a", "late", ttl_seconds=0)
        late.append("tl_a", make_payloads(1)[1:2])  # expired, but no other process has taken it
        store.claim("tl_a", "me")
        with refused("store.claim_lost"):
            late.append("tl_a", make_payloads(1)[2:3])
        with refused("store.claim_lost"):
            late.claim("tl_a", "late")
        late.release("tl_a", "late")
        assert store.append("tl_a", make_payloads(1)[2:3])[0].seq == 3


def test_the_lease_of_a_job_on_another_host_expires_unless_it_is_renewed(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(postgres_url) as store:
        queue = store.job_queue
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(jobs, "this_process", lambda: ELSEWHERE)
            queue.submit(Job("tl_a", "{}", 1.0), "late", ttl_seconds=0.05)
        assert queue.renew("late", ttl_seconds=1000)
        time.sleep(0.1)
        assert queue.take("me") == []
        queue.renew("late", ttl_seconds=0)
        assert [job.timeline for job in queue.take("me")] == ["tl_a"]
        assert not queue.renew("late")


def test_the_claim_of_a_process_that_died_on_this_host_ends_at_once(postgres_url: str) -> None:
    program = f"""
import os
from streamtags.core.records import Job, TimelineIdentity
from streamtags.store.opening import open_store
store = open_store({postgres_url!r})
store.open_timeline("tl_a", TimelineIdentity("a"))
store.claim("tl_a", "dead")
store.job_queue.submit(Job("tl_a", "{{}}", 1.0), "dead")
os._exit(1)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    with open_store(postgres_url) as store:
        store.claim("tl_a", "me")
        assert [job.timeline for job in store.job_queue.take("me")] == ["tl_a"]


def test_processes_that_open_a_new_database_at_the_same_time_share_it(postgres_url: str) -> None:
    failures: list[StoreError] = []

    def open_and_write(number: int) -> None:
        try:
            with open_store(postgres_url) as store:
                store.open_timeline(f"tl_{number}", TimelineIdentity(str(number)))
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_and_write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with open_store(postgres_url) as store:
        assert len(store.timelines()) == 6


def test_a_store_of_a_newer_release_is_refused_and_not_changed(postgres_url: str) -> None:
    with open_store(postgres_url) as store:
        connection = store._database.connect()
        connection.execute("INSERT INTO streamtags.migrations (number) VALUES (99)")
        connection.close()
    with refused("store.newer"):
        open_store(postgres_url)


def test_a_dump_restores_every_timeline(postgres: PostgresServer, tmp_path: Path) -> None:
    first, second = postgres.new_database(), postgres.new_database()
    with open_store(first) as store:
        store.open_timeline("tl_a", A)
        store.append("tl_a", make_payloads(3), thumbnails={"s0000": b"jpeg"}, waveforms={"s0000": b"peaks"})
        store.job_queue.submit(Job("tl_a", "{}", 1.0), None)
        expected = store.heads(), store.read_json("tl_a"), store.state("tl_a"), store.job_queue.jobs()
    dump, to = tmp_path / "streamtags.dump", {url: PostgresAddress.parse(url).connection for url in (first, second)}
    words = ("--format", "custom", "--schema", "streamtags", "--file", dump, to[first])
    subprocess.run([postgres.programs / "pg_dump", *words], check=True)
    subprocess.run([postgres.programs / "pg_restore", "--dbname", to[second], dump], check=True)
    with open_store(second) as store:
        assert (store.heads(), store.read_json("tl_a"), store.state("tl_a"), store.job_queue.jobs()) == expected
        assert store.thumbnail("tl_a", "s0000") == b"jpeg"
        assert store.append("tl_a", make_payloads(1)[:1], waveforms={"s0001": b"more"})[0].seq == expected[0]["tl_a"].seq + 1
        assert [one.segment for one in store.waveforms("tl_a")] == ["s0000", "s0001"]


def test_a_change_that_becomes_visible_late_is_not_missed(postgres_url: str) -> None:
    with open_store(postgres_url) as store, open_store(postgres_url) as follower:
        for timeline in ("tl_a", "tl_b"):
            store.open_timeline(timeline, TimelineIdentity(timeline))
        cursor = follower.heads_since(None).cursor
        with store._database.connect() as early, early.transaction():
            early.execute("UPDATE streamtags.timelines SET seq = 7 WHERE id = 'tl_a'")  # a lower number than the next transaction
            store.append("tl_b", make_payloads(1)[:1])
            during = follower.heads_since(cursor)
            assert during.heads == {"tl_b": store.head("tl_b")}
        assert follower.heads_since(during.cursor).heads["tl_a"].seq == 7


def test_readers_of_a_restored_backup_begin_anew_and_then_read_only_what_changes(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    with open_store(url) as store:
        store.open_timeline("tl_a", A)
        store.open_timeline("tl_b", TimelineIdentity("b"))
        cursor = store.heads_since(None).cursor
        with store._database.connect() as connection:  # as a restored backup of a server that had run for long
            connection.execute("CREATE TABLE streamtags.kept AS SELECT timeline, 4000000000 FROM streamtags.changes")
            connection.execute("TRUNCATE streamtags.changes")
            connection.execute("INSERT INTO streamtags.changes SELECT * FROM streamtags.kept")
            connection.execute("DROP TABLE streamtags.kept")
        assert store.heads_since(cursor).is_complete
    with open_store(url) as store:
        cursor = store.heads_since(None).cursor
        store.append("tl_b", make_payloads(1)[:1])
        assert store.heads_since(cursor)[1:] == ({"tl_b": store.head("tl_b")}, frozenset(), False)


def test_text_that_postgresql_cannot_store_is_an_unknown_name(postgres_url: str) -> None:
    with open_store(postgres_url) as store:
        store.open_timeline("tl_a", A, name="a\0b.mp4")
        assert store.summary("tl_a").name == "a\ufffdb.mp4"
        for name in ("tl_\0", "tl_\ud800"):
            for call in (store.head, store.read, store.summary, store.waveforms, store.remove, lambda name: store.thumbnail("tl_a", name)):
                with pytest.raises(Exception, match="no t") as info:
                    call(name)
                assert info.value.code == "not_found"


def test_a_thumbnail_that_is_too_large_is_refused(postgres_url: str) -> None:
    with open_store(postgres_url) as store:
        store.open_timeline("tl_a", A)
        with refused("store.limit"):
            store.append("tl_a", make_payloads(1)[:1], thumbnails={"s0000": bytes(5 << 20)})
        assert store.head("tl_a").seq == 0


def test_messages_do_not_show_the_password() -> None:
    url = "postgresql://editor:s3cret@db.example:5433/films?sslmode=require&files=/srv/films"
    address = PostgresAddress.parse(url)
    assert address.shown == shown_url(url) == "postgresql://editor@db.example:5433/films"
    assert address.connection == "postgresql://editor:s3cret@db.example:5433/films?sslmode=require"
    assert str(address.folder) == "/srv/films"
    with pytest.raises(StoreError) as info:
        open_store("postgresql://editor:s3cret@127.0.0.1:1/films", retry_seconds=0)
    assert "s3cret" not in str(info.value)
    assert info.value.code == "store.unreachable"


@pytest.mark.parametrize("url", ["postgresql://", "postgresql://host", "postgresql://host/", "postgresql://[/x", "postgresql:///x?files=a"])
def test_a_url_without_a_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        PostgresAddress.parse(url)


STARTS_POSTGRES = """
import sys, time
from streamtags.testing.postgres import PostgresServer
with PostgresServer(fsync="off") as server:
    print(server.pid, server.folder, flush=True)
    time.sleep(600)
"""


@pytest.mark.usefixtures("postgres")
def test_a_killed_test_run_leaves_no_database_server_behind() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS_POSTGRES], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        pid, folder = run.stdout.readline().split()
        run.kill()
    deadline = time.monotonic() + 60
    while _runs(int(pid)) or Path(folder).exists():
        assert time.monotonic() < deadline, "the database server goes on without the test run"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_thumbnails_can_be_files_of_an_object_store_and_go_with_their_timeline(postgres_url: str, tmp_path: Path) -> None:
    pytest.importorskip("fsspec", reason="the extra objects is not installed")
    folder = tmp_path / "thumbnails"
    with open_store(postgres_url) as before:
        before.open_timeline("tl_old", TimelineIdentity("old"))
        before.append("tl_old", make_payloads(1)[:3], thumbnails={"s0000": b"in the database"})
    with open_store(f"{postgres_url}&thumbnails={folder.as_uri()}") as store:
        for timeline in ("tl_a", "../../outside"):
            store.open_timeline(timeline, TimelineIdentity(timeline))
            store.append(timeline, make_payloads(1)[:3], thumbnails={"s0000": b"jpeg", "../s": b"other"})
            assert (store.thumbnail(timeline, "s0000"), store.thumbnail(timeline, "../s")) == (b"jpeg", b"other")
        assert store.thumbnail("tl_old", "s0000") == b"in the database"
        assert (folder / "tl_a" / "s0000.jpg").read_bytes() == b"jpeg"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["thumbnails"]
        store.remove("tl_a")
        assert [path.name for path in folder.iterdir()] == ["%2E%2E%2F%2E%2E%2Foutside"]
        (folder / "%2E%2E%2F%2E%2E%2Foutside" / "s0000.jpg").unlink()
        with pytest.raises(StoreError, match="a thumbnail cannot be read"):
            store.thumbnail("../../outside", "s0000")
    with pytest.raises(ConfigError, match="is not a place for thumbnails"):
        open_store(f"{postgres_url}&thumbnails=nothing://x")
