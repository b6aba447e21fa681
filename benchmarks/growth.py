"""What many films, many timelines and many appends cost, on SQLite and on PostgreSQL.

python -m benchmarks growth films [--counts 1 10 100]         time and memory per film
python -m benchmarks growth stores [--timelines 10000] [--segments 3] [--store sqlite]
                                                              list and search with that many timelines
python -m benchmarks growth appends [--writers 1 4 16]        appends a second, and the time until another process sees one
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from streamtags.core.records import TimelineIdentity
from streamtags.core.search import SearchFilter
from streamtags.core.stores import Store
from streamtags.run.search import open_search
from streamtags.store.opening import open_store
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.log import make_payloads
from streamtags.testing.postgres import PostgresServer, find_postgres

LOOKS = ("texture", "stripes", "lights", "blocks")
PROGRAM = "import sys; from streamtags.cli import main; sys.exit(main())"


@contextmanager
def stores(folder: Path, wanted: str = "both") -> Iterator[dict[str, str]]:
    """Yield the URL of an empty store of each kind, or of the one that is wanted."""
    urls = {} if wanted == "postgresql" else {"SQLite": f"sqlite:///{folder}/store.db"}
    if wanted == "sqlite" or find_postgres() is None:
        yield urls
        return
    with PostgresServer() as server:
        yield {**urls, "PostgreSQL": server.new_database()}


def milliseconds(call: Callable[[], object], times: int = 20) -> str:
    """Return the median and the longest time of some calls."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return f"median {np.median(taken):8.2f} ms, longest {max(taken):8.2f} ms"


def films(counts: list[int]) -> None:
    """Analyze folders of short films, each folder by one command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_video(folder / "film.mp4", [ShotSpec(25, LOOKS[number % 4], sound="chords") for number in range(4)], size=(320, 180))
        for count in counts:
            many = folder / f"films{count}"
            many.mkdir()
            for number in range(count):
                (many / f"{number:04d}.mp4").write_bytes((folder / "film.mp4").read_bytes())
            words = ["analyze", str(many), "--recursive", "--profile", "embedded", "--store", f"sqlite:///{folder}/{count}.db"]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", PROGRAM, *words], check=True, capture_output=True)
            taken, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            each = f"{taken / count:6.2f} s and {cpu / count:6.2f} s of CPU a film"
            print(f"{count:5} films of 4 s: {taken:7.1f} s, {each}, at most {after.ru_maxrss / 1024:.0f} MiB", flush=True)


def fill(store: Store, timelines: int, segments: int) -> None:
    """Store that many timelines of so many segments."""
    payloads = make_payloads(segments)
    for number in range(timelines):
        store.open_timeline(f"tl_{number:016x}", TimelineIdentity(f"film {number}"), name=f"film{number}.mp4")
        store.append(f"tl_{number:016x}", payloads)


def catalogs(timelines: int, segments: int, wanted: str) -> None:
    """Print what a list, a state and a search cost with that many timelines."""
    with tempfile.TemporaryDirectory() as name, stores(Path(name), wanted) as urls:
        for kind, url in urls.items():
            with open_store(url) as store:
                began = time.perf_counter()
                fill(store, timelines, segments)
                each = (time.perf_counter() - began) / timelines * 1000
                print(f"{kind}: {timelines} timelines of {segments} segments, {each:.2f} ms each to create and fill", flush=True)
                print(f"  list       {milliseconds(store.timelines)}")
                print(f"  heads      {milliseconds(store.heads)}")
                print(f"  head       {milliseconds(lambda: store.head('tl_0000000000000001'))}")
                print(f"  find last  {milliseconds(lambda: store.find('last'))}")
                print(f"  read       {milliseconds(lambda: store.read_json('tl_0000000000000001'))}")
                with closing(open_search(store)) as search:
                    began = time.perf_counter()
                    search.search("a calm dog", allowed=SearchFilter(), top=10)
                    print(f"  first search, which builds the index: {time.perf_counter() - began:.1f} s", flush=True)
                    print(f"  search     {milliseconds(lambda: search.search('a calm dog', allowed=SearchFilter(), top=10))}")


def appends(writers: list[int]) -> None:
    """Print appends a second by writers on timelines of their own, and the time until a watcher has read an event."""
    with tempfile.TemporaryDirectory() as name, stores(Path(name)) as urls:
        for kind, url in urls.items():
            with open_store(url) as store:
                for count in writers:
                    print(f"{kind}: {count:3} writers, {rate(store, url, count):7.0f} appends a second", flush=True)
                print(f"{kind}: from durable to read by another handle: {delays(store, url)}", flush=True)


def rate(store: Store, url: str, writers: int, seconds: float = 5.0) -> float:
    """Return how many appends of two events such writers make in a second."""
    payloads, counts, end = make_payloads(1)[:2], [0] * writers, time.perf_counter() + seconds

    def write(number: int) -> None:
        with open_store(url) as own:
            own.open_timeline(f"tl_{writers}_{number}", TimelineIdentity(f"{writers} {number}"))
            while time.perf_counter() < end:
                own.append(f"tl_{writers}_{number}", payloads)
                counts[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def delays(store: Store, url: str, times: int = 300) -> str:
    """Return percentiles of the time from the end of an append to its event having been read by another handle."""
    store.open_timeline("tl_watched", TimelineIdentity("watched"))
    payloads, taken = make_payloads(1)[:1], []
    seen, known = threading.Semaphore(0), 0
    arrived = 0.0
    with open_store(url) as other:

        def changed(_: int) -> None:
            nonlocal known, arrived
            lines = other.read_json("tl_watched", known)
            if lines:
                known += len(lines)
                arrived = time.perf_counter()
                for _ in lines:
                    seen.release()

        stop = other.watch(changed)
        for _ in range(times):
            store.append("tl_watched", payloads)
            durable = time.perf_counter()
            seen.acquire()
            taken.append(max(0.0, arrived - durable) * 1000)
            time.sleep(0.005)
        stop()
    return f"median {np.median(taken):.2f} ms, p99 {np.percentile(taken, 99):.2f} ms"


def main() -> int:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("films", "stores", "appends"))
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--timelines", type=int, default=10_000)
    parser.add_argument("--segments", type=int, default=3, help="of each timeline")
    parser.add_argument("--store", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 4, 16])
    args = parser.parse_args()
    if args.part == "films":
        films(args.counts)
    elif args.part == "stores":
        catalogs(args.timelines, args.segments, args.store)
    else:
        appends(args.writers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
