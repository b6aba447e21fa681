"""The way out to one WebSocket client."""

from __future__ import annotations

import time
from typing import Any

from starlette.types import Message, Scope, Send

from streamtags.core.protocol import CloseCode
from streamtags_server.http.wire import PUSH

__all__ = ["Closed", "Outlet"]


class Closed(Exception):
    """The connection is to be closed with a code, or has gone (None)."""

    def __init__(self, code: CloseCode | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Outlet:
    """Sends to one client; nothing queues here but in the write buffer of its transport.

    Attributes:
        used_at: when something was sent last, by the monotonic clock.
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._push = scope.get("extensions", {}).get(PUSH, {}).get("push", lambda frame: False)
        self.used_at = time.monotonic()

    def push(self, frame: bytes) -> bool:
        """Send a whole frame now if the client keeps up; if it does not, False, and nothing was sent."""
        if not self._push(frame):
            return False
        self.used_at = time.monotonic()
        return True

    async def say(self, message: Any) -> None:
        """Send a message of the protocol; waits while the client does not keep up.

        Raises:
            Closed: the client has gone.
        """
        await self.text(message.to_json())

    async def text(self, text: str) -> None:
        """Send a text frame; waits while the client does not keep up.

        Raises:
            Closed: the client has gone.
        """
        await self._transmit({"type": "websocket.send", "text": text})

    async def accept(self, subprotocol: str | None) -> None:
        """Let the client in.

        Raises:
            Closed: the client has gone.
        """
        await self._transmit({"type": "websocket.accept", "subprotocol": subprotocol})

    async def close(self, code: CloseCode, reason: str) -> None:
        """Say why, and close; a client that has gone by itself is none the worse."""
        short = reason.encode()[:120].decode(errors="ignore")  # a close frame holds 123 bytes: RFC 6455, 5.5
        try:
            await self._transmit({"type": "websocket.close", "code": code.value, "reason": short})
        except Closed:
            return

    async def _transmit(self, message: Message) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:  # gone, or closed by the engine a moment ago
            raise Closed(None) from error
        self.used_at = time.monotonic()
