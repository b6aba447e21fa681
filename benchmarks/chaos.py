"""Kill workers, servers and the database again and again while films are analyzed; then compare every log with one never disturbed.

    python -m benchmarks chaos [--kills 200] [--films 20] [--seed 1] [--settle 2]

Two servers share one PostgreSQL store that this program starts. Each film is followed by a client that knows both servers. At the end each
log is gapless, has no result twice, folds to the same state as that of an undisturbed film, and each client has received exactly that log.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from streamtags.client import Backoff, connect
from streamtags.core.errors import StreamtagsError
from streamtags.core.state import TimelineState
from streamtags.core.stores import Store
from streamtags.store.opening import open_store
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.postgres import PostgresServer
from streamtags.testing.serving import ServerProcess

# A profile with a model of its own for each film: the films show the same pictures, and would reuse each other's captions.
MAX_FILMS = 200
PROFILE = """
[profiles.p{number}]
concurrency = 2
captioner = {{ backend = "scripted", delay_seconds = 0.5, model = "model-{number}" }}
classifier = {{ backend = "scripted", model = "tags-{number}" }}
"""
# How often each kind is chosen: workers die most often.
KINDS = ("worker",) * 7 + ("server",) * 2 + ("database",)
LOOKS = ("texture", "stripes", "lights", "blocks")


def facts_of(state: TimelineState) -> dict[str, Any]:
    """What a state says, less what differs between any two runs and films."""
    facts = state.to_dict()
    for name in ("id", "epoch", "seq", "progress", "source", "profile"):
        facts.pop(name, None)
    return dict(json.loads(re.sub(r"(model|tags)-\d+", "", json.dumps(facts))))


class Site:
    """Two servers, the films, and a client for each film."""

    def __init__(self, postgres: PostgresServer, folder: Path) -> None:
        self.postgres, self.folder, self.url = postgres, folder, postgres.new_database()
        (folder / "config.toml").write_text('profile = "p0"\n' + "".join(PROFILE.format(number=number) for number in range(MAX_FILMS)))
        make_video(folder / "film.mp4", [ShotSpec(15, LOOKS[number % 4]) for number in range(12)], size=(160, 90))
        flags = ["--media-root", str(folder), "--config", str(folder / "config.toml"), "--set", "server.analyses=2"]
        environment = {"STREAMTAGS_READ__ENABLED": "off", "STREAMTAGS_HEAR__ENABLED": "off"}
        self.servers = [ServerProcess(self.url, flags, environment=environment, log=folder / f"server{n}.log") for n in range(2)]
        self.seen: dict[str, list[Any]] = {}
        self.followers: list[asyncio.Task[None]] = []

    async def submit(self, number: int) -> str:
        """Begin the analysis of a copy of the film at some server that answers; return its timeline."""
        name = f"film{number:03d}.mp4"
        (self.folder / name).write_bytes((self.folder / "film.mp4").read_bytes())
        while True:
            for server in self.servers:
                with contextlib.suppress(OSError):  # refused, cut off, or 503 while the database is away
                    return await asyncio.to_thread(self._post, server.url, {"uri": name, "profile": f"p{number}"})
            await asyncio.sleep(0.2)

    def follow(self, timeline: str) -> None:
        """Collect the events of a timeline until it is completed."""
        self.seen[timeline] = []

        async def collect() -> None:
            while True:
                known = self.seen[timeline]
                position = {"after": known[-1].seq, "epoch": known[-1].epoch} if known else {"after": 0}
                with contextlib.suppress(StreamtagsError):
                    async with connect([server.url for server in self.servers], backoff=Backoff(0.1, 1.0)) as session:
                        async for event in session.follow(timeline, **position):
                            known.append(event)
                            if event.type in ("timeline.completed", "timeline.failed"):
                                return
                await asyncio.sleep(0.2)  # no server could be reached at first, or it had no database

        self.followers.append(asyncio.create_task(collect()))

    async def keep_running(self) -> None:
        """Start servers that have ended, as a supervisor does."""
        while True:
            for server in self.servers:
                if not server.is_running:
                    server.start()
            await asyncio.sleep(0.5)

    def kill(self, kind: str, chance: random.Random, settle_seconds: float) -> bool:
        """Kill one process of that kind that has run for a while; return False if there is none."""
        if kind == "database":
            self.postgres.restart(immediate=True)
            return True
        if kind == "server":
            running = [server for server in self.servers if server.is_running and age(server.pid) > 2 * settle_seconds]
            if running:
                chance.choice(running).kill()
            return bool(running)
        workers = [pid for server in self.servers for pid in server.workers() if age(pid) > settle_seconds]
        if not workers:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)
        return True

    @staticmethod
    def _post(url: str, body: dict[str, str]) -> str:
        request = urllib.request.Request(f"{url}/v1/timelines", json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(json.loads(answer.read())["id"])


def age(pid: int) -> float:
    """Return for how many seconds a process has run; 0 if it is gone."""
    try:
        ticks = float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def check(store: Store, timeline: str, seen: list[Any], expected: dict[str, Any]) -> list[str]:
    """Return what is wrong with a log."""
    log = store.read(timeline)
    wrong = []
    if [event.seq for event in log] != list(range(1, len(log) + 1)) or len({event.epoch for event in log}) != 1:
        wrong.append("the log has a gap or two epochs")
    results = Counter((event.type, event.data.segment, event.data.rev) for event in log if hasattr(event.data, "rev"))
    if any(count > 1 for count in results.values()):
        wrong.append("a result is in the log twice")
    if facts_of(store.state(timeline)) != expected:
        wrong.append("the state differs from the undisturbed one")
    if seen != log:
        wrong.append(f"the client has {len(seen)} events of {len(log)}")
    return wrong


async def run(site: Site, films: int, kills: int, seed: int, settle_seconds: float) -> int:
    """Run the benchmark; return the number of logs with a mistake."""
    chance, done = random.Random(seed), Counter[str]()
    running = asyncio.create_task(site.keep_running())
    undisturbed = await site.submit(0)
    site.follow(undisturbed)
    await site.followers[0]
    began, timelines = time.monotonic(), []
    while sum(done.values()) < kills:
        active = sum(not follower.done() for follower in site.followers)
        for _ in range(films - active if active < films / 2 else 0):
            timelines.append(await site.submit(len(timelines) + 1))
            site.follow(timelines[-1])
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        kind = chance.choice(KINDS)
        done[kind] += await asyncio.to_thread(site.kill, kind, chance, settle_seconds)
        if sum(done.values()) % 10 == 0:
            print(f"{time.monotonic() - began:5.0f} s: {dict(done)}, {active} of {len(timelines)} films not finished", flush=True)
    killed_for = time.monotonic() - began
    await asyncio.gather(*site.followers)
    running.cancel()
    wrong = 0
    with open_store(site.url) as store:
        expected = facts_of(store.state(undisturbed))
        for timeline in timelines:
            for what in check(store, timeline, site.seen[timeline], expected):
                wrong += 1
                print(f"{timeline}: {what}")
        events = sum(store.head(timeline).seq for timeline in timelines)
    print(f"{sum(done.values())} kills in {killed_for:.0f} s ({dict(done)}), {len(timelines)} films, {events} events, {wrong} mistakes")
    return wrong


def main() -> int:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--films", type=int, default=20, help="analyses at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settle", type=float, default=2.0, help="seconds that a worker runs before it may be killed; a server twice that")
    args = parser.parse_args()
    with PostgresServer() as postgres, tempfile.TemporaryDirectory(prefix="streamtags-chaos-") as folder:
        site = Site(postgres, Path(folder))
        try:
            return 1 if asyncio.run(run(site, args.films, args.kills, args.seed, args.settle)) else 0
        finally:
            for server in site.servers:
                if server.is_running:
                    server.kill()


if __name__ == "__main__":
    sys.exit(main())
