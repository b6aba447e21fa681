"""Messages no client should send, on real sockets of a server process: each has its answer, and none does harm."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Close, Opcode
from websockets.protocol import OPEN
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from streamtags.core.events import SegmentCorrected
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.log import make_payloads
from tests.server.fuzzing.messages import (
    EPOCH,
    MESSAGE_BYTES,
    REQUESTS,
    SUBSCRIPTIONS,
    TIMELINES,
    Corpus,
    Sent,
    corpus,
    of_type,
    sessions,
    validator,
)
from tests.server.fuzzing.model import NOTICES, Expected, Model


@dataclass
class Server:
    """`streamtags serve`, its store written from outside."""

    process: subprocess.Popen[str]
    port: int
    log: Path
    store: SqliteStore

    def numbers(self) -> dict[str, float]:
        """How much it holds."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        values = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}
        names = ("streamtags_connections", "streamtags_subscriptions", "streamtags_tasks", "process_open_fds")
        return {name: values[name] for name in names}

    def settled(self, wanted: dict[str, float]) -> dict[str, float]:
        """How much it holds once it is down to `wanted`, or has had a minute."""
        deadline = time.monotonic() + 60
        while True:
            values = self.numbers()
            if all(now <= wanted[name] for name, now in values.items()) or time.monotonic() > deadline:
                return values
            time.sleep(0.05)

    def resident(self) -> int:
        """Its memory, in bytes."""
        match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert match is not None
        return int(match[1]) * 1024

    def open(self) -> ClientConnection:
        place = f"ws://127.0.0.1:{self.port}/v1/stream"
        return connect(place, subprotocols=["streamtags.v1"], compression=None, max_size=None, max_queue=None, ping_interval=None)  # type: ignore[list-item]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    limits = {"upload_idle_seconds": 1, "message_bytes": MESSAGE_BYTES, "subscriptions": SUBSCRIPTIONS, "requests": REQUESTS}
    flags = [f"--set=server.{name}={value}" for name, value in limits.items()]
    path, log = tmp_path / "fuzz.db", tmp_path / "log"
    command = [
        sys.executable,
        "-c",
        "import sys; from streamtags.cli import main; sys.exit(main())",
        "serve",
        "--port=0",
        f"--store=sqlite:///{path}",
    ]
    with SqliteStore(path) as store, log.open("w") as errors:
        for timeline in TIMELINES:
            store.open_timeline(timeline, TimelineIdentity(f"key of {timeline}"))
            store.append(timeline, make_payloads(3))
        process = subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        said = re.search(r":(\d+)/", process.stdout.readline())
        assert said is not None, log.read_text()
        yield Server(process, int(said[1]), log, store)
        process.terminate()
        process.communicate(timeout=60)


class Healthy(threading.Thread):
    """A client that does everything right, and a log that grows under it."""

    def __init__(self, server: Server, connection: ClientConnection) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.seen: list[dict[str, Any]] = []
        self.done = threading.Event()
        self.socket = connection
        self.epoch = server.store.head("tl_live").epoch
        for message in (
            {"type": "identify", "protocol": 1},
            {"type": "subscribe", "id": "all", "timeline": "tl_live", "after": 0, "epoch": self.epoch},
        ):
            self.socket.send(json.dumps(message))
        while json.loads(self.socket.recv(timeout=60))["type"] != "subscribed":
            pass

    def run(self) -> None:
        rev = 0
        while not self.done.wait(0.02):
            rev += 1
            self.server.store.append("tl_live", [SegmentCorrected(segment="s0000", rev=rev, caption=f"number {rev}", by="healthy")])

    def stop(self) -> None:
        """Have the log grow no more."""
        self.done.set()
        self.join(60)

    def finish(self) -> list[dict[str, Any]]:
        """Everything it was sent, up to the last event there is."""
        last = self.server.store.head("tl_live").seq
        while not self.seen or self.seen[-1]["seq"] < last:
            message = json.loads(self.socket.recv(timeout=60))
            if message["type"] == "event":
                self.seen.append(message["event"])
        return self.seen


