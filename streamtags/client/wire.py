"""One connection to a server: opening it, greeting, reading with a watchdog, and judging how it ended."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, TypeVar

from pydantic import BaseModel
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_connection
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from streamtags.client.address import is_loopback
from streamtags.core.errors import BackendError
from streamtags.core.protocol import (
    RECONNECT_CODES,
    SUBPROTOCOL,
    CloseCode,
    Hello,
    Identified,
    Identify,
    ProtocolError,
    parse_server_message,
)

__all__ = ["Lost", "Wire", "open_wire"]

_Greeting = TypeVar("_Greeting", bound=BaseModel)

_GREETING_SECONDS = 10.0
_SILENT_HEARTBEATS = 2.5
_MESSAGE_BYTES = 64 * 2**20  # a snapshot of a timeline of 10,000 segments is about 15 MB
_PASSING_STATUS = frozenset({500, 502, 503, 504})  # RFC 9110, section 15.6: a server that is starting, or a proxy before it

_REFUSED: dict[int, tuple[str, str]] = {
    CloseCode.INVALID_MESSAGE: ("could not read what this client sent", "update the older of client and server"),
    CloseCode.NOT_AUTHENTICATED: ("wants a token, or does not know this one", "give a token that the server was started with"),
    CloseCode.NOT_ALLOWED: ("does not allow this", "address it by a name that it is known by, or have the name allowed there"),
    CloseCode.NO_COMMON_VERSION: ("speaks another version of the protocol", "update the older of client and server"),
    CloseCode.TOO_MANY: ("takes no more subscriptions or requests", "follow fewer timelines in one session"),
}


class Lost(Exception):
    """The connection is gone, and may be made anew; `error` is what to tell if it is not."""

    def __init__(self, what: str, url: str, hint: str | None = None) -> None:
        self.error = BackendError(what, where=url, hint=hint, code="connection.lost")
        super().__init__(str(self.error))


class Wire:
    """An open connection whose server has greeted and knows this client; every method raises as `receive`."""

    def __init__(self, connection: ClientConnection, url: str) -> None:
        self._connection = connection
        self._url = url
        self.hello: Hello
        self.identified: Identified

    async def greet(self, identify: Identify) -> None:
        """Exchange `hello`, `identify` and `identified`."""
        self.hello = await self._expect(Hello)
        if self.hello.auth == "token" and identify.token is None:
            raise self._refusal(CloseCode.NOT_AUTHENTICATED, "no token was given")
        await self.send(identify)
        self.identified = await self._expect(Identified)

    async def send(self, message: BaseModel) -> None:
        """Send a message."""
        try:
            await self._connection.send(message.model_dump_json(exclude_none=True))
        except ConnectionClosed as closed:
            raise self._closing(closed) from closed

    async def receive(self, patience_seconds: float | None = None) -> Any:
        """The next message of the server.

        Args:
            patience_seconds: how long it may be silent; None: two and a half heartbeats.

        Raises:
            Lost: the connection broke, was closed for a while, or the server has fallen silent.
            BackendError: the server closed it for good, or sent what is no message.
        """
        patience = self.hello.heartbeat_seconds * _SILENT_HEARTBEATS if patience_seconds is None else patience_seconds
        try:
            async with asyncio.timeout(patience):
                text = await self._connection.recv()
        except TimeoutError as error:
            self._connection.transport.abort()
            raise Lost(f"nothing heard for {patience:g} s", self._url) from error
        except ConnectionClosed as closed:
            raise self._closing(closed) from closed
        try:
            return parse_server_message(text)
        except ProtocolError as error:
            raise self._strange(error.what) from error

    async def close(self) -> None:
        """Close it; a server that does not answer is waited for a second."""
        await self._connection.close()

    async def _expect(self, kind: type[_Greeting]) -> _Greeting:
        message = await self.receive(_GREETING_SECONDS)
        if not isinstance(message, kind):
            raise self._strange(f"{message.type} where {kind.__name__.lower()} belongs")
        return message

    def _strange(self, what: str) -> BackendError:
        return BackendError(f"sent what is no message: {what}", where=self._url, hint="update the older of client and server")

    def _closing(self, closed: ConnectionClosed) -> Exception:
        frame = closed.rcvd or closed.sent
        code, reason = (frame.code, frame.reason) if frame else (1006, "")  # RFC 6455, section 7.1.5: it just broke
        if code in RECONNECT_CODES:
            return Lost(f"closed the connection ({_told(code, reason)})", self._url)
        return self._refusal(code, reason)

    def _refusal(self, code: int, reason: str) -> BackendError:
        what, hint = _REFUSED.get(code, ("closed the connection", None))
        return BackendError(f"{what} ({_told(code, reason)})", where=self._url, hint=hint, code=f"connection.{int(code)}")


def _told(code: int, reason: str) -> str:
    return f"{int(code)}: {reason}" if reason else str(int(code))


async def open_wire(url: str) -> Wire:
    """Connect to the WebSocket at `url`; the caller greets.

    Raises:
        Lost: it cannot be reached now.
        BackendError: what is there is no server of this protocol.
    """
    try:
        connection = await open_connection(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            proxy=None if is_loopback(url) else True,
            ping_interval=None,  # the server's heartbeat tells whether it is there
            close_timeout=1,
            open_timeout=_GREETING_SECONDS,
            max_size=_MESSAGE_BYTES,
        )
    except ssl.SSLCertVerificationError as error:
        raise BackendError(
            f"its certificate is not trusted: {error.verify_message}",
            where=url,
            hint="if it is its own authority, name the file with that certificate in SSL_CERT_FILE",
        ) from error
    except InvalidStatus as error:
        status = error.response.status_code
        if status in _PASSING_STATUS:
            raise Lost(f"answers with HTTP {status}", url) from error
        raise BackendError(f"answers with HTTP {status}", where=url, hint="give the address of `streamtags serve`") from error
    except (OSError, EOFError, InvalidMessage) as error:
        raise Lost(f"cannot be reached: {error or type(error).__name__}", url, "is `streamtags serve` running there?") from error
    except WebSocketException as error:
        raise BackendError(f"is no WebSocket server: {error}", where=url, hint="give the address of `streamtags serve`") from error
    return Wire(connection, url)
