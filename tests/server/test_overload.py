"""A slow disk, a locked store or a dead name server delays what depends on it, and nothing else."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from streamtags_server.threads import ThreadPool

from streamtags.core.errors import StoreError
from streamtags.operations.errors import OverloadedError
from streamtags.testing.log import make_payloads


async def test_a_call_that_takes_too_long_is_abandoned_and_one_that_waits_is_dropped() -> None:
    pool, release, called = ThreadPool("test", threads=1, deadline_seconds=0.2), threading.Event(), threading.Event()
    with pytest.raises(OverloadedError, match=r"not done within 0\.2 s"):
        await pool(release.wait)
    with pytest.raises(OverloadedError):
        await pool(called.set)
    release.set()
    pool._deadline_seconds = 60  # the thread is free as soon as the machine has time for it
    assert await pool(lambda: 7) == 7
    assert not called.is_set(), "a dropped call was made after all"
    pool.close()


async def test_when_too_many_calls_wait_a_further_one_is_refused_at_once() -> None:
    pool, release = ThreadPool("test", threads=1, deadline_seconds=600, waiting=2), threading.Event()
    calls = [asyncio.create_task(pool(release.wait)) for _ in range(3)]
    await asyncio.sleep(0)  # each has been submitted
    with pytest.raises(OverloadedError, match="too many requests wait"):
        await pool(release.wait)
    assert not any(call.done() for call in calls)
    release.set()
    assert await asyncio.gather(*calls) == [True] * 3
    pool.close()


@pytest.mark.parametrize("error", [TimeoutError("its own"), StoreError("is damaged"), ValueError("x")])
async def test_the_error_of_a_call_is_its_own(error: Exception) -> None:
    pool = ThreadPool("test", threads=1, deadline_seconds=10)

    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await pool(fail)
    assert str(raised.value) == str(error)
    pool.close()


def test_dead_name_servers_do_not_delay_readiness_reads_and_events(serve: Any, monkeypatch: Any) -> None:
    server = serve()
    timeline = server.fill(completed=False)
    dead = threading.Event()

    resolve = socket.getaddrinfo

    def never(host: Any, *args: Any, **options: Any) -> Any:
        if not str(host).startswith("dead"):
            return resolve(host, *args, **options)
        dead.wait(60)
        raise OSError("no answer")

    monkeypatch.setattr("streamtags.sources.file.addresses.socket.getaddrinfo", never)
    with ThreadPoolExecutor(40) as clients, server.client() as client:
        client.say(type="subscribe", id="a", timeline=timeline)
        client.until("snapshot")
        waiting = [clients.submit(server.json, "POST", "/v1/timelines", {"uri": f"http://dead{n}.example/a.mp4"}) for n in range(40)]
        time.sleep(0.5)
        for path in ("/healthz", "/readyz", "/v1/timelines", f"/v1/timelines/{timeline}"):
            assert server.http("GET", path)[0] == 200, path
        assert not any(answer.done() for answer in waiting), "the name servers have answered"
        server.store.append(timeline, make_payloads(1)[-1:])
        assert client.events(1)[0]["type"] == "timeline.completed"
        dead.set()
        assert {answer.result()[0] for answer in waiting} <= {422, 503}


def test_a_locked_store_delays_writes_and_not_readiness_reads_and_events(serve: Any) -> None:
    server = serve()
    timeline = server.fill()
    with ThreadPoolExecutor(40) as clients, sqlite3.connect(server.store.path, isolation_level=None) as other, server.client() as client:
        client.say(type="subscribe", id="a", timeline=timeline)
        client.until("snapshot")
        other.execute("BEGIN IMMEDIATE")
        place = f"/v1/timelines/{timeline}/segments/s0000"
        waiting = [clients.submit(server.http, "PATCH", place, {"caption": f"caption {n}"}) for n in range(40)]
        time.sleep(0.5)
        for path in ("/healthz", "/readyz", "/v1/timelines", f"/v1/timelines/{timeline}"):
            assert server.http("GET", path)[0] == 200, path
        assert client.ask(type="ping", n=1) == {"type": "pong", "n": 1}
        assert not all(answer.done() for answer in waiting), "no write waits for the store any more"
        other.execute("ROLLBACK")
        statuses = [answer.result()[0] for answer in waiting]
        assert set(statuses) <= {200, 503}
        assert len(client.events(statuses.count(200))) == statuses.count(200)
    other.close()


def test_a_store_that_does_not_answer_turns_readiness_off_within_seconds(serve: Any, monkeypatch: Any) -> None:
    server = serve()
    stuck = threading.Event()
    monkeypatch.setattr(server.store, "check_health", lambda: stuck.wait(600))
    for _ in range(3):
        status, body = server.json("GET", "/readyz")
        assert (status, body["code"]) == (503, "not_ready")
        assert "has not answered within 2 s" in body["detail"]
    stuck.set()
    monkeypatch.undo()
    deadline = time.monotonic() + 60
    while server.http("GET", "/readyz")[0] != 200:
        assert time.monotonic() < deadline, "it stays not ready"
        time.sleep(0.02)


@pytest.mark.allow_error_logs
@pytest.mark.parametrize("what", ["deleted", "replaced", "wal"])
def test_a_store_that_was_deleted_or_replaced_is_not_written_and_the_server_is_not_ready(serve: Any, what: str) -> None:
    server = serve()
    server.fill("tl_a")
    path = server.store.path
    if what == "wal":
        path.with_name(f"{path.name}-wal").unlink()
    else:
        path.unlink()
    if what == "replaced":
        path.write_bytes(b"")
    status, body = server.json("GET", "/readyz")
    assert (status, body["code"]) == (503, "not_ready")
    status, body = server.json("PATCH", "/v1/timelines/tl_a/segments/s0000", {"caption": "lost"})
    assert (status, body["code"]) == (503, "store.replaced")
