"""A real vLLM server on the CPU, started by the project's own code, once for all tests here."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import pytest

from streamtags.core.model import CaptionRequest, Measured, Segment
from streamtags.core.timebase import Clock
from streamtags.stages.caption.models import ModelConfig, load_model_config
from streamtags.stages.caption.serving import VllmServer, serve_command, serve_environment
from streamtags.testing.shapes import Clip

# Read once, before every test's isolation takes STREAMTAGS_ variables away.
VLLM = os.environ.get("STREAMTAGS_VLLM")

T = TypeVar("T")


@dataclass(frozen=True)
class Served:
    """The running server, and the loop it runs on."""

    server: VllmServer
    config: ModelConfig
    lines: list[str]
    run: Callable[[Awaitable[Any]], Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/models/" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def tiny() -> ModelConfig:
    return load_model_config("tiny-llava-next-video")


@pytest.fixture(scope="session")
def served(tiny: ModelConfig) -> Iterator[Served]:
    with serving(tiny) as server:
        yield server


@contextmanager
def serving(config: ModelConfig) -> Iterator[Served]:
    """A running server of a model. Skips the test where there is no vLLM."""
    if VLLM is None:
        pytest.skip("no vLLM: .ci/vllm-env.sh builds one; set STREAMTAGS_VLLM to its executable")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), loop).result()

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    lines: list[str] = []
    command = serve_command(config, [], port, vllm=VLLM)
    server = VllmServer(command, "127.0.0.1", port, environment=serve_environment(config, []), on_line=lines.append, start_seconds=500)
    try:
        run(server.start())
        yield Served(server, config, lines, run)
    finally:
        run(server.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def asking() -> Callable[[Clip], CaptionRequest]:
    clock = Clock(Fraction(1, 24), Fraction(24))
    segment = Segment("sg", 0, 0, clock.at(0, 0), clock.at(48, 48), "shot", "cut")
    return lambda clip: CaptionRequest(Measured(segment, {}, stills=clip.stills()))
