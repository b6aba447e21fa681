"""The two protocols of uvicorn with the patience taken out: who does not speak or read in time is cut off.

A client that sends a request head byte by byte, or never reads what it is sent, would hold a connection for ever (RFC 6585 and
https://owasp.org/www-community/attacks/Slow_Denial_of_Service name the attack).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["HttpProtocol", "WebSocketProtocol"]

# A peer that did not answer a ping, or is told that the server goes, gets so long to take what is in its buffer.
_FLUSH_SECONDS = 1.0


class HttpProtocol(H11Protocol):
    """HTTP/1.1; the head of the first request must be there within `head_seconds` of the connection."""

    head_seconds = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Start the clock."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.head_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop it."""
        self._head_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Stop it once a head is there; start it again for a further one that comes in pieces."""
        self._head_timer.cancel()
        super().data_received(data)
        if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(self.head_seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self.transport.get_protocol() is self and (self.cycle is None or self.cycle.response_complete):
            self.transport.abort()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSocket; a peer that is to go is gone soon, whether or not it reads."""

    def keepalive_timeout(self) -> None:
        """It did not answer a ping."""
        super().keepalive_timeout()
        self.loop.call_later(_FLUSH_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        """The server goes."""
        super().shutdown()
        self.loop.call_later(_FLUSH_SECONDS, self.transport.abort)

    async def send(self, message: Any) -> None:
        """As uvicorn's, but a close does not wait for room in the buffer."""
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.transport.abort()
            return
        await super().send(message)
