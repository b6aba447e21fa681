"""Compare the pipeline with a bare loop that sends the same 64 requests to a model server.

    python -m benchmarks.pipeline                    # a scripted server: 0.25 s per answer, eight at once
    STREAMTAGS_VLLM=/path/to/vllm python -m benchmarks.pipeline     # a real vLLM on the CPU with the tiny model of the tests
    python -m benchmarks.pipeline --base-url http://127.0.0.1:8765/v1      # a running server

The bare loop has the request bodies as bytes and only posts them, with the same client (aiohttp) over persistent connections. The bodies
are recorded from the pipeline. Both run at the concurrency at which they are fastest. Three rows are compared with the loop:

- model requests only: segments that were detected and measured before are looked up, encoded, captioned, tagged and written to the log,
  with every event durable. This row must reach --at-least;
- the same, with detecting and measuring the segments in frames from memory;
- all of `analyze` on a file, compared with a loop that sends that file's requests.

All run in this process, in turn, for several rounds. The output has medians, also of the ratios within a round. All captions must be equal.

A model server on the same machine shares its processors with this process, so the CPU seconds of this process are printed, too. vLLM binds
its worker to certain processors and spins there; another process on these gets a twentieth of one. Therefore this process uses the
processors that vLLM does not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from streamtags.config.settings import Settings, load_settings
from streamtags.core.events import TimelineOpened
from streamtags.core.model import Picture
from streamtags.core.records import TimelineIdentity
from streamtags.process import limit_opencv_threads
from streamtags.run.analyze import analyze
from streamtags.run.backends import open_tools
from streamtags.run.outcome import Analyzed
from streamtags.run.pipeline import Pipeline
from streamtags.run.runners import Runners
from streamtags.run.source_pass import read_source
from streamtags.stages.caption.models import load_model_config
from streamtags.stages.caption.serving import VllmServer, serve_command, serve_environment
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import FakeSource
from streamtags.testing.model_server import ModelServer, ReceivedRequest, replies
from streamtags.testing.mux import Encoding, write_media
from streamtags.testing.shapes import Clip, clip

SEGMENTS = 64
CONCURRENCIES = (8, 12, 16, 24, 32)
FRAMES = 8  # per shot, as many as the model gets: the benchmark measures requests, not decoding
RATE = Fraction(FRAMES)
MODEL = "tiny-llava-next-video"
# Each round sends the same pictures; without these options the server would answer from its cache.
NO_CACHE = ("--mm-processor-cache-gb", "0", "--no-enable-prefix-caching")


class Run(NamedTuple):
    """Wall seconds and CPU seconds of this process, and the captions in the order of the segments."""

    wall: float
    cpu: float
    captions: tuple[str, ...]


def film() -> list[Picture]:
    """Return 64 shots of one second, BGR: a moving shape, on a background that differs from the one before."""
    clips: list[Clip] = []
    seed = 1000
    while len(clips) < SEGMENTS:
        made = clip(seed, frames=FRAMES)
        seed += 1
        if not clips or made.background != clips[-1].background:
            clips.append(made)
    return [frame[:, :, ::-1].copy() for made in clips for frame in made.frames]


def settings(url: str, concurrency: int) -> Settings:
    """Return the settings: profile `vllm` with the tiny model, tags from the embedded classifier."""
    profile = {
        "captioner": {"preset": MODEL, "base_url": url},
        "classifier": {"backend": "embedded"},
        "concurrency": concurrency,
    }
    return load_settings({"profile": "vllm", "tags": "seed-eight", "profiles": {"vllm": profile}})


async def measured_before(url: str, concurrency: int, pictures: Sequence[Picture]) -> Run:
    """Run from segments that are already measured to the end of the log."""
    items = list(read_source(FakeSource(pictures, rate=RATE), load_settings()))
    with patch("streamtags.run.pipeline.read_source", lambda *_: (item for item in items)):
        return await pipeline(url, concurrency, pictures)


async def pipeline(url: str, concurrency: int, pictures: Sequence[Picture]) -> Run:
    """Run from frames in memory to the end of the log."""
    chosen = settings(url, concurrency)
    source = FakeSource(pictures, rate=RATE)
    with tempfile.TemporaryDirectory() as folder, SqliteStore(Path(folder) / "s.db") as store:
        async with open_tools(chosen) as tools:
            store.open_timeline("tl_b", TimelineIdentity("b"))
            store.append("tl_b", [TimelineOpened(source=source.info, vocabulary=tools.vocabulary.ref, profile="vllm")])
            analysis = Pipeline(store, "tl_b", source, chosen, Runners(tools), lambda _: None)
            return await timed(lambda: analysis.run(asyncio.Event()))


async def whole(url: str, concurrency: int, path: Path) -> Run:
    """Run from a file to the end of its log, as `streamtags analyze` does after its start."""
    with tempfile.TemporaryDirectory() as folder, SqliteStore(Path(folder) / "s.db") as store:
        return await timed(lambda: analyze(str(path), settings(url, concurrency), store))


async def timed(work: Callable[[], Awaitable[Analyzed]]) -> Run:
    """Run an analysis.

    Raises:
        RuntimeError: not every segment was captioned.
    """
    began, spent = time.perf_counter(), time.process_time()
    state = await work()
    wall, cpu = time.perf_counter() - began, time.process_time() - spent
    captions = tuple(segment.caption or "" for segment in state.segments)
    if len(captions) != SEGMENTS or not all(captions):
        raise RuntimeError(f"{sum(map(bool, captions))} of {len(captions)} segments captioned, expected {SEGMENTS}")
    return Run(wall, cpu, captions)


async def record(run: Callable[[str], Awaitable[Run]]) -> list[bytes]:
    """Return the request bodies of a run, in the order of the segments."""
    bodies: list[Mapping[str, object]] = []

    def number(request: ReceivedRequest) -> str:
        bodies.append(request.body)
        return f"caption {len(bodies) - 1}"

    async with ModelServer(replies(number)) as server:
        captions = (await run(server.base_url)).captions
    return [json.dumps(bodies[int(caption.split()[1])]).encode() for caption in captions]


async def bare(url: str, concurrency: int, bodies: Sequence[bytes]) -> Run:
    """Post the bodies and do nothing else."""
    import aiohttp

    gate = asyncio.Semaphore(concurrency)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers={"content-type": "application/json"}) as client:

        async def one(body: bytes) -> str:
            async with gate, client.post(f"{url}/chat/completions", data=body, raise_for_status=True) as answer:
                content = json.loads(await answer.read())
            return str(content["choices"][0]["message"]["content"]).strip()

        began, spent = time.perf_counter(), time.process_time()
        captions = await asyncio.gather(*(one(body) for body in bodies))
        return Run(time.perf_counter() - began, time.process_time() - spent, tuple(captions))


async def idle_share(url: str, run: Awaitable[Run], enough: int) -> float:
    """Return the share of a run in which the server counts fewer than `enough` requests. Polling its metrics costs a little."""
    import aiohttp

    counts = []

    async def watch() -> None:
        async with aiohttp.ClientSession() as client:
            while True:
                async with client.get(f"{url.removesuffix('/v1')}/metrics") as answer:
                    text = await answer.text()
                lines = [
                    line for line in text.splitlines() if line.startswith(("vllm:num_requests_running{", "vllm:num_requests_waiting{"))
                ]
                counts.append(sum(float(line.split()[-1]) for line in lines))
                await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    await run
    watching.cancel()
    return sum(count < enough for count in counts) / len(counts)


@asynccontextmanager
async def server(args: argparse.Namespace) -> AsyncIterator[str]:
    """Yield the address of a server: the given one, a real vLLM if STREAMTAGS_VLLM names its executable, or a scripted one."""
    vllm = os.environ.get("STREAMTAGS_VLLM")
    if args.base_url:
        yield args.base_url
    elif vllm:
        config = load_model_config(MODEL)
        async with VllmServer(
            [*serve_command(config, [], args.port, vllm=vllm), *NO_CACHE],
            "127.0.0.1",
            args.port,
            environment=serve_environment(config, []),
            start_seconds=500,
        ) as real:
            yield real.base_url
    else:
        gate = asyncio.Semaphore(args.at_once)
        answer = replies(lambda _: "A scripted shot.")

        async def act(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
            async with gate:
                await asyncio.sleep(args.seconds)
            await answer(request, writer)

        async with ModelServer(act) as scripted:
            yield scripted.base_url


def keep_off_workers() -> None:
    """Move all threads of this process off the processors to which vLLM workers are bound, if others remain."""
    left = os.sched_getaffinity(0)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == "VLLM::Worker":
                left = left - os.sched_getaffinity(int(folder.name)) or left
        except OSError:
            continue  # the process has ended
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), left)


async def fastest(kind: str, run: Callable[[int], Awaitable[Run]]) -> int:
    """Return the concurrency at which `run` is fastest, by medians of five rounds."""
    tried: dict[int, list[float]] = {concurrency: [] for concurrency in CONCURRENCIES}
    for _ in range(5):
        for concurrency, walls in tried.items():
            walls.append((await run(concurrency)).wall)
    medians = {concurrency: statistics.median(walls) for concurrency, walls in tried.items()}
    print(f"{kind}, requests/s:", ", ".join(f"{SEGMENTS / wall:.1f} at {at}" for at, wall in medians.items()), flush=True)
    return min(medians, key=lambda concurrency: medians[concurrency])


async def compare(args: argparse.Namespace) -> int:
    """Print what each took, and the throughput of the pipeline relative to the bare loop."""
    pictures = film()
    limit_opencv_threads()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        height, width = pictures[0].shape[:2]
        encoding = Encoding(crf=8, pix_fmt="yuv444p")
        times = range(len(pictures))
        write_media(path, pictures, size=(width, height), rate=RATE, times=times, time_base=1 / RATE, sound=None, encoding=encoding)
        bodies = await record(lambda url: pipeline(url, 16, pictures))
        from_file = await record(lambda url: whole(url, 16, path))
        async with server(args) as url:
            keep_off_workers()
            await bare(url, 8, bodies), await bare(url, 8, from_file)  # warm up the server
            loop = await fastest("bare loop", lambda at: bare(url, at, bodies))
            lane = await fastest("pipeline, segments measured before", lambda at: measured_before(url, at, pictures))
            kinds: dict[str, Callable[[], Awaitable[Run]]] = {
                "bare loop": lambda: bare(url, loop, bodies),
                "pipeline, segments measured before": lambda: measured_before(url, lane, pictures),
                "pipeline, frames in memory": lambda: pipeline(url, lane, pictures),
                "bare loop, the file's requests": lambda: bare(url, loop, from_file),
                "analyze, a file": lambda: whole(url, lane, path),
            }
            runs: dict[str, list[Run]] = {kind: [] for kind in kinds}
            for _ in range(args.rounds):
                for kind, work in kinds.items():
                    runs[kind].append(await work())
            names = list(kinds)
            ratios = [_report(names[0], runs), *(_report(name, runs, beside=names[0]) for name in names[1:3])]
            _report(names[3], runs)
            _report(names[4], runs, beside=names[3])
            if args.base_url or os.environ.get("STREAMTAGS_VLLM"):
                for kind, work in kinds.items():
                    share = await idle_share(url, work(), args.at_once)
                    print(f"{kind}: the server had fewer than {args.at_once} requests for {share:.0%} of the time")
    return 0 if ratios[1] >= args.at_least else 1


def _report(kind: str, runs: Mapping[str, Sequence[Run]], beside: str | None = None) -> float:
    """Print a row and return its throughput relative to `beside`.

    Raises:
        RuntimeError: the captions differ.
    """
    wall = statistics.median(run.wall for run in runs[kind])
    cpu = statistics.median(run.cpu for run in runs[kind])
    ratio = 1.0 if beside is None else statistics.median(other.wall / run.wall for other, run in zip(runs[beside], runs[kind], strict=True))
    spread = f"{min(run.wall for run in runs[kind]):.2f}-{max(run.wall for run in runs[kind]):.2f}"
    print(f"{kind}: {wall:.2f} s ({spread}), {SEGMENTS / wall:.1f}/s, {cpu:.2f} CPU s, {ratio:.2f}x", flush=True)
    captions = {run.captions for run in runs[kind]} | ({run.captions for run in runs[beside]} if beside else set())
    if len(captions) != 1:
        differ = max(sum(a != b for a, b in zip(one, two, strict=True)) for one in captions for two in captions)
        raise RuntimeError(f"{kind}: {differ} captions differ")
    return ratio


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--base-url", help="a server that already runs and serves the tiny model")
    parser.add_argument("--port", type=int, default=8765, help="port of the vLLM server that is started")
    parser.add_argument("--seconds", type=float, default=0.25, help="time per answer of the scripted server")
    parser.add_argument("--at-once", type=int, default=8, help="answers that the scripted server prepares at once")
    parser.add_argument("--at-least", type=float, default=0.9, help="fail below this ratio")
    return asyncio.run(compare(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