class ClosedError(Exception):
    """The server closed the connection: with a code, or 1006 if it just broke."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Talk:
    """One client of a session: nothing but a socket, so that what it sends is what arrives. It checks all it gets against the document."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/v1/stream"), subprotocols=["streamtags.v1"], max_size=None)  # type: ignore[list-item]
        self.events: list[Any] = []
        self.protocol.send_request(self.protocol.connect())
        self.flush()
        assert self.next().status_code == 101

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            with suppress(ConnectionError):
                self.socket.sendall(data)

    def next(self) -> Any:
        """The next frame, or the answer to the handshake."""
        while not self.events:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionError:
                data = b""
            if not data:
                raise ClosedError(self.protocol.close_rcvd.code if self.protocol.close_rcvd else 1006)
            self.protocol.receive_data(data)
            assert self.protocol.parser_exc is None, self.protocol.parser_exc
            self.events = self.protocol.events_received()
            self.flush()
        return self.events.pop(0)

    def send(self, sent: Sent) -> None:
        edges = [0, *sent.cuts, len(sent.data)]
        parts = [sent.data[start:end] for start, end in pairwise(edges)]
        first = self.protocol.send_binary if sent.binary else self.protocol.send_text
        for number, part in enumerate(parts):
            if self.protocol.state is not OPEN:
                raise ClosedError(0)
            (self.protocol.send_continuation if number else first)(part, number == len(parts) - 1)
        self.flush()

    def receive(self) -> dict[str, Any]:
        while (frame := self.next()).opcode is Opcode.PING:
            pass  # answered already
        if frame.opcode is Opcode.CLOSE:
            raise ClosedError(Close.parse(frame.data).code)
        assert frame.opcode is Opcode.TEXT, frame
        message: dict[str, Any] = json.loads(frame.data)
        if message["type"] != "event" or message["event"]["seq"] % 50 == 0:
            validator(of_type("send")[message["type"]]).validate(message)
        return message

    def close_code(self) -> int:
        try:
            while True:
                self.receive()
        except ClosedError as closed:
            return closed.code

    def check(self, expected: Expected, sent: Sent) -> None:
        """Read what comes until it is what is expected."""
        if expected.code is not None:
            assert self.close_code() == expected.code, sent
            return
        for fits in expected.fits:
            got = self.receive()
            while not fits(got):
                assert got["type"] in NOTICES, (got, sent)
                got = self.receive()


def play(server: Server, epochs: dict[str, str], sent: list[Sent], *, burst: bool) -> int:
    """Send it all, one by one or at once, and check the answers; how many messages were sent."""
    model, count = Model(epochs), 0
    wanted = []
    for one in sent:
        wanted.append(model.expect(one))
        if wanted[-1].code is not None:
            break
    with Talk(server.port) as talk:
        assert talk.receive()["type"] == "hello"
        if not burst:
            for one, expected in zip(sent, wanted, strict=False):
                talk.send(one)
                talk.check(expected, one)
            return len(wanted)
        with suppress(ClosedError):  # it may be closed while there is more to say
            for one in sent:
                talk.send(one)
                count += 1
        in_turn = [expected for expected in wanted if expected.request is None]
        requests = [expected for expected in wanted if expected.request is not None]
        names = [expected.request for expected in requests]
        hurried = {4409} if len(set(names)) < len(names) else set()
        hurried |= {4429} if len(names) > REQUESTS else set()
        hurried |= {broken for one in sent if (broken := model.broken(one)) is not None}  # seen before what came before is read
        pending = [fits for expected in in_turn for fits in expected.fits]
        open_requests = [expected.fits[0] for expected in requests]
        code = in_turn[-1].code if in_turn else None
        close_code = None
        try:
            while pending or open_requests or code is not None:
                got = talk.receive()
                if got["type"] == "response":
                    open_requests.remove(next(fits for fits in open_requests if fits(got)))
                elif pending and pending[0](got):
                    pending.pop(0)
                else:
                    assert got["type"] in NOTICES, (got, sent)
        except ClosedError as closed:
            close_code = closed.code
        assert close_code in hurried or (close_code == code and not pending), (
            close_code,
            code,
            [(one.data[:300], len(one.data), one.cuts) for one in sent],
        )
    return count


