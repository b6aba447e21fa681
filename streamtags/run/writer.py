"""The one writer of a running analysis: makes payloads durable, then tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streamtags.core.errors import StoreError
from streamtags.core.events import Event, Payload
from streamtags.core.fold import Fold
from streamtags.core.records import Fingerprint
from streamtags.core.stores import Store

__all__ = ["Publish", "Writer"]

Publish = Callable[[Sequence[Event]], None]


@dataclass(slots=True)
class _Entry:
    payloads: Sequence[Payload]
    thumbnails: Mapping[str, bytes]
    fingerprints: Mapping[str, Fingerprint]
    durable: asyncio.Future[None] | None = None  # None where nobody waits for it


class Writer:
    """Appends to one log and folds it.

    What is asked for while a commit is under way goes into the next one, so that many segments share the price of a durable write.
    Nothing waits unboundedly: whoever writes waits until it is durable. Events that another process appended in between (a person's
    correction) are read, folded and published in their place.

    Args:
        fold: the state of the log so far; kept current.
        publish: told of every event, in order, after it is durable.
        epoch: refuse to write to any log but this one; None where the caller holds a claim.
        gather: tells how many seconds the next commit is to wait for more to go into it.
    """

    def __init__(
        self,
        store: Store,
        timeline: str,
        fold: Fold,
        publish: Publish,
        epoch: str | None = None,
        gather: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._store = store
        self._epoch = epoch
        self._gather = gather
        self._timeline = timeline
        self._fold = fold
        self._publish = publish
        self._entries: list[_Entry] = []
        self._working: asyncio.Task[None] | None = None
        self._broken: BaseException | None = None  # something was not written and nothing may follow it, or nobody has heard of it yet

    async def write(
        self, *payloads: Payload, thumbnails: Mapping[str, bytes] | None = None, fingerprints: Mapping[str, Fingerprint] | None = None
    ) -> None:
        """Return when `payloads` are durable, folded and published.

        Raises:
            StoreError: none of them was written, or something before them was not.
            Exception: they are durable, and `publish` failed.
        """
        if payloads:
            durable = asyncio.get_running_loop().create_future()
            self._enter(_Entry(payloads, thumbnails or {}, fingerprints or {}, durable))
            await durable

    def put(self, *payloads: Payload) -> None:
        """Write `payloads` without waiting for it, before whatever is written later; should that fail, so does everything later."""
        if payloads:
            self._enter(_Entry(payloads, {}, {}))

    def _enter(self, entry: _Entry) -> None:
        self._entries.append(entry)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._entries:
            if seconds := self._gather():
                await asyncio.sleep(seconds)
            entries, self._entries = self._entries, []
            try:
                if self._broken is not None:
                    raise self._broken
                events = await asyncio.to_thread(self._append, entries)
                for event in events:
                    self._fold.apply(event)
                self._publish(events)
            except BaseException as error:
                waiting = [entry.durable for entry in entries if entry.durable is not None]
                self._broken = error if isinstance(error, StoreError) or not waiting else None
                for durable in waiting:
                    if not durable.done():
                        durable.set_exception(error)
                if not isinstance(error, Exception):
                    raise
                continue
            for entry in entries:
                if entry.durable is not None and not entry.durable.done():
                    entry.durable.set_result(None)

    def _append(self, entries: Sequence[_Entry]) -> list[Event]:
        events = self._store.append(
            self._timeline,
            [payload for entry in entries for payload in entry.payloads],
            expect_epoch=self._epoch,
            thumbnails={name: data for entry in entries for name, data in entry.thumbnails.items()},
            fingerprints={name: data for entry in entries for name, data in entry.fingerprints.items()},
        )
        if events and events[0].seq > self._fold.seq + 1:
            events = self._store.read(self._timeline, after=self._fold.seq)
        return events
