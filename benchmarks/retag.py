"""Measure what it costs to retag a log of 10,000 segments with the embedded classifier under another vocabulary.

    python -m benchmarks retag [--segments 10000] [--rounds 3]

The time is that of one process from opening the store to the last durable event, without imports. Each round uses a new log. Captions are
compared before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import make_payloads

__all__ = ["main"]

TIMELINE = "tl_bench"


def prepare(path: Path, segments: int) -> list[tuple[str, str | None]]:
    """Create a store with one log and return the caption of every segment."""
    with SqliteStore(path) as store:
        store.open_timeline(TIMELINE, TimelineIdentity(TIMELINE))
        payloads = make_payloads(segments)
        for begin in range(0, len(payloads), 5000):
            store.append(TIMELINE, payloads[begin : begin + 5000])
        return captions(store)


def captions(store: SqliteStore) -> list[tuple[str, str | None]]:
    """Return each segment and its caption, in order."""
    return [(segment.segment, segment.caption) for segment in store.state(TIMELINE).segments]


def retag_once(path: Path) -> tuple[float, float]:
    """Retag once in this process; return CPU and wall seconds, opening and closing the store included."""
    from streamtags.config.settings import load_settings
    from streamtags.run.retag import retag

    cpu, wall = time.process_time(), time.perf_counter()
    with SqliteStore(path) as store:
        failed = asyncio.run(retag(TIMELINE, load_settings({"tags": "seed-eight"}), store))
    if failed:
        raise RuntimeError(f"{failed} segments failed")
    return time.process_time() - cpu, time.perf_counter() - wall


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the rounds and print medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks retag", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--segments", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.within is not None:
        print(*retag_once(args.within))
        return
    spent: list[tuple[float, ...]] = []
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores before the first round")
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bench.db"
            before = prepare(path, args.segments)
            command = [sys.executable, "-m", "benchmarks.retag", "--within", str(path)]
            spent.append(tuple(map(float, subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.split())))
            with SqliteStore(path) as store:
                if captions(store) != before:
                    raise RuntimeError("captions have changed")
                if any(segment.vocabulary is None or segment.vocabulary.id != "seed-eight" for segment in store.state(TIMELINE).segments):
                    raise RuntimeError("some segments were not retagged")
    cpu, wall = (statistics.median(column) for column in zip(*spent, strict=True))
    print(f"{args.segments} segments retagged in {wall:.2f} s wall, {cpu:.2f} s CPU (medians of {args.rounds}); captions unchanged")


if __name__ == "__main__":
    main()
