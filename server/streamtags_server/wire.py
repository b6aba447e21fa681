"""The two protocols of uvicorn with the patience taken out: who does not speak or read in time is cut off.

A client that sends a request head byte by byte, or never reads what it is sent, would hold a connection for ever (RFC 6585 and
https://owasp.org/www-community/attacks/Slow_Denial_of_Service name the attack).
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import OPEN

__all__ = ["HttpProtocol", "WebSocketProtocol"]

# A peer that did not answer a ping, or is told that the server goes, gets so long to take what is in its buffer.
_FLUSH_SECONDS = 1.0


class HttpProtocol(H11Protocol):
    """HTTP/1.1; a request's head must be whole within `head_seconds`, and who has its answer need not send more of its body."""

    head_seconds = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Start the clock."""
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = self.loop.call_later(self.head_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop it."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Stop the clock when the head is whole; start it with the first byte of another."""
        before = self.cycle
        answered = before is None or before.response_complete
        super().data_received(data)
        if self.cycle is not before or self.transport.get_protocol() is not self:
            self._stop_timer()
        elif before is not None and answered and self.conn.their_state is h11.SEND_BODY:
            self.transport.close()
        elif answered and self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self.transport.get_protocol() is self:
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
        if not self.writable.is_set() and message["type"] == "websocket.close":
            self.transport.abort()
        elif message["type"] == "websocket.send" and self.writable.is_set() and self._established:
            self.conn.send_text(message["text"].encode())  # the path of every event, without what cannot apply to it
            self.transport.write(b"".join(self.conn.data_to_send()))
        else:
            await super().send(message)

    @property
    def _established(self) -> bool:
        return self.handshake_complete and not self.close_sent and not self.disconnected and self.conn.state is OPEN
