"""What is at the other end may be no streamtags server at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from streamtags.client import Backoff, connect
from streamtags.core.errors import BackendError

HELLO = '{"type":"hello","server":"x","heartbeat_seconds":1,"auth":"none","limits":{"message_bytes":1,"subscriptions":1,"queue_events":1}}'
IDENTIFIED = '{"type":"identified","role":"viewer"}'


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[str]:
    """A server that says these bytes, one for each connection, and hangs up."""
    left = list(answers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0) if left else b"")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answers with HTTP 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "answers with HTTP 200"),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "answers with HTTP 503"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "cannot be reached"),
        (b"", "cannot be reached"),
    ],
)
async def test_another_kind_of_server_is_reported_in_one_sentence(answer: bytes, says: str) -> None:
    async with answering(answer) as url:
        with pytest.raises(BackendError, match=says) as caught:
            async with connect(url):
                pass
    assert caught.value.exit_status == 4


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        ([b"\x00"], "binary frame"),
        (["no json"], "sent an invalid message"),
        (['{"type":"surprise"}'], "sent an invalid message"),
        ([IDENTIFIED], "identified where hello belongs"),
        ([HELLO, HELLO], "hello where identified belongs"),
    ],
)
async def test_a_greeting_that_makes_no_sense_ends_it(frames: list[str | bytes], says: str) -> None:
    async def handle(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(frame)
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0) as server:
        with pytest.raises(BackendError, match=says):
            async with connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"):
                pass


async def test_a_proxy_whose_server_is_starting_is_tried_again() -> None:
    greeted = 0

    async def handle(connection: ServerConnection) -> None:
        nonlocal greeted
        greeted += 1
        await connection.send(HELLO)
        await connection.send(IDENTIFIED)
        await (connection.wait_closed() if greeted == 2 else asyncio.sleep(0.02))

    unavailable = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    async with serve(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", backoff=Backoff(0.001, 0.001)) as session:
            server.close()
            await server.wait_closed()
            tried = 0

            async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal tried
                tried += 1
                await reader.readuntil(b"\r\n\r\n")
                writer.write(unavailable)
                writer.close()

            async with await asyncio.start_server(refuse, "127.0.0.1", port):
                while tried < 2:
                    await asyncio.sleep(0.01)
            async with serve(handle, "127.0.0.1", port):
                while greeted < 2:
                    await asyncio.sleep(0.01)
                await session.ready()
                assert session.role == "viewer"
