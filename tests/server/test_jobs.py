"""Analyses in child processes: their crashes, hangs, cancellation, and the next server."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from streamtags_server.jobs.job import Job
from streamtags_server.jobs.queue import Jobs
from streamtags_server.metrics import Metrics
from streamtags_server.ws.hub import Hub

from streamtags.config.settings import Settings
from streamtags.core.errors import StoreError
from streamtags.core.records import TimelineIdentity
from streamtags.operations.errors import ConflictError, QueueFullError
from streamtags.sources.file.access import Access
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video

# A worker that writes one event and then does what its test says.
WORKER = """
import json, os, signal, sys, time
from streamtags.testing.log import make_payloads
from streamtags.store.opening import open_store
task = json.loads(sys.stdin.readline())
with open_store(task["store"]) as store:
    store.append(task["timeline"], make_payloads(1)[:2])
    print(json.dumps({"seq": 2}), flush=True)
    {then}
"""
CRASH = "os.kill(os.getpid(), signal.SIGSEGV)"
HANG = "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
WAIT = "sys.stdin.read()"


def command(then: str) -> tuple[str, ...]:
    return sys.executable, "-c", WORKER.replace("{then}", then)


@asynccontextmanager
async def jobs(store: SqliteStore, then: str, **server: Any) -> AsyncIterator[Jobs]:
    settings = Settings(server=server)
    hub = Hub(store, queue_events=8)
    made = Jobs(store, hub, settings, Access(), Metrics(), command=command(then))
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        running.cancel()
        await made.close()


def job(store: SqliteStore, timeline: str) -> Job:
    store.open_timeline(timeline, TimelineIdentity(f"key {timeline}"))
    return Job(timeline=timeline, uri="film.mp4", profile="embedded", tags="music-library", submitted_at=time.time())


async def ended(store: SqliteStore, timeline: str, seconds: float = 60) -> Any:
    async with asyncio.timeout(seconds):
        while (state := store.state(timeline)).state not in ("failed", "completed", "cancelled"):
            await asyncio.sleep(0.02)
    return state


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it does not come to that"
        time.sleep(0.02)


async def test_a_crash_ends_its_own_timeline_with_a_reason(store: SqliteStore) -> None:
    async with jobs(store, CRASH) as made:
        await made.submit(job(store, "tl_a"))
        state = await ended(store, "tl_a")
    assert state.state == "failed"
    assert state.error.code == "worker.crashed"
    assert "signal 11" in state.error.message
    assert store.job_queue.jobs() == []


async def test_a_server_whose_job_was_taken_while_it_stood_still_does_not_end_the_log(store: SqliteStore) -> None:
    async with jobs(store, f"time.sleep(0.5); {CRASH}") as made:
        await made.submit(job(store, "tl_a"))
        async with asyncio.timeout(10):
            while await made.state("tl_a") != "running":
                await asyncio.sleep(0.01)
        store.job_queue.release(made._owner)  # as if its lease had ended
        (taken,) = store.job_queue.take("another server")
        async with asyncio.timeout(10):
            while "tl_a" in made._active:
                await asyncio.sleep(0.01)
        assert store.state("tl_a").state not in ("failed", "completed", "cancelled")
        assert store.job_queue.jobs() == [taken]


async def test_a_hang_is_ended_and_so_is_what_takes_too_long(store: SqliteStore) -> None:
    for timeline, limits, code in (("tl_a", {"stall_seconds": 1.5}, "worker.stalled"), ("tl_b", {"wall_seconds": 1.5}, "limit.wall")):
        async with jobs(store, HANG, **limits) as made:
            await made.submit(job(store, timeline))
            assert (await ended(store, timeline)).error.code == code


async def test_the_queue_has_an_end_and_what_waits_can_be_cancelled(store: SqliteStore) -> None:
    async with jobs(store, WAIT, analyses=1, queue=1) as made:
        await made.submit(job(store, "tl_a"))
        async with asyncio.timeout(60):
            while await made.state("tl_a") != "running":
                await asyncio.sleep(0.01)
        await made.submit(job(store, "tl_b"))
        await made.submit(job(store, "tl_b"))
        assert await made.state("tl_b") == "queued"
        async with asyncio.timeout(10):
            while made._metrics.value("streamtags_jobs_queued") != 1:
                await asyncio.sleep(0.05)
        with pytest.raises(QueueFullError):
            await made.submit(job(store, "tl_c"))
        await made.cancel("tl_b")
        assert store.state("tl_b").state == "cancelled"
        assert await made.state("tl_b") is None
        with pytest.raises(ConflictError):
            await made.cancel("tl_b")
        await made.cancel("tl_a")
        assert store.state("tl_a").state == "cancelled"


async def test_jobs_of_a_server_that_goes_are_taken_over_by_the_next_and_only_by_one(store: SqliteStore) -> None:
    async with jobs(store, WAIT) as first:
        await first.submit(job(store, "tl_a"))
        async with asyncio.timeout(60):
            while store.head("tl_a").seq < 2:
                await asyncio.sleep(0.01)
        async with jobs(store, CRASH) as beside:
            assert await beside.state("tl_a") == "running"
            await asyncio.sleep(0.1)
            assert store.head("tl_a").seq == 2, "two servers run one job"
    assert store.state("tl_a").state == "running", "a server that stops must not end a timeline"
    async with jobs(store, "print(json.dumps({'done': True}))"):
        async with asyncio.timeout(60):
            while store.head("tl_a").seq < 4:
                await asyncio.sleep(0.01)


async def test_job_files_of_an_earlier_release_are_run_and_other_files_are_left_alone(store: SqliteStore) -> None:
    folder = store.folder / "jobs"
    folder.mkdir(parents=True)
    content = {**job(store, "tl_a").model_dump(mode="json"), "asked": time.time()}
    (folder / "tl_a.json").write_text(json.dumps(content))
    (folder / "notes.json").write_text("[]")
    async with jobs(store, CRASH):
        assert (await ended(store, "tl_a")).error.code == "worker.crashed"
    assert [path.name for path in folder.iterdir()] == ["notes.json"]


async def test_clean_restarts_do_not_end_an_analysis_as_crashed(store: SqliteStore) -> None:
    store_job = job(store, "tl_a")
    for restart in range(7):
        async with jobs(store, WAIT) as made:
            if restart == 0:
                await made.submit(store_job)
            async with asyncio.timeout(60):
                while store.head("tl_a").seq < 2 * (restart + 1):
                    await asyncio.sleep(0.02)
    (waiting,) = store.job_queue.jobs()
    assert (waiting.running, waiting.starts) == (False, 0)
    assert store.state("tl_a").state == "running"


async def test_a_job_whose_server_dies_again_and_again_without_progress_fails(store: SqliteStore) -> None:
    stored = job(store, "tl_a").model_copy(update={"starts": 5}).to_stored()
    store.job_queue.submit(stored, "a dead server")
    store.job_queue.release("a dead server")
    async with jobs(store, WAIT):
        assert "died 5 times" in (await ended(store, "tl_a")).error.message


async def test_the_end_of_an_analysis_is_written_when_the_store_can_be_written_again(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("streamtags_server.jobs.queue._RETRY_SECONDS", 0.05)
    append, refusals = store.append, iter(range(3))

    def full(*args: Any, **options: Any) -> Any:
        if next(refusals, None) is not None:
            raise StoreError("no space left on the volume", code="store.full")
        return append(*args, **options)

    async with jobs(store, CRASH) as made:
        monkeypatch.setattr(store, "append", full)
        await made.submit(job(store, "tl_a"))
        assert (await ended(store, "tl_a")).error.code == "worker.crashed"
        async with asyncio.timeout(60):
            while await made.state("tl_a") is not None:
                await asyncio.sleep(0.01)
    assert caplog.text.count("cannot be written yet") == 3


def test_a_live_source_and_a_growing_file_go_before_films_that_wait_for_longer(store: SqliteStore) -> None:
    waiting = [("tl_film", "film.mp4", False), ("tl_grows", "grows.ts", True), ("tl_live", "rtsp://camera/1", False)]
    for number, (timeline, uri, follow) in enumerate(waiting):
        one = job(store, timeline).model_copy(update={"uri": uri, "follow": follow, "submitted_at": float(number)})
        store.job_queue.submit(one.to_stored(), None)
    assert [one.timeline for one in store.job_queue.take("a server")] == ["tl_grows", "tl_live", "tl_film"]


def films(tmp_path: Path) -> Path:
    root = tmp_path / "media"
    root.mkdir()
    make_video(root / "film.mp4", [ShotSpec(30), ShotSpec(30)], size=(160, 90))
    return root


def test_a_film_is_analyzed_and_followed_to_its_end(serve: Any, tmp_path: Path) -> None:
    server = serve(media_roots=[films(tmp_path)])
    with server.client() as client:
        client.say(type="subscribe", id="all", timeline="*")
        accepted = client.request("timelines.analyze", uri="film.mp4")["result"]
        assert accepted["state"] == "queued"
        events = client.events(1)
        while events[-1]["type"] not in ("timeline.completed", "timeline.failed"):
            events += client.events(1)
        assert events[-1]["type"] == "timeline.completed"
        assert events == [json.loads(line) for line in server.store.read_json(accepted["id"])]
        again = client.request("timelines.analyze", uri="film.mp4")["result"]
        assert again == {**accepted, "state": "completed"}
    uploaded = (tmp_path / "media" / "film.mp4").read_bytes()
    place = "/v1/timelines?name=film.mp4"
    first, second = (server.json("POST", place, uploaded, content_type="video/mp4")[1]["id"] for _ in range(2))
    assert first == second != accepted["id"]


def test_a_server_that_is_stopped_in_the_middle_resumes_at_its_next_start(serve: Any, tmp_path: Path) -> None:
    root = films(tmp_path)
    first = serve(media_roots=[root], analyses=1)
    _, accepted = first.json("POST", "/v1/timelines", {"uri": str(root / "film.mp4")})
    assert first.json("GET", f"/v1/timelines/{accepted['id']}")[1]["state"] in ("queued", "running")
    first.stop()
    assert first.store.state(accepted["id"]).state in ("queued", "running", "completed")
    second = serve(media_roots=[root])
    with second.client() as client:
        client.say(type="subscribe", id="a", timeline=accepted["id"])
        state = client.until("snapshot")[-1]["state"]["state"]
        while state != "completed":
            assert state not in ("failed", "cancelled")
            state = "completed" if client.events(1)[0]["type"] == "timeline.completed" else state
    assert {segment.status for segment in second.store.state(accepted["id"]).segments} == {"tagged"}


def test_an_analysis_is_cancelled_over_http_once_and_can_then_be_removed(serve: Any, tmp_path: Path) -> None:
    make_video(tmp_path / "film.ts", [ShotSpec(30), ShotSpec(90)], size=(160, 90))
    server = serve(media_roots=[tmp_path])
    _, accepted = server.json("POST", "/v1/timelines", {"uri": "film.ts", "follow": True})  # which waits for more
    place = f"/v1/timelines/{accepted['id']}"
    until(lambda: server.store.state(accepted["id"]).segments)
    assert server.json("DELETE", place)[0] == 409
    status, said = server.json("POST", f"{place}/cancel")
    assert (status, said) == (200, {"id": accepted["id"], "epoch": server.store.head(accepted["id"]).epoch, "state": "cancelled"})
    assert json.loads(server.store.read_json(accepted["id"])[-1])["type"] == "timeline.cancelled"
    assert server.json("GET", place)[1]["state"] == "cancelled"
    assert server.json("POST", f"{place}/cancel")[1]["code"] == "conflict"
    assert server.http("DELETE", place)[0] == 204


def followed(client: Any, accepted: dict[str, Any]) -> list[dict[str, Any]]:
    """The events from the first to the end of the analysis, of the log that the answer names."""
    client.say(type="subscribe", id="f", timeline=accepted["id"], after=0, epoch=accepted["epoch"])
    assert client.until("subscribed")[-1]["recovered"]
    events = client.events(1)
    while events[-1]["type"] not in ("timeline.completed", "timeline.failed"):
        events += client.events(1)
    assert {event["epoch"] for event in events} == {accepted["epoch"]}
    return events


def test_what_is_begun_anew_is_followed_by_the_epoch_that_is_answered(serve: Any, tmp_path: Path) -> None:
    server = serve(media_roots=[films(tmp_path)])
    with server.client() as client:
        _, first = server.json("POST", "/v1/timelines", {"uri": "film.mp4"})
        followed(client, first)
    _, again = server.json("POST", "/v1/timelines", {"uri": "film.mp4", "fresh": True})
    assert again["id"] == first["id"]
    assert again["epoch"] != first["epoch"]
    with server.client() as client:
        events = followed(client, again)
    assert (events[0]["type"], events[-1]["type"]) == ("timeline.opened", "timeline.completed")
    until(lambda: server.store.job_queue.find(first["id"]) is None)
    server.store.claim(first["id"], "another process")
    for place, body in (("", {"uri": "film.mp4", "fresh": True}), (f"/{first['id']}/retag", {"tags": "music-library"})):
        status, refused = server.json("POST", f"/v1/timelines{place}", body)
        assert (status, refused["code"]) == (409, "store.claimed")
    assert server.store.head(first["id"]) == (again["epoch"], events[-1]["seq"]), "a claimed log was deleted"


def one_runs_one_waits(server: Any, root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Analyses of a file that may grow, and of one behind it, at a server that runs one at once."""
    make_video(root / "grows.ts", [ShotSpec(30)], size=(160, 90))
    _, ahead = server.json("POST", "/v1/timelines", {"uri": "grows.ts", "follow": True})
    until(lambda: server.store.head(ahead["id"]).seq)
    return ahead, server.json("POST", "/v1/timelines", {"uri": "film.mp4"})[1]


