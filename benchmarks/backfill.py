"""What Ray adds to the analysis of many films, and what a process that is killed costs.

python -m benchmarks backfill equal [--films 40] [--workers 2]     films through `backfill` and one by one: logs compared, overhead per film
python -m benchmarks backfill kill [--films 40] [--workers 2]      a worker and a captioner are killed in the middle; logs compared
python -m benchmarks backfill nodes [--films 40] [--workers 2]     a cluster of two nodes on this machine, of which one is killed

With `--store postgresql`, and with `nodes`, the films that go through Ray are written to a PostgreSQL server that is started for it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from streamtags.config.settings import Settings, load_settings
from streamtags.run.films import FilmAnalyzer, FilmResult
from streamtags.store.opening import open_store
from streamtags.testing import ShotSpec, make_video, read_calls
from streamtags.testing.postgres import PostgresServer

LOOKS = ("texture", "stripes", "blocks")  # of which no two films show the same picture, so that none reuses captions of another
SEGMENTS = 4  # of each film
CONCURRENCY = 2
# What differs between two analyses of a film: when they ran, and how long each answer took.
VARYING = frozenset({"ms", "rev"})


def make_films(folder: Path, count: int) -> list[str]:
    """Write films of four shots of a second, no two alike."""
    folder.mkdir()
    for number in range(count):
        shots = [ShotSpec(25, LOOKS[shot % 3], sound="chords") for shot in range(SEGMENTS)]
        make_video(folder / f"{number:03d}.mp4", shots, size=(320, 180), seed=number)
    return [str(path) for path in sorted(folder.iterdir())]


# Stages that take seconds of CPU say nothing about Ray.
FAST = {"read": {"enabled": "off"}, "hear": {"enabled": "off"}}


def url_of(store: Path | str) -> str:
    """The URL of a store that is named by its file, or by its URL already."""
    return store if isinstance(store, str) else f"sqlite:///{store}"


def embedded(store: Path | str) -> Settings:
    """Settings that use no model."""
    return load_settings({**FAST, "store": url_of(store), "profile": "embedded"})


def scripted(store: Path | str, calls: Path, delay_seconds: float) -> Settings:
    """Settings with a captioner and a classifier that answer after a delay and write down which process answered."""
    backend = {"backend": "scripted", "log": str(calls)}
    profile = {"concurrency": CONCURRENCY, "captioner": {**backend, "delay_seconds": delay_seconds}, "classifier": backend}
    return load_settings({**FAST, "store": url_of(store), "profile": "scripted", "profiles": {"scripted": profile}})


def logs_of(store: Path | str) -> dict[str, list[str]]:
    """The events of every log of a store, sorted, by the name of the film, without what differs between two analyses.

    Raises:
        ValueError: a log has a gap.
    """
    logs = {}
    with open_store(url_of(store)) as opened:
        for summary in opened.timelines():
            events = [json.loads(line) for line in opened.read_json(summary.id)]
            if [event["seq"] for event in events] != list(range(1, len(events) + 1)):
                raise ValueError(f"the log of {summary.name} has a gap")
            kept = [event for event in events if event["type"] not in ("timeline.progress", "timeline.completed")]
            logs[summary.name] = sorted(json.dumps([event["type"], _constant(event["data"])], sort_keys=True) for event in kept)
            logs[summary.name].append(opened.state(summary.id).state)
    return logs


def stored_answers(store: Path | str) -> Counter[str]:
    """How many answers of captioner and classifier the logs have."""
    answers = Counter[str]()
    with open_store(url_of(store)) as opened:
        for summary in opened.timelines():
            events = [json.loads(line) for line in opened.read_json(summary.id)]
            said = Counter((event["type"], event["data"].get("segment")) for event in events)
            answers["caption"] += sum(kind == "segment.captioned" for kind, _ in said)
            answers["tag"] += sum(kind == "segment.tagged" and count == 2 for (kind, _), count in said.items())  # the first are measured
    return answers


def _constant(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _constant(value) for key, value in data.items() if key not in VARYING}
    return [_constant(value) for value in data] if isinstance(data, list) else data


def one_by_one(films: list[str], settings: Settings) -> float:
    """Analyze films in this process; return the seconds that it took."""
    analyzer = FilmAnalyzer(settings)
    began = time.perf_counter()
    for film in films:
        _check(analyzer.analyze(film))
    taken = time.perf_counter() - began
    analyzer.close()
    return taken


@contextmanager
def small_ray(cpus: int) -> Iterator[None]:
    """Run Ray on this machine without a dashboard and with little memory."""
    os.environ.update(RAY_AUTH_MODE="disabled", RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES=str(100_000_000))  # read when it is imported
    from streamtags.run.executors.ray_films import ray_cluster

    with ray_cluster(None, cpus):
        yield


def on_ray(films: list[str], settings: Settings, workers: int) -> Iterator[float]:
    """Analyze films on Ray; yield the seconds since the beginning as each ends."""
    from streamtags.run.executors.ray_films import analyze_films, ray_cluster

    began = time.perf_counter()
    with ray_cluster(None, 0) as cluster:
        for result in analyze_films(films, settings, cluster, workers=workers, captioners=1):
            _check(result)
            yield time.perf_counter() - began


def _check(result: FilmResult) -> None:
    if result.error is not None:
        raise result.error


def equal(count: int, workers: int, kind: str) -> bool:
    """Compare films through `backfill` with one by one; print the overhead."""
    with tempfile.TemporaryDirectory() as name, shared_store(Path(name), kind) as store:
        folder = Path(name)
        films = make_films(folder / "films", count)
        alone, together = embedded(folder / "alone.db"), embedded(store)
        one = one_by_one(films, alone)
        again = one_by_one(films, alone)
        print(f"one by one:    {one / count:7.3f} s a film; finished films again {again / count:7.3f} s", flush=True)
        began = time.perf_counter()
        with small_ray(workers + 2):
            print(f"Ray starts in  {time.perf_counter() - began:7.3f} s", flush=True)
            for number in dict.fromkeys((1, workers)):
                ends = list(on_ray(films, together if number == workers else embedded(folder / f"{number}.db"), number))
                each = (ends[-1] - ends[0]) / (count - 1)
                print(f"{number} on Ray:      {each:7.3f} s a film after the first, which took {ends[0]:.1f} s", flush=True)
            ends = list(on_ray(films, together, workers))
            each = (ends[-1] - ends[0]) / (count - 1)
            print(f"finished films again on Ray: {each * 1000:.1f} ms a film: what Ray adds, and a look into the store", flush=True)
        same = logs_of(folder / "alone.db") == logs_of(store)
        print(f"{count} logs through Ray {'equal' if same else 'DIFFER FROM'} those of one by one", flush=True)
        return same


@contextmanager
def shared_store(folder: Path, kind: str) -> Iterator[Path | str]:
    """An empty store for the films that go through Ray: a file, or a database of a PostgreSQL server of its own."""
    with PostgresServer() if kind == "postgresql" else nullcontext() as server:
        yield folder / "together.db" if server is None else server.new_database()


def kill(count: int, workers: int, kind: str) -> bool:
    """Kill a worker, then a captioner, in the middle; compare logs with those of an undisturbed run, and print what was done twice."""
    with tempfile.TemporaryDirectory() as name, shared_store(Path(name), kind) as together:
        folder = Path(name)
        films = make_films(folder / "films", count)
        one_by_one(films, scripted(folder / "alone.db", folder / "alone.jsonl", 0.0))
        calls = folder / "calls.jsonl"
        ended, killed, at_risk = list[float](), list[str](), Counter[str]()

        def kill_when(stage: str, due: Callable[[], bool]) -> None:
            while not due():
                time.sleep(0.01)
            stored = stored_answers(together)
            pid = [call["pid"] for call in read_calls(calls) if call["stage"] == stage][-1]
            os.kill(pid, signal.SIGKILL)
            time.sleep(1.0)  # a request on its way to the captioner arrives
            at_risk.update(Counter(call["stage"] for call in read_calls(calls)) - stored)
            killed.append(f"{'worker' if stage == 'tag' else 'captioner'} {pid} after {len(ended)} films")

        with small_ray(workers + 2):
            for stage, share in (("tag", 3), ("caption", 2)):
                threading.Thread(target=kill_when, args=(stage, lambda share=share: len(ended) >= count // share), daemon=True).start()
            for moment in on_ray(films, scripted(together, calls, 0.3), workers):
                ended.append(moment)
        done = Counter((call["stage"]) for call in read_calls(calls))
        same = logs_of(folder / "alone.db") == logs_of(together)
        print(f"killed: {', '.join(killed)}; {count} films ended after {ended[-1]:.1f} s", flush=True)
        for stage, number in sorted(done.items()):
            again = number - count * SEGMENTS
            print(f"{stage}: {number} calls; {again} of {at_risk[stage]} not yet stored were made again", flush=True)
        print(f"{count} logs {'equal' if same else 'DIFFER FROM'} those of an undisturbed run", flush=True)
        return same and len(killed) == 2 and all(0 <= number - count * SEGMENTS <= at_risk[stage] for stage, number in done.items())


@contextmanager
def two_nodes(cpus: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a cluster of two nodes with so many logical CPUs each; yield its address and the process whose end is that of the second."""
    os.environ.update(RAY_AUTH_MODE="disabled", RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES=str(100_000_000), RAY_USAGE_STATS_ENABLED="0")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def start(*words: str) -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).with_name("ray")), "start", "--block", f"--num-cpus={cpus}", *words]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    nodes = [start("--head", f"--port={port}", "--include-dashboard=false", "--disable-usage-stats")]
    try:
        _wait_for_port(port)
        nodes.append(start(f"--address=127.0.0.1:{port}"))
        yield f"127.0.0.1:{port}", nodes[1]
    finally:
        for node in nodes:  # with --block, all that Ray has started ends with this process
            node.terminate()
        for node in nodes:
            node.wait()


