"""A streamtags server on the loopback interface for tests of clients: it follows the protocol, and misbehaves on request."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol

from streamtags.core.errors import NotInStore
from streamtags.core.events import Event, Payload
from streamtags.core.fold import Fold
from streamtags.core.protocol import (
    SUBPROTOCOL,
    CloseCode,
    ErrorBody,
    ErrorMessage,
    Heartbeat,
    Hello,
    Identified,
    Identify,
    Lagged,
    Limits,
    Ping,
    Pong,
    ProtocolError,
    Request,
    Response,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
    event_frame,
    matches,
    parse_client_message,
)
from streamtags.core.records import Head
from streamtags.core.state import TimelineState
from streamtags.testing.log import make_events

__all__ = ["Fault", "Log", "MemoryLog", "StreamServer", "mishaps"]

_LOOK_SECONDS = 0.005
_ODDITIES = 0.25


class Log(Protocol):
    """What the server reads: a `MemoryLog`, or a store that something else writes to."""

    def heads(self) -> dict[str, Head]:
        """Return epoch and last seq of every log."""
        ...

    def read(self, timeline: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Return events after `after`."""
        ...

    def state(self, timeline: str) -> TimelineState:
        """Return the fold of the log."""
        ...


class MemoryLog:
    """Logs in memory that a test writes, with epochs that are easy to read: `epoch1`, `epoch2`."""

    def __init__(self) -> None:
        self.events: dict[str, list[Event]] = {}
        self._epochs: dict[str, str] = {}
        self._begun = 0

    def append(self, timeline: str, payloads: Sequence[Payload]) -> list[Event]:
        """Append to a log; create it if it does not exist."""
        if timeline not in self.events:
            self._begin(timeline)
        made = make_events(payloads, timeline=timeline, epoch=self._epochs[timeline], after=len(self.events[timeline]))
        self.events[timeline] += made
        return made

    def replace(self, timeline: str, payloads: Sequence[Payload]) -> list[Event]:
        """Start a log over under another epoch."""
        self._begin(timeline)
        return self.append(timeline, payloads)

    async def grow(self, timeline: str, payloads: Sequence[Payload], *, step: int = 3, pause_seconds: float = 0.002) -> None:
        """Append to a log in small steps, as an analysis does."""
        for first in range(0, len(payloads), step):
            self.append(timeline, payloads[first : first + step])
            await asyncio.sleep(pause_seconds)

    def remove(self, timeline: str) -> None:
        """Delete a log."""
        del self.events[timeline]

    def heads(self) -> dict[str, Head]:
        """Return epoch and last seq of every log."""
        return {timeline: Head(self._epochs[timeline], len(events)) for timeline, events in self.events.items()}

    def read(self, timeline: str, after: int = 0, limit: int | None = None) -> list[Event]:
        """Return events after `after`, at most `limit`."""
        return self.events[timeline][after:][:limit]

    def state(self, timeline: str) -> TimelineState:
        """Return the fold of the log."""
        folding = Fold.from_snapshot(TimelineState(id=timeline, epoch=self._epochs[timeline]))
        for event in self.events[timeline]:
            folding.apply(event)
        return folding.state

    def _begin(self, timeline: str) -> None:
        self._begun += 1
        self._epochs[timeline] = f"epoch{self._begun}"
        self.events[timeline] = []


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one connection.

    Attributes:
        after: number of messages sent before the fault.
        how: `abort` aborts the connection, `cut` does so in the middle of a frame, `stall` sends nothing more but stays connected,
            `skip` leaves out one event, `repeat` sends one twice, `lag` sends `lagged` first; a number closes with that code.
    """

    after: int
    how: Literal["abort", "cut", "stall", "skip", "repeat", "lag"] | int


def mishaps(count: int, seed: int = 0) -> Iterator[Fault]:
    """Yield `count` disconnects after which a client reconnects, and faulty streams between them. The first lets the client identify."""
    rng = random.Random(seed)  # noqa: S311 - test data
    disconnects: Sequence[Literal["abort", "cut"] | int] = ("abort", "cut", 1001, 1011, 1012, 4500)
    oddities: Sequence[Literal["skip", "repeat", "lag"]] = ("skip", "repeat", "lag")
    for number in range(count):
        if rng.random() < _ODDITIES:
            yield Fault(rng.randint(2, 9), rng.choice(oddities))
        yield Fault(rng.randint(2 if number == 0 else 0, 9), rng.choice(disconnects))


class StreamServer:
    """Serves logs on 127.0.0.1; an async context manager.

    Args:
        log: what to serve.
        faults: one for each connection, in order; further connections have none.
        token: the token that clients must send; None for none.
        heartbeat_seconds: heartbeat interval of idle connections.
        answer: answers a request, given method and params.
        port: 0 for any free port.
    """

    def __init__(
        self,
        log: Log,
        *,
        faults: Iterable[Fault] = (),
        token: str | None = None,
        heartbeat_seconds: float = 15.0,
        answer: Callable[[str, dict[str, Any]], Awaitable[Any]] | None = None,
        port: int = 0,
    ) -> None:
        self.log = log
        self.token = token
        self.heartbeat_seconds = heartbeat_seconds
        self.answer = answer
        self.port = port
        self.connections = 0
        self.faults: Iterator[Fault] = iter(faults)
        self._open: set[ServerConnection] = set()

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"ws://127.0.0.1:{self.port}"

    async def __aenter__(self) -> StreamServer:
        self._server: Server = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            ping_interval=None,
            close_timeout=0.5,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close(code=CloseCode.RESTARTING)
        await self._server.wait_closed()

    async def drop(self, code: int | None = None) -> None:
        """Close every connection with `code`, or abort it if None."""
        for connection in list(self._open):
            if code is None:
                connection.transport.abort()
            else:
                await connection.close(code)

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections += 1
        self._open.add(connection)
        try:
            await _Conversation(self, connection, next(self.faults, None)).run()
        except ConnectionClosed:
            pass  # the client has gone, or a fault was played
        except ProtocolError as error:
            await connection.close(error.close_code, error.what)
        finally:
            self._open.discard(connection)


class _Subscription:
    def __init__(self, message: Subscribe) -> None:
        self.message = message
        self.heads: dict[str, Head] = {}


class _Conversation:
    def __init__(self, server: StreamServer, connection: ServerConnection, fault: Fault | None) -> None:
        self._server = server
        self._connection = connection
        self._fault = fault
        self._sent = 0
        self._subscriptions: dict[str, _Subscription] = {}

    async def run(self) -> None:
        server = self._server
        limits = Limits(message_bytes=65536, subscriptions=100, queue_events=1000)
        auth: Literal["none", "token"] = "token" if server.token else "none"
        await self._say(Hello(server="stream-server", heartbeat_seconds=server.heartbeat_seconds, limits=limits, auth=auth).to_json())
        first = parse_client_message(await self._connection.recv())
        if not isinstance(first, Identify) or (server.token is not None and first.token != server.token):
            raise ProtocolError("not authenticated", CloseCode.NOT_AUTHENTICATED)
        await self._say(Identified(role="editor").to_json())
        reading = asyncio.create_task(self._read())
        try:
            await self._write(reading)
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, ConnectionClosed):
                await reading

    async def _write(self, reading: asyncio.Task[None]) -> None:
        spoke = asyncio.get_running_loop().time()
        while not reading.done() and self._connection.state is State.OPEN:
            before = self._sent
            for subscription in list(self._subscriptions.values()):
                await self._forward(subscription)
            now = asyncio.get_running_loop().time()
            if self._sent != before:
                spoke = now
            elif now - spoke >= self._server.heartbeat_seconds:
                spoke = now
                await self._say(Heartbeat(seqs={name: head.seq for name, head in self._server.log.heads().items()}).to_json())
            await asyncio.sleep(_LOOK_SECONDS)
        if reading.done():
            reading.result()

    async def _read(self) -> None:
        while True:
            match parse_client_message(await self._connection.recv()):
                case Subscribe() as message:
                    await self._subscribe(message)
                case Unsubscribe(id=name):
                    self._subscriptions.pop(name, None)
                    await self._say(Unsubscribed(id=name).to_json())
                case Ping(n=n):
                    await self._say(Pong(n=n).to_json())
                case Request() as request:
                    await self._answer(request)
                case _:
                    raise ProtocolError("already identified")

    async def _subscribe(self, message: Subscribe) -> None:
        heads = self._server.log.heads()
        if message.timeline != "*" and message.timeline not in heads:
            await self._say(ErrorMessage(code="not_found", message="no such timeline", reply_to=message.id).to_json())
            return
        head = heads.get(message.timeline, Head("", 0))
        recovered = message.after is not None and message.epoch == head.epoch and message.after <= head.seq
        subscription = _Subscription(message)
        if recovered and message.after is not None:
            subscription.heads[message.timeline] = Head(head.epoch, message.after)
        answer = Subscribed(id=message.id, timeline=message.timeline, epoch=head.epoch, seq=head.seq, recovered=recovered)
        await self._say(answer.to_json())
        self._subscriptions[message.id] = subscription

    async def _forward(self, subscription: _Subscription) -> None:
        message, log = subscription.message, self._server.log
        heads = log.heads()
        for timeline in heads if message.timeline == "*" else [message.timeline]:
            if timeline not in heads:
                self._subscriptions.pop(message.id, None)
                await self._say(Unsubscribed(id=message.id).to_json())
                return
            head = subscription.heads.get(timeline)
            if head is None or head.epoch != heads[timeline].epoch:
                state = log.state(timeline)
                head = subscription.heads[timeline] = Head(state.epoch, state.seq)
                place = {"type": "snapshot", "id": message.id, "timeline": timeline, "epoch": state.epoch, "seq": state.seq}
                await self._say(json.dumps({**place, "state": state.to_dict()}))
            for event in log.read(timeline, head.seq):
                if self._subscriptions.get(message.id) is not subscription:
                    return
                subscription.heads[timeline] = Head(event.epoch, event.seq)
                if matches(message.filter, event):
                    await self._send_event(message.id, event)

    async def _send_event(self, name: str, event: Event) -> None:
        frame = event_frame(name, event.to_json())
        how = self._fault.how if self._fault is not None and self._sent >= self._fault.after else None
        if how in ("skip", "repeat", "lag"):
            following = next(self._server.faults, None)
            self._fault = following and Fault(self._sent + following.after, following.how)
        if how == "lag":
            await self._say(Lagged(id=name, seq=event.seq - 1).to_json())
        if how != "skip":
            await self._say(frame)
        if how == "repeat":
            await self._say(frame)

    async def _answer(self, request: Request) -> None:
        try:
            if self._server.answer is None:
                raise NotInStore(f"no method {request.method!r}", code="unknown_method")
            response = Response(id=request.id, result=await self._server.answer(request.method, request.params))
        except NotInStore as error:
            response = Response(id=request.id, error=ErrorBody(code=error.code, message=error.what))
        await self._say(response.to_json())

    async def _say(self, text: str) -> None:
        if self._fault is not None and self._sent >= self._fault.after:
            await self._play(self._fault.how, text)
        self._sent += 1
        await self._connection.send(text)

    async def _play(self, how: str | int, text: str) -> None:
        transport = self._connection.transport
        if isinstance(how, int):
            await self._connection.close(how)
        elif how == "abort":
            transport.abort()
        elif how == "cut":
            whole = Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
            transport.write(whole[: len(whole) // 2])
            transport.close()
        if how in ("abort", "cut", "stall"):
            await self._connection.wait_closed()
