"""Processes killed at any moment: every returned event is in the log, the log has no gaps, and claims and leases end."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamtags.core.errors import StoreError
from streamtags.core.records import Job, TimelineIdentity
from streamtags.store.process_identity import ProcessIdentity, this_process
from streamtags.store.sqlite.store import SqliteStore

APPENDER = """
import sys
from streamtags.core.events import SegmentCaptioned
from streamtags.store.sqlite.store import SqliteStore
store = SqliteStore(sys.argv[1])
store.claim("tl_a", sys.argv[2])
n = 0
while True:
    batch = [SegmentCaptioned(segment=f"s{n:04d}", rev=i, caption="x" * (n * 37 % 3000), model="m") for i in range(1 + n % 4)]
    for event in store.append("tl_a", batch, thumbnails={f"s{n:04d}": b"jpeg"}):
        print(event.seq, event.to_json(), flush=True)
    n += 1
"""

CLAIMER = """
import sys
from streamtags.store.sqlite.store import SqliteStore
store = SqliteStore(sys.argv[1])
store.claim("tl_a", "child")
print("claimed", flush=True)
sys.stdin.read()
"""


SUBMITTER = """
import sys
from streamtags.core.records import Job
from streamtags.store.sqlite.store import SqliteStore
store = SqliteStore(sys.argv[1])
store.job_queue.submit(Job("tl_a", "{}", submitted_at=1.0, starts=1, running=True), "child")
print("submitted", flush=True)
sys.stdin.read()
"""


def test_every_event_returned_before_a_kill_is_in_the_log(tmp_path: Path) -> None:
    path, rng = tmp_path / "events.db", random.Random(7)
    with SqliteStore(path) as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
    returned: dict[int, str] = {}
    for attempt in range(8):
        with subprocess.Popen([sys.executable, "-c", APPENDER, str(path), f"run {attempt}"], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline()]
            time.sleep(rng.random() * 0.15)
            child.kill()
            lines += child.stdout.readlines()
        for line in lines:
            if line.endswith("\n"):
                seq, _, event = line.rstrip("\n").partition(" ")
                assert int(seq) not in returned, "a seq was returned twice"
                returned[int(seq)] = event
        with SqliteStore(path) as store:
            log = store.read_json("tl_a")
            assert len(log) == store.head("tl_a").seq >= max(returned)
            assert [event.seq for event in store.read("tl_a")] == list(range(1, len(log) + 1))
            assert all(log[seq - 1] == event for seq, event in returned.items())
            for event in store.read("tl_a"):
                assert store.thumbnail("tl_a", event.data.segment) == b"jpeg"  # type: ignore[attr-defined]  # all are captions
    assert len(returned) > 8


def test_two_processes_append_to_one_log(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with SqliteStore(path) as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
    program = APPENDER.replace('store.claim("tl_a", sys.argv[2])', "").replace("while True", "while n < 40")
    children = [subprocess.Popen([sys.executable, "-c", program, str(path), "x"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    seqs = [int(line.split()[0]) for child in children for line in child.communicate()[0].splitlines()]
    assert [child.returncode for child in children] == [0, 0]
    assert sorted(seqs) == list(range(1, 201))


def test_processes_that_create_a_store_at_the_same_time_share_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "events.db"
    program = (
        "import sys\nfrom streamtags.core.records import TimelineIdentity\nfrom streamtags.store.sqlite.store import SqliteStore\n"
        "SqliteStore(sys.argv[1]).open_timeline(sys.argv[2], TimelineIdentity(sys.argv[2]))"
    )
    names = [f"tl_{i}" for i in range(4)]
    children = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in names]
    assert [child.wait() for child in children] == [0] * len(names)
    with SqliteStore(path) as store:
        assert sorted(store.heads()) == names


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    if not this_process().started:
        pytest.skip("this system does not show when a process started")
    with SqliteStore(tmp_path / "events.db") as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        with subprocess.Popen([sys.executable, "-c", CLAIMER, str(store.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            with pytest.raises(StoreError, match=f"is being worked on by process {child.pid}") as caught:
                store.claim("tl_a", "parent", ttl_seconds=0)
            assert caught.value.code == "store.claimed"
            child.kill()
            while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.01)
            store.claim("tl_a", "parent")  # the child is still a zombie


def test_two_owners_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "events.db") as store:
        for name in ("tl_a", "tl_b"):
            store.open_timeline(name, TimelineIdentity(name))
        store.claim("tl_a", "one")
        store.claim("tl_a", "one")
        store.claim("tl_b", "two")
        store.release("tl_a", "two")
        with pytest.raises(StoreError, match="is being worked on"):
            store.claim("tl_a", "two")
        store.release("tl_a", "one")
        store.claim("tl_a", "two")
        store.release("tl_gone", "two")


def test_a_claimed_timeline_is_not_emptied_or_removed(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "events.db") as store:
        head = store.open_timeline("tl_a", TimelineIdentity("key"))
        store.claim("tl_a", "one")
        for refused in (store.check_free, store.empty, store.remove):
            with pytest.raises(StoreError, match="is being worked on") as caught:
                refused("tl_a")
            assert caught.value.code == "store.claimed"
        assert store.head("tl_a") == head
        store.release("tl_a", "one")
        store.check_free("tl_a")
        assert store.empty("tl_a").epoch != head.epoch


def test_a_claim_from_another_host_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteStore(tmp_path / "events.db") as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("streamtags.store.sqlite.claims.this_process", lambda: ProcessIdentity("elsewhere", 1, "boot:1"))
            store.claim("tl_a", "one", ttl_seconds=1000)
        with pytest.raises(StoreError, match="process 1 on elsewhere"):
            store.claim("tl_a", "two")
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("streamtags.store.sqlite.claims.this_process", lambda: ProcessIdentity("elsewhere", 1, "boot:1"))
            store.claim("tl_a", "one", ttl_seconds=0)
        store.claim("tl_a", "two")


def test_a_process_is_not_confused_with_a_later_one_with_the_same_pid() -> None:
    here = this_process()
    if not here.started:
        pytest.skip("this system does not show when a process started")
    assert here.is_alive
    assert ProcessIdentity(here.host, os.getpid(), f"{here.started}1").is_alive is False
    assert ProcessIdentity(here.host, 2**22 + 1, here.started).is_alive is False
    assert ProcessIdentity("elsewhere", here.pid, here.started).is_alive is None
    assert ProcessIdentity(here.host, here.pid, "").is_alive is None


def test_the_lease_of_a_job_ends_with_its_process(tmp_path: Path) -> None:
    if not this_process().started:
        pytest.skip("this system does not show when a process started")
    with SqliteStore(tmp_path / "events.db") as store:
        with subprocess.Popen([sys.executable, "-c", SUBMITTER, str(store.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            assert store.job_queue.take("parent") == []
            child.kill()
        (job,) = store.job_queue.take("parent")
        assert (job.timeline, job.starts, job.running) == ("tl_a", 1, False)
        assert store.job_queue.take("another") == []


def test_the_lease_of_a_server_on_another_host_expires_unless_it_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = ProcessIdentity("elsewhere", 1, "boot:1")
    monkeypatch.setattr("streamtags.store.sqlite.jobs.this_process", lambda: elsewhere)
    with SqliteStore(tmp_path / "events.db") as store:
        store.job_queue.submit(Job("tl_a", "{}", submitted_at=1.0), "there", ttl_seconds=1000)
        assert store.job_queue.take("here") == []
        store.job_queue.renew("there", ttl_seconds=0)
        assert [job.timeline for job in store.job_queue.take("here")] == ["tl_a"]
        assert not store.job_queue.renew("there")
