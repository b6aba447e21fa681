"""Does the pipeline keep a model server as busy as the server can be kept? 64 segments, beside a bare loop that sends the same requests.

    python benchmarks/pipeline.py                    # a scripted server: a second an answer, eight at once
    STREAMTAGS_VLLM=/path/to/vllm python benchmarks/pipeline.py     # a real vLLM on the CPU with the tiny model of the tests

The bare loop holds the requests ready made and does nothing but ask. The pipeline reads frames, finds shots, measures, writes a log, and
captions at the same time. Both run in this process, in turn, at the concurrency at which the loop is fastest; medians are compared. A
server on this machine's own processors shares them with the pipeline, which takes about a second of them; one on a GPU does not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from streamtags.caption.models import load_model_config
from streamtags.caption.openai import create
from streamtags.caption.serving import VllmServer, serve_command, serve_environment
from streamtags.config import PROFILES, ProfileSettings, load_settings
from streamtags.events import TimelineOpened
from streamtags.model import CaptionRequest
from streamtags.pipeline.backends import create_captioner, create_classifier
from streamtags.pipeline.session import Session
from streamtags.pipeline.tag import Tools
from streamtags.ports import Captioner
from streamtags.testing import FakeSource, ShotSpec, render_shots
from streamtags.testing.model_server import Asked, ModelServer, says
from streamtags.timeline.store import SqliteStore
from streamtags.vocabulary_file import load_vocabulary

SEGMENTS = 64
CONCURRENCIES = (4, 8, 16, 32)
RATE = 10  # frames a second, few: it is asking that is measured here, not reading
LOOKS = ("texture", "stripes", "lights")
MODEL = "tiny-llava-next-video"


def film() -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    """64 shots of a second."""
    shots = [ShotSpec(frames=RATE, look=LOOKS[number % len(LOOKS)]) for number in range(SEGMENTS)]
    return [picture.copy() for picture in render_shots(shots, rate=RATE, size=(256, 144))]


@asynccontextmanager
async def server(port: int, seconds: float, at_once: int) -> AsyncIterator[str]:
    """A server's address: a real vLLM's if STREAMTAGS_VLLM names one, or a scripted one's."""
    vllm = os.environ.get("STREAMTAGS_VLLM")
    if vllm:
        config = load_model_config(MODEL)
        async with VllmServer(
            serve_command(config, [], port, vllm=vllm), "127.0.0.1", port, environment=serve_environment(config, []), start_seconds=500
        ) as real:
            yield real.base_url
        return
    gate = asyncio.Semaphore(at_once)
    answer = says("A scripted shot.")

    async def act(asked: Asked, writer: asyncio.StreamWriter) -> None:
        async with gate:
            await asyncio.sleep(seconds)
        await answer(asked, writer)

    async with ModelServer(act) as scripted:
        yield scripted.base_url


async def pipeline(url: str, pictures: Sequence[Any], concurrency: int, requests: list[CaptionRequest] | None = None) -> float:
    """Wall seconds from frames to the last caption; what was asked goes into `requests`."""
    profile = ProfileSettings.model_validate(
        {
            **PROFILES["vllm"],
            "captioner": {"backend": "openai", "preset": MODEL, "base_url": url},
            "classifier": {"backend": "embedded"},
            "concurrency": concurrency,
        }
    )
    captioner: Captioner = create_captioner(profile)
    if requests is not None:
        captioner = _Noting(captioner, requests)
    tools = Tools(captioner, create_classifier(profile), load_vocabulary("seed-eight"), profile)
    source = FakeSource(pictures, rate=RATE)
    with tempfile.TemporaryDirectory() as folder, SqliteStore(Path(folder) / "s.db") as store:
        store.open_timeline("tl_b", "b")
        store.append("tl_b", [TimelineOpened(source=source.info, vocabulary=tools.vocabulary.ref, profile="vllm")])
        began = time.perf_counter()
        state = await Session(store, "tl_b", source, load_settings(), tools, lambda _: None).run(asyncio.Event())
        took = time.perf_counter() - began
    await tools.close()
    captioned = sum(segment.caption is not None for segment in state.segments)
    if captioned != len(state.segments) or not SEGMENTS - 4 <= captioned <= SEGMENTS + 4:
        raise RuntimeError(f"{captioned} of {len(state.segments)} segments captioned")
    return took / captioned


async def bare(url: str, requests: Sequence[CaptionRequest], concurrency: int) -> float:
    """Wall seconds a request of a loop that does nothing else."""
    captioner = create({"preset": MODEL, "base_url": url})
    gate = asyncio.Semaphore(concurrency)

    async def one(request: CaptionRequest) -> None:
        async with gate:
            await captioner.caption(request)

    began = time.perf_counter()
    await asyncio.gather(*(one(request) for request in requests))
    took = time.perf_counter() - began
    await captioner.close()
    return took / len(requests)


class _Noting:
    """A captioner that keeps what it was asked."""

    def __init__(self, inner: Captioner, requests: list[CaptionRequest]) -> None:
        self._inner = inner
        self._requests = requests
        self.model = inner.model

    async def caption(self, request: CaptionRequest) -> Any:
        self._requests.append(request)
        return await self._inner.caption(request)

    async def close(self) -> None:
        await self._inner.close()


async def compare(args: argparse.Namespace) -> int:
    """Print throughput of both and their ratio."""
    pictures = film()
    async with server(args.port, args.seconds, args.at_once) as url:
        requests: list[CaptionRequest] = []
        await pipeline(url, pictures, max(CONCURRENCIES), requests)
        tried = {concurrency: await bare(url, requests, concurrency) for concurrency in CONCURRENCIES}
        best = min(tried, key=lambda concurrency: tried[concurrency])
        print("bare loop:", ", ".join(f"{1 / each:.2f}/s at {concurrency}" for concurrency, each in tried.items()))
        loops, runs = [], []
        for _ in range(args.rounds):
            loops.append(await bare(url, requests, best))
            runs.append(await pipeline(url, pictures, best))
    loop, run = statistics.median(loops), statistics.median(runs)
    print(
        f"{len(requests)} captions, {best} at once, medians of {args.rounds}: bare loop {1 / loop:.2f}/s, "
        f"pipeline {1 / run:.2f}/s: {loop / run:.2f}x"
    )
    return 0 if loop / run >= args.at_least else 1


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8765, help="of the real server")
    parser.add_argument("--seconds", type=float, default=1.0, help="an answer of the scripted server takes")
    parser.add_argument("--at-once", type=int, default=8, help="answers of the scripted server in the making at once")
    parser.add_argument("--at-least", type=float, default=0.9, help="fail below this ratio")
    return asyncio.run(compare(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
