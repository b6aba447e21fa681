"""What a whole analysis costs beside decoding the picture and beside PySceneDetect's own command.

    python -m benchmarks analysis [--file film.mp4] [--rounds 5] [--long]

Each way is a process of its own, from start to exit, and all are run once in each round so that other load on the machine hits all
alike; printed are medians of CPU seconds (all threads), wall clock and peak memory, the median over rounds of each way's CPU seconds
to plain decoding's in the same round, and how long after the end of the first shot went by its first segment was tagged.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

__all__ = ["main"]

DECODE, SCENEDETECT, ANALYSIS = "PyAV decode, picture only", "scenedetect detect-adaptive", "streamtags analyze"
STREAMTAGS = str(Path(sys.executable).with_name("streamtags"))
_DECODE = "import sys, av\nwith av.open(sys.argv[1]) as film:\n    for frame in film.decode(video=0): pass\n"


@dataclass(frozen=True, slots=True)
class Run:
    """One process: CPU and wall seconds, peak resident memory in MB."""

    cpu: float
    wall: float
    memory: float


def spend(command: Sequence[str], *, folder: Path, output: Path | None = None) -> Run:
    """Run `command` in `folder` to its end, its output to a file.

    Raises:
        RuntimeError: it failed.
    """
    with (output or folder / "output").open("wb") as out, (folder / "errors").open("wb") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=errors, env={**os.environ, "HOME": str(folder)})
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[:4]} ended with {process.returncode}: {(folder / 'errors').read_text()[-2000:]}")
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def commands(film: Path) -> dict[str, list[str]]:
    """What is run; `streamtags` writes into a store of its own."""
    return {
        DECODE: [sys.executable, "-c", _DECODE, str(film)],
        SCENEDETECT: [sys.executable, "-m", "scenedetect", "--quiet", "--input", str(film), "detect-adaptive"],
        ANALYSIS: [STREAMTAGS, "analyze", str(film), "--store", "sqlite:///bench.db"],
    }


def made(name: str) -> Path:
    """A film of `benchmarks.films`, made in another process: a child's peak memory begins with what its parent holds."""
    command = f"from benchmarks.films import {name}; print({name}())"
    output = subprocess.run([sys.executable, "-c", command], check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    return Path(output.stdout.splitlines()[-1])


def measured(film: Path, rounds: int, ways: Sequence[str]) -> dict[str, list[Run]]:
    """Every way once in each round."""
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            with tempfile.TemporaryDirectory() as folder:
                runs[way].append(spend(commands(film)[way], folder=Path(folder)))
    return runs


def first_tag(film: Path) -> float:
    """Seconds from the moment the end of the first shot went by to its first `segment.tagged`, the film being fed at its own speed."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/bench.db"
        analysis = subprocess.Popen(
            [STREAMTAGS, "analyze", "-", "--jsonl", "--store", store], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        feeder = subprocess.Popen([sys.executable, "-c", _FEED, str(film)], stdout=analysis.stdin, stderr=subprocess.PIPE, text=True)
        if analysis.stdin is None or analysis.stdout is None or feeder.stderr is None:
            raise RuntimeError("no pipes")
        analysis.stdin.close()
        try:
            began = float(feeder.stderr.readline())
            length = 0.0
            for line in analysis.stdout:
                event = json.loads(line)
                if event["type"] == "segment.detected" and event["data"]["index"] == 0:
                    length = event["data"]["end"]["seconds"] - event["data"]["start"]["seconds"]
                if event["type"] == "segment.tagged":
                    return time.time() - began - length
        finally:
            for process in (analysis, feeder):
                process.kill()
                process.wait()
    raise RuntimeError("no segment was tagged")


# Writes a film to standard output as a transport stream, each packet when it is due, and to standard error when it began.
_FEED = """
import os, sys, time, av
class Pipe:
    def write(self, data):
        sent = 0
        while sent < len(data):
            sent += os.write(1, data[sent:])
        return sent
with av.open(sys.argv[1]) as film, av.open(Pipe(), "w", format="mpegts", options={"flush_packets": "1"}) as out:
    streams = {one.index: out.add_stream_from_template(one) for one in (film.streams.video[0], film.streams.audio[0])}
    began = time.time()
    print(began, file=sys.stderr, flush=True)
    for packet in film.demux(list(film.streams.video[:1]) + list(film.streams.audio[:1])):
        if packet.dts is None:
            continue
        time.sleep(max(0.0, began + float(packet.dts * packet.time_base) - time.time()))
        packet.stream = streams[packet.stream.index]
        out.mux(packet)
"""


def table(film: Path, runs: dict[str, list[Run]]) -> Table:
    """Medians, one line a way."""
    count = len(next(iter(runs.values())))
    made = Table("way", "CPU s", "wall s", "of decode", "peak MB", title=f"{film.name}, medians of {count}")
    for way, rounds in runs.items():
        plain = runs.get(DECODE)
        ratio = f"{statistics.median(run.cpu / base.cpu for run, base in zip(rounds, plain, strict=True)):.2f}" if plain else ""
        cpu, wall, memory = (statistics.median(getattr(run, name) for run in rounds) for name in ("cpu", "wall", "memory"))
        made.add_row(way, f"{cpu:.2f}", f"{wall:.2f}", ratio, f"{memory:.0f}")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks analysis", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--file", type=Path, help="a film to read instead of the two-minute edit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--long", action="store_true", help="also analyze the twenty-minute edit, once, for its memory")
    args = parser.parse_args(arguments)
    film = (args.file or made("short_film")).resolve()
    console = Console(width=110)
    console.print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores before the first round")
    runs = measured(film, args.rounds, (DECODE, SCENEDETECT, ANALYSIS))
    console.print(table(film, runs))
    waits = [first_tag(film) for _ in range(min(args.rounds, 3))]
    console.print(f"fed at its own speed, a first shot's segment is tagged {statistics.median(waits):.2f} s after its end went by")
    if args.long:
        long = made("long_film")
        console.print(table(long, more := measured(long, 1, (DECODE, ANALYSIS))))
        short_peak, long_peak = (statistics.median(run.memory for run in measured[ANALYSIS]) for measured in (runs, more))
        console.print(f"peak memory at twenty minutes to two: {long_peak / short_peak:.3f}")


if __name__ == "__main__":
    main()