def test_a_second_server_reports_the_state_of_the_first_and_can_cancel_what_it_runs(serve: Any, tmp_path: Path) -> None:
    root = films(tmp_path)
    first, second = serve(media_roots=[root], analyses=1), serve(media_roots=[root], analyses=1)
    make_video(root / "other.ts", [ShotSpec(30)], size=(160, 90))
    second.json("POST", "/v1/timelines", {"uri": "other.ts", "follow": True})  # so that it has no room for what waits
    ahead, waits = one_runs_one_waits(first, root)
    for accepted, state in ((ahead, "running"), (waits, "queued")):
        place = f"/v1/timelines/{accepted['id']}"
        assert [server.json("GET", place)[1]["state"] for server in (first, second)] == [state, state]
        listed = second.json("GET", "/v1/timelines")[1]["timelines"]
        assert {one["id"]: one["state"] for one in listed}[accepted["id"]] == state
        assert second.json("DELETE", place)[0] == 409
    assert second.json("POST", "/v1/timelines", {"uri": "grows.ts", "follow": True}) == (202, {**ahead, "state": "running"})
    for accepted in (waits, ahead):
        assert second.json("POST", f"/v1/timelines/{accepted['id']}/cancel")[1]["state"] == "cancelled"
        assert first.json("GET", f"/v1/timelines/{accepted['id']}")[1]["state"] == "cancelled"


