"""The subscriptions of one client.

There is no queue of events: a `_Feed` is a position in a log. While its client keeps up, an event is sent in the moment the hub notifies
the feed, in the hub's one loop over all readers: no task switch, and one frame for all subscriptions with the same id. When the client
does not keep up, or more follows than the events in memory, the feed waits for the one task here that reads it forward. Until that task
has caught up, nothing overtakes it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
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
from streamtags_server.http.uvicorn_protocols import text_frame
from streamtags_server.metrics import Metrics
from streamtags_server.ws.hub import Hub
from streamtags_server.ws.outlet import Closed, Outlet
from streamtags_server.ws.pages import PAGE_EVENTS
from streamtags_server.ws.reader import FoldedState, LagNotice, Reader, Removal, Update
from streamtags_server.ws.ring import Entry
from streamtags_server.ws.turns import Turns

__all__ = ["ALL", "Subscriptions"]

ALL = "*"
"""The timeline of a subscription that follows every one."""

# Events sent within the hub's loop. Of more, the client's own task sends a turn before its next feed, and other clients, are served.
_EVENTS_PER_NOTIFICATION = 16
_EVENTS_PER_TAKE = 64
# A client that reads fast is brought forward by so many takes in a turn of its own; then other clients have theirs.
_TAKES_PER_TURN = 64
# A write of many events costs little more than one of one event. More than this is more than a socket takes at once.
_BYTES_PER_WRITE = 64 * 1024


@lru_cache(maxsize=4 * PAGE_EVENTS)
def _event_frame_bytes(name: str, line: str) -> bytes:
    return text_frame(event_frame(name, line))


def _snapshot_frame(name: str, timeline: str, state: FoldedState) -> str:
    place = f'"timeline":{json.dumps(timeline)},"epoch":{json.dumps(state.head.epoch)},"seq":{state.head.seq}'
    return f'{{"type":"snapshot","id":{json.dumps(name)},{place},"state":{state.json}}}'


@lru_cache(maxsize=4)
def _snapshot_frame_bytes(name: str, timeline: str, state: FoldedState) -> bytes:
    return text_frame(_snapshot_frame(name, timeline, state))


class _Subscription:
    """A timeline that the client follows; `requested` is the id, prefix or `last` in its message."""

    def __init__(self, name: str, timeline: str, filter_: Filter | None) -> None:
        self.id = name
        self.requested = self.timeline = timeline
        self.filter = filter_
        self.open = True
        self.feeds: dict[str, _Feed] = {}
        self.stop_watching: Callable[[], None] = lambda: None

    def wants(self, entry: Entry) -> bool:
        wanted = self.filter
        if wanted is None:
            return True
        if wanted.types is not None and entry.type not in wanted.types:
            return False
        return entry.type != "segment.tagged" or matches(wanted, entry.event)

    def close(self) -> None:
        self.open = False
        self.stop_watching()
        for feed in self.feeds.values():
            feed.reader.close()


class _Feed:
    """One timeline of a subscription. While it `waits`, for its first messages or for its turn, events may not overtake those."""

    __slots__ = ("reader", "subscription", "waits")
    reader: Reader

    def __init__(self, subscription: _Subscription) -> None:
        self.subscription = subscription
        self.waits = True


class Subscriptions:
    """The subscriptions of one client."""

    def __init__(self, hub: Hub, turns: Turns, settings: ServerSettings, metrics: Metrics, outlet: Outlet) -> None:
        self._hub, self._turns, self._metrics, self._outlet = hub, turns, metrics, outlet
        self._limit = settings.subscriptions
        self._subscriptions: dict[str, _Subscription] = {}
        self._due: list[_Feed] = []
        self._wake = asyncio.Event()
        self._beat = False

    def close(self) -> None:
        """End all of them."""
        for subscription in list(self._subscriptions.values()):
            self._drop(subscription)

    # Messages of the client

    async def subscribe(self, message: Subscribe) -> None:
        """Start a subscription, or give an existing one another filter.

        Raises:
            Closed: there are too many, the id follows another timeline, or the client has disconnected.
            StoreError: the store cannot be read.
        """
        existing = self._subscriptions.get(message.id)
        if existing is not None:
            await self._refilter(existing, message)
        elif len(self._subscriptions) >= self._limit:
            raise Closed(CloseCode.TOO_MANY, f"more than {self._limit} subscriptions")
        elif message.timeline == ALL:
            await self._follow_all(_Subscription(message.id, ALL, message.filter))
        else:
            await self._follow(_Subscription(message.id, message.timeline, message.filter), message.after, message.epoch)

    async def unsubscribe(self, name: str) -> None:
        """End a subscription.

        Raises:
            Closed: the client has disconnected.
        """
        subscription = self._subscriptions.get(name)
        if subscription is None:
            await self._outlet.send(ErrorMessage(code="not_found", message=f"no subscription {name!r}", reply_to=name))
            return
        self._drop(subscription)
        await self._outlet.send(Unsubscribed(id=name))

    async def _refilter(self, subscription: _Subscription, message: Subscribe) -> None:
        if message.timeline not in (subscription.timeline, subscription.requested):
            raise Closed(CloseCode.ID_IN_USE, f"subscription {message.id!r} follows {subscription.timeline}")
        subscription.filter = message.filter
        feed = subscription.feeds.get(subscription.timeline)
        epoch, seq = (feed and feed.reader.head) or ("", 0)
        await self._outlet.send(Subscribed(id=subscription.id, timeline=subscription.timeline, epoch=epoch, seq=seq, recovered=True))

    async def _follow_all(self, subscription: _Subscription) -> None:
        self._add(subscription)
        await self._outlet.send(Subscribed(id=subscription.id, timeline=ALL, epoch="", seq=0, recovered=False))
        subscription.stop_watching = self._hub.watch(lambda timeline: self._join(subscription, timeline))
        for timeline in await self._hub.timelines():
            self._join(subscription, timeline)

    async def _follow(self, subscription: _Subscription, after: int | None, epoch: str | None) -> None:
        feed = _Feed(subscription)
        try:
            async with self._turns.turn():
                recovered, first = await self._begin(feed, after, epoch)
        except NotInStore as error:
            await self._outlet.send(ErrorMessage(code=error.code, message=error.what, reply_to=subscription.id))
            return
        reader = feed.reader
        if reader.head is None:  # removed a moment ago
            self._drop(subscription)
            missing = f"no timeline {subscription.timeline!r}"
            await self._outlet.send(ErrorMessage(code=NotInStore.code, message=missing, reply_to=subscription.id))
            return
        head = reader.head
        await self._outlet.send(
            Subscribed(id=subscription.id, timeline=subscription.timeline, epoch=head.epoch, seq=head.seq, recovered=recovered)
        )
        for update in first:
            await self._send_update(feed, update)
        feed.waits = False
        self._on_new_events(feed)

    async def _begin(self, feed: _Feed, after: int | None, epoch: str | None) -> tuple[bool, Sequence[Update]]:
        """Give `feed` a reader; return whether it resumes, and what comes first if it does not."""
        subscription = feed.subscription
        subscription.timeline = await self._hub.resolve(subscription.requested)
        feed.reader = reader = await self._hub.reader(subscription.timeline, partial(self._on_new_events, feed))
        subscription.feeds[subscription.timeline] = feed
        self._add(subscription)
        if after is not None and epoch is not None and await reader.resume(after, epoch):
            return True, ()
        return False, await reader.take(1)

    def _add(self, subscription: _Subscription) -> None:
        self._subscriptions[subscription.id] = subscription
        self._metrics.add("streamtags_subscriptions")

    def _drop(self, subscription: _Subscription) -> None:
        subscription.close()
        del self._subscriptions[subscription.id]
        self._metrics.add("streamtags_subscriptions", -1)

    def _join(self, subscription: _Subscription, timeline: str) -> None:
        """Add one more timeline to a subscription to all; its state comes first."""
        if timeline not in subscription.feeds:
            feed = subscription.feeds[timeline] = _Feed(subscription)
            feed.reader = self._hub.reader_of_known(timeline, partial(self._on_new_events, feed))
            self._enqueue(feed)

    # Messages to the client

    def beat(self) -> None:
        """Send a heartbeat as soon as the feeds that are due have been served."""
        self._beat = True
        self._wake.set()

    async def run(self) -> None:
        """Read feeds forward when they are due, until cancelled.

        Raises:
            Closed: the client has disconnected.
            StoreError: the store cannot be read.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                due, self._due = self._due, []
                for feed in due:
                    await self._read_forward(feed)
                    feed.waits = feed.reader.behind
                    if feed.waits:
                        self._due.append(feed)
                    await asyncio.sleep(0)
            if self._beat:
                self._beat = False
                await self._outlet.send(Heartbeat(seqs=self._seqs()))

    async def _read_forward(self, feed: _Feed) -> None:
        """Send what a feed is behind, until its client does not keep up or its turn is over. Events in memory need no turn."""
        reader = feed.reader
        rest: Sequence[Update] = ()
        async with self._turns.turn() if reader.available(1) is None else nullcontext():
            for _ in range(_TAKES_PER_TURN):
                updates = await reader.take(_EVENTS_PER_TAKE)
                rest = updates[self._push_updates(feed, updates) :]
                if rest or not reader.behind:
                    break
                await asyncio.sleep(0)
        for update in rest:
            await self._send_update(feed, update)

    def _on_new_events(self, feed: _Feed) -> None:
        """Called by the hub when there may be something to take."""
        if feed.waits:
            return
        try:
            all_sent = self._push_available(feed)
        except Exception:  # noqa: BLE001 - must not end the hub's loop: the task gets the same error, and ends this connection only
            all_sent = False
        if not all_sent:
            self._enqueue(feed)

    def _push_available(self, feed: _Feed) -> bool:
        """Send the events that are in memory; return whether nothing is left to send."""
        reader = feed.reader
        entries = reader.available(_EVENTS_PER_NOTIFICATION)
        if entries is None:
            return False
        sent = self._push_updates(feed, entries)
        if sent:
            reader.advance(entries[sent - 1])
        return sent == len(entries) and (len(entries) < _EVENTS_PER_NOTIFICATION or not reader.behind)

    def _enqueue(self, feed: _Feed) -> None:
        feed.waits = True
        self._due.append(feed)
        self._wake.set()

    def _seqs(self) -> dict[str, int]:
        readers = [feed.reader for subscription in self._subscriptions.values() for feed in subscription.feeds.values()]
        return {reader.timeline: reader.head.seq for reader in readers if reader.head is not None}

    def _push_updates(self, feed: _Feed, updates: Sequence[Update]) -> int:
        """Send a state, or events in few writes, while the client keeps up; return how many of the updates are done."""
        subscription = feed.subscription
        if not subscription.open:
            return len(updates)
        if updates and isinstance(updates[0], FoldedState):  # it comes alone
            return int(
                self._push(_snapshot_frame_bytes(subscription.id, feed.reader.timeline, updates[0]), "streamtags_snapshots_sent_total")
            )
        frames, size, done = list[bytes](), 0, 0
        for update in updates:
            if not isinstance(update, Entry):
                break
            frames.append(_event_frame_bytes(subscription.id, update.line) if subscription.wants(update) else b"")
            size += len(frames[-1])
            if size >= _BYTES_PER_WRITE:
                if not self._push_events(frames):
                    return done
                frames, size, done = [], 0, done + len(frames)
        return done + len(frames) if self._push_events(frames) else done

    def _push_events(self, frames: Sequence[bytes]) -> bool:
        sent = [frame for frame in frames if frame]
        return not sent or self._push(b"".join(sent), "streamtags_events_sent_total", len(sent))

    def _push(self, frames: bytes, counter: str, count: int = 1) -> bool:
        done = self._outlet.push(frames)
        if done:
            self._metrics.add(counter, count)
        return done

    async def _send_update(self, feed: _Feed, update: Update) -> None:
        """Send an update; wait while the client does not keep up."""
        subscription, timeline = feed.subscription, feed.reader.timeline
        if not subscription.open or self._push_updates(feed, (update,)):
            return  # unsubscribed while this was read, or sent
        if isinstance(update, Entry):
            await self._outlet.send_text(event_frame(subscription.id, update.line))
            self._metrics.add("streamtags_events_sent_total")
        elif isinstance(update, FoldedState):
            await self._outlet.send_text(_snapshot_frame(subscription.id, timeline, update))
            self._metrics.add("streamtags_snapshots_sent_total")
        elif isinstance(update, LagNotice):
            self._metrics.add("streamtags_lagged_total")
            await self._outlet.send(Lagged(id=subscription.id, seq=update.seq))
        elif isinstance(update, Removal):
            await self._end(subscription, timeline)

    async def _end(self, subscription: _Subscription, timeline: str) -> None:
        """Report that the timeline was removed."""
        if subscription.timeline != ALL:
            self._drop(subscription)
            await self._outlet.send(Unsubscribed(id=subscription.id))
            return
        subscription.feeds.pop(timeline).reader.close()
        await self._outlet.send(Removed(id=subscription.id, timeline=timeline))
        if self._hub.knows(timeline):  # created again since
            self._join(subscription, timeline)
