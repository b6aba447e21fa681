"""What it costs to tell a thousand readers: server CPU per delivery, latency, memory, and one client that does not read.

    python benchmarks/fanout.py [--clients 1000] [--events 100] [--rate 10]

Three servers, each in a process of its own, send the same messages to the same number of loopback clients in the same run:

broadcast   bare `websockets.broadcast()`: no queues; a slow client is buffered without bound
queues      bare websockets, a queue for each client and a task that empties it
streamtags  `streamtags serve`: durable in SQLite first, resumable, filtered by position

Server CPU is read from `/proc/PID/stat` around the run. Latency is from the moment before a message is handed over to be sent (for
streamtags: from the moment its event is durable, as its append returned) to the moment a client has it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve

from streamtags.events import SegmentCaptioned
from streamtags.timeline.store import SqliteStore

TICK = os.sysconf("SC_CLK_TCK")
NAMES = ("broadcast", "queues", "streamtags")


async def bare(kind: str) -> None:
    """A bare server; messages come as lines on standard input."""
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


def cpu(pid: int) -> float:
    """CPU seconds a process has used. Source: proc_pid_stat(5), fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(pid: int) -> int:
    """Bytes of memory a process holds. Source: proc_pid_statm(5)."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


class Readers:
    """Clients that note when each message came."""

    def __init__(self) -> None:
        self.sent: dict[int, float] = {}
        self.late: list[float] = []
        self.got = 0

    async def read(self, connection: ClientConnection) -> None:
        """Take messages until closed. The event's number stands in its `rev`."""
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                text = await connection.recv(decode=False)
                at = time.perf_counter()
                place = text.find(b'"rev":')
                if text.startswith(b'{"type":"event"') and place > 0:
                    number = int(text[place + 6 : text.index(b",", place)])
                    self.got += 1
                    self.late.append(at - self.sent.get(number, at))


@contextlib.asynccontextmanager
async def running(name: str, folder: Path) -> AsyncIterator[tuple[subprocess.Popen[bytes], str]]:
    """A server in its own process, and its address."""
    command = [sys.executable, __file__, "--bare", name]
    if name == "streamtags":
        start = "import sys; from streamtags.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", start, "serve", "--port", "0", "--store", f"sqlite:///{folder / 's.db'}"]
    process = await asyncio.to_thread(subprocess.Popen, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    line = (await asyncio.to_thread(process.stdout.readline)).decode()
    try:
        yield process, line.partition("http://")[2].partition("/")[0]
    finally:
        process.terminate()
        process.communicate()


async def join(name: str, address: str) -> ClientConnection:
    """A client that has said what it wants."""
    path = "/v1/stream" if name == "streamtags" else "/"
    subprotocols = [websockets.Subprotocol("streamtags.v1")] if name == "streamtags" else None
    connection = await connect(f"ws://{address}{path}", subprotocols=subprotocols, compression=None, max_size=None, ping_interval=None)
    if name == "streamtags":
        await connection.send('{"type":"identify","protocol":1}')
        await connection.send('{"type":"subscribe","id":"a","timeline":"tl_bench"}')
        for _ in range(4):  # hello, identified, subscribed, snapshot
            await connection.recv()
    return connection


def payload(number: int) -> SegmentCaptioned:
    """An event of the usual size, about 400 bytes."""
    return SegmentCaptioned(segment="s0001", rev=number, caption="A woman walks along the harbour. " * 6, model="bench")


async def measure(name: str, clients: int, events: int, rate: float, *, stalled: bool = False) -> dict[str, float]:
    """Figures of one server."""
    readers = Readers()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with SqliteStore(folder / "s.db") as store:
            store.open_timeline("tl_bench", "bench")
            async with running(name, folder) as (process, address):
                before = resident(process.pid)
                connections = [await join(name, address) for _ in range(clients)]
                await asyncio.sleep(0.5)
                each = (resident(process.pid) - before) / clients
                deaf = [await join(name, address)] if stalled else []
                for connection in deaf:
                    connection.transport.pause_reading()
                tasks = [asyncio.create_task(readers.read(connection)) for connection in connections]
                begun = cpu(process.pid)
                for number in range(events):
                    await asyncio.sleep(1 / rate)
                    if name == "streamtags":
                        await asyncio.to_thread(store.append, "tl_bench", [payload(number)])
                        readers.sent[number] = time.perf_counter()
                    else:
                        event = payload(number).model_dump_json()
                        head = f'{{"v":1,"timeline":"tl_bench","epoch":"e","seq":{number},"data":'
                        frame = f'{{"type":"event","id":"a","event":{head}{event}}}}}\n'
                        readers.sent[number] = time.perf_counter()
                        assert process.stdin is not None
                        process.stdin.write(frame.encode())
                        process.stdin.flush()
                deadline = time.monotonic() + 30
                while readers.got < clients * events and time.monotonic() < deadline:  # noqa: ASYNC110 - looked at, not told
                    await asyncio.sleep(0.05)
                used = cpu(process.pid) - begun
                for connection in (*connections, *deaf):
                    connection.transport.abort()
                await asyncio.gather(*tasks)
    late = sorted(readers.late)
    return {
        "delivered": readers.got / (clients * events),
        "cpu_us": 1e6 * used / max(1, readers.got),
        "p50_ms": 1e3 * late[len(late) // 2],
        "p99_ms": 1e3 * late[len(late) * 99 // 100],
        "idle_kib": each / 1024,
    }


async def compare(clients: int, events: int, rate: float) -> dict[str, dict[str, float]]:
    """Figures by server, printed as they come."""
    print(f"{clients} clients, {events} events, {rate:g} a second, about 400 bytes each\n")
    print("server               delivered  CPU a delivery   p50      p99      memory an idle client")
    found = {}
    for name, stalled in (*((name, False) for name in NAMES), ("streamtags", True)):
        label = f"{name}, 1 stalled" if stalled else name
        row = found[label] = await measure(name, clients, events, rate, stalled=stalled)
        delays = f"{row['p50_ms']:6.1f} ms {row['p99_ms']:6.1f} ms"
        print(f"{label:20}  {row['delivered']:7.2%}  {row['cpu_us']:9.1f} us  {delays}  {row['idle_kib']:8.1f} KiB", flush=True)
    ours, queues, broadcasts = (found[name]["cpu_us"] for name in ("streamtags", "queues", "broadcast"))
    print(f"\nstreamtags takes {ours / queues:.2f} x the CPU of a queue for each client, {ours / broadcasts:.2f} x that of broadcast")
    return found


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr] # it has one
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--rate", type=float, default=5.0, help="events a second")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures")
    parser.add_argument("--bare", choices=NAMES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if args.bare:
        asyncio.run(bare(args.bare))
        return 0
    found: dict[str, Any] = asyncio.run(compare(args.clients, args.events, args.rate))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