def test_what_is_being_analyzed_is_not_retagged(serve: Any, tmp_path: Path) -> None:
    root = films(tmp_path)
    server = serve(media_roots=[root], analyses=1)
    with server.client() as client:
        for accepted in one_runs_one_waits(server, root):
            status, refused = server.json("POST", f"/v1/timelines/{accepted['id']}/retag", {"tags": "music-library"})
            assert (status, refused["code"]) == (409, "conflict")
            assert "cancel" in refused["detail"]
            assert client.request("timelines.retag", id=accepted["id"], tags="music-library")["error"]["code"] == "conflict"


def test_what_was_cancelled_in_the_queue_goes_on_in_its_log(serve: Any, tmp_path: Path) -> None:
    root = films(tmp_path)
    server = serve(media_roots=[root], analyses=1)
    ahead, waits = one_runs_one_waits(server, root)
    assert server.json("POST", f"/v1/timelines/{waits['id']}/cancel")[1]["state"] == "cancelled"
    _, again = server.json("POST", "/v1/timelines", {"uri": "film.mp4"})
    assert again == waits
    server.json("POST", f"/v1/timelines/{ahead['id']}/cancel")
    with server.client() as client:
        kinds = [event["type"] for event in followed(client, again)]
    assert (kinds[:2], kinds[-1]) == (["timeline.cancelled", "timeline.opened"], "timeline.completed")


