"""What many films, many timelines and many appends cost, on SQLite and on PostgreSQL.

python -m benchmarks growth films [--counts 1 10 100 1000]    time and memory per film
python -m benchmarks growth stores [--timelines 10000] [--segments 3] [--store sqlite] [--copy]
                                                              list and search with that many timelines; with --copy, and
                                                              --segments 100 for instance, the logs are copied in at once
python -m benchmarks growth appends [--writers 1 4 16]        appends a second, and the time until another process sees one
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.bulk import FIRST_DAY, fill_by_copy, identity_of, index_by_copy, made_up_captions, name_of, payloads_of, print_sizes
from benchmarks.search import FILTERS, drawn_queries, timed
from streamtags.core.events import TimelineProgress
from streamtags.core.records import TimelineIdentity
from streamtags.core.stores import Store
from streamtags.run.search import open_search
from streamtags.store.opening import open_store
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.log import make_payloads
from streamtags.testing.postgres import PostgresServer, find_postgres

LOOKS = ("texture", "stripes", "lights", "blocks")
PROGRESS = TimelineProgress(decoded_seconds=1, duration_seconds=1, segments=1, captioned=1, tagged=1, failed=0)
PROGRAM = "import sys; from streamtags.cli import main; sys.exit(main())"


@contextmanager
def stores(folder: Path, wanted: str = "both") -> Iterator[dict[str, str]]:
    """Yield the URL of an empty store of each kind, or of the one that is wanted."""
    urls = {} if wanted == "postgresql" else {"SQLite": f"sqlite:///{folder}/store.db"}
    if wanted == "sqlite" or find_postgres() is None:
        yield urls
        return
    with PostgresServer(autovacuum="on", shared_buffers="256MB") as server:
        yield {**urls, "PostgreSQL": server.new_database()}


def milliseconds(call: Callable[[], object], times: int = 50) -> str:
    """Return percentiles of the time of some calls."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return f"p50 {np.median(taken):8.2f} ms, p95 {np.percentile(taken, 95):8.2f} ms"


