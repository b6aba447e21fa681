"""Kill workers, servers and the database again and again while films are analyzed; then compare every log with one never disturbed.

    python -m benchmarks chaos [--kills 200] [--films 20] [--minutes 60] [--seed 1] [--patience 120]

Two servers share one PostgreSQL store that this program starts. Each film is followed by a client that knows both servers. A process is
killed when it has brought an analysis forward since it was started, so a slow machine takes longer and kills the same. At the end each log
is gapless, has no result twice, folds to the same state as that of an undisturbed film, and each client has received exactly that log.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg

from streamtags.client import Backoff, connect
from streamtags.core.errors import StreamtagsError
from streamtags.core.events import SegmentCaptioned, SegmentTagged
from streamtags.core.state import TimelineState
from streamtags.core.stores import Store
from streamtags.store.opening import open_store
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.looks import LookName
from streamtags.testing.postgres import PostgresServer
from streamtags.testing.serving import ServerProcess

# A profile with a model of its own for each film: the films show the same pictures, and would reuse each other's captions.
MAX_FILMS = 200
PROFILE = """
[profiles.p{number}]
concurrency = 2
captioner = {{ backend = "scripted", delay_seconds = 0.4, model = "model-{number}" }}
classifier = {{ backend = "scripted", model = "tags-{number}" }}
"""
# How often each kind is chosen: workers die most often.
KINDS = ("worker",) * 7 + ("server",) * 2 + ("database",)
LOOKS: tuple[LookName, ...] = ("texture", "stripes", "lights", "blocks")
SHOTS = 20
# Events that a process has written before it is killed.
EVENTS_BEFORE_KILL = 3
LOOK_SECONDS = 0.2
PRINT_SECONDS = 10.0


def facts_of(state: TimelineState) -> dict[str, Any]:
    """What a state says, less what differs between any two runs and films."""
    facts = state.to_dict()
    for name in ("id", "epoch", "seq", "progress", "source", "profile"):
        facts.pop(name, None)
    return dict(json.loads(re.sub(r"(model|tags)-\d+", "", json.dumps(facts))))


class Stalled(Exception):
    """Nothing was written for too long."""


class Working(NamedTuple):
    """A process that works on a timeline, and how many events it has written."""

    pid: int
    timeline: str
    events: int


class Progress:
    """What the logs say: which process works on which timeline, since when, and how long each interruption took.

    Args:
        postgres: the database server.
        database: the name of the database.
        patience_seconds: how long nothing may be written.
    """

    def __init__(self, postgres: PostgresServer, database: str, patience_seconds: float) -> None:
        self._address = f"host={postgres.folder} user=streamtags dbname={database}"
        self._patience = patience_seconds
        self._ends: dict[str, int] = {}
        self._first: dict[int, int] = {}  # the end of the log when a process was first seen, by pid
        self._moved_at = time.monotonic()
        self._interrupted: dict[str, tuple[str, float, int | None]] = {}  # the end of the log is read after the interruption
        self.working: list[Working] = []
        self.pauses: dict[str, list[float]] = {}

    def look(self) -> None:
        """Read the logs' ends and their claims; keep what was known while the database is away.

        Raises:
            Stalled: nothing was written for too long.
        """
        try:
            with psycopg.connect(self._address, connect_timeout=3) as connection:
                rows = connection.execute(
                    "SELECT id, seq, CASE WHEN owner IS NULL THEN 0 ELSE pid END FROM streamtags.timelines"
                ).fetchall()
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):  # not yet migrated
            rows = []
        now = time.monotonic()
        ends = {timeline: seq for timeline, seq, _ in rows}
        if rows and ends != self._ends:
            self._ends, self._moved_at = ends, now
        if now - self._moved_at > self._patience:
            raise Stalled
        self.working = []
        for timeline, seq, pid in rows:
            if pid:
                self.working.append(Working(pid, timeline, seq - self._first.setdefault(pid, seq)))
            kind, since, before = self._interrupted.get(timeline, ("", now, seq))
            if before is None:
                self._interrupted[timeline] = (kind, since, seq)
            elif seq > before:
                self.pauses.setdefault(kind, []).append(now - since)
                del self._interrupted[timeline]

    def interrupted(self, kind: str, timelines: list[str]) -> None:
        """Measure from now on how long it takes until these logs grow again, and count the events of every process anew."""
        for timeline in timelines:
            self._interrupted.setdefault(timeline, (kind, time.monotonic(), None))
        if kind == "database":
            self._first.clear()


class Site:
    """Two servers, the films, and a client for each film."""

    def __init__(self, postgres: PostgresServer, folder: Path, patience_seconds: float) -> None:
        self.postgres, self.folder, self.url = postgres, folder, postgres.new_database()
        self.progress = Progress(postgres, self.url.partition("?")[0].rpartition("/")[2], patience_seconds)
        (folder / "config.toml").write_text('profile = "p0"\n' + "".join(PROFILE.format(number=number) for number in range(MAX_FILMS)))
        make_video(folder / "film.mp4", [ShotSpec(15, LOOKS[number % 4]) for number in range(SHOTS)], size=(160, 90))
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
                try:
                    return await asyncio.to_thread(self._post, server.url, {"uri": name, "profile": f"p{number}"})
                except urllib.error.HTTPError as error:
                    if error.code != 503:  # the database is away
                        raise
                except (OSError, http.client.HTTPException):  # the server is away
                    continue
            await asyncio.sleep(LOOK_SECONDS)

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
                await asyncio.sleep(LOOK_SECONDS)  # no server could be reached at first, or it had no database

        self.followers.append(asyncio.create_task(collect()))

    async def keep_running(self) -> None:
        """Start servers that have ended, as a supervisor does, and look at the logs."""
        while True:
            for server in self.servers:
                if not server.is_running:
                    server.start()
            await asyncio.to_thread(self.progress.look)
            await asyncio.sleep(LOOK_SECONDS)

    def kill(self, kind: str, chance: random.Random) -> bool:
        """Kill one process of that kind that has brought an analysis forward; return False if there is none."""
        moved = {one.pid: one for one in self.progress.working if one.events >= EVENTS_BEFORE_KILL}
        if kind == "database":
            if moved:
                self.progress.interrupted(kind, [one.timeline for one in self.progress.working])
                self.postgres.restart(immediate=True)
            return bool(moved)
        if kind == "server":
            running = [(server, server.workers()) for server in self.servers if server.is_running]
            victims = [(server, workers) for server, workers in running if workers and moved.keys() >= set(workers)]
            if victims:
                server, workers = chance.choice(victims)
                self.progress.interrupted(kind, [moved[pid].timeline for pid in workers])
                server.kill()
            return bool(victims)
        pids = [pid for server in self.servers for pid in server.workers() if pid in moved]
        if pids:
            pid = chance.choice(pids)
            self.progress.interrupted(kind, [moved[pid].timeline])
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(pids)

    def unfinished(self) -> int:
        """Return the number of films whose client waits for their end."""
        return sum(not follower.done() for follower in self.followers)

    @staticmethod
    def _post(url: str, body: dict[str, str]) -> str:
        request = urllib.request.Request(f"{url}/v1/timelines", json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(json.loads(answer.read())["id"])


def check(store: Store, timeline: str, seen: list[Any], expected: dict[str, Any]) -> list[str]:
    """Return what is wrong with a log."""
    log = store.read(timeline)
    wrong = []
    if [event.seq for event in log] != list(range(1, len(log) + 1)) or len({event.epoch for event in log}) != 1:
        wrong.append("the log has a gap or two epochs")
    results = Counter(
        (event.type, event.data.segment, event.data.model) for event in log if isinstance(event.data, SegmentCaptioned | SegmentTagged)
    )
    if any(count > 1 for count in results.values()):
        wrong.append("a result is in the log twice")
    if facts_of(store.state(timeline)) != expected:
        wrong.append(f"the state ({store.state(timeline).state}) differs from the undisturbed one")
    if seen != log:
        wrong.append(f"the client has {len(seen)} events of {len(log)}")
    return wrong


async def disturb(site: Site, films: int, kills: int, minutes: float, seed: int) -> tuple[list[str], Counter[str]]:
    """Keep so many films under way and kill processes; return the timelines, when all are finished, and the kills of each kind."""
    chance, done, timelines = random.Random(seed), Counter[str](), list[str]()
    began, printed, kind = time.monotonic(), 0.0, "worker"
    while (is_killing := sum(done.values()) < kills and time.monotonic() < began + 60 * minutes) or site.unfinished():
        missing = films - site.unfinished() if is_killing else 0
        for _ in range(missing if missing > films / 4 or not timelines else 0):
            timelines.append(await site.submit(len(timelines) + 1))
            site.follow(timelines[-1])
        await asyncio.sleep(LOOK_SECONDS)
        if is_killing and await asyncio.to_thread(site.kill, kind, chance):
            done[kind] += 1
            kind = chance.choice(KINDS)
        if time.monotonic() > printed + PRINT_SECONDS:
            printed = time.monotonic()
            print(f"{printed - began:5.0f} s: {dict(done)}, {site.unfinished()} of {len(timelines)} films not finished", flush=True)
    return timelines, done


async def run(site: Site, films: int, kills: int, minutes: float, seed: int) -> int:
    """Run the benchmark; return the number of logs with a mistake."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(site.keep_running())
        undisturbed = await site.submit(0)
        site.follow(undisturbed)
        await site.followers[0]
        began = time.monotonic()
        timelines, done = await disturb(site, films, kills, minutes, seed)
        running.cancel()
    wrong = 0
    with open_store(site.url) as store:
        expected = facts_of(store.state(undisturbed))
        for timeline in timelines:
            for what in check(store, timeline, site.seen[timeline], expected):
                wrong += 1
                print(f"{timeline}: {what}")
        events = sum(store.head(timeline).seq for timeline in timelines)
    seconds = time.monotonic() - began
    print(f"{sum(done.values())} kills ({dict(done)}), {len(timelines)} films, {events} events, {wrong} mistakes, {seconds:.0f} s")
    for kind, pauses in site.progress.pauses.items():
        print(f"  a log that a killed {kind} interrupted grows again after: median {np.median(pauses):.1f} s, longest {max(pauses):.1f} s")
    return wrong


def explain(site: Site) -> None:
    """Print what waits for what, for a run that stands still."""
    print("nothing was written for too long")
    with contextlib.suppress(StreamtagsError), open_store(site.url) as store:
        for job in store.job_queue.jobs():
            print(f"  {job.timeline}: {store.head(job.timeline)}, running {job.running}, starts {job.starts}")
    for number, server in enumerate(site.servers):
        log = (site.folder / f"server{number}.log").read_text(errors="replace")
        print(f"  server {number} (running: {server.is_running}, workers: {server.workers()}):", log[-1500:], sep="\n")


def main() -> int:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--films", type=int, default=20, help="analyses at once")
    parser.add_argument("--minutes", type=float, default=60.0, help="kill nothing more after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=120.0, help="seconds without an event after which the run is given up")
    args = parser.parse_args()
    with PostgresServer() as postgres, tempfile.TemporaryDirectory(prefix="streamtags-chaos-") as folder:
        site = Site(postgres, Path(folder), args.patience)
        wrong = 0
        try:
            wrong = asyncio.run(run(site, args.films, args.kills, args.minutes, args.seed))
        except* Stalled:
            explain(site)
            wrong = 1
        finally:
            for server in site.servers:
                if server.is_running:
                    server.kill()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
