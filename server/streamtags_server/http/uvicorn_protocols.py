"""The two protocols of uvicorn with deadlines: a client that does not send or read in time is disconnected.

A client that sends a request head byte by byte, or never reads its responses, would otherwise occupy a connection for ever
(https://owasp.org/www-community/attacks/Slow_Denial_of_Service).
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
"""The ASGI extension with `WebSocketProtocol.push`, under the key `push`."""

Push = Callable[[bytes], bool]
"""Sends a whole frame now, or nothing."""

# A client that did not answer a ping, or is disconnected at shutdown, has so long to read what is in its buffer.
_FLUSH_SECONDS = 1.0
# A client whose message is too large has so long to stop sending it.
_LINGER_SECONDS = 5.0


def text_frame(text: str) -> bytes:
    """Return the bytes of a text frame, as sent on every connection without compression."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


class HttpProtocol(H11Protocol):
    """HTTP/1.1. The head of a request must be complete within `head_seconds`; once answered, the rest of a body is not read."""

    head_seconds = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Start the deadline."""
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = self.loop.call_later(self.head_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Cancel the deadline when the head is complete; start it with the first byte of the next one."""
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
    """WebSocket. A client that is being disconnected is gone soon, even if it does not read."""

    def push(self, frame: bytes) -> bool:
        """Send a whole frame now and return True; if the client does not keep up or is closing, send nothing and return False.

        A client keeps up while its write buffer is below the transport's high-water mark, 64 KiB. Connections with compression cannot
        be pushed to: their bytes differ from connection to connection.
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

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Prepare to answer pings."""
        super().connection_made(transport)
        self._unsent_pong = b""

    def handle_ping(self) -> None:
        """Answer pings; while the client does not read, keep the answer to the last one only (RFC 6455, 5.5.3).

        Otherwise a client that sends pings and never reads fills the write buffer without bound.
        """
        answers = self.conn.data_to_send()
        if self.writable.is_set():
            self.transport.write(b"".join(answers))
        elif answers:
            self._unsent_pong = bytes(answers[-1])

    def resume_writing(self) -> None:
        """Send the answer to the last ping, if it is still due."""
        super().resume_writing()
        pong, self._unsent_pong = self._unsent_pong, b""
        if pong and self.conn.state is OPEN:
            self.transport.write(pong)

    def handle_cont(self, event: Frame) -> None:
        """Do as uvicorn, but drop empty fragments: the size of a message is bounded, the number of its fragments is not."""
        if event.data or event.fin:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Do as uvicorn, but do not log a traceback for text that is not UTF-8: that is the client's fault."""
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
        """Close with the protocol's own code if a message is too large, after reading and dropping the rest of it."""
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
            # Closing with unread bytes would reset the connection before the client reads the code, so it gets a while to close.
            self.transport.resume_reading()
            self.close_timer = self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """Disconnect a client that did not answer a ping."""
        super().keepalive_timeout()
        self.loop.call_later(_FLUSH_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        """Disconnect at shutdown."""
        super().shutdown()
        self.loop.call_later(_FLUSH_SECONDS, self.transport.abort)

    async def send(self, message: Any) -> None:
        """Do as uvicorn, but do not wait for space in the buffer to send a close, nor write to a connection that has ended.

        Raises:
            OSError: the client has disconnected. Writing would have asyncio log a warning for each message.
        """
        if message["type"] == "websocket.send" and self.transport.is_closing():
            raise ConnectionResetError("the client has disconnected")
        if not self.writable.is_set() and message["type"] == "websocket.close":
            self.transport.abort()
        else:
            await super().send(message)
