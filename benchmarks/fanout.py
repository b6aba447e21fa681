"""Measure fan-out to a thousand readers: server CPU per delivery, latency, memory, and the effect of one client that does not read.

    python -m benchmarks fanout [--clients 1000] [--events 40] [--rate 20] [--rounds 7] [--pairs 15]
    python -m benchmarks fanout --readers 1000,3000,10000 [--events 40] [--rate 20]

Three servers, each in its own process, send the same messages to the same number of loopback clients, in turn:

broadcast   bare `websockets.broadcast()`: no queues; a slow client is buffered without bound
queues      bare websockets, a queue for each client and a task that empties it
streamtags  `streamtags serve`: durable in SQLite first, resumable, filtered by position

Figures are medians over rounds, some with quartiles. Server CPU is that of the whole process. Latency is the time from handing a message
over (for streamtags: from the moment its append in another process has returned) to its arrival at a client; clients only read the number
of the message. Then rounds with and without a stalled client alternate on streamtags alone: that client requests a long log and reads
nothing, so that the buffers on the way to it are full.

With `--readers`, only streamtags is measured, with crowds of these sizes: memory of an idle reader, latency, and storms in which all
readers lose their connections and come back at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve

from benchmarks.readers import cpu_seconds, measure_readers, print_readers, resident_bytes
from streamtags.core.events import SegmentCaptioned
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore

NAMES = ("broadcast", "queues", "streamtags")
TIMELINE, LONG = "tl_bench", "tl_long"
# More than the buffers of both sockets can take.
LONG_EVENTS, LONG_BYTES = 600, 60_000
SETTLE_SECONDS = 0.3


async def bare(kind: str) -> None:
    """Run a bare server that sends each line of its standard input to all clients."""
    clients: dict[ServerConnection, asyncio.Queue[str]] = {}

    async def handle(connection: ServerConnection) -> None:
        queue: asyncio.Queue[str] = asyncio.Queue(1024)
        clients[connection] = queue
        try:
            if kind == "broadcast":
                await connection.wait_closed()
                return
            while True:
                await connection.send(await queue.get())
        except websockets.ConnectionClosed:
            return
        finally:
            del clients[connection]

    lines = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        print(f"at http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ ", flush=True)
        while line := await lines.readline():
            text = line.decode().rstrip("\n")
            if kind == "broadcast":
                broadcast(clients, text)
            else:
                for queue in clients.values():
                    if not queue.full():
                        queue.put_nowait(text)


@dataclass
class Round:
    """What the clients of one server recorded in one round: when each message was sent, and how late each delivery was, in seconds."""

    sent: dict[int, float] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)


class Reader(asyncio.Protocol):
    """A client after its handshake: answers pings and records when each message arrives. An event's number is in its `rev`."""

    def __init__(self, crowd: Crowd, transport: asyncio.Transport) -> None:
        self.crowd = crowd
        self.transport = transport
        self.rest = b""

    def data_received(self, data: bytes) -> None:
        """Parse frames: RFC 6455, 5.2."""
        at = time.perf_counter()
        data = self.rest + data
        while len(data) > 1:
            start = {126: 4, 127: 10}.get(data[1], 2)
            end = start + (data[1] if start == 2 else int.from_bytes(data[2:start], "big"))
            if len(data) < end:
                break
            if data[0] & 15 == 9:
                self.transport.write(bytes((0x8A, 0x80 | data[1], 0, 0, 0, 0)) + data[start:end])  # a pong, masked with zeros
            elif data.startswith(b'{"type":"event"', start):
                place = data.index(b'"rev":', start) + 6
                late = at - self.crowd.round.sent[int(data[place : data.index(b",", place)])]
                self.crowd.round.late.append(late)
            data = data[end:]
        self.rest = data


