"""Clients of the WebSocket that cost little themselves, and a crowd of them: idle, reading, and reconnecting all at once.

Each client is one `asyncio.Protocol` that does its own handshake, so that ten thousand fit in one process beside the server they measure.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamtags.core.events import SegmentCaptioned
from streamtags.core.records import TimelineIdentity
from streamtags.core.stores import Store
from streamtags.store.opening import open_store
from streamtags.testing.postgres import PostgresServer

__all__ = ["Figures", "cpu_seconds", "measure_readers", "print_readers", "resident_bytes"]

TIMELINE = "tl_bench"
# A log as long as that of ten minutes of film, so that a snapshot is not empty.
LOGGED_SEGMENTS = 200
# Connections that are being made at once while a crowd gathers; a storm has no such limit.
GATHERING = 64
# What clients missed when all of them come back at once, in events; None if they know nothing and start with a snapshot.
STORMS = {"20 events missed": 20, "300 events missed": 300, "snapshot": None}
UPGRADE = (
    "GET /v1/stream HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: c3RyZWFtdGFncy1iZW5jaA==\r\nSec-WebSocket-Protocol: streamtags.v1\r\n\r\n"
)
DELIVERY_SECONDS, STORM_SECONDS = 60.0, 300.0
# What the client does on a close code that requests for another try: the least and most it waits, doubled each time.
BACKOFF_SECONDS = (0.5, 15.0)


@dataclass
class Figures:
    """What one crowd of readers showed. Seconds, bytes and milliseconds as the names say."""

    readers: int
    idle_bytes: float
    deliveries: dict[str, float] = field(default_factory=dict)
    storms: dict[str, dict[str, float]] = field(default_factory=dict)


class Reader(asyncio.Protocol):
    """One client: connects, identifies, subscribes, answers pings, and records when each event arrives."""

    def __init__(self, crowd: Crowd, after: int | None) -> None:
        self._crowd, self._after = crowd, after
        self._rest = b""
        self._upgraded = False
        self.seq = 0
        self.ready = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(UPGRADE.format(host=self._crowd.address).encode())

    def connection_lost(self, error: Exception | None) -> None:
        """Let the one who waits for this client try again."""
        if not self.ready.done():
            self.ready.set_exception(ConnectionResetError("closed before the subscription"))

    def data_received(self, data: bytes) -> None:
        """Parse the response and then frames: RFC 6455, 5.2."""
        at = time.perf_counter()
        data = self._rest + data
        if not self._upgraded:
            head, blank, data = data.partition(b"\r\n\r\n")
            if not blank:
                self._rest = head
                return
            self._upgraded = True
            self._send({"type": "identify", "protocol": 1})
            resume = {} if self._after is None else {"after": self._after, "epoch": self._crowd.epoch}
            self._send({"type": "subscribe", "id": "a", "timeline": TIMELINE, **resume})
        for opcode, payload in self._frames(data):
            if opcode == 9:
                self.transport.write(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
            elif opcode == 8:
                self._crowd.count_close(payload)
                self.transport.abort()
            elif payload.startswith(b'{"type":"event"'):
                self._take_event(payload, at)
            elif payload.startswith(b'{"type":"snapshot"') or (self._after is not None and payload.startswith(b'{"type":"subscribed"')):
                self.seq = self._after or self._crowd.seq
                if self._after is None or self.seq >= self._crowd.seq:
                    self._done()

    def _frames(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        while len(data) > 1:
            start = {126: 4, 127: 10}.get(data[1], 2)
            end = start + (data[1] if start == 2 else int.from_bytes(data[2:start], "big"))
            if len(data) < start or len(data) < end:
                break
            yield data[0] & 15, data[start:end]
            data = data[end:]
        self._rest = data

    def _take_event(self, payload: bytes, at: float) -> None:
        place = payload.index(b'"seq":') + 6
        self.seq = int(payload[place : payload.index(b",", place)])
        sent = self._crowd.sent.get(self.seq)
        if sent is not None:
            self._crowd.late.append(at - sent)
        if self.seq >= self._crowd.seq:
            self._done()

    def _done(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        self.transport.write(
            bytes((0x81, 0x80 | len(data), 0, 0, 0, 0) if len(data) < 126 else (0x81, 0xFE, *len(data).to_bytes(2), 0, 0, 0, 0)) + data
        )


class Crowd:
    """Many clients of one server, and the store that they follow."""

    def __init__(self, address: str, pid: int, store: Store) -> None:
        self.address, self._pid, self._store = address, pid, store
        self.epoch, self.seq = store.head(TIMELINE)
        self.sent: dict[int, float] = {}
        self.late: list[float] = []
        self.closed: dict[int, int] = {}
        self._readers: list[Reader] = []

    def count_close(self, payload: bytes) -> None:
        """Count a close frame by its code."""
        code = int.from_bytes(payload[:2], "big")
        self.closed[code] = self.closed.get(code, 0) + 1

    async def gather(self, readers: int) -> float:
        """Connect so many clients, some at a time; return the memory that each costs the server, in bytes."""
        before = resident_bytes(self._pid)
        free = asyncio.Semaphore(GATHERING)

        async def join() -> Reader:
            async with free:
                return await self._join(None)

        self._readers = await asyncio.gather(*(join() for _ in range(readers)))
        await asyncio.sleep(1)
        return (resident_bytes(self._pid) - before) / readers

    async def _join(self, after: int | None) -> Reader:
        """Connect one client, again with backoff while the server refuses; return it when it is up to date."""
        host, port = self.address.split(":")
        pause, most = BACKOFF_SECONDS
        while True:
            try:
                _, reader = await asyncio.get_running_loop().create_connection(lambda: Reader(self, after), host, int(port))
                await reader.ready
            except OSError:
                await asyncio.sleep(pause * (0.5 + int.from_bytes(os.urandom(1)) / 256))
                pause = min(most, 2 * pause)
            else:
                return reader

    async def publish(self, events: int, rate: float) -> dict[str, float]:
        """Append events, and return how many were delivered and how late."""
        self.sent, self.late = {}, []
        for _ in range(events):
            await asyncio.sleep(1 / rate)
            seq = self.seq + 1
            self.sent[seq] = float("inf")
            await asyncio.to_thread(self._append, 1)
            self.sent[seq] = time.perf_counter()
        wanted, deadline = events * len(self._readers), time.monotonic() + DELIVERY_SECONDS
        while len(self.late) < wanted and time.monotonic() < deadline:  # noqa: ASYNC110 - clients record deliveries without signaling
            await asyncio.sleep(0.05)
        late = sorted(self.late)
        return {
            "delivered": len(late) / wanted,
            "p50_ms": 1e3 * late[len(late) // 2],
            "p99_ms": 1e3 * late[len(late) * 99 // 100],
        }

    def _append(self, count: int) -> None:
        number = self.seq
        events = [
            SegmentCaptioned(segment="s0001", rev=number + step, caption="A woman walks along the harbor. " * 6, model="bench")
            for step in range(count)
        ]
        self.seq = self._store.append(TIMELINE, events)[-1].seq

    async def storm(self, *, missed: int | None) -> dict[str, float]:
        """Disconnect everyone and let everyone connect again at once.

        Args:
            missed: events appended in the meantime, which clients resume over; None if the clients start with a snapshot.
        """
        after = None if missed is None else self.seq
        for reader in self._readers:
            reader.transport.abort()
        await asyncio.sleep(1)
        if missed:
            await asyncio.to_thread(self._append, missed)
        self.sent, self.closed = {}, {}
        begun, cpu = time.perf_counter(), cpu_seconds(self._pid)
        took: list[float] = []

        async def join() -> Reader:
            reader = await self._join(after)
            took.append(time.perf_counter() - begun)
            return reader

        async with asyncio.timeout(STORM_SECONDS):
            self._readers = await asyncio.gather(*(join() for _ in self._readers))
        took.sort()
        return {
            "p50_s": took[len(took) // 2],
            "all_s": took[-1],
            "cpu_ms": 1e3 * (cpu_seconds(self._pid) - cpu) / len(took),
            "refused": sum(self.closed.values()),
        }


def cpu_seconds(pid: int) -> float:
    """Return the processor seconds of a process, user and kernel. The clock id is that of clock_getcpuclockid(3) on Linux."""
    return time.clock_gettime(~pid << 3 | 2)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process, see proc_pid_statm(5)."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


@contextlib.contextmanager
def new_url(kind: str) -> Iterator[str]:
    """The URL of an empty store: of a SQLite file, or of a database of a PostgreSQL server of its own."""
    if kind == "postgresql":
        with PostgresServer() as server:
            yield server.new_database()
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/s.db"


@contextlib.asynccontextmanager
async def served(store: Store, url: str) -> AsyncIterator[Crowd]:
    """Start `streamtags serve` in its own process."""
    start = "import sys; from streamtags.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "serve", "--port", "0", "--store", url]
    process = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = (await asyncio.to_thread(process.stdout.readline)).decode()
        yield Crowd(line.partition("http://")[2].partition("/")[0], process.pid, store)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def measure_readers(readers: int, *, events: int, rate: float, kind: str) -> Figures:
    """Measure one crowd: memory when idle, delivery of events, then storms; `kind` of store is `sqlite` or `postgresql`."""
    with new_url(kind) as url, open_store(url) as store:
        store.open_timeline(TIMELINE, TimelineIdentity(TIMELINE))
        store.append(
            TIMELINE,
            [SegmentCaptioned(segment=f"s{n:04d}", rev=1, caption="A harbor. " * 8, model="bench") for n in range(LOGGED_SEGMENTS)],
        )
        async with served(store, url) as crowd:
            figures = Figures(readers, await crowd.gather(readers))
            figures.deliveries = await crowd.publish(events, rate)
            for name, missed in STORMS.items():
                figures.storms[name] = await crowd.storm(missed=missed)
            return figures


def print_readers(figures: Figures) -> None:
    """Print the figures of one crowd as lines."""
    row = figures.deliveries
    delays = f"p50 {row['p50_ms']:.0f} ms, p99 {row['p99_ms']:.0f} ms, {row['delivered']:.2%} delivered"
    print(f"{figures.readers} readers: {figures.idle_bytes / 1024:.1f} KiB an idle reader; durable to delivered {delays}")
    for name, storm in figures.storms.items():
        waits = f"half after {storm['p50_s']:.1f} s, all after {storm['all_s']:.1f} s"
        print(f"  storm, {name}: {waits}, {storm['cpu_ms']:.1f} ms of server CPU a client, {storm['refused']:.0f} refused", flush=True)
