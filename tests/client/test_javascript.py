"""The JavaScript client: its own tests, and against a server that breaks connections."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from streamtags.events import Event
from streamtags.testing import make_payloads
from streamtags.testing.stream_server import MemoryLog, StreamServer, mishaps

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "javascript"
FOLLOW = Path(__file__).with_name("follow.mjs")
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="no node on the PATH: the JavaScript client is not tested")


def test_its_own_tests_pass() -> None:
    done = subprocess.run([str(NODE), "--test", "test/"], cwd=CLIENT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


async def test_two_hundred_disconnects_leave_nothing_out_and_nothing_twice(log: MemoryLog) -> None:
    log.append("tl_1", make_payloads(300)[:1])
    async with StreamServer(log, faults=mishaps(200), heartbeat_seconds=0.05) as server:
        growing = asyncio.create_task(log.grow("tl_1", make_payloads(300)[1:]))
        node = await asyncio.create_subprocess_exec(
            str(NODE), "--experimental-websocket", "--no-warnings", str(FOLLOW), server.url, "tl_1", stdout=asyncio.subprocess.PIPE
        )
        out, _ = await node.communicate()
        await growing
        assert next(server.faults, None) is None, f"only {server.connections} connections were made"
    told = json.loads(out)
    assert [Event.model_validate(event) for event in told["events"]] == log.events["tl_1"]
    assert told["state"] == log.state("tl_1").to_dict()
