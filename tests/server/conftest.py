"""A real server on a real socket, in a thread, over a store of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from streamtags_server.app import StreamtagsServer, make_server
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from streamtags.config.settings import Settings
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.log import make_payloads

SCRIPTED = {"scripted": {"captioner": {"backend": "scripted"}, "classifier": {"backend": "scripted"}}}


class Client:
    """A WebSocket client that speaks JSON and gives up after a minute."""

    def __init__(self, socket_: ClientConnection) -> None:
        self.socket = socket_
        self.hello: dict[str, Any] = self.receive()

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def receive(self, timeout: float = 60.0) -> dict[str, Any]:
        return dict(json.loads(self.socket.recv(timeout=timeout)))

    def ask(self, **message: Any) -> dict[str, Any]:
        self.say(**message)
        return self.receive()

    def until(self, kind: str) -> list[dict[str, Any]]:
        messages = [self.receive()]
        while messages[-1]["type"] != kind:
            messages.append(self.receive())
        return messages

    def events(self, count: int) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        while len(events) < count:
            message = self.receive()
            if message["type"] == "event":
                events.append(message["event"])
        return events

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        self.say(type="request", id="r", method=method, params=params)
        return self.until("response")[-1]


@dataclass
class Running:
    """A server that runs."""

    port: int
    store: SqliteStore
    server: StreamtagsServer
    thread: threading.Thread

    @contextmanager
    def raw(self, name: str = "127.0.0.1", **options: Any) -> Iterator[ClientConnection]:
        """A WebSocket to the server under some name."""
        options = {"subprotocols": ["streamtags.v1"], "max_size": None, "max_queue": None, **options}
        made = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        with connect(f"ws://{name}:{self.port}/v1/stream", sock=made, **options) as socket_:
            yield socket_

    @contextmanager
    def client(self, token: str | None = None, **options: Any) -> Iterator[Client]:
        with self.raw(**options) as socket_:
            client = Client(socket_)
            said = client.ask(type="identify", protocol=1, client="test", **({"token": token} if token else {}))
            assert said["type"] == "identified"
            yield client

    @staticmethod
    def close_code(socket_: ClientConnection) -> int:
        """The code a WebSocket is closed with, 1006 where it just ends."""
        try:
            while True:
                socket_.recv(timeout=60)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def http(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        if isinstance(body, dict):
            body = json.dumps(body)
            headers.setdefault("content_type", "application/json")
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            content = answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content

    def json(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        status, _, content = self.http(method, path, body, **headers)
        return status, json.loads(content)

    def fill(self, timeline: str = "tl_test", segments: int = 3, *, completed: bool = True) -> str:
        self.store.open_timeline(timeline, TimelineIdentity(f"key of {timeline}"))
        self.store.append(timeline, make_payloads(segments, completed=completed))
        return timeline

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(60)
        assert not self.thread.is_alive(), "the server does not stop"


Serve = Callable[..., Running]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "streamtags.db") as opened:
        yield opened


class _Asyncio:
    """`asyncio` for uvicorn, which looks for its end and for the ends of connections every tenth of a second: hundreds of tests wait."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 20)


@pytest.fixture
def serve(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a server; keyword arguments are server settings."""
    monkeypatch.setattr("uvicorn.server.asyncio", _Asyncio())
    running: list[Running] = []

    def start(profile: str = "scripted", **server: Any) -> Running:
        settings = Settings(profile=profile, profiles=SCRIPTED, server=server)
        made = make_server(store, settings)
        listening = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=made.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 60
        while not made.started:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.01)
        running.append(Running(listening.getsockname()[1], store, made, thread))
        return running[-1]

    yield start
    for one in running:
        if one.thread.is_alive():
            one.stop()