def films(counts: list[int]) -> None:
    """Analyze folders of films of a second, no two alike, each folder by one command, without the stages that take seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = folder / "films"
        every.mkdir()
        for number in range(max(counts)):
            make_video(every / f"{number:04d}.mp4", [ShotSpec(25, LOOKS[number % 4], sound="chords")], size=(160, 90), seed=number)
        for count in counts:
            some = folder / f"first{count}"
            some.mkdir()
            for film in sorted(every.iterdir())[:count]:
                (some / film.name).hardlink_to(film)
            words = ["analyze", str(some), "--recursive", "--profile", "embedded", "--store", f"sqlite:///{folder}/{count}.db"]
            words += ["--set", "read.enabled=off", "--set", "hear.enabled=off"]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", PROGRAM, *words], check=True, capture_output=True)
            taken, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{count:5} films of 1 s: {taken:7.1f} s, {cpu:6.1f} s of CPU, at most {after.ru_maxrss / 1024:.0f} MiB", flush=True)


def fill(store: Store, timelines: int, segments: int) -> None:
    """Store that many timelines of so many segments, with made-up captions; print what took how long."""
    opening = appending = 0.0
    for number, payloads in enumerate(payloads_of(timelines, segments)):
        began = time.perf_counter()
        store.open_timeline(name_of(number), identity_of(number))
        opened = time.perf_counter()
        store.append(name_of(number), payloads)
        opening, appending = opening + opened - began, appending + time.perf_counter() - opened
        if number % 1000 == 999:
            print(f"  {number + 1:6} timelines: {opening:.0f} s to create them, {appending:.0f} s to fill them", flush=True)


def catalogs(timelines: int, segments: int, wanted: str, *, copied: bool) -> None:
    """Print what a list, a state and a search cost with that many timelines."""
    with tempfile.TemporaryDirectory() as name, stores(Path(name), wanted) as urls:
        indexed: Store | None = None
        for kind, url in urls.items():
            with open_store(url) as store:
                print(f"{kind}: {timelines} timelines of {segments} segments", flush=True)
                (fill_by_copy if copied else fill)(store, timelines, segments)
                lists(store)
                if copied and indexed is None:
                    index_by_copy(store, timelines, segments)
                elif copied and indexed is not None:  # the logs are equal, so the index is
                    shutil.copytree(indexed.folder / "search", store.folder / "search")
                index(store)
                indexed = store
                print_sizes(store)
        for url in urls.values():
            with open_store(url) as store:
                print(store.url.partition(":")[0], flush=True)
                searches(store, timelines, segments)


def lists(store: Store) -> None:
    """Print what lists and single logs cost."""
    count, one = len(store.heads()), name_of(1)
    every = store.timelines()
    middle, last = every[count // 2].opened, every[-min(count, 60)].opened
    captioner = identity_of(1).captioner
    calls: dict[str, Callable[[], object]] = {
        "list of all": store.timelines,
        "first page of 50": lambda: store.timelines(limit=50),
        "page of 50 in the middle": lambda: store.timelines(limit=50, before=middle),
        "last page of 50": lambda: store.timelines(limit=50, before=last),
        "list of one source": lambda: store.timelines(source="film 1"),
        "page of one captioner": lambda: store.timelines(captioner=captioner, limit=50),
        "page of no captioner": lambda: store.timelines(captioner="none", limit=50),
        "opened again": lambda: store.open_timeline(one, identity_of(1)),
        "appended to": lambda: store.append(one, [PROGRESS]),
        "ends of all logs": store.heads,
        "end of one log": lambda: store.head(one),
        "find last": lambda: store.find("last"),
        "find by the first letters": lambda: store.find(one[3:]),
        "events of one log": lambda: store.read_json(one),
    }
    for name, call in calls.items():
        print(f"  {name:26} {milliseconds(call)}", flush=True)
    numbers = iter(np.random.default_rng(0).permutation(count).tolist())
    print(f"  {'state of any timeline':26} {milliseconds(lambda: store.state(name_of(next(numbers))))}", flush=True)


def index(store: Store) -> None:
    """Print what it takes to index a store, or to see that it is indexed."""
    with closing(open_search(store)) as search:
        began, used = time.perf_counter(), time.process_time()
        count = search.refresh()
        taken, used = time.perf_counter() - began, time.process_time() - used
        print(f"  {count} segments indexed in {taken:.0f} s, {used:.0f} s of the processor", flush=True)


def searches(store: Store, timelines: int, segments: int) -> None:
    """Print what queries of a store cost."""
    queries = drawn_queries(list(islice(made_up_captions(timelines * segments), 100_000)), 200)
    filters = FILTERS | {
        "one timeline": replace(FILTERS["one timeline"], timelines=(name_of(timelines // 2),)),
        "changed in one hour": replace(FILTERS["any segment"], since=FIRST_DAY, until=FIRST_DAY + timedelta(hours=1)),
    }
    with closing(open_search(store)) as search:
        search.search("a calm dog")  # maps the vectors
        for name, allowed in filters.items():
            timed(f"search, {name}", lambda text, allowed=allowed: search.search(text, allowed=allowed), queries)  # type: ignore[misc]

        def after_an_event(text: str) -> object:
            store.append(name_of(1), [PROGRESS])
            return search.search(text)

        timed("an event and a search", after_an_event, queries[:50])
    print(f"  peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB", flush=True)


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
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--timelines", type=int, default=10_000)
    parser.add_argument("--segments", type=int, default=3, help="of each timeline")
    parser.add_argument("--store", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--copy", action="store_true", help="copy the logs of `stores` in, instead of writing them event by event")
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 4, 16])
    args = parser.parse_args()
    if args.part == "films":
        films(args.counts)
    elif args.part == "stores":
        catalogs(args.timelines, args.segments, args.store, copied=args.copy)
    else:
        appends(args.writers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
