"""Clients that read at any speed, over logs that grow, are replaced and removed, in every order: each receives exactly the log."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from streamtags_server.http.uvicorn_protocols import PUSH
from streamtags_server.metrics import Metrics
from streamtags_server.ws.hub import Hub
from streamtags_server.ws.outlet import Outlet
from streamtags_server.ws.subscriptions import ALL, Subscriptions
from streamtags_server.ws.turns import Turns

from streamtags.config.settings import ServerSettings
from streamtags.core.events import SegmentCorrected, TimelineProgress
from streamtags.core.protocol import Filter, Subscribe
from streamtags.core.records import Head, TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore

RING = 4
ROOM = 3
EVENTS_PER_WRITE = 64
TIMELINES = ("tl_x", "tl_y")
ONLY = "segment.corrected"


class Inline(ThreadPoolExecutor):
    """Does at once what it is given, so that a run can be repeated."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it belongs to the caller that awaits the result
            done.set_exception(error)
        return done


@dataclass
class Place:
    """The position of a client in one log, and the events it received since `first`."""

    epoch: str
    seq: int
    first: int
    lines: list[Any] = field(default_factory=list)


class Client:
    """One connection: a buffer with room for a few messages, and what its reader made of them."""

    def __init__(self, hub: Hub) -> None:
        self.buffer: list[str] = []
        self.room = asyncio.Event()
        outlet = Outlet({"type": "websocket", "extensions": {PUSH: {"push": self.push}}}, self.send)
        self.subscriptions = Subscriptions(hub, Turns(running=2, waiting=100, metrics=Metrics()), ServerSettings(), Metrics(), outlet)
        self.sending = asyncio.create_task(self.subscriptions.run())
        self.asking: asyncio.Task[None] | None = None
        self.filtered = False
        self.timeline = ""
        self.open = False
        self.awaited: set[str] = set()
        self.places: dict[str, Place] = {}

    def push(self, frames: bytes) -> bool:
        if len(self.buffer) >= ROOM:
            return False
        while frames:
            start = {126: 4, 127: 10}.get(frames[1], 2)
            end = start + (frames[1] if start == 2 else int.from_bytes(frames[2:start], "big"))
            self.buffer.append(frames[start:end].decode())
            frames = frames[end:]
        return True

    async def send(self, message: Any) -> None:
        while len(self.buffer) >= ROOM:
            self.room.clear()
            await self.room.wait()
        self.buffer.append(message["text"])

    def ask(self, request: Coroutine[Any, Any, None]) -> None:
        self.asking = asyncio.create_task(request)

    @property
    def busy(self) -> bool:
        return self.asking is not None and not self.asking.done()

    def read(self, count: int) -> None:
        taken, self.buffer[:] = self.buffer[:count], self.buffer[count:]
        self.room.set()
        for text in taken:
            self.heard(json.loads(text))

    def heard(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "subscribed", "timeline": timeline, "epoch": epoch, "seq": seq, "recovered": recovered}:
                self.open = True
                if recovered:
                    assert (self.places[timeline].epoch, self.places[timeline].seq) == (epoch, seq)
                elif timeline != ALL:
                    self.awaited.add(timeline)
            case {"type": "snapshot", "timeline": timeline, "epoch": epoch, "seq": seq, "state": state}:
                place = self.places.get(timeline)
                assert self.open
                assert timeline in self.awaited or place is None or place.epoch != epoch, "a state where events could have followed"
                assert (state["epoch"], state["seq"]) == (epoch, seq)
                self.awaited.discard(timeline)
                self.places[timeline] = Place(epoch, seq, seq)
            case {"type": "event", "event": event}:
                assert not self.awaited, "an event before the state"
                place = self.places[event["timeline"]]
                assert self.open
                assert event["epoch"] == place.epoch
                assert event["seq"] > place.seq if self.filtered else event["seq"] == place.seq + 1
                place.seq = event["seq"]
                place.lines.append(event)
            case {"type": "lagged", "seq": seq}:
                assert self.filtered or seq in [place.seq for place in self.places.values()]
            case {"type": "heartbeat", "seqs": seqs}:
                for timeline, seq in seqs.items():
                    assert self.filtered or timeline in self.awaited or seq <= self.places[timeline].seq, (
                        "a heartbeat is ahead of what was sent"
                    )
            case {"type": "removed", "timeline": timeline}:
                self.places.pop(timeline, None)  # removed, it may be, before its state was sent
            case {"type": "unsubscribed"} | {"type": "error", "code": "not_found"}:
                self.open = False
                self.places.clear()
                self.awaited.clear()
            case _:
                raise AssertionError(message)