class Crowd:
    """The clients of one server, and the way to send them messages."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], address: str, store: SqliteStore) -> None:
        self.name = name
        self.pid = process.pid
        self.round = Round()
        self.idle_bytes = 0.0
        self._address = address
        self._store = store
        self._inlet = process.stdin
        self._number = 0
        self._transports: list[asyncio.Transport] = []

    async def gather(self, clients: int) -> None:
        """Connect so many clients and measure the memory that each costs the server."""
        before = resident_bytes(self.pid)
        for _ in range(clients):
            connection = await self._join()
            connection.transport.set_protocol(Reader(self, connection.transport))
            self._transports.append(connection.transport)
        await asyncio.sleep(SETTLE_SECONDS)
        self.idle_bytes = (resident_bytes(self.pid) - before) / clients

    async def _join(self) -> ClientConnection:
        path, subprotocols = ("/v1/stream", [websockets.Subprotocol("streamtags.v1")]) if self.name == "streamtags" else ("/", None)
        url = f"ws://{self._address}{path}"
        connection = await connect(url, subprotocols=subprotocols, compression=None, max_size=None, ping_interval=None)
        if self.name == "streamtags":
            await connection.send('{"type":"identify","protocol":1}')
            await connection.send(json.dumps({"type": "subscribe", "id": "a", "timeline": TIMELINE}))
            for _ in range(4):  # hello, identified, subscribed, snapshot
                await connection.recv()
        return connection

    @contextlib.asynccontextmanager
    async def stalled(self) -> AsyncIterator[None]:
        """Connect a client that does not read, with more data on its way than the buffers hold."""
        connection = await self._join()
        connection.transport.pause_reading()
        epoch = self._store.head(LONG).epoch
        await connection.send(json.dumps({"type": "subscribe", "id": "b", "timeline": LONG, "after": 0, "epoch": epoch}))
        await asyncio.sleep(SETTLE_SECONDS)
        try:
            yield
        finally:
            connection.transport.abort()
            await asyncio.sleep(SETTLE_SECONDS)

    async def publish(self, events: int, rate: float) -> dict[str, float]:
        """Run one round: publish events to all clients and return the figures."""
        self.round = Round()
        wanted = events * len(self._transports)
        begun = cpu_seconds(self.pid)
        for _ in range(events):
            await asyncio.sleep(1 / rate)
            await self._send()
        deadline = time.monotonic() + 20
        while len(self.round.late) < wanted and time.monotonic() < deadline:  # noqa: ASYNC110 - clients record deliveries without signaling
            await asyncio.sleep(0.02)
        used = cpu_seconds(self.pid) - begun
        late = sorted(self.round.late)
        return {
            "delivered": len(late) / wanted,
            "cpu_us": 1e6 * used / len(late),
            "p50_ms": 1e3 * late[len(late) // 2],
            "p99_ms": 1e3 * late[len(late) * 99 // 100],
        }

    async def _send(self) -> None:
        self._number += 1
        event = SegmentCaptioned(segment="s0001", rev=self._number, caption="A woman walks along the harbor. " * 6, model="bench")
        if self.name == "streamtags":
            self.round.sent[self._number] = float("inf")
            await asyncio.to_thread(self._store.append, TIMELINE, [event])
            self.round.sent[self._number] = time.perf_counter()
            return
        head = f'{{"v":1,"timeline":"{TIMELINE}","epoch":"0123456789abcdef","seq":{self._number},"type":"{event.type}"'
        at = '"at":"2026-11-01T12:00:00.000000Z"'
        frame = f'{{"type":"event","id":"a","event":{head},{at},"data":{event.model_dump_json()}}}}}\n'
        self.round.sent[self._number] = time.perf_counter()
        assert self._inlet is not None
        self._inlet.write(frame.encode())
        self._inlet.flush()

    def disconnect(self) -> None:
        """Close all connections."""
        for transport in self._transports:
            transport.abort()


@contextlib.asynccontextmanager
async def crowd(name: str, store: SqliteStore, clients: int) -> AsyncIterator[Crowd]:
    """Start a server in its own process and connect its clients."""
    command = [sys.executable, "-m", "benchmarks.fanout", "--bare", name]
    if name == "streamtags":
        start = "import sys; from streamtags.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", start, "serve", "--port", "0", "--store", f"sqlite:///{store.path}"]
    process = await asyncio.to_thread(subprocess.Popen, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = (await asyncio.to_thread(process.stdout.readline)).decode()
        clients_ = Crowd(name, process, line.partition("http://")[2].partition("/")[0], store)
        await clients_.gather(clients)
        yield clients_
        clients_.disconnect()
    finally:
        process.terminate()
        process.communicate()


def middle(rows: Sequence[dict[str, float]], name: str) -> float:
    """Return the median of a figure over rounds."""
    return statistics.median(row[name] for row in rows)


def spread(values: Sequence[float]) -> str:
    """Return a median and its quartiles as text."""
    low, mid, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{mid:.3f} (quartiles {low:.3f} to {high:.3f} of {len(values)})"


async def compare(args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of each server; print them as they are measured."""
    print(f"{args.clients} clients a server, rounds of {args.events} events at {args.rate:g} a second, about 450 bytes a message\n")
    with tempfile.TemporaryDirectory() as temporary, SqliteStore(Path(temporary) / "s.db") as store:
        for timeline in (TIMELINE, LONG):
            store.open_timeline(timeline, TimelineIdentity(timeline))
        long = SegmentCaptioned(segment="s0001", rev=1, caption="x" * LONG_BYTES, model="bench")
        store.append(LONG, [long] * LONG_EVENTS)
        async with contextlib.AsyncExitStack() as stack:
            crowds = [await stack.enter_async_context(crowd(name, store, args.clients)) for name in NAMES]
            rows = await in_turns(args.rounds, [partial(one.publish, args.events, args.rate) for one in crowds])
            figures: dict[str, Any] = {
                one.name: {"rounds": row, "idle_bytes": one.idle_bytes} for one, row in zip(crowds, rows, strict=True)
            }
            print("server      delivered  CPU a delivery  p50       p99       memory an idle client")
            for one, row in zip(crowds, rows, strict=True):
                delays = f"{middle(row, 'p50_ms'):6.1f} ms {middle(row, 'p99_ms'):6.1f} ms"
                cost = f"{middle(row, 'delivered'):8.2%}  {middle(row, 'cpu_us'):11.1f} us"
                print(f"{one.name:10}  {cost}  {delays}  {one.idle_bytes / 1024:8.1f} KiB", flush=True)
            ours = rows[2]
            for other, row in zip(NAMES, rows[:2], strict=False):
                ratios = [mine["cpu_us"] / its["cpu_us"] for mine, its in zip(ours, row, strict=True)]
                print(f"CPU a delivery, streamtags / {other}: {spread(ratios)}", flush=True)

            streamtags = crowds[2]

            async def with_stalled() -> dict[str, float]:
                async with streamtags.stalled():
                    return await streamtags.publish(args.events, args.rate)

            free, stalled = await in_turns(args.pairs, [partial(streamtags.publish, args.events, args.rate), with_stalled])
            figures["stalled"] = {"without": free, "with": stalled}
            print("\none more client that is stalled, with / without:")
            for name in ("p50_ms", "p99_ms", "cpu_us"):
                ratios = [one[name] / other[name] for one, other in zip(stalled, free, strict=True)]
                print(f"{name}: {middle(stalled, name):.1f} / {middle(free, name):.1f}, ratio by pairs {spread(ratios)}")
    return figures


