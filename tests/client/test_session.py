from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from streamtags.client import Backoff, RequestError, Session, connect, stream_url
from streamtags.client import following as following_module
from streamtags.core.errors import BackendError, NotInStore, UsageError
from streamtags.core.events import Event
from streamtags.core.fold import fold
from streamtags.core.protocol import Snapshot
from streamtags.testing import make_payloads
from streamtags.testing.stream_server import Fault, MemoryLog, StreamServer, mishaps

QUICK = Backoff(first_seconds=0.002, most_seconds=0.05)


async def events_of(session: Session, timeline: str, last: str = "timeline.completed", **options: Any) -> list[Event | Snapshot]:
    items: list[Event | Snapshot] = []
    async for item in session.follow(timeline, **options):
        items.append(item)
        if isinstance(item, Event) and item.type == last:
            break
    return items


async def test_a_finished_timeline_from_its_first_event(log: MemoryLog) -> None:
    log.append("tl_1", make_payloads(3))
    async with StreamServer(log) as server, connect(server.url) as session:
        assert await events_of(session, "tl_1", after=0) == log.events["tl_1"]
        assert session.role == "editor"
        assert session.hello.server == "stream-server"


async def test_a_snapshot_comes_first_where_nothing_is_known(log: MemoryLog) -> None:
    payloads = make_payloads(3)
    log.append("tl_1", payloads[:8])
    async with StreamServer(log) as server, connect(server.url) as session:
        following = session.follow("tl_1")
        first = await anext(following)
        assert isinstance(first, Snapshot)
        assert first.seq == 8
        assert session.state("tl_1") == log.state("tl_1")
        log.append("tl_1", payloads[8:])
        second = await anext(following)
        assert isinstance(second, Event)
        assert second.seq == 9
        await following.aclose()


async def test_two_hundred_disconnects_leave_nothing_out_and_nothing_twice(log: MemoryLog) -> None:
    async with StreamServer(log, faults=mishaps(200), heartbeat_seconds=0.05) as server, connect(server.url, backoff=QUICK) as session:
        growing = asyncio.create_task(log.grow("tl_2", make_payloads(300)))
        while "tl_2" not in log.events:
            await asyncio.sleep(0)
        items = await events_of(session, "tl_2", after=0)
        await growing
        assert items == log.events["tl_2"]
        assert session.state("tl_2") == fold(log.events["tl_2"])
        assert next(server.faults, None) is None, f"only {server.connections} connections were made"


async def test_all_timelines_at_once_through_disconnects(log: MemoryLog) -> None:
    async with (
        StreamServer(log, faults=mishaps(60, seed=2), heartbeat_seconds=0.05) as server,
        connect(server.url, backoff=QUICK) as session,
    ):
        growing = [asyncio.create_task(log.grow(f"tl_{n}", make_payloads(60))) for n in range(3)]
        got: dict[str, list[Event]] = {}
        ended: set[str] = set()
        async for item in session.follow("*"):
            if isinstance(item, Event):
                got.setdefault(item.timeline, []).append(item)
            if session.state(item.timeline).state == "completed":
                ended.add(item.timeline)
            if len(ended) == 3:
                break
        await asyncio.gather(*growing)
        for timeline, events in log.events.items():
            received = got[timeline]
            assert received == events[-len(received) :], timeline
            assert session.state(timeline) == fold(events)


async def test_a_replaced_log_is_reported_by_a_snapshot(log: MemoryLog) -> None:
    log.append("tl_1", make_payloads(3))
    async with StreamServer(log) as server, connect(server.url) as session:
        following = session.follow("tl_1", after=0)
        for _ in log.events["tl_1"]:
            await anext(following)
        log.replace("tl_1", make_payloads(2, seed=5)[:4])
        item = await anext(following)
        assert isinstance(item, Snapshot)
        log.append("tl_1", make_payloads(2, seed=5)[4:])
        while session.state("tl_1").state != "completed":
            await anext(following)
        assert session.state("tl_1") == log.state("tl_1")
        await following.aclose()


