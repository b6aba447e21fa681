"""`streamtags watch` as a person runs it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import pytest

from streamtags.testing import make_payloads
from streamtags.testing.stream_server import Fault, MemoryLog, StreamServer


def serving(log: MemoryLog, **options: Any) -> StreamServer:
    async def answer(method: str, _: dict[str, Any]) -> Any:
        assert method == "timelines.list"
        return {"timelines": [{"id": timeline, "state": log.state(timeline).state} for timeline in reversed(log.events)]}

    return StreamServer(log, answer=answer, **options)


async def watch(*arguments: str, **variables: str) -> Process:
    command = [sys.executable, "-c", "import sys; from streamtags.cli import main; sys.exit(main())", "watch", *arguments]
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env={**os.environ, **variables})


async def lines(process: Process, count: int) -> list[str]:
    assert process.stdout is not None
    return [(await process.stdout.readline()).decode().rstrip("\n") for _ in range(count)]


async def interrupt(process: Process) -> tuple[str, str]:
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == 130
    return out.decode(), err.decode()


async def test_a_log_as_json_lines_through_lost_connections(log: MemoryLog) -> None:
    payloads = make_payloads(30)
    log.append("tl_one", payloads)
    log.append("tl_two", make_payloads(1))
    async with serving(log, faults=[Fault(40, "cut"), Fault(20, 1012), Fault(8, "abort")]) as server:
        process = await watch(server.url, "--timeline", "on", "--jsonl")
        assert await lines(process, len(payloads)) == [event.to_json() for event in log.events["tl_one"]]
        out, err = await interrupt(process)
    assert out == ""
    assert "trying again" in err
    assert "Traceback" not in err


async def test_all_timelines_as_json_lines_each_from_its_first_event(log: MemoryLog) -> None:
    log.append("tl_over", make_payloads(2))
    log.append("tl_running", make_payloads(4)[:9])
    async with serving(log) as server:
        process = await watch(server.url, "--jsonl")
        printed = await lines(process, 9)
        log.append("tl_new", [])  # created, without events
        await asyncio.sleep(0.1)
        log.append("tl_new", make_payloads(2))
        printed += await lines(process, len(log.events["tl_new"]))
        log.append("tl_over", make_payloads(2)[1:2])
        printed += await lines(process, 1)
        await interrupt(process)
    expected = [*log.events["tl_running"], *log.events["tl_new"], log.events["tl_over"][-1]]
    assert printed == [event.to_json() for event in expected]


async def test_segments_as_lines_those_before_first(log: MemoryLog) -> None:
    payloads = make_payloads(3)
    log.append("tl_one", payloads[:8])
    async with serving(log) as server:
        process = await watch(server.url, "--timeline", "last")
        first = await lines(process, 2)
        log.append("tl_one", payloads[8:])
        rest = await lines(process, 3)
        await interrupt(process)
    assert first[0] == "==> made-to-order.mp4  tl_one <=="
    assert [line.split()[0] for line in [first[1], *rest]] == ["s0000", "s0001", "s0002", "completed:"]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--timeline", "nope"], 2, "no timeline 'nope'; there are tl_one"),
        (["--token-file", "/nowhere"], 2, "/nowhere: cannot be read"),
    ],
)
async def test_mistakes_are_reported_in_one_line(log: MemoryLog, arguments: list[str], status: int, says: str) -> None:
    log.append("tl_one", make_payloads(1))
    async with serving(log) as server:
        process = await watch(server.url, *arguments)
        _, err = await process.communicate()
    assert process.returncode == status
    assert says in err.decode()
    assert err.decode().count("\n") == 1


async def test_a_server_that_refuses_and_one_that_is_not_there(log: MemoryLog, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("right\n", encoding="utf-8")
    log.append("tl_one", make_payloads(1))
    async with serving(log, token="right") as server:
        refused = await watch(server.url)
        _, err = await refused.communicate()
        assert (refused.returncode, b"requires a token" in err) == (4, True)
        by_file = await watch(server.url, "--timeline", "last", "--jsonl", "--token-file", str(token))
        by_variable = await watch(server.url, "--timeline", "last", "--jsonl", STREAMTAGS_TOKEN="right")
        for let_in in (by_file, by_variable):
            await lines(let_in, 1)
            await interrupt(let_in)
    gone = await watch(server.url)
    _, err = await gone.communicate()
    assert (gone.returncode, b"cannot be reached" in err) == (4, True)
