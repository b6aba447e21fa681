"""A session with a server: one connection at a time, with reconnection, and subscriptions and requests over it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from pydantic import BaseModel

from streamtags.client.address import stream_url
from streamtags.client.cursor import Cursor, Position
from streamtags.client.following import Following
from streamtags.client.wire import ConnectionLost, RequestError, Wire, open_wire
from streamtags.core.backoff import Backoff
from streamtags.core.errors import BackendError, NotInStore, UsageError
from streamtags.core.events import Event
from streamtags.core.fold import Fold
from streamtags.core.protocol import (
    PROTOCOL_VERSION,
    ErrorBody,
    ErrorMessage,
    EventMessage,
    Filter,
    Heartbeat,
    Hello,
    Identify,
    Removed,
    Request,
    Response,
    Role,
    Snapshot,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
)
from streamtags.core.state import TimelineState

__all__ = ["Session", "connect"]

_log = logging.getLogger(__name__)

_MAX_GAPS_IN_A_ROW = 5


class Session:
    """A session that `connect` opened. Use it in the event loop that opened it.

    Attributes:
        hello: the server's last `hello`.
        role: the role of the token.
    """

    hello: Hello
    role: Role

    def __init__(self, urls: Sequence[str], *, token: str | None, client: str, backoff: Backoff) -> None:
        self._urls = tuple(stream_url(url) for url in urls)
        self._identify = Identify(protocol=PROTOCOL_VERSION, client=client, token=token)
        self._backoff = backoff
        self._wire: Wire | None = None
        self._up = asyncio.Event()  # set while identified, and when the session has ended
        self._failure: Exception | None = None
        self._closed = False
        self._attempt = 0
        self._ids = itertools.count(1)
        self._followings: set[Following] = set()
        self._by_id: dict[str, Following] = {}
        self._requests: dict[str, asyncio.Future[Response]] = {}
        self._folds: dict[str, Fold] = {}

    @property
    def url(self) -> str:
        """The server in use."""
        return self._urls[0]

    async def follow(
        self,
        timeline: str,
        *,
        after: int | None = None,
        epoch: str | None = None,
        filter: Filter | Mapping[str, Any] | None = None,  # noqa: A002 - its name in the protocol
    ) -> AsyncIterator[Event | Snapshot]:
        """Yield every event of a timeline, in order, none missing and none twice.

        A `Snapshot` comes first if no event is known yet, and instead of events if the log was replaced: start over from its state.
        The iteration ends when the timeline is removed or the session is closed.

        Args:
            timeline: an id, or `*` for all; then a snapshot of each timeline comes first.
            after: `seq` of the last event already known; 0 for the whole log.
            epoch: epoch of the log that `after` refers to.
            filter: which events to send; None for all.

        Raises:
            NotInStore: there is no such timeline.
            BackendError: the server refuses, or repeatedly leaves out events.
        """
        wanted = Filter.model_validate(filter) if isinstance(filter, Mapping) else filter
        following = Following(timeline, wanted, None if after is None else Position(epoch, after))
        self._followings.add(following)
        try:
            await self._subscribe(following)
            known: dict[str, Position] = {}
            while (item := await self._next(following)) is not None:
                previous = known.get(item.timeline)
                known[item.timeline] = Position(item.epoch, item.seq)
                if (
                    timeline == "*"
                    and isinstance(item, Snapshot)
                    and previous is not None
                    and previous.epoch == item.epoch
                    and wanted is None
                ):
                    async for missed in self.replay(item.timeline, until=item.seq, after=previous.seq, epoch=previous.epoch):
                        yield missed
                    continue
                if wanted is None:
                    self._fold(item)
                yield item
        finally:
            self._followings.discard(following)
            await self._unsubscribe(following)

    async def replay(self, timeline: str, *, until: int, after: int = 0, epoch: str | None = None) -> AsyncIterator[Event | Snapshot]:
        """Yield the events after `after` up to and including `until`; a snapshot instead if the log was replaced in the meantime."""
        if until <= after:
            return
        async for item in self.follow(timeline, after=after, epoch=epoch):
            yield item
            if isinstance(item, Snapshot) or item.seq >= until:
                return

    def state(self, timeline: str) -> TimelineState:
        """Return the state of a timeline after the last item that `follow` yielded, without a filter, in this session.

        Raises:
            NotInStore: it was not followed from its start or a snapshot.
        """
        return self.fold(timeline).state

    def fold(self, timeline: str) -> Fold:
        """Return the fold behind `state`, read-only: reading one segment of it is cheaper than the whole state.

        Raises:
            NotInStore: as `state`.
        """
        if timeline not in self._folds:
            raise NotInStore("not followed in this session", where=timeline, hint="follow it first, without `after` and `filter`")
        return self._folds[timeline]

    async def request(self, method: str, /, **params: Any) -> Any:
        """Send a request, such as `timelines.list`, and return its result; wait for a connection if there is none.

        Raises:
            RequestError: the server's answer is an error.
            BackendError: the connection was lost before the answer came (code `connection.lost`); the request may have been
                carried out.
        """
        await self._up.wait()
        if self._failure is not None:
            raise self._failure
        name = f"r{next(self._ids)}"
        answer = self._requests[name] = asyncio.get_running_loop().create_future()
        try:
            await self._send(Request(id=name, method=method, params=params))
            if self._wire is None and not answer.done():
                raise ConnectionLost("the connection was lost before the request was sent", self.url).error
            response = await answer
        finally:
            self._requests.pop(name, None)
        if response.error is not None:
            raise RequestError(response.error, where=method)
        return response.result

    # Queues of subscriptions

    async def _next(self, following: Following) -> Event | Snapshot | None:
        while not following.queue:
            if following.error is not None:
                raise following.error
            if self._failure is not None:
                raise self._failure
            if following.ended or self._closed:
                return None
            following.wake.clear()
            if following.paused:
                following.paused = False
                await self._subscribe(following)
            await following.wake.wait()
        return following.queue.popleft()

    def _fold(self, item: Event | Snapshot) -> None:
        fold = self._folds.get(item.timeline)
        if isinstance(item, Snapshot):
            self._folds[item.timeline] = Fold.from_snapshot(item.state)
        elif item.seq == 1 and (fold is None or fold.state.epoch != item.epoch):
            self._folds[item.timeline] = fold = Fold()
            fold.apply(item)
        elif fold is not None and fold.seq + 1 == item.seq:
            fold.apply(item)

    # Subscriptions on the wire

    async def _subscribe(self, following: Following) -> None:
        """Subscribe with a new id, so that late messages for an old id are recognized and ignored."""
        if self._wire is None or following.ended or following.id is not None:
            return
        following.id = f"s{next(self._ids)}"
        self._by_id[following.id] = following
        position = None if following.timeline == "*" else following.cursor.position(following.timeline)
        await self._send(
            Subscribe(
                id=following.id,
                timeline=following.timeline,
                after=position.seq if position else None,
                epoch=position.epoch if position else None,
                filter=following.filter,
            )
        )

    async def _unsubscribe(self, following: Following) -> None:
        name, following.id = following.id, None
        if name is not None and self._by_id.pop(name, None) is not None:
            await self._send(Unsubscribe(id=name))

    async def _send(self, message: BaseModel) -> None:
        if self._wire is not None:
            with suppress(ConnectionLost, BackendError):  # the reader of the connection notices and reports it
                await self._wire.send(message)

    # The connection

    async def run(self) -> None:
        """Keep a connection until cancelled; called by `connect`."""
        untried = len(self._urls)
        try:
            while True:
                try:
                    await self._connected()
                except ConnectionLost as lost:
                    untried -= 1
                    self._urls = (*self._urls[1:], self._urls[0])
                    if not hasattr(self, "role"):
                        if untried:
                            continue
                        raise lost.error from lost
                    delay, self._attempt = self._backoff.seconds(self._attempt), self._attempt + 1
                    _log.info("%s; trying again in %.2f s at %s", lost, delay, self.url)
                    await asyncio.sleep(delay)
        except Exception as error:  # noqa: BLE001 - raised again by every method that waits for this session
            self._failure = error
        finally:
            self._closed = True
            self._up.set()
            for following in self._followings:
                following.wake.set()

    async def ready(self) -> None:
        """Wait until the server has identified this client.

        Raises:
            BackendError: it cannot be reached, or refuses.
        """
        await self._up.wait()
        if self._failure is not None:
            raise self._failure

    async def _connected(self) -> None:
        wire = await open_wire(self.url)
        try:
            await wire.greet(self._identify)
            self.hello, self.role, self._wire = wire.hello, wire.identified.role, wire
            self._up.set()
            for following in list(self._followings):
                if not following.paused:
                    await self._subscribe(following)
            while True:
                await self._handle(await wire.receive())
        finally:
            self._down()
            await wire.close()

    def _down(self) -> None:
        self._wire = None
        self._up.clear()
        self._by_id.clear()
        for following in self._followings:
            following.id = None
        for answer in self._requests.values():
            if not answer.done():
                answer.set_exception(
                    ConnectionLost(
                        "the connection was lost before the answer came", self.url, "the request may have been carried out"
                    ).error
                )

    # Messages

    async def _handle(self, message: Any) -> None:
        if isinstance(message, EventMessage | Snapshot | Heartbeat | Response):
            self._attempt = 0  # the server works
        following = self._by_id.get(getattr(message, "id", ""))
        match message:
            case EventMessage() if following is not None:
                await self._offer(following, message.event)
            case Snapshot() if following is not None:
                await self._offer(following, message)
            case Subscribed() if following is not None:
                await self._subscribed(following, message)
            case Unsubscribed() if following is not None:
                self._folds.pop(following.timeline, None)
                following.end()
            case Removed() if following is not None:
                self._folds.pop(message.timeline, None)
            case Heartbeat():
                for behind in [each for each in self._by_id.values() if each.cursor.is_behind(message.seqs)]:
                    await self._subscribe_again(behind)
            case Response() if (answer := self._requests.get(message.id)) is not None and not answer.done():
                answer.set_result(message)
            case ErrorMessage():
                self._handle_error(message)

    async def _subscribed(self, following: Following, message: Subscribed) -> None:
        following.timeline = message.timeline
        if not message.recovered and following.cursor.position(message.timeline) == Position(None, 0):
            # `after` without an epoch: the epoch is known now, so the whole log can be requested.
            following.cursor = Cursor(Position(message.epoch, 0), whole=following.filter is None)
            await self._unsubscribe(following)
            await self._subscribe(following)

    async def _offer(self, following: Following, item: Event | Snapshot) -> None:
        if following.is_full:
            following.paused = True
            await self._unsubscribe(following)
            return
        match following.cursor.take(item):
            case "new":
                following.gaps = 0
                following.queue.append(item)
                following.wake.set()
            case "gap":
                await self._subscribe_again(following)

    async def _subscribe_again(self, following: Following) -> None:
        """Subscribe again after the last received event, because events are missing."""
        following.gaps += 1
        if following.gaps > _MAX_GAPS_IN_A_ROW:
            following.end(BackendError("repeatedly leaves out events", where=self.url, hint="report this as a fault of the server"))
        await self._unsubscribe(following)
        await self._subscribe(following)

    def _handle_error(self, message: ErrorMessage) -> None:
        following, answer = self._by_id.get(message.reply_to or ""), self._requests.get(message.reply_to or "")
        if following is not None:
            kind = NotInStore if message.code == NotInStore.code else BackendError
            following.end(kind(message.message, where=following.timeline, code=message.code))
        elif answer is not None and not answer.done():
            answer.set_result(Response(id=message.reply_to or "", error=ErrorBody(code=message.code, message=message.message)))
        else:
            _log.warning("the server says: %s (%s)", message.message, message.code)


@asynccontextmanager
async def connect(
    url: str | Sequence[str], *, token: str | None = None, client: str = "streamtags-python", backoff: Backoff | None = None
) -> AsyncIterator[Session]:
    """Open a session with the server at `url`.

    If no server can be reached at first, an error is raised. A connection that is lost later is opened again, without a limit of attempts,
    after close codes 1001, 1006, 1011, 1012 and 4500 and while the server cannot be reached; subscriptions continue where they were.

    Args:
        url: `ws://127.0.0.1:8710`; `http`, `https` and `wss` work, too. Of several servers of one store the next is used when one is lost.
        token: if the server requires one.
        client: name of this client in the server's log.
        backoff: delays between attempts.

    Raises:
        UsageError: `url` is not an address, or none was given.
        BackendError: the server cannot be reached, or refuses.
    """
    if not url:
        raise UsageError("no address of a server was given", where="url", hint="for example ws://127.0.0.1:8710")
    session = Session((url,) if isinstance(url, str) else url, token=token, client=client, backoff=backoff or Backoff())
    running = asyncio.create_task(session.run())
    try:
        await session.ready()
        yield session
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