async def test_a_log_replaced_while_the_client_was_away(log: MemoryLog) -> None:
    log.append("tl_1", make_payloads(3))
    async with StreamServer(log) as server, connect(server.url, backoff=QUICK) as session:
        following = session.follow("tl_1")
        await anext(following)
        log.replace("tl_1", make_payloads(4, seed=5))
        await server.drop(1012)
        item = await anext(following)
        assert isinstance(item, Snapshot)
        assert session.state("tl_1") == log.state("tl_1")
        await following.aclose()


async def test_a_server_that_comes_back_later_on_the_same_port(log: MemoryLog) -> None:
    payloads = make_payloads(3)
    log.append("tl_1", payloads[:5])
    server = StreamServer(log)
    async with server, connect(server.url, backoff=QUICK) as session:
        following = session.follow("tl_1", after=0)
        got = [await anext(following) for _ in range(5)]
        await server.__aexit__(None, None, None)
        await asyncio.sleep(0.05)
        log.append("tl_1", payloads[5:])
        async with StreamServer(log, port=server.port):
            got += [await anext(following) for _ in payloads[5:]]
            assert got == log.events["tl_1"]
            await following.aclose()


async def test_a_silent_server_is_noticed(log: MemoryLog) -> None:
    log.append("tl_1", make_payloads(3))
    async with (
        StreamServer(log, faults=[Fault(5, "stall")], heartbeat_seconds=0.05) as server,
        connect(server.url, backoff=QUICK) as session,
    ):
        assert await events_of(session, "tl_1", after=0) == log.events["tl_1"]
        assert server.connections >= 2  # one more after each pause of a busy machine


async def test_an_event_left_out_at_the_end_is_noticed_by_the_heartbeat(log: MemoryLog) -> None:
    log.append("tl_1", make_payloads(1))
    last = len(log.events["tl_1"])
    # hello, identified, twice subscribed and once unsubscribed and a snapshot, then the events
    async with StreamServer(log, faults=[Fault(5 + last, "skip")], heartbeat_seconds=0.4) as server, connect(server.url) as session:
        assert await events_of(session, "tl_1", after=0) == log.events["tl_1"]
        assert server.connections == 1


@pytest.mark.parametrize("code", [1000, 4400, 4401, 4403, 4406, 4408, 4409, 4413, 4429])
async def test_other_close_codes_end_it_with_a_clear_error(log: MemoryLog, code: int) -> None:
    log.append("tl_1", make_payloads(3))
    async with StreamServer(log, faults=[Fault(6, code)]) as server, connect(server.url, backoff=QUICK) as session:
        with pytest.raises(BackendError, match=str(code)):
            await events_of(session, "tl_1", after=0)
        with pytest.raises(BackendError, match=str(code)):
            await session.request("timelines.list")
        assert server.connections == 1


async def test_a_reader_that_does_not_read_keeps_little_in_memory_and_delays_no_other(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_module, "QUEUE_ITEMS", 10)
    log.append("tl_1", make_payloads(100))

    async def answer(method: str, params: dict[str, Any]) -> Any:
        return [method, params]

    async with StreamServer(log, answer=answer) as server, connect(server.url) as session:
        slow = session.follow("tl_1", after=0)
        got = [await anext(slow)]
        assert await events_of(session, "tl_1", after=0) == log.events["tl_1"]
        assert await session.request("timelines.get", id="tl_1") == ["timelines.get", {"id": "tl_1"}]
        assert max(len(each.queue) for each in session._followings) <= 10
        while len(got) < len(log.events["tl_1"]):
            got.append(await anext(slow))
        assert got == log.events["tl_1"]
        await slow.aclose()


async def test_a_filter_passes_what_it_names_through_disconnects(log: MemoryLog) -> None:
    log.append("tl_1", make_payloads(40))
    async with StreamServer(log, faults=mishaps(20, seed=3)) as server, connect(server.url, backoff=QUICK) as session:
        wanted = {"segment.tagged", "timeline.completed"}
        items = await events_of(session, "tl_1", after=0, filter={"types": sorted(wanted)})
        skipped = [event for event in log.events["tl_1"] if event.type in wanted and event not in items]
        assert [item.seq for item in items] == sorted({item.seq for item in items})
        assert {item.type for item in items if isinstance(item, Event)} == wanted
        assert len(skipped) <= 3, "a jump looks like what a filter leaves out; the played faults leave out one event each"
        with pytest.raises(NotInStore):
            session.state("tl_1")