class SubscriptionsMachine(RuleBasedStateMachine):
    clients = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.Runner()
        self.loop.get_loop().set_default_executor(Inline())
        self.store = SqliteStore(Path(self.folder.name) / "s.db")
        self.hub = self.loop.run(self._hub())
        self.all: list[Client] = []
        self.written = 0
        self.store.open_timeline(TIMELINES[0], TimelineIdentity("there from the start"))

    async def _hub(self) -> Hub:
        return Hub(self.store, queue_events=RING)

    async def _settle(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    async def _look(self) -> None:
        await self.hub.refresh()
        await self.hub.publish()

    def teardown(self) -> None:
        try:
            self.loop.run(self._drain())
            self._compare()
            self.loop.run(self._leave())
            assert not self.hub._logs, "a reader was forgotten"
        finally:
            self.loop.close()
            self.store.close()
            self.folder.cleanup()

    def _compare(self) -> None:
        """Each client against the logs as they are."""
        heads = self.store.heads()
        for client in self.all:
            if not client.open:
                continue
            assert set(client.places) == ({client.timeline} if client.timeline != ALL else set(heads))
            for timeline, place in client.places.items():
                wanted = [json.loads(line) for line in self.store.read_json(timeline, place.first)]
                assert place.lines == [event for event in wanted if not client.filtered or event["type"] == ONLY]
                assert place.epoch == heads[timeline].epoch

    async def _drain(self) -> None:
        quiet = 0
        while quiet < 3:
            await self._look()
            await self._settle()
            quiet = 0 if any(client.buffer or client.busy for client in self.all) else quiet + 1
            for client in self.all:
                client.read(ROOM)

    async def _leave(self) -> None:
        for client in self.all:
            client.subscriptions.close()
            client.sending.cancel()
        await asyncio.wait([client.sending for client in self.all] or [asyncio.create_task(asyncio.sleep(0))])
        assert all(client.sending.cancelled() for client in self.all), "it ended by itself"

    # What is written

    @rule(timeline=st.sampled_from(TIMELINES), count=st.integers(1, 9), seen=st.booleans())
    def append(self, timeline: str, count: int, seen: bool) -> None:
        if timeline not in self.store.heads():
            self.store.open_timeline(timeline, TimelineIdentity(f"key of {timeline}"))
        for _ in range(count):
            self.written += 1
            self.store.append(timeline, [correction(self.written) if self.written % 3 else progress(self.written)])
        if seen:
            self.look()

    @rule(timeline=st.sampled_from(TIMELINES))
    def replace(self, timeline: str) -> None:
        if timeline in self.store.heads():
            self.store.replace(timeline, [progress(0)])

    @rule(timeline=st.sampled_from(TIMELINES))
    def remove(self, timeline: str) -> None:
        if timeline in self.store.heads():
            self.store.remove(timeline)

    # What the server and its clients do

    @rule()
    def look(self) -> None:
        self.loop.run(self._look())

    @rule(turns=st.integers(1, 8))
    def go_on(self, turns: int) -> None:
        async def spin() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        self.loop.run(spin())

    @rule(
        target=clients,
        timeline=st.sampled_from((*TIMELINES, ALL)),
        filtered=st.booleans(),
        back=st.none() | st.integers(0, 6),
        at_once=st.booleans(),
    )
    def join(self, timeline: str, filtered: bool, back: int | None, at_once: bool) -> Client:
        async def made() -> Client:
            client = Client(self.hub)
            client.filtered, client.timeline = filtered, timeline
            head: Head | None = self.store.heads().get(timeline)
            place: dict[str, Any] = {}
            if head is not None and back is not None:
                after = max(0, head.seq - back)
                place = {"after": after, "epoch": head.epoch}
                client.places[timeline] = Place(head.epoch, after, after)
            filter_ = Filter(types=[ONLY]) if filtered else None
            client.ask(client.subscriptions.subscribe(Subscribe(id="a", timeline=timeline, filter=filter_, **place)))
            return client

        client = self.loop.run(made())
        if at_once:
            self.loop.run(self._settle())
            client.read(ROOM)
        self.all.append(client)
        return client

    @rule(client=clients, count=st.integers(1, ROOM))
    def read(self, client: Client, count: int) -> None:
        client.read(count)

    @rule(client=clients)
    def beat(self, client: Client) -> None:
        client.subscriptions.beat()

    @rule(client=clients)
    def unsubscribe(self, client: Client) -> None:
        async def requested() -> None:
            if not client.busy:
                client.ask(client.subscriptions.unsubscribe("a"))

        self.loop.run(requested())

    @invariant()
    def nothing_queues_but_in_the_buffer(self) -> None:
        # A write of several events begins while there is room, and may end beyond it.
        assert all(len(client.buffer) <= ROOM + EVENTS_PER_WRITE for client in self.all)
        assert all(client.asking is None or not client.asking.done() or client.asking.exception() is None for client in self.all)


def progress(seconds: int) -> TimelineProgress:
    return TimelineProgress(decoded_seconds=seconds, duration_seconds=None, segments=0, captioned=0, tagged=0, failed=0)


def correction(number: int) -> SegmentCorrected:
    return SegmentCorrected(segment="s0000", rev=number, caption="corrected", by="test")


SubscriptionsMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
test_subscriptions = SubscriptionsMachine.TestCase
