"""One connection to a server: opening, the greeting, reading with a watchdog, and the meaning of its end."""

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
    ErrorBody,
    Hello,
    Identified,
    Identify,
    ProtocolError,
    parse_server_message,
)

__all__ = ["ConnectionLost", "RequestError", "Wire", "open_wire"]

_Greeting = TypeVar("_Greeting", bound=BaseModel)

_GREETING_SECONDS = 10.0
_SILENT_HEARTBEATS = 2.5
_MESSAGE_BYTES = 64 * 2**20  # a snapshot of a timeline of 10,000 segments is about 15 MB
_PASSING_STATUS = frozenset({500, 502, 503, 504})  # RFC 9110, section 15.6: a server that is starting, or a proxy before it

_REFUSED: dict[int, tuple[str, str]] = {
    CloseCode.INVALID_MESSAGE: ("could not read a message of this client", "update the older of client and server"),
    CloseCode.NOT_AUTHENTICATED: ("requires a token, or does not know this one", "pass a token of the server's token file"),
    CloseCode.NOT_ALLOWED: ("does not allow this", "use an address with a host name that the server allows"),
    CloseCode.NO_COMMON_VERSION: ("speaks another version of the protocol", "update the older of client and server"),
    CloseCode.TOO_MANY: ("accepts no more subscriptions or requests", "follow fewer timelines in one session"),
}


class ConnectionLost(Exception):
    """The connection was lost, and a new one may succeed; `error` is raised if none is tried."""

    def __init__(self, what: str, url: str, hint: str | None = None) -> None:
        self.error = BackendError(what, where=url, hint=hint, code="connection.lost")
        super().__init__(str(self.error))


class RequestError(BackendError):
    """The server answered a request with an error; `code` and `detail` are the server's."""

    def __init__(self, error: ErrorBody, *, where: str) -> None:
        super().__init__(error.message, where=where, code=error.code)
        self.detail = error.detail


class Wire:
    """An open connection; every method raises the errors of `receive`."""

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
        """Return the next message of the server.

        Args:
            patience_seconds: how long the server may be silent; None for two and a half heartbeats.

        Raises:
            ConnectionLost: the connection broke, was closed with a code that allows reconnecting, or the server is silent.
            BackendError: the server closed it with another code, or sent an invalid message.
        """
        patience = self.hello.heartbeat_seconds * _SILENT_HEARTBEATS if patience_seconds is None else patience_seconds
        try:
            async with asyncio.timeout(patience):
                text = await self._connection.recv()
        except TimeoutError as error:
            self._connection.transport.abort()
            raise ConnectionLost(f"no message for {patience:g} s", self._url) from error
        except ConnectionClosed as closed:
            raise self._closing(closed) from closed
        try:
            return parse_server_message(text)
        except ProtocolError as error:
            raise self._invalid(error.what) from error

    async def close(self) -> None:
        """Close the connection; wait at most a second for the server's answer."""
        await self._connection.close()

    async def _expect(self, kind: type[_Greeting]) -> _Greeting:
        message = await self.receive(_GREETING_SECONDS)
        if not isinstance(message, kind):
            raise self._invalid(f"{message.type} where {kind.__name__.lower()} belongs")
        return message

    def _invalid(self, what: str) -> BackendError:
        return BackendError(f"sent an invalid message: {what}", where=self._url, hint="update the older of client and server")

    def _closing(self, closed: ConnectionClosed) -> Exception:
        frame = closed.rcvd or closed.sent
        code, reason = (frame.code, frame.reason) if frame else (1006, "")  # RFC 6455, section 7.1.5: no close frame
        if code in RECONNECT_CODES:
            return ConnectionLost(f"closed the connection ({_code_text(code, reason)})", self._url)
        return self._refusal(code, reason)

    def _refusal(self, code: int, reason: str) -> BackendError:
        what, hint = _REFUSED.get(code, ("closed the connection", None))
        return BackendError(f"{what} ({_code_text(code, reason)})", where=self._url, hint=hint, code=f"connection.{int(code)}")


def _code_text(code: int, reason: str) -> str:
    return f"{int(code)}: {reason}" if reason else str(int(code))


async def open_wire(url: str) -> Wire:
    """Connect to the WebSocket at `url`, without the greeting.

    Raises:
        ConnectionLost: it cannot be reached now.
        BackendError: there is no server of this protocol.
    """
    try:
        connection = await open_connection(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            proxy=None if is_loopback(url) else True,
            ping_interval=None,  # the server's heartbeat shows that it is alive
            close_timeout=1,
            open_timeout=_GREETING_SECONDS,
            max_size=_MESSAGE_BYTES,
        )
    except ssl.SSLCertVerificationError as error:
        raise BackendError(
            f"its certificate is not trusted: {error.verify_message}",
            where=url,
            hint="if the certificate is self-signed, put its file into SSL_CERT_FILE",
        ) from error
    except InvalidStatus as error:
        status = error.response.status_code
        if status in _PASSING_STATUS:
            raise ConnectionLost(f"answers with HTTP {status}", url) from error
        raise BackendError(f"answers with HTTP {status}", where=url, hint="give the address of `streamtags serve`") from error
    except (OSError, EOFError, InvalidMessage) as error:
        raise ConnectionLost(f"cannot be reached: {error or type(error).__name__}", url, "is `streamtags serve` running there?") from error
    except WebSocketException as error:
        raise BackendError(f"is not a WebSocket server: {error}", where=url, hint="give the address of `streamtags serve`") from error
    return Wire(connection, url)