async def test_an_unknown_timeline(log: MemoryLog) -> None:
    async with StreamServer(log) as server, connect(server.url) as session:
        with pytest.raises(NotInStore, match="tl_0"):
            await anext(session.follow("tl_0"))
        with pytest.raises(NotInStore, match="tl_0"):
            session.state("tl_0")


async def test_a_removed_timeline_ends_the_iteration(log: MemoryLog) -> None:
    log.append("tl_1", make_payloads(1, completed=False))
    async with StreamServer(log) as server, connect(server.url) as session:
        seen = 0
        async for _ in session.follow("tl_1", after=0):
            seen += 1
            if seen == len(make_payloads(1, completed=False)):
                log.remove("tl_1")
        assert "tl_1" not in log.events


async def test_requests_report_errors_and_lost_connections(log: MemoryLog) -> None:
    arrived = asyncio.Event()

    async def hang(method: str, params: dict[str, Any]) -> Any:
        if method == "timelines.cancel":
            raise NotInStore("no such timeline")
        arrived.set()
        await asyncio.sleep(600)

    async with StreamServer(log, answer=hang) as server, connect(server.url, backoff=QUICK) as session:
        with pytest.raises(RequestError, match="no such timeline") as caught:
            await session.request("timelines.cancel", id="tl_0")
        assert caught.value.code == "not_found"
        asking = asyncio.create_task(session.request("timelines.analyze", uri="film.mp4"))
        await arrived.wait()
        await server.drop()
        with pytest.raises(BackendError, match="may have been carried out") as lost:
            await asking
        assert lost.value.code == "connection.lost"


def closed_port() -> str:
    """Return an address at which no server listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"ws://127.0.0.1:{free.getsockname()[1]}"


async def test_of_several_servers_the_first_that_answers_is_used_and_the_next_one_when_it_is_lost(log: MemoryLog) -> None:
    payloads = make_payloads(20)
    log.append("tl_1", payloads[:3])
    async with (
        StreamServer(log) as first,
        StreamServer(log) as second,
        connect([closed_port(), first.url, second.url], backoff=QUICK) as session,
    ):
        following = session.follow("tl_1", after=0)
        events = [await anext(following) for _ in range(3)]
        assert session.url == stream_url(first.url)
        await first.__aexit__(None, None, None)
        log.append("tl_1", payloads[3:])
        events += [await anext(following) for _ in payloads[3:]]
        assert session.url == stream_url(second.url)
        await following.aclose()
    assert events == log.events["tl_1"]


async def test_no_server_at_the_address() -> None:
    for addresses in (closed_port(), [closed_port(), closed_port()]):
        with pytest.raises(BackendError, match="cannot be reached") as caught:
            async with connect(addresses):
                pass
        assert caught.value.exit_status == 4
    with pytest.raises(UsageError, match="no address"):
        async with connect([]):
            pass


@pytest.mark.parametrize("token", [None, "wrong"])
async def test_a_token_is_required(log: MemoryLog, token: str | None) -> None:
    async with StreamServer(log, token="right") as server:
        with pytest.raises(BackendError, match="requires a token"):
            async with connect(server.url, token=token):
                pass
        async with connect(server.url, token="right") as session:
            assert session.role == "editor"


async def test_cancelling_a_reader_ends_its_subscription_alone(log: MemoryLog) -> None:
    log.append("tl_1", make_payloads(2, completed=False))
    async with StreamServer(log) as server, connect(server.url) as session:
        reading = asyncio.create_task(events_of(session, "tl_1", after=0))
        await asyncio.sleep(0.1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert not session._followings
        assert not session._by_id
        assert (await anext(session.follow("tl_1"))).seq == len(log.events["tl_1"])