async def in_turns(rounds: int, runs: Sequence[Callable[[], Awaitable[dict[str, float]]]]) -> list[list[dict[str, float]]]:
    """Run each so many times in turn, beginning with another one each round. The first round warms up and is not counted."""
    rows: list[list[dict[str, float]]] = [[] for _ in runs]
    for turn in range(rounds + 1):
        for step in range(len(runs)):
            place = (turn + step) % len(runs)
            row = await runs[place]()
            if turn:
                rows[place].append(row)
    return rows


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--events", type=int, default=40, help="events a round")
    parser.add_argument("--rate", type=float, default=20.0, help="events a second")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each server")
    parser.add_argument("--pairs", type=int, default=15, help="rounds with and without a stalled client")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures of every round")
    parser.add_argument("--readers", metavar="N,N", help="measure crowds of these sizes, and their reconnecting")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite", help="of the crowds")
    parser.add_argument("--bare", choices=NAMES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if args.bare:
        asyncio.run(bare(args.bare))
        return 0
    if args.readers:
        crowds = []
        for readers in map(int, args.readers.split(",")):
            crowds.append(asyncio.run(measure_readers(readers, events=args.events, rate=args.rate, kind=args.store)))
            print_readers(crowds[-1])
        figures: dict[str, Any] = {"readers": [vars(crowd) for crowd in crowds]}
    else:
        figures = asyncio.run(compare(args))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
