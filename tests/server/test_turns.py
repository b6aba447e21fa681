"""Many readers that come at once are brought up to date a few at a time, in order, and lose nothing."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, cast

import pytest
from streamtags_server.access.holder import Holder
from streamtags_server.metrics import Metrics
from streamtags_server.ws.hub import Hub
from streamtags_server.ws.pages import PAGE_EVENTS, Pages
from streamtags_server.ws.stream import Connections
from streamtags_server.ws.turns import Turns

from streamtags.client import Backoff, connect
from streamtags.config.settings import ServerSettings
from streamtags.core.events import Event
from streamtags.core.records import Head
from streamtags.operations.errors import OverloadedError


async def test_turns_are_given_in_order_of_arrival() -> None:
    turns, order = Turns(running=2, waiting=100, metrics=Metrics()), list[int]()
    running = 0

    async def take(number: int) -> None:
        nonlocal running
        async with turns.turn():
            running += 1
            assert running <= 2
            order.append(number)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(take(number) for number in range(20)))
    assert order == list(range(20))


async def test_when_too_many_wait_a_further_one_is_refused_until_there_is_room_again() -> None:
    metrics = Metrics()
    turns, go_on = Turns(running=1, waiting=2, metrics=metrics), asyncio.Event()

    async def take() -> None:
        async with turns.turn():
            await go_on.wait()

    taken = [asyncio.create_task(take()) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await take()
    taken[2].cancel()
    await asyncio.wait({taken[2]})
    taken.append(asyncio.create_task(take()))
    await asyncio.sleep(0)
    assert metrics.value("streamtags_readers_waiting") == 2
    go_on.set()
    await asyncio.gather(*taken[:2], taken[3])
    assert (metrics.value("streamtags_readers_waiting"), metrics.value("streamtags_readers_refused_total")) == (0, 1)


def line(seq: int, epoch: str = "e1") -> str:
    return f'{{"v":1,"timeline":"tl_a","epoch":"{epoch}","seq":{seq},"type":"x","at":"","data":{{}}}}'


class Log:
    """Lines in memory that count how often they are read."""

    def __init__(self, events: int) -> None:
        self.lines = [line(seq + 1) for seq in range(events)]
        self.reads = 0

    async def read(self, _timeline: str, after: int, limit: int) -> list[str]:
        self.reads += 1
        lines = self.lines[after : after + limit]
        await asyncio.sleep(0.001)
        return lines


async def read_all(pages: Pages, seq: int, limit: int) -> list[str]:
    lines = list[str]()
    while entries := await pages.after("tl_a", Head("e1", seq), limit):
        lines += [entry.line for entry in entries]
        seq = entries[-1].seq
    return lines


async def test_each_page_is_read_once_for_all_readers_that_need_it() -> None:
    log = Log(3 * PAGE_EVENTS + 10)
    pages = Pages(log.read)
    after = [0, 0, 5, PAGE_EVENTS - 1, PAGE_EVENTS, 3 * PAGE_EVENTS, 3 * PAGE_EVENTS + 9]
    read = await asyncio.gather(*(read_all(pages, seq, limit) for seq in after for limit in (1, 64, 1000)))
    assert read == [log.lines[seq:] for seq in after for _ in range(3)]
    assert log.reads < 40, "readers at the same place share a read; those at the end look for more"
    log.lines += [line(len(log.lines) + 1 + n) for n in range(PAGE_EVENTS)]
    assert await read_all(pages, 0, 100) == log.lines


async def test_pages_that_do_not_fit_are_read_again_and_those_of_another_log_are_not_kept() -> None:
    log = Log(4 * PAGE_EVENTS)
    pages = Pages(log.read, max_characters=len(log.lines[0]) * PAGE_EVENTS * 2)
    for _ in range(2):
        assert await read_all(pages, 0, 1000) == log.lines
    assert log.reads >= 8
    log.lines = [line(seq + 1, "e2") for seq in range(10)]
    fresh = Pages(log.read)
    for _ in range(2):
        assert {entry.epoch for entry in await fresh.after("tl_a", Head("e1", 3), 100)} == {"e2"}


async def test_a_server_that_is_busy_past_the_deadline_does_not_blame_a_client_that_identified_in_time() -> None:
    sent, store = list[Any](), cast("Any", None)
    settings = ServerSettings(identify_seconds=0.2)
    connections = Connections(Hub(store, queue_events=1), settings, Metrics(), lambda _: Holder("editor"), store)
    came: list[Any] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": '{"type": "identify", "protocol": 1}'},
        {"type": "websocket.disconnect"},
    ]

    async def receive() -> Any:
        if len(came) == 2:
            await asyncio.sleep(0)
            time.sleep(0.3)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return came.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await connections({"type": "websocket", "subprotocols": ["streamtags.v1"]}, receive, send)
    assert [json.loads(message["text"])["type"] for message in sent if "text" in message] == ["hello", "identified"]


async def test_clients_of_a_storm_are_refused_with_a_code_on_which_they_come_back_and_miss_nothing(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(queue_events=8, catch_up=1, catch_up_queue=3)
    timeline = server.fill(segments=80)
    head, wanted = server.store.head(timeline), server.store.read_json(timeline)
    read_json = server.store.read_json

    def values() -> dict[bytes, float]:
        _, _, metrics = server.http("GET", "/metrics")
        rows = (row.rsplit(b" ", 1) for row in metrics.splitlines() if not row.startswith(b"#"))
        return {name: float(value) for name, value in rows}

    def read_slowly(*args: Any) -> Any:
        while not values().get(b"streamtags_readers_refused_total"):
            time.sleep(0.01)
        return read_json(*args)

    monkeypatch.setattr(server.store, "read_json", read_slowly)

    async def follow() -> list[str]:
        lines = list[str]()
        async with connect(f"ws://127.0.0.1:{server.port}", backoff=Backoff(0.05, 0.3)) as session:
            async for item in session.follow(timeline, after=0, epoch=head.epoch):
                assert isinstance(item, Event)
                lines.append(item.to_json())
                if item.seq == head.seq:
                    break
        return lines

    async with asyncio.timeout(60):
        received = await asyncio.gather(*(follow() for _ in range(30)))
    assert all(lines == wanted for lines in received)
    in_the_end = values()
    assert in_the_end[b'streamtags_closed_total{code="4500"}'] == in_the_end[b"streamtags_readers_refused_total"]
    assert in_the_end[b"streamtags_readers_waiting"] == 0
