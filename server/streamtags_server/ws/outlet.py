"""Sending to one WebSocket client."""

from __future__ import annotations

import time
from typing import Any

from starlette.types import Message, Scope, Send

from streamtags.core.protocol import CloseCode
from streamtags_server.http.uvicorn_protocols import PUSH

__all__ = ["Closed", "Outlet"]


class Closed(Exception):
    """The connection is to be closed with `code`, or the client has disconnected (None)."""

    def __init__(self, code: CloseCode | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Outlet:
    """Sends to one client. There is no queue but the write buffer of the transport.

    Attributes:
        used_at: monotonic time of the last send.
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        self._transport_send = send
        self._push = scope.get("extensions", {}).get(PUSH, {}).get("push", lambda frame: False)
        self.used_at = time.monotonic()

    def push(self, frame: bytes) -> bool:
        """Send a whole frame now if the client keeps up; if it does not, send nothing and return False."""
        if not self._push(frame):
            return False
        self.used_at = time.monotonic()
        return True

    async def send(self, message: Any) -> None:
        """Send a message of the protocol; wait while the client does not keep up.

        Raises:
            Closed: the client has disconnected.
        """
        await self.send_text(message.to_json())

    async def send_text(self, text: str) -> None:
        """Send a text frame; wait while the client does not keep up.

        Raises:
            Closed: the client has disconnected.
        """
        await self._transmit({"type": "websocket.send", "text": text})

    async def accept(self, subprotocol: str | None) -> None:
        """Accept the connection.

        Raises:
            Closed: the client has disconnected.
        """
        await self._transmit({"type": "websocket.accept", "subprotocol": subprotocol})

    async def close(self, code: CloseCode, reason: str) -> None:
        """Send a close frame; do nothing if the client has disconnected already."""
        short = reason.encode()[:120].decode(errors="ignore")  # a close frame holds 123 bytes: RFC 6455, 5.5
        try:
            await self._transmit({"type": "websocket.close", "code": code.value, "reason": short})
        except Closed:
            return

    async def _transmit(self, message: Message) -> None:
        try:
            await self._transport_send(message)
        except (OSError, RuntimeError) as error:  # disconnected, or closed by the engine a moment ago
            raise Closed(None) from error
        self.used_at = time.monotonic()
