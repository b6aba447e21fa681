"""The only writer of a running analysis: makes payloads durable, then publishes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from streamtags.core.errors import StoreError
from streamtags.core.events import Event, Payload
from streamtags.core.records import Fingerprint
from streamtags.core.stores import Store

__all__ = ["Publish", "TakesEvents", "Writer"]

Publish = Callable[[Sequence[Event]], None]


class TakesEvents(Protocol):
    """What a writer keeps current: a `Fold`, or a `Ledger`."""

    @property
    def seq(self) -> int:
        """The seq of the last event taken."""
        ...

    def apply(self, event: Event) -> None:
        """Take the next event; one that was taken already is ignored."""
        ...


@dataclass(slots=True)
class _Entry:
    payloads: Sequence[Payload]
    thumbnails: Mapping[str, bytes]
    fingerprints: Mapping[str, Fingerprint]
    waveforms: Mapping[str, bytes]
    durable: asyncio.Future[None] | None = None  # None if the caller does not wait


class Writer:
    """Appends to one log and folds it.

    Payloads that arrive during a commit go into the next one, so that many segments share the cost of a durable write. The queue is
    bounded by its callers, because `write` returns when the payloads are durable. Events that another process appended in between, such
    as a person's correction, are read, folded and published in their place.

    Args:
        store: where the log is.
        timeline: the log.
        fold: the state of the log so far; kept current.
        publish: called with every event, in order, after it is durable.
        epoch: refuse to write to a log of another epoch; None if the caller has claimed the timeline.
        wait_seconds: returns how many seconds the next commit waits for more payloads.
    """

    def __init__(
        self,
        store: Store,
        timeline: str,
        fold: TakesEvents,
        publish: Publish,
        epoch: str | None = None,
        wait_seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._store = store
        self._epoch = epoch
        self._wait_seconds = wait_seconds
        self._timeline = timeline
        self._fold = fold
        self._publish = publish
        self._entries: list[_Entry] = []
        self._working: asyncio.Task[None] | None = None
        # An error after which nothing may be written, or that no caller has received yet.
        self._error: BaseException | None = None

    async def write(
        self,
        *payloads: Payload,
        thumbnails: Mapping[str, bytes] | None = None,
        fingerprints: Mapping[str, Fingerprint] | None = None,
        waveforms: Mapping[str, bytes] | None = None,
    ) -> None:
        """Return when `payloads` are durable, folded and published.

        Raises:
            StoreError: none of them was written, or an earlier payload was not.
            Exception: they are durable, and `publish` failed.
        """
        if payloads:
            durable = asyncio.get_running_loop().create_future()
            self._enter(_Entry(payloads, thumbnails or {}, fingerprints or {}, waveforms or {}, durable))
            await durable

    def put(self, *payloads: Payload) -> None:
        """Write `payloads` before anything that is written later, without waiting; if that fails, every later write fails."""
        if payloads:
            self._enter(_Entry(payloads, {}, {}, {}))

    async def flush(self) -> None:
        """Return when everything put so far is durable, folded and published.

        Raises:
            StoreError: something was not written.
        """
        if self._entries or (self._working is not None and not self._working.done()) or self._error is not None:
            durable = asyncio.get_running_loop().create_future()
            self._enter(_Entry((), {}, {}, {}, durable))
            await durable

    def _enter(self, entry: _Entry) -> None:
        self._entries.append(entry)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._entries:
            if seconds := self._wait_seconds():
                await asyncio.sleep(seconds)
            entries, self._entries = self._entries, []
            try:
                if self._error is not None:
                    raise self._error
                events = await asyncio.to_thread(self._append, entries)
                for event in events:
                    self._fold.apply(event)
                if events:
                    self._publish(events)
            except BaseException as error:
                waiting = [entry.durable for entry in entries if entry.durable is not None]
                self._error = error if isinstance(error, StoreError) or not waiting else None
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
        payloads = [payload for entry in entries for payload in entry.payloads]
        if not payloads:
            return []
        events = self._store.append(
            self._timeline,
            payloads,
            expect_epoch=self._epoch,
            thumbnails={name: data for entry in entries for name, data in entry.thumbnails.items()},
            fingerprints={name: data for entry in entries for name, data in entry.fingerprints.items()},
            waveforms={name: data for entry in entries for name, data in entry.waveforms.items()},
        )
        if events and events[0].seq > self._fold.seq + 1:
            events = self._store.read(self._timeline, after=self._fold.seq)
        return events
