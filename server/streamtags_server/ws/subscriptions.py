"""What one client follows, and how it is told.

Events do not queue here: a `Feed` is a position in a log. While its client keeps up, an event goes out in the moment the hub tells of it,
in the hub's one loop over all readers: no task is switched to, and the frame is made once for all who use the same id. When the client does
not keep up, or more is to be told than the events at hand, the feed waits its turn with the one task here that reads it forward; until
that has caught up, nothing goes past it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import lru_cache, partial

from streamtags.config.settings import ServerSettings
from streamtags.core.errors import NotInStore
from streamtags.core.protocol import (
    CloseCode,
    ErrorMessage,
    Filter,
    Heartbeat,
    Lagged,
    Removed,
    Subscribe,
    Subscribed,
    Unsubscribed,
    event_frame,
    matches,
)
from streamtags_server.http.wire import text_frame
from streamtags_server.metrics import Metrics
from streamtags_server.ws.hub import Gone, Hub, Item, Lag, Reader, State
from streamtags_server.ws.outlet import Closed, Outlet
from streamtags_server.ws.ring import Entry

__all__ = ["ALL", "Subscriptions"]

ALL = "*"
"""The timeline of a subscription that follows every one."""

# Events sent in the hub's loop; of more, a client's own task sends so many before its next feed, and the other clients, have their turn.
_AT_ONCE = 16
_TURN = 64


@lru_cache(maxsize=2 * _TURN)
def _framed(name: str, line: str) -> bytes:
    return text_frame(event_frame(name, line))


class _Subscription:
    """What the client follows: the timeline it asked for, by its id, a beginning of that or `last`."""

    def __init__(self, name: str, timeline: str, filter_: Filter | None) -> None:
        self.id = name
        self.asked = self.timeline = timeline
        self.filter = filter_
        self.open = True
        self.feeds: dict[str, _Feed] = {}
        self.forget: Callable[[], None] = lambda: None

    def wants(self, entry: Entry) -> bool:
        wanted = self.filter
        if wanted is None:
            return True
        if wanted.types is not None and entry.type not in wanted.types:
            return False
        return entry.type != "segment.tagged" or matches(wanted, entry.event)

    def close(self) -> None:
        self.open = False
        self.forget()
        for feed in self.feeds.values():
            feed.reader.close()


class _Feed:
    """One timeline of a subscription. While it `waits`, for its first words to be said or for its turn, nothing may go past those."""

    __slots__ = ("reader", "subscription", "waits")
    reader: Reader

    def __init__(self, subscription: _Subscription) -> None:
        self.subscription = subscription
        self.waits = True


class Subscriptions:
    """Those of one client."""

    def __init__(self, hub: Hub, settings: ServerSettings, metrics: Metrics, outlet: Outlet) -> None:
        self._hub, self._metrics, self._outlet = hub, metrics, outlet
        self._most = settings.subscriptions
        self._held: dict[str, _Subscription] = {}
        self._due: list[_Feed] = []
        self._wake = asyncio.Event()
        self._beat = False

    def close(self) -> None:
        """End all of them."""
        for subscription in list(self._held.values()):
            self._drop(subscription)

    # What the client asks for

    async def subscribe(self, message: Subscribe) -> None:
        """Begin a subscription, or give one that is there another filter.

        Raises:
            Closed: it is one too many, its id follows another timeline, or the client has gone.
            StoreError: the store cannot be read.
        """
        held = self._held.get(message.id)
        if held is not None:
            await self._refilter(held, message)
        elif len(self._held) >= self._most:
            raise Closed(CloseCode.TOO_MANY, f"more than {self._most} subscriptions")
        elif message.timeline == ALL:
            await self._follow_all(_Subscription(message.id, ALL, message.filter))
        else:
            await self._follow(_Subscription(message.id, message.timeline, message.filter), message.after, message.epoch)

    async def unsubscribe(self, name: str) -> None:
        """End a subscription.

        Raises:
            Closed: the client has gone.
        """
        held = self._held.get(name)
        if held is None:
            await self._outlet.say(ErrorMessage(code="not_found", message=f"no subscription {name!r}", reply_to=name))
            return
        self._drop(held)
        await self._outlet.say(Unsubscribed(id=name))

    async def _refilter(self, held: _Subscription, message: Subscribe) -> None:
        if message.timeline not in (held.timeline, held.asked):
            raise Closed(CloseCode.ID_IN_USE, f"subscription {message.id!r} follows {held.timeline}")
        held.filter = message.filter
        feed = held.feeds.get(held.timeline)
        epoch, seq = (feed and feed.reader.head) or ("", 0)
        await self._outlet.say(Subscribed(id=held.id, timeline=held.timeline, epoch=epoch, seq=seq, recovered=True))

    async def _follow_all(self, subscription: _Subscription) -> None:
        self._keep(subscription)
        await self._outlet.say(Subscribed(id=subscription.id, timeline=ALL, epoch="", seq=0, recovered=False))
        subscription.forget = self._hub.watch(lambda timeline: self._join(subscription, timeline))
        for timeline in await self._hub.timelines():
            self._join(subscription, timeline)

    async def _follow(self, subscription: _Subscription, after: int | None, epoch: str | None) -> None:
        feed = _Feed(subscription)
        try:
            subscription.timeline = await self._hub.resolve(subscription.asked)
            feed.reader = reader = await self._hub.reader(subscription.timeline, partial(self._offer, feed))
        except NotInStore as error:
            await self._outlet.say(ErrorMessage(code=error.code, message=error.what, reply_to=subscription.id))
            return
        subscription.feeds[subscription.timeline] = feed
        self._keep(subscription)
        recovered = after is not None and epoch is not None and await reader.resume(after, epoch)
        first = () if recovered else await reader.take(1)
        if reader.head is None:  # removed just now
            self._drop(subscription)
            missing = f"no timeline {subscription.timeline!r}"
            await self._outlet.say(ErrorMessage(code=NotInStore.code, message=missing, reply_to=subscription.id))
            return
        place = reader.head
        await self._outlet.say(
            Subscribed(id=subscription.id, timeline=subscription.timeline, epoch=place.epoch, seq=place.seq, recovered=recovered)
        )
        for item in first:
            await self._tell(feed, item)
        feed.waits = False
        self._offer(feed)

    def _keep(self, subscription: _Subscription) -> None:
        self._held[subscription.id] = subscription
        self._metrics.add("streamtags_subscriptions")

    def _drop(self, subscription: _Subscription) -> None:
        subscription.close()
        del self._held[subscription.id]
        self._metrics.add("streamtags_subscriptions", -1)

    def _join(self, subscription: _Subscription, timeline: str) -> None:
        """Take one more timeline into a subscription to all; it begins with its state."""
        if timeline not in subscription.feeds:
            feed = subscription.feeds[timeline] = _Feed(subscription)
            feed.reader = self._hub.reader_of_known(timeline, partial(self._offer, feed))
            self._queue(feed)

    # What the client is told

    def beat(self) -> None:
        """Have the client told how far its timelines reach."""
        self._beat = True
        self._wake.set()

    async def run(self) -> None:
        """Read feeds forward as they come to need it, until cancelled.

        Raises:
            Closed: the client has gone.
            StoreError: the store cannot be read.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                due, self._due = self._due, []
                for feed in due:
                    for item in await feed.reader.take(_TURN):
                        await self._tell(feed, item)
                    feed.waits = feed.reader.behind
                    if feed.waits:
                        self._due.append(feed)
                    await asyncio.sleep(0)
            if self._beat:
                self._beat = False
                await self._outlet.say(Heartbeat(seqs=self._seqs()))

    def _offer(self, feed: _Feed) -> None:
        """Told by the hub that there may be something to take."""
        if feed.waits:
            return
        try:
            all_sent = self._pushed(feed)
        except Exception:  # noqa: BLE001 - not the hub's business: the task meets it again, where it ends this connection and no other
            all_sent = False
        if not all_sent:
            self._queue(feed)

    def _pushed(self, feed: _Feed) -> bool:
        """Send events that are at hand; whether those were all there is to be told."""
        reader, subscription, push = feed.reader, feed.subscription, self._outlet.push
        entries = reader.at_hand(_AT_ONCE)
        if entries is None:
            return False
        for entry in entries:
            if subscription.filter is None or subscription.wants(entry):
                if not push(_framed(subscription.id, entry.line)):
                    return False
                self._metrics.add("streamtags_events_sent_total")
            reader.passed(entry)
        return len(entries) < _AT_ONCE or not reader.behind

    def _queue(self, feed: _Feed) -> None:
        feed.waits = True
        self._due.append(feed)
        self._wake.set()

    def _seqs(self) -> dict[str, int]:
        readers = [feed.reader for subscription in self._held.values() for feed in subscription.feeds.values()]
        return {reader.timeline: reader.head.seq for reader in readers if reader.head is not None}

    async def _tell(self, feed: _Feed, item: Item) -> None:
        subscription, timeline = feed.subscription, feed.reader.timeline
        if not subscription.open:
            return  # unsubscribed while this was read
        if isinstance(item, Entry):
            if subscription.wants(item):
                if not self._outlet.push(_framed(subscription.id, item.line)):
                    await self._outlet.text(event_frame(subscription.id, item.line))
                self._metrics.add("streamtags_events_sent_total")
        elif isinstance(item, State):
            place = f'"timeline":{json.dumps(timeline)},"epoch":{json.dumps(item.head.epoch)},"seq":{item.head.seq}'
            await self._outlet.text(f'{{"type":"snapshot","id":{json.dumps(subscription.id)},{place},"state":{item.json}}}')
            self._metrics.add("streamtags_snapshots_sent_total")
        elif isinstance(item, Lag):
            self._metrics.add("streamtags_lagged_total")
            await self._outlet.say(Lagged(id=subscription.id, seq=item.seq))
        elif isinstance(item, Gone):
            await self._end(subscription, timeline)

    async def _end(self, subscription: _Subscription, timeline: str) -> None:
        """The timeline was removed."""
        if subscription.timeline != ALL:
            self._drop(subscription)
            await self._outlet.say(Unsubscribed(id=subscription.id))
            return
        subscription.feeds.pop(timeline).reader.close()
        await self._outlet.say(Removed(id=subscription.id, timeline=timeline))
        if self._hub.knows(timeline):  # made again meanwhile
            self._join(subscription, timeline)
