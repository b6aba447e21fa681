"""Two servers on one PostgreSQL store."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streamtags.client import Backoff, connect
from streamtags.core.events import Event, SegmentCaptioned, SegmentTagged
from streamtags.core.state import TimelineState
from streamtags.store.opening import open_store
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.looks import LookName
from streamtags.testing.serving import ServerProcess

FOLLOW = Path(__file__).parents[1] / "client" / "follow.mjs"

# Models of different names, or the second film would reuse the captions of the first.
CONFIG = """
profile = "one"

[profiles.one]
concurrency = 2
captioner = { backend = "scripted", delay_seconds = 0.2, model = "model-one" }
classifier = { backend = "scripted", model = "tags-one" }

[profiles.long]
concurrency = 1
captioner = { backend = "scripted", delay_seconds = 1.0, model = "model-long" }
classifier = { backend = "scripted", model = "tags-long" }

[profiles.two]
captioner = { backend = "scripted", model = "model-two" }
classifier = { backend = "scripted", model = "tags-two" }
"""


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.loads(answer.read()))


def facts_of(state: TimelineState) -> dict[str, Any]:
    """What a state says, less what differs between any two runs and films."""
    facts = state.to_dict()
    for name in ("id", "epoch", "seq", "progress", "source", "profile"):
        facts.pop(name, None)
    return dict(json.loads(re.sub(r"(model|tags)-(one|two)", "", json.dumps(facts))))


@contextmanager
def two_servers(store: str, folder: Path) -> Iterator[list[ServerProcess]]:
    """Two servers on a store that run one analysis each and read films in the folder."""
    (folder / "config.toml").write_text(CONFIG)
    flags = ["--media-root", str(folder), "--config", str(folder / "config.toml"), "--set", "server.analyses=1"]
    servers = [ServerProcess(store, flags, log=folder / f"server{number}.log") for number in range(2)]
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_ready()
        yield servers
    finally:
        for server in servers:
            if server.is_running:
                server.kill()


def film_of(path: Path, shots: int) -> None:
    looks: tuple[LookName, ...] = ("texture", "stripes", "lights", "blocks")
    make_video(path, [ShotSpec(20, looks[number % 4]) for number in range(shots)], size=(160, 90))


async def everything(servers: list[ServerProcess], timeline: str, seen: list[Any]) -> None:
    async with connect([server.url for server in servers], backoff=Backoff(first_seconds=0.1, most_seconds=0.5)) as session:
        async for event in session.follow(timeline, after=0):
            seen.append(event)
            if event.type in ("timeline.completed", "timeline.cancelled"):
                return


@pytest.mark.timeout(600)
async def test_another_server_finishes_what_a_killed_one_began_and_its_clients_go_on_there(
    postgres_url: str, tmp_path: Path, profile_of_the_file: None
) -> None:
    film_of(tmp_path / "film.mp4", 12)
    (tmp_path / "undisturbed.mp4").write_bytes((tmp_path / "film.mp4").read_bytes())
    seen: list[Any] = []
    with two_servers(postgres_url, tmp_path) as servers:
        accepted = post(f"{servers[0].url}/v1/timelines", {"uri": "film.mp4"})
        following = asyncio.create_task(everything(servers, accepted["id"], seen))
        async with asyncio.timeout(60):
            while sum(event.type == "segment.captioned" for event in seen) < 2:
                await asyncio.sleep(0.02)
        (worker,) = servers[0].workers()
        servers[0].kill()
        async with asyncio.timeout(100):
            await following
        deadline = time.monotonic() + 60
        while Path(f"/proc/{worker}").exists():
            assert time.monotonic() < deadline, "the analysis of the killed server goes on"
            time.sleep(0.02)
        other = post(f"{servers[1].url}/v1/timelines", {"uri": "undisturbed.mp4", "profile": "two"})
        undisturbed: list[Any] = []
        async with asyncio.timeout(100):
            await everything([servers[1]], other["id"], undisturbed)
        with open_store(postgres_url) as store:
            log = store.read(accepted["id"])
            assert [event.seq for event in log] == list(range(1, len(log) + 1))
            assert seen == log
            assert facts_of(store.state(accepted["id"])) == facts_of(store.state(other["id"]))
            async with asyncio.timeout(60):
                while store.job_queue.jobs():
                    await asyncio.sleep(0.1)  # the last process is about to exit


@pytest.mark.timeout(600)
async def test_a_killed_worker_is_replaced_and_a_waiting_job_goes_to_the_server_with_room(
    postgres_url: str, tmp_path: Path, profile_of_the_file: None
) -> None:
    for name in ("first.mp4", "second.mp4"):
        film_of(tmp_path / name, 3)
    with two_servers(postgres_url, tmp_path) as servers:
        films = (("first.mp4", "long"), ("second.mp4", "one"))  # the first still runs when the second has begun
        ids = [post(f"{servers[0].url}/v1/timelines", {"uri": name, "profile": profile})["id"] for name, profile in films]
        async with asyncio.timeout(60):
            while not ((running := servers[0].workers()) and servers[1].workers()):
                await asyncio.sleep(0.02)
        os.kill(running[0], signal.SIGKILL)
        with open_store(postgres_url) as store:
            async with asyncio.timeout(100):
                while {store.summary(timeline).state for timeline in ids} != {"completed"}:
                    await asyncio.sleep(0.1)
            assert all(event.type != "timeline.failed" for timeline in ids for event in store.read(timeline))


async def javascript(servers: list[ServerProcess], timeline: str) -> list[Event]:
    """Return the events that the JavaScript client receives until the timeline is completed; none where there is no node."""
    node = shutil.which("node")
    if node is None:
        return []
    command = [node, "--experimental-websocket", "--no-warnings", str(FOLLOW), ",".join(server.url for server in servers), timeline]
    following = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await following.communicate()
    return [Event.model_validate(event) for event in json.loads(out)["events"]]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_all_servers_are_restarted_in_turn_and_no_analysis_and_no_client_loses_anything(
    postgres_url: str, tmp_path: Path, profile_of_the_file: None
) -> None:
    film_of(tmp_path / "film.mp4", 80)  # which would take more than a minute: it is cancelled after the last restart
    seen: list[Event] = []
    with two_servers(postgres_url, tmp_path) as servers, open_store(postgres_url) as store:
        accepted = post(f"{servers[0].url}/v1/timelines", {"uri": "film.mp4", "profile": "long"})["id"]
        clients = [asyncio.create_task(everything(servers, accepted, seen)), asyncio.create_task(javascript(servers, accepted))]
        for server in servers:
            async with asyncio.timeout(60):
                before = store.head(accepted).seq
                while not (server.workers() and store.head(accepted).seq > before + 4):
                    await asyncio.sleep(0.02)
            await asyncio.to_thread(server.stop)
            stopped_at = store.head(accepted).seq
            async with asyncio.timeout(60):
                while store.head(accepted).seq == stopped_at:
                    await asyncio.sleep(0.02)
            server.start()
            await asyncio.to_thread(server.wait_until_ready)
        await asyncio.to_thread(post, f"{servers[1].url}/v1/timelines/{accepted}/cancel", {})
        async with asyncio.timeout(60):
            _, received = await asyncio.gather(*clients)
        log = store.read(accepted)
    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    assert {event.type for event in log[:-1]}.isdisjoint({"timeline.failed", "timeline.cancelled", "segment.failed"})
    results = Counter(
        (event.type, event.data.segment, event.data.model) for event in log if isinstance(event.data, SegmentCaptioned | SegmentTagged)
    )
    assert set(results.values()) == {1}, "a result is in the log twice"
    assert seen == log
    assert received in ([], log)
