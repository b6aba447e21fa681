"""A network that breaks: for tests of clients that reconnect."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress


class BreakingProxy:
    """Passes bytes on to a server, and breaks each of the first connections after some of the server's bytes."""

    def __init__(self, port: int, breaks: int) -> None:
        self.target = port
        rng = random.Random(breaks)
        self.left = [3000, *(rng.randint(0, 6000) for _ in range(breaks - 1))]

    async def __aenter__(self) -> BreakingProxy:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        allowed = self.left.pop(0) if self.left else None
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        sending = asyncio.create_task(self._copy(reader, up_writer, None))
        await self._copy(up_reader, writer, allowed)
        sending.cancel()
        for one in (writer, up_writer):
            one.transport.abort()
        with suppress(asyncio.CancelledError):
            await sending

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, allowed: int | None) -> None:
        with suppress(OSError):
            while chunk := await reader.read(4096 if allowed is None else min(4096, allowed)):
                writer.write(chunk)
                await writer.drain()
                allowed = None if allowed is None else allowed - len(chunk)
            writer.write_eof()
