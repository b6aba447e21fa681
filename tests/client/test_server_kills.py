"""Both clients against `streamtags serve`, killed and started again, and through a network that breaks, while a log grows."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from streamtags.client import Backoff, connect
from streamtags.core.events import Event
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import make_payloads
from tests.breaking_proxy import BreakingProxy

pytest.importorskip("streamtags_server.app", reason="the server is not installed")

FOLLOW = Path(__file__).with_name("follow.mjs")
NODE = shutil.which("node")


class Served:
    """A server process on a port of its own, over a store."""

    def __init__(self, store: Path) -> None:
        self.store = store
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Served:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self) -> None:
        flags = ["--port", str(self.port), "--store", f"sqlite:///{self.store}"]
        command = [sys.executable, "-c", "import sys; from streamtags.cli import main; sys.exit(main())", "serve", *flags]
        self.process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionRefusedError:
                assert self.process.returncode is None, "the server did not start"
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def terminate(self) -> None:
        self.process.terminate()
        await self.process.wait()


async def _write(store: SqliteStore, kills: int, served: Served) -> None:
    """A run in as many parts as there are kills, each written partly while the server is there and partly while it is not."""
    payloads = make_payloads(60 * kills)[1:]
    part = len(payloads) // kills
    for number in range(kills):
        mine = payloads[number * part : (number + 1) * part if number < kills - 1 else None]
        for first in range(0, len(mine), 5):
            if first // 5 == len(mine) // 10:
                await (served.terminate() if number % 4 == 3 else served.kill())
            store.append("tl_1", mine[first : first + 5])
            await asyncio.sleep(0.001)
        await served.start()


async def _python(url: str) -> list[Event]:
    events: list[Event] = []
    async with connect(url, backoff=Backoff(first_seconds=0.01, most_seconds=0.2)) as session:
        async for item in session.follow("tl_1", after=0):
            assert isinstance(item, Event)
            events.append(item)
            if item.type == "timeline.completed":
                assert session.state("tl_1").state == "completed"
                break
    return events


async def _javascript(url: str) -> list[Event]:
    if NODE is None:
        return []
    command = [NODE, "--experimental-websocket", "--no-warnings", str(FOLLOW), url, "tl_1"]
    node = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await node.communicate()
    output = json.loads(out)
    assert output["state"]["state"] == "completed"
    return [Event.model_validate(event) for event in output["events"]]


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
async def test_every_client_ends_with_exactly_the_log(tmp_path: Path, kills: int) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        store.open_timeline("tl_1", TimelineIdentity("key"))
        store.append("tl_1", make_payloads(1)[:1])
        async with Served(tmp_path / "store.db") as served, asyncio.timeout(560):
            following = [asyncio.create_task(_python(served.url)) for _ in range(3)] + [asyncio.create_task(_javascript(served.url))]
            await asyncio.sleep(0.5)
            await _write(store, kills, served)
            received = await asyncio.gather(*following)
        log = store.read("tl_1")
    assert len(log) > 200 * kills
    assert all(events == log for events in received[: 3 if NODE is None else 4])


@pytest.mark.slow
@pytest.mark.parametrize(
    "client", [_python, pytest.param(_javascript, marks=pytest.mark.skipif(NODE is None, reason="no node on the PATH"))]
)
async def test_two_hundred_connections_broken_at_any_byte(tmp_path: Path, client: Callable[[str], Awaitable[list[Event]]]) -> None:
    payloads = make_payloads(400)
    with SqliteStore(tmp_path / "store.db") as store:
        store.open_timeline("tl_1", TimelineIdentity("key"))
        store.append("tl_1", payloads[:1])
        async with Served(tmp_path / "store.db") as served, BreakingProxy(served.port, 200) as proxy:
            following = asyncio.create_task(client(proxy.url))
            for first in range(1, len(payloads), 4):
                store.append("tl_1", payloads[first : first + 4])
                await asyncio.sleep(0.005)
            events = await following
            assert not proxy.left, f"{len(proxy.left)} connections were not broken"
        assert events == store.read("tl_1")
