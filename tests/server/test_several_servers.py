"""Two servers on one PostgreSQL store."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from streamtags.client import Backoff, connect
from streamtags.core.state import TimelineState
from streamtags.store.opening import open_store
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.serving import ServerProcess

# Models of different names, or the second film would reuse the captions of the first.
CONFIG = """
profile = "one"

[profiles.one]
concurrency = 2
captioner = { backend = "scripted", delay_seconds = 0.2, model = "model-one" }
classifier = { backend = "scripted", model = "tags-one" }

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


async def everything(servers: list[ServerProcess], timeline: str, seen: list[Any]) -> None:
    async with connect([server.url for server in servers], backoff=Backoff(first_seconds=0.1, most_seconds=0.5)) as session:
        async for event in session.follow(timeline, after=0):
            seen.append(event)
            if event.type == "timeline.completed":
                return


@pytest.mark.timeout(240)
async def test_another_server_finishes_what_a_killed_one_began_and_its_clients_go_on_there(
    postgres_url: str, tmp_path: Path, profile_of_the_file: None
) -> None:
    film = tmp_path / "film.mp4"
    make_video(film, [ShotSpec(20, look) for look in ("texture", "stripes", "lights", "blocks") * 3], size=(160, 90))
    (tmp_path / "undisturbed.mp4").write_bytes(film.read_bytes())
    (tmp_path / "config.toml").write_text(CONFIG)
    flags = ["--media-root", str(tmp_path), "--config", str(tmp_path / "config.toml"), "--set", "server.analyses=1"]
    servers = [ServerProcess(postgres_url, flags, log=tmp_path / f"server{number}.log") for number in range(2)]
    seen: list[Any] = []
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_ready()
        accepted = post(f"{servers[0].url}/v1/timelines", {"uri": "film.mp4"})
        following = asyncio.create_task(everything(servers, accepted["id"], seen))
        async with asyncio.timeout(60):
            while sum(event.type == "segment.captioned" for event in seen) < 2:
                await asyncio.sleep(0.02)
        (worker,) = servers[0].workers()
        servers[0].kill()
        async with asyncio.timeout(100):
            await following
        deadline = time.monotonic() + 5
        while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not Path(f"/proc/{worker}").exists(), "the analysis of the killed server goes on"
        other = post(f"{servers[1].url}/v1/timelines", {"uri": "undisturbed.mp4", "profile": "two"})
        undisturbed: list[Any] = []
        async with asyncio.timeout(100):
            await everything([servers[1]], other["id"], undisturbed)
        with open_store(postgres_url) as store:
            log = store.read(accepted["id"])
            assert [event.seq for event in log] == list(range(1, len(log) + 1))
            assert seen == log
            assert facts_of(store.state(accepted["id"])) == facts_of(store.state(other["id"]))
            async with asyncio.timeout(20):
                while store.job_queue.jobs():
                    await asyncio.sleep(0.1)  # the last process is about to exit
    finally:
        for server in servers:
            if server.is_running:
                server.kill()


@pytest.mark.timeout(240)
async def test_a_killed_worker_is_replaced_and_a_waiting_job_goes_to_the_server_with_room(
    postgres_url: str, tmp_path: Path, profile_of_the_file: None
) -> None:
    for name in ("first.mp4", "second.mp4"):
        make_video(tmp_path / name, [ShotSpec(20, look) for look in ("texture", "stripes", "lights")], size=(160, 90))
    (tmp_path / "config.toml").write_text(CONFIG)
    flags = ["--media-root", str(tmp_path), "--config", str(tmp_path / "config.toml"), "--set", "server.analyses=1"]
    servers = [ServerProcess(postgres_url, flags, log=tmp_path / f"server{number}.log") for number in range(2)]
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_ready()
        ids = [post(f"{servers[0].url}/v1/timelines", {"uri": name})["id"] for name in ("first.mp4", "second.mp4")]
        async with asyncio.timeout(60):
            while not (servers[0].workers() and servers[1].workers()):
                await asyncio.sleep(0.02)
        os.kill(servers[0].workers()[0], signal.SIGKILL)
        with open_store(postgres_url) as store:
            async with asyncio.timeout(100):
                while {store.summary(timeline).state for timeline in ids} != {"completed"}:
                    await asyncio.sleep(0.1)
            assert all(event.type != "timeline.failed" for timeline in ids for event in store.read(timeline))
    finally:
        for server in servers:
            if server.is_running:
                server.kill()