def _wait_for_port(port: int) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    raise TimeoutError(f"no Ray at port {port} after a minute")


def nodes(count: int, workers: int) -> bool:
    """Analyze films on two nodes, one of which is killed when a third of the films has ended; compare the logs."""
    with tempfile.TemporaryDirectory() as name, PostgresServer() as server, two_nodes(workers) as (address, second):
        import ray

        from streamtags.run.executors.ray_films import ray_cluster

        folder, url = Path(name), server.new_database()
        films, calls = make_films(folder / "films", count), folder / "calls.jsonl"
        one_by_one(films, scripted(folder / "alone.db", folder / "alone.jsonl", 0.0))
        ended = list[float]()
        with ray_cluster(address, 0):
            while len(ray.nodes()) < 2:
                time.sleep(1.0)
            for moment in on_ray(films, scripted(url, calls, 0.3), workers):
                ended.append(moment)
                if len(ended) == count // 3:
                    second.kill()
        longest = max(later - earlier for earlier, later in pairwise(ended))
        print(
            f"a node was killed after {count // 3} of {count} films; all ended after {ended[-1]:.1f} s, {longest:.1f} s without one at most"
        )
        same = logs_of(folder / "alone.db") == logs_of(url)
        done = Counter(call["stage"] for call in read_calls(calls))
        print(f"calls made again: { ({stage: number - count * SEGMENTS for stage, number in sorted(done.items())}) }")
        print(f"{count} logs {'equal' if same else 'DIFFER FROM'} those of an undisturbed run", flush=True)
        return same


def main() -> int:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("equal", "kill", "nodes"))
    parser.add_argument("--films", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    args = parser.parse_args()
    if args.part == "nodes":
        return 0 if nodes(args.films, args.workers) else 1
    return 0 if (equal if args.part == "equal" else kill)(args.films, args.workers, args.store) else 1


if __name__ == "__main__":
    sys.exit(main())