def fuzz(server: Server, made: Corpus, examples: int, chance: int = 0) -> int:
    """Play so many sessions; how many messages they had."""
    epochs = {timeline: server.store.head(timeline).epoch for timeline in TIMELINES}
    count = 0

    def real(sent: Sent) -> Sent:
        return sent._replace(data=sent.data.replace(EPOCH.encode(), epochs["tl_a"].encode()))

    @seed(chance)
    @settings(max_examples=examples, deadline=None, database=None, derandomize=False, suppress_health_check=list(HealthCheck))
    @given(sessions(made), st.booleans())
    def each(sent: list[Sent], burst: bool) -> None:
        nonlocal count
        count += play(server, epochs, [real(one) for one in sent], burst=burst)

    each()
    return count


def is_unharmed(server: Server, run: Callable[[], int], growth: int) -> int:
    """Do `run`, and see that a client beside it misses nothing and that the server keeps nothing of it."""
    with server.open() as connection:
        healthy = Healthy(server, connection)
        healthy.start()
        try:
            before, memory = server.numbers(), server.resident()
            before["process_open_fds"] += 32  # each thread that reads the store may open it once
            count = run()
            assert server.process.poll() is None
            after = server.settled(before)
            assert all(after[name] <= before[name] for name in before), (before, after)
            assert server.resident() - memory < growth
        finally:
            healthy.stop()
        assert healthy.finish() == [json.loads(line) for line in server.store.read_json("tl_live")]
    log = server.log.read_text()
    assert "Traceback" not in log, log[-4000:]
    assert "ERROR" not in log, log[-4000:]
    return count


def test_every_message_is_answered_and_none_does_harm(server: Server) -> None:
    made = corpus(20)
    assert is_unharmed(server, lambda: fuzz(server, made, 250), 64 << 20) > 1000


BROKEN_FRAMES = [
    (b"\x81\x02{}", 1002),  # not masked
    (b"\x83\x80\0\0\0\0", 1002),  # an opcode that means nothing
    (b"\xf1\x80\0\0\0\0", 1002),  # compression that was not agreed on
    (b"\x80\x80\0\0\0\0", 1002),  # the end of a message that did not begin
    (b"\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 1002),  # a message within a message
    (b"\x09\x80\0\0\0\0", 1002),  # a ping in fragments
    (b"\x89\xfe\x00\xc8\0\0\0\0" + bytes(200), 1002),  # a ping of 200 bytes
    (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 4413),  # a message of 8 EiB
    (b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 50_000 + b"\x80\x82\0\0\0\0{}", 4400),  # 50,002 fragments
]
NO_REQUESTS = [
    b"\x00\xff\x16\x03\x01",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"x" * 100_000,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /%ff%00%2e%2e HTTP/1.1\r\nHost: localhost\r\nCookie: streamtags_session=\xe9.\xff\r\nOrigin: http://[\r\n\r\n",
    b"POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /v1/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffffff\r\n",
    b"POST /v1/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n",  # and nothing after it
    b'POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n{"token":"\xed\xa0\x80"}',
    b'POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\n\r\n{"token":"\\ud800"}',
    b"POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000,
    b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET /v1/timelines/%ed%a0%80/events?after=%00&follow=%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
]


def test_frames_that_break_the_websocket_close_it_and_nothing_else(server: Server) -> None:
    def run() -> int:
        for wire, code in BROKEN_FRAMES:
            with Talk(server.port) as talk:
                talk.socket.sendall(wire)
                assert talk.close_code() == code, wire[:100]
        return len(BROKEN_FRAMES)

    is_unharmed(server, run, 32 << 20)


def test_what_is_no_request_is_refused_and_fills_no_log(server: Server) -> None:
    def run() -> int:
        for wire in NO_REQUESTS:
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client, suppress(ConnectionError):
                client.sendall(wire)
                status = client.recv(4096).partition(b" ")[2][:3]
                assert status[:1] == b"4", (status, wire[:100])
        return len(NO_REQUESTS)

    is_unharmed(server, run, 32 << 20)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_many_messages_have_their_answers_and_leave_nothing_behind(server: Server) -> None:
    wanted = int(os.environ.get("STREAMTAGS_FUZZ_MESSAGES", "20000"))
    made = corpus(200)
    fuzz(server, made, 500)  # what a server keeps of its first clients it may keep

    def run() -> int:
        count = batches = 0
        while count < wanted:
            batches += 1
            count += fuzz(server, made, 1000, chance=batches)
        return count

    count = is_unharmed(server, run, 32 << 20)
    print(f"{count} messages")
