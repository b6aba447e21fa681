"""WebSocket connections of `streamtags.v1`: handshake, messages of the client, requests, and closing.

`Subscriptions` send the events. They keep positions only, so a client that does not read costs the server one write buffer and delays no
other client.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Literal

from starlette.types import Receive, Scope, Send

from streamtags.config.settings import ServerSettings
from streamtags.core.errors import StreamtagsError
from streamtags.core.protocol import (
    PROTOCOL_VERSION,
    SUBPROTOCOL,
    CloseCode,
    ErrorBody,
    Hello,
    Identified,
    Identify,
    Limits,
    Ping,
    Pong,
    ProtocolError,
    Request,
    Response,
    Subscribe,
    Unsubscribe,
    parse_client_message,
)
from streamtags.operations.errors import OverloadedError
from streamtags.operations.operation import authorize
from streamtags.operations.params import validate
from streamtags.operations.services import Caller, Services
from streamtags.operations.table import METHODS
from streamtags.run.traces import span
from streamtags_server.access.gate import is_local
from streamtags_server.access.holder import Holder
from streamtags_server.http.problems import error_details, public_text
from streamtags_server.metrics import Metrics
from streamtags_server.ws.hub import Hub
from streamtags_server.ws.outlet import Closed, Outlet
from streamtags_server.ws.subscriptions import Subscriptions
from streamtags_server.ws.turns import Turns

__all__ = ["Connection", "Connections"]

# Read from the disk once.
_SERVER = f"streamtags/{version('streamtags')}"

_IDENTIFY_STEPS = 10

_log = logging.getLogger(__name__)


class Connections:
    """All WebSocket connections of a server; an ASGI application for the one path.

    Args:
        hub: where events come from.
        settings: limits and deadlines.
        metrics: where connections are counted.
        holder_of: returns who holds a token, None for a wrong one. Called with None if the client gave none.
        services: what requests work with.
    """

    def __init__(
        self, hub: Hub, settings: ServerSettings, metrics: Metrics, holder_of: Callable[[str | None], Holder | None], services: Services
    ) -> None:
        self.hub = hub
        self.settings = settings
        self.metrics = metrics
        self.holder_of = holder_of
        self.services = services
        self.turns = Turns(running=settings.catch_up, waiting=settings.catch_up_queue, metrics=metrics)
        self._open: set[Connection] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        connection = Connection(self, scope, receive, send)
        self._open.add(connection)
        self.metrics.add("streamtags_connections")
        try:
            await connection.run()
        finally:
            self._open.discard(connection)
            self.metrics.add("streamtags_connections", -1)

    async def beat(self) -> None:
        """Send a heartbeat on idle connections, until cancelled."""
        every = self.settings.heartbeat_seconds
        while True:
            await asyncio.sleep(every / 4)
            now = time.monotonic()
            for connection in self._open:
                connection.beat(now - every)


class Connection:
    """One client.

    Subscriptions, requests under way and the size of a message are bounded by the settings; a client that exceeds one is disconnected.
    There is no queue of events: each reader is a position, see `Hub`.
    """

    def __init__(self, owner: Connections, scope: Scope, receive: Receive, send: Send) -> None:
        self._settings, self._metrics, self._owner = owner.settings, owner.metrics, owner
        self._scope, self._receive = scope, receive
        self._outlet = Outlet(scope, send)
        self._subscriptions = Subscriptions(owner.hub, owner.turns, owner.settings, owner.metrics, self._outlet)
        self._caller = Caller(None)
        self._requests: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve the client until it disconnects or breaks the protocol."""
        await self._receive()  # websocket.connect
        try:
            await self._serve()
        except* Closed as group:
            closed = group.exceptions[0]
            while isinstance(closed, BaseExceptionGroup):
                closed = closed.exceptions[0]
            await self._close(closed)
        except* OverloadedError:  # counted where it is raised; a line for each client would make it worse
            await self._close(Closed(CloseCode.SERVER_FAULT, "too busy to bring this client up to date; connect again later"))
        except* StreamtagsError as group:
            _log.warning("closing a connection: %s", group.exceptions[0])
            await self._close(Closed(CloseCode.SERVER_FAULT, "the store cannot be read"))
        except* Exception:  # noqa: BLE001 - a fault of the server: the close code makes the client reconnect
            _log.exception("a connection failed")
            await self._close(Closed(CloseCode.SERVER_FAULT, "a fault of the server"))
        finally:
            self._subscriptions.close()
            for task in self._requests.values():
                task.cancel()

    async def _serve(self) -> None:
        common = SUBPROTOCOL in self._scope["subprotocols"]
        await self._outlet.accept(SUBPROTOCOL if common else None)
        if not common and self._scope["subprotocols"]:
            raise Closed(CloseCode.NO_COMMON_VERSION, f"speak {SUBPROTOCOL}")
        await self._hello()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._subscriptions.run())
            await self._read_messages()

    async def _hello(self) -> None:
        settings = self._settings
        auth: Literal["none", "token"] = "none" if self._owner.holder_of(None) else "token"
        limits = Limits(message_bytes=settings.message_bytes, subscriptions=settings.subscriptions, queue_events=settings.queue_events)
        await self._outlet.send(Hello(server=_SERVER, heartbeat_seconds=settings.heartbeat_seconds, limits=limits, auth=auth))
        message = await self._first_message()
        if not isinstance(message, Identify):
            raise Closed(CloseCode.NOT_AUTHENTICATED, "identify comes first")
        if message.protocol != PROTOCOL_VERSION:
            raise Closed(CloseCode.NO_COMMON_VERSION, f"this server speaks protocol {PROTOCOL_VERSION}")
        known = self._scope.get("streamtags.holder")
        holder = self._owner.holder_of(message.token) if message.token else known or self._owner.holder_of(None)
        if holder is None:
            raise Closed(CloseCode.NOT_AUTHENTICATED, "a valid token is needed")
        self._caller = Caller(holder.role, message.client or holder.role, holder.user)
        await self._outlet.send(Identified(role=holder.role))

    async def _first_message(self) -> Identify | Subscribe | Unsubscribe | Ping | Request:
        """Return the first message. The deadline passes in steps: a server that is busy for longer than one does not blame the client."""
        receiving = asyncio.create_task(self._next())
        try:
            for _ in range(_IDENTIFY_STEPS):
                await asyncio.wait({receiving}, timeout=self._settings.identify_seconds / _IDENTIFY_STEPS)
                if receiving.done():
                    return receiving.result()
        finally:
            receiving.cancel()
        raise Closed(CloseCode.IDENTIFY_TIMEOUT, "identify comes first")

    # Messages of the client

    async def _read_messages(self) -> None:
        while True:
            message = await self._next()
            match message:
                case Subscribe():
                    await self._subscriptions.subscribe(message)
                case Unsubscribe():
                    await self._subscriptions.unsubscribe(message.id)
                case Ping():
                    await self._outlet.send(Pong(n=message.n))
                case Request():
                    self._start(message)
                case _:
                    raise Closed(CloseCode.INVALID_MESSAGE, "already identified")

    async def _next(self) -> Identify | Subscribe | Unsubscribe | Ping | Request:
        received = await self._receive()
        if received["type"] == "websocket.disconnect":
            if received.get("code") == CloseCode.MESSAGE_TOO_LARGE:  # closed by the engine, before the message was complete
                self._count(CloseCode.MESSAGE_TOO_LARGE)
            raise Closed(None)
        text = received.get("text")
        if text is None:
            raise Closed(CloseCode.INVALID_MESSAGE, "a binary frame; messages are JSON text")
        try:
            return parse_client_message(text)
        except (ProtocolError, RecursionError) as error:
            raise Closed(CloseCode.INVALID_MESSAGE, str(error)) from error

    # Requests

    def _start(self, request: Request) -> None:
        if request.id in self._requests:
            raise Closed(CloseCode.ID_IN_USE, f"request {request.id!r} is not answered yet")
        if len(self._requests) >= self._settings.requests:
            raise Closed(CloseCode.TOO_MANY, f"more than {self._settings.requests} requests at once")
        task = asyncio.create_task(self._answer(request))
        self._requests[request.id] = task
        task.add_done_callback(lambda _: self._requests.pop(request.id, None))

    async def _answer(self, request: Request) -> None:
        try:
            await self._outlet.send(await self._response(request))
        except Closed:
            return  # the client has disconnected

    async def _response(self, request: Request) -> Response:
        operation = METHODS.get(request.method)
        if operation is None or operation.handler is None:
            return _failed(request.id, "unknown_method", f"no method {request.method!r}; there are {', '.join(METHODS)}")
        try:
            authorize(operation, self._caller.role)
            params = validate(operation.params, request.params)
            with span(operation.name):
                result = await operation.handler(self._owner.services, params, self._caller)
            return Response(id=request.id, result=result)
        except StreamtagsError as error:
            return _failed(request.id, error.code, public_text(error, local=is_local(self._scope)), error_details(error))
        except Exception:  # noqa: BLE001 - a failed request must not end the connection
            _log.exception("a request failed: %s", request.method)
            return _failed(request.id, "internal", "the server could not do this; its log says why")

    # Heartbeats and closing

    def beat(self, since: float) -> None:
        """Send a heartbeat if nothing was sent since then."""
        if self._caller.role is not None and self._outlet.used_at <= since:
            self._subscriptions.beat()

    async def _close(self, closed: BaseException) -> None:
        if isinstance(closed, Closed) and closed.code is not None:
            self._count(closed.code)
            await self._outlet.close(closed.code, closed.reason)

    def _count(self, code: CloseCode) -> None:
        self._metrics.add("streamtags_closed_total", label=f'code="{code.value}"')


def _failed(name: str, code: str, message: str, detail: dict[str, Any] | None = None) -> Response:
    return Response(id=name, error=ErrorBody(code=code, message=message, detail=detail or None))
