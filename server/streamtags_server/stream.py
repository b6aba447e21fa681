"""One WebSocket connection of `streamtags.v1`.

Two coroutines: one takes the client's messages and answers them, one sends what its subscriptions read. The sender waits for its own
socket and holds nothing but positions, so a client that does not read costs the server one write buffer and nobody else anything.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, Literal

from starlette.types import Message, Receive, Scope, Send

from streamtags.config import ServerSettings
from streamtags.errors import NotInStore, StreamtagsError
from streamtags.protocol import (
    METHODS,
    PROTOCOL_VERSION,
    SUBPROTOCOL,
    CloseCode,
    ErrorBody,
    ErrorMessage,
    Filter,
    Heartbeat,
    Hello,
    Identified,
    Identify,
    Lagged,
    Limits,
    Ping,
    Pong,
    ProtocolError,
    Removed,
    Request,
    Response,
    Role,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
    matches,
    parse_client_message,
)
from streamtags.timeline.hub import Entry
from streamtags_server.hub import Gone, Hub, Item, Lag, Reader, State
from streamtags_server.metrics import Metrics

__all__ = ["ALL", "Answer", "Connection", "Connections"]

ALL = "*"
"""The timeline of a subscription that follows every one."""

Answer = Callable[[str, dict[str, Any], str], Awaitable[Any]]
"""Answers a request: method, params, who asks."""

# Events of one reader sent before the next reader of the connection has its turn.
_TURN = 256

_log = logging.getLogger(__name__)


class _ClosedError(Exception):
    """The connection is to be closed with a code, or has gone (None)."""

    def __init__(self, code: CloseCode | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Subscription:
    def __init__(self, name: str, timeline: str, filter_: Filter | None, due: Callable[[Reader, _Subscription], None]) -> None:
        self.id = name
        self.timeline = timeline
        self.filter = filter_
        self.head = f'{{"type":"event","id":{json.dumps(name)},"event":'
        self.readers: dict[str, Reader] = {}
        self.forget: Callable[[], None] = lambda: None
        self._due = due

    def notify(self, reader: Reader) -> None:
        self._due(reader, self)

    def wants(self, entry: Entry) -> bool:
        wanted = self.filter
        if wanted is None:
            return True
        if wanted.types is not None and entry.type not in wanted.types:
            return False
        return entry.type != "segment.tagged" or matches(wanted, entry.event)

    def close(self) -> None:
        self.forget()
        for reader in self.readers.values():
            reader.close()


class Connections:
    """All WebSocket connections of a server; an ASGI application for the one path.

    Args:
        role_of: the role that a token gives; None if it is wrong. Called with None where the client gave none.
        answer: answers requests.
    """

    def __init__(
        self, hub: Hub, settings: ServerSettings, metrics: Metrics, role_of: Callable[[str | None], Role | None], answer: Answer
    ) -> None:
        self.hub = hub
        self.settings = settings
        self.metrics = metrics
        self.role_of = role_of
        self.answer = answer
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
        """Have idle connections told how far their timelines reach, until cancelled."""
        every = self.settings.heartbeat_seconds
        while True:
            await asyncio.sleep(every / 4)
            now = time.monotonic()
            for connection in self._open:
                connection.beat(now - every)


class Connection:
    """One client.

    What is bounded: subscriptions, requests under way, and the size of a message, each by the settings; whoever goes over is closed.
    Events do not queue here: each reader is a position, see `Hub`.
    """

    def __init__(self, owner: Connections, scope: Scope, receive: Receive, send: Send) -> None:
        self._hub, self._settings, self._metrics, self._owner = owner.hub, owner.settings, owner.metrics, owner
        self._scope, self._receive, self._send_raw = scope, receive, send
        self._role: Role | None = None
        self._who = ""
        self._subscriptions: dict[str, _Subscription] = {}
        self._due: dict[Reader, _Subscription] = {}
        self._wake = asyncio.Event()
        self._requests: dict[str, asyncio.Task[None]] = {}
        self._told_at = time.monotonic()
        self._beat = False

    async def run(self) -> None:
        """Serve the client until it goes or breaks the rules."""
        await self._receive()  # websocket.connect
        try:
            await self._serve()
        except* _ClosedError as group:
            closed = group.exceptions[0]
            while isinstance(closed, BaseExceptionGroup):
                closed = closed.exceptions[0]
            await self._close(closed)
        except* StreamtagsError as group:
            _log.warning("a connection is closed: %s", group.exceptions[0])
            await self._close(_ClosedError(CloseCode.SERVER_FAULT, "the store cannot be read"))
        except* Exception:  # noqa: BLE001 - a fault of the server: the client is told to come back, the log says why
            _log.exception("a connection failed")
            await self._close(_ClosedError(CloseCode.SERVER_FAULT, "a fault of the server"))
        finally:
            for subscription in self._subscriptions.values():
                self._drop(subscription)
            for task in self._requests.values():
                task.cancel()

    async def _serve(self) -> None:
        common = SUBPROTOCOL in self._scope["subprotocols"]
        await self._transmit({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if common else None})
        if not common and self._scope["subprotocols"]:
            raise _ClosedError(CloseCode.NO_COMMON_VERSION, f"speak {SUBPROTOCOL}")
        await self._hello()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_on())
            group.create_task(self._send_on())

    async def _hello(self) -> None:
        settings = self._settings
        auth: Literal["none", "token"] = "none" if self._owner.role_of(None) else "token"
        limits = Limits(message_bytes=settings.message_bytes, subscriptions=settings.subscriptions, queue_events=settings.queue_events)
        await self._say(
            Hello(server=f"streamtags/{version('streamtags')}", heartbeat_seconds=settings.heartbeat_seconds, limits=limits, auth=auth)
        )
        try:
            async with asyncio.timeout(settings.identify_seconds):
                message = await self._next()
        except TimeoutError:
            raise _ClosedError(CloseCode.IDENTIFY_TIMEOUT, "identify comes first") from None
        if not isinstance(message, Identify):
            raise _ClosedError(CloseCode.NOT_AUTHENTICATED, "identify comes first")
        if message.protocol != PROTOCOL_VERSION:
            raise _ClosedError(CloseCode.NO_COMMON_VERSION, f"this server speaks protocol {PROTOCOL_VERSION}")
        self._role = (
            self._owner.role_of(message.token) if message.token else self._scope.get("streamtags.role") or self._owner.role_of(None)
        )
        if self._role is None:
            raise _ClosedError(CloseCode.NOT_AUTHENTICATED, "a valid token is needed")
        self._who = message.client or self._role
        await self._say(Identified(role=self._role))

    # What the client says

    async def _read_on(self) -> None:
        while True:
            message = await self._next()
            match message:
                case Subscribe():
                    await self._subscribe(message)
                case Unsubscribe():
                    await self._unsubscribe(message.id)
                case Ping():
                    await self._say(Pong(n=message.n))
                case Request():
                    self._begin(message)
                case _:
                    raise _ClosedError(CloseCode.INVALID_MESSAGE, "already identified")

    async def _next(self) -> Identify | Subscribe | Unsubscribe | Ping | Request:
        received = await self._receive()
        if received["type"] == "websocket.disconnect":
            raise _ClosedError(None)
        text = received.get("text")
        if text is None:
            raise _ClosedError(CloseCode.INVALID_MESSAGE, "a binary frame; messages are JSON text")
        if len(text) > self._settings.message_bytes or len(text.encode()) > self._settings.message_bytes:
            raise _ClosedError(CloseCode.MESSAGE_TOO_LARGE, f"more than {self._settings.message_bytes} bytes")
        try:
            return parse_client_message(text)
        except (ProtocolError, RecursionError) as error:
            raise _ClosedError(CloseCode.INVALID_MESSAGE, str(error)) from error

    async def _subscribe(self, message: Subscribe) -> None:
        held = self._subscriptions.get(message.id)
        if held is not None:
            await self._refilter(held, message)
            return
        if len(self._subscriptions) >= self._settings.subscriptions:
            raise _ClosedError(CloseCode.TOO_MANY, f"more than {self._settings.subscriptions} subscriptions")
        subscription = _Subscription(message.id, message.timeline, message.filter, self._mark)
        if message.timeline == ALL:
            self._keep(subscription)
            subscription.forget = self._hub.watch(lambda timeline: self._join(subscription, timeline))
            await self._say(Subscribed(id=message.id, timeline=ALL, epoch="", seq=0, recovered=False))
            for timeline in await self._hub.timelines():
                self._join(subscription, timeline)
            return
        try:
            reader = await self._hub.reader(message.timeline, subscription.notify)
        except NotInStore as error:
            await self._say(ErrorMessage(code=error.code, message=error.what, reply_to=message.id))
            return
        subscription.readers[message.timeline] = reader
        recovered = message.after is not None and message.epoch is not None and await reader.resume(message.after, message.epoch)
        first = [] if recovered else await reader.take(1)
        if reader.head is None:  # removed just now
            subscription.close()
            await self._say(ErrorMessage(code=NotInStore.code, message=f"no timeline {message.timeline!r}", reply_to=message.id))
            return
        epoch, seq = reader.head
        self._keep(subscription)
        await self._say(Subscribed(id=message.id, timeline=message.timeline, epoch=epoch, seq=seq, recovered=recovered))
        for item in first:
            await self._tell(subscription, reader, item)
        self._mark(reader, subscription)

    async def _refilter(self, held: _Subscription, message: Subscribe) -> None:
        if held.timeline != message.timeline:
            raise _ClosedError(CloseCode.ID_IN_USE, f"subscription {message.id!r} follows {held.timeline}")
        held.filter = message.filter
        reader = held.readers.get(held.timeline)
        epoch, seq = (reader and reader.head) or ("", 0)
        await self._say(Subscribed(id=held.id, timeline=held.timeline, epoch=epoch, seq=seq, recovered=True))

    async def _unsubscribe(self, name: str) -> None:
        held = self._subscriptions.get(name)
        if held is None:
            await self._say(ErrorMessage(code="not_found", message=f"no subscription {name!r}", reply_to=name))
            return
        self._drop(held)
        await self._say(Unsubscribed(id=name))

    def _keep(self, subscription: _Subscription) -> None:
        self._subscriptions[subscription.id] = subscription
        self._metrics.add("streamtags_subscriptions")

    def _drop(self, subscription: _Subscription) -> None:
        subscription.close()
        self._due = {reader: other for reader, other in self._due.items() if other is not subscription}
        if self._subscriptions.get(subscription.id) is subscription:
            self._subscriptions = {name: other for name, other in self._subscriptions.items() if other is not subscription}
            self._metrics.add("streamtags_subscriptions", -1)

    def _join(self, subscription: _Subscription, timeline: str) -> None:
        """Take one more timeline into a subscription to all; the sender begins it with its state."""
        if timeline not in subscription.readers:
            reader = self._hub.reader_of_known(timeline, subscription.notify)
            subscription.readers[timeline] = reader
            self._mark(reader, subscription)

    # Requests

    def _begin(self, request: Request) -> None:
        if request.id in self._requests:
            raise _ClosedError(CloseCode.ID_IN_USE, f"request {request.id!r} is not answered yet")
        if len(self._requests) >= self._settings.requests:
            raise _ClosedError(CloseCode.TOO_MANY, f"more than {self._settings.requests} requests at once")
        task = asyncio.create_task(self._answer(request))
        self._requests[request.id] = task
        task.add_done_callback(lambda _: self._requests.pop(request.id, None))

    async def _answer(self, request: Request) -> None:
        try:
            await self._say(await self._response(request))
        except _ClosedError:
            return  # nobody is left to hear it

    async def _response(self, request: Request) -> Response:
        needed = METHODS.get(request.method)
        if needed is None:
            return _failed(request.id, "unknown_method", f"no method {request.method!r}; there are {', '.join(METHODS)}")
        if needed == "editor" and self._role != "editor":
            return _failed(request.id, "forbidden", f"{request.method} needs the role editor")
        try:
            return Response(id=request.id, result=await self._owner.answer(request.method, request.params, self._who))
        except StreamtagsError as error:
            return _failed(request.id, error.code, str(error))
        except Exception:  # noqa: BLE001 - one request's fault is not the connection's
            _log.exception("a request failed: %s", request.method)
            return _failed(request.id, "internal", "the server could not do this; its log says why")

    # What the client is told

    def beat(self, since: float) -> None:
        """Send a heartbeat if nothing was sent since then."""
        if self._role is not None and self._told_at <= since:
            self._beat = True
            self._wake.set()

    def _mark(self, reader: Reader, subscription: _Subscription) -> None:
        if self._subscriptions.get(subscription.id) is subscription:
            self._due[reader] = subscription
            self._wake.set()

    async def _send_on(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                due, self._due = self._due, {}
                for reader, subscription in due.items():
                    for item in await reader.take(_TURN):
                        await self._tell(subscription, reader, item)
                    if reader.behind and self._subscriptions.get(subscription.id) is subscription:
                        self._due[reader] = subscription
            if self._beat:
                self._beat = False
                await self._say(Heartbeat(seqs=self._seqs()))

    def _seqs(self) -> dict[str, int]:
        readers = [reader for subscription in self._subscriptions.values() for reader in subscription.readers.values()]
        return {reader.timeline: reader.head.seq for reader in readers if reader.head is not None}

    async def _tell(self, subscription: _Subscription, reader: Reader, item: Item) -> None:
        if self._subscriptions.get(subscription.id) is not subscription:
            return  # unsubscribed while this was read
        if isinstance(item, Entry):
            if subscription.wants(item):
                await self._transmit({"type": "websocket.send", "text": f"{subscription.head}{item.line}}}"})
                self._metrics.add("streamtags_events_sent_total")
        elif isinstance(item, State):
            place = f'"timeline":{json.dumps(reader.timeline)},"epoch":{json.dumps(item.head.epoch)},"seq":{item.head.seq}'
            text = f'{{"type":"snapshot","id":{json.dumps(subscription.id)},{place},"state":{item.json}}}'
            await self._transmit({"type": "websocket.send", "text": text})
            self._metrics.add("streamtags_snapshots_sent_total")
        elif isinstance(item, Lag):
            self._metrics.add("streamtags_lagged_total")
            await self._say(Lagged(id=subscription.id, seq=item.seq))
        elif isinstance(item, Gone):
            await self._end(subscription, reader)

    async def _end(self, subscription: _Subscription, reader: Reader) -> None:
        reader.close()
        subscription.readers.pop(reader.timeline, None)
        if subscription.timeline == ALL:
            await self._say(Removed(id=subscription.id, timeline=reader.timeline))
            if self._hub.knows(reader.timeline):  # made again meanwhile
                self._join(subscription, reader.timeline)
        else:
            self._drop(subscription)
            await self._say(Unsubscribed(id=subscription.id))

    async def _say(self, message: Any) -> None:
        await self._transmit({"type": "websocket.send", "text": message.to_json()})

    async def _transmit(self, message: Message) -> None:
        try:
            await self._send_raw(message)
        except (OSError, RuntimeError) as error:  # gone, or closed by the engine a moment ago
            raise _ClosedError(None) from error
        self._told_at = time.monotonic()

    async def _close(self, closed: BaseException) -> None:
        if not isinstance(closed, _ClosedError) or closed.code is None:
            return
        self._metrics.add("streamtags_closed_total", label=f'code="{closed.code.value}"')
        reason = closed.reason.encode()[:120].decode(errors="ignore")  # a close frame holds 123 bytes: RFC 6455, 5.5
        try:
            await self._transmit({"type": "websocket.close", "code": closed.code.value, "reason": reason})
        except _ClosedError:
            return  # it went by itself


def _failed(name: str, code: str, message: str) -> Response:
    return Response(id=name, error=ErrorBody(code=code, message=message))