def test_when_too_many_are_queued_the_next_gets_a_time_to_retry(serve: Any, tmp_path: Path) -> None:
    root = films(tmp_path)
    for name in ("second.mp4", "third.mp4"):
        (root / name).write_bytes((root / "film.mp4").read_bytes())
    make_video(root / "film.ts", [ShotSpec(30), ShotSpec(90)], size=(160, 90))
    server = serve(media_roots=[root], analyses=1, queue=1)
    _, first = server.json("POST", "/v1/timelines", {"uri": "film.ts", "follow": True})  # which waits for more
    until(lambda: server.store.head(first["id"]).seq)
    assert server.json("POST", "/v1/timelines", {"uri": "second.mp4"})[1]["state"] == "queued"
    status, headers, body = server.http("POST", "/v1/timelines", {"uri": "third.mp4"})
    assert (status, json.loads(body)["code"]) == (429, "queue.full")
    assert int(headers["retry-after"]) > 0


def test_a_film_longer_than_the_limit_fails_with_the_reason(serve: Any, tmp_path: Path) -> None:
    server = serve(media_roots=[films(tmp_path)], max_seconds=1.0)
    _, accepted = server.json("POST", "/v1/timelines", {"uri": "film.mp4"})
    deadline = time.monotonic() + 60
    while (state := server.store.state(accepted["id"])).state != "failed" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert state.error is not None
    assert state.error.code == "limit.duration"
