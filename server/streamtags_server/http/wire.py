"""The two protocols of uvicorn with the patience taken out: who does not speak or read in time is cut off.

A client that sends a request head byte by byte, or never reads what it is sent, would hold a connection for ever (RFC 6585 and
https://owasp.org/www-community/attacks/Slow_Denial_of_Service name the attack).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN

from streamtags.core.protocol import CloseCode

__all__ = ["PUSH", "HttpProtocol", "Push", "WebSocketProtocol", "text_frame"]

PUSH = "streamtags.push"
"""The ASGI extension under which an application finds `WebSocketProtocol.push`, as the value of `push`."""

Push = Callable[[bytes], bool]
"""Sends a whole frame now, or not at all."""

# A peer that did not answer a ping, or is told that the server goes, gets so long to take what is in its buffer.
_FLUSH_SECONDS = 1.0
# One that was told that its message is too large gets so long to stop sending it.
_LINGER_SECONDS = 5.0


def text_frame(text: str) -> bytes:
    """A text message as it stands on the wire of every connection that compresses nothing."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


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

    def push(self, frame: bytes) -> bool:
        """Send a whole frame now if the peer keeps up with what it is sent; if not, or if it goes, False, and nothing is sent.

        It keeps up while less waits for it than the transport's high-water mark, 64 KiB. What was agreed to be compressed cannot be
        pushed: its bytes differ from connection to connection.
        """
        if not self.writable.is_set() or self.conn.state is not OPEN or self.transport.is_closing() or self.conn.extensions:
            return False
        self.transport.write(frame)
        return True

    def handle_connect(self, event: Request) -> None:
        """Offer `push` to the application."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][PUSH] = {"push": self.push}

    def handle_cont(self, event: Frame) -> None:
        """As uvicorn's, but a fragment without a byte is not kept: of bytes there can only be so many, of fragments any number."""
        if event.data or event.fin:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """As uvicorn's, but for text that is not UTF-8 the log is not filled with tracebacks: it is the client's fault."""
        data = b"".join(self.frames)
        if self.curr_msg_data_type == "text":
            try:
                data.decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.fail(1007, "not UTF-8")  # RFC 6455, 8.1
                if self.conn.close_sent is not None and not self.close_sent:
                    super().handle_parser_exception()
                return
        self.frames = [data]
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """A message too large closes with the protocol's own code, after what is still on its way was read and let go."""
        if not isinstance(self.conn.parser_exc, PayloadTooBig):
            super().handle_parser_exception()
        elif not self.close_sent:
            self.close_sent = True
            code, reason = CloseCode.MESSAGE_TOO_LARGE, f"more than {self.config.ws_max_size} bytes"
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
            self.conn.data_to_send()  # the engine's close, which says 1009
            self.transport.write(Frame(Opcode.CLOSE, Close(code, reason).serialize()).serialize(mask=False))
            if self.transport.can_write_eof():
                self.transport.write_eof()
            # Closed with bytes unread, the connection would be reset and the peer never see why; so it has a while to close it itself.
            self.transport.resume_reading()
            self.close_timer = self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

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
        else:
            await super().send(message)
