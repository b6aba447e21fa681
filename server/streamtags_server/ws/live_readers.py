"""The port through which operations read live logs, over a `Hub`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from streamtags_server.ws.hub import Hub
from streamtags_server.ws.reader import FoldedState, Removal
from streamtags_server.ws.ring import Entry

__all__ = ["LiveReaders"]

_BATCH = 500


class LiveReaders:
    """Reads logs as they grow; implements `streamtags.operations.services.Readers`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.resolve = hub.resolve
        self.refresh = hub.refresh
        self.wake = hub.wake

    async def state_json(self, timeline: str) -> str:
        """Return the fold of the log as JSON.

        Raises:
            NotInStore: there is no such timeline.
        """
        return (await self._hub.state(timeline)).json

    async def follow(self, timeline: str, after: int) -> AsyncGenerator[str, None]:
        """Yield the log as it grows, then the one that replaces it, until the timeline is removed or the server stops."""
        hub, changed = self._hub, asyncio.Event()
        reader = await hub.reader(timeline, changed.set)
        try:
            epoch, end = await hub.head(timeline)
            await reader.resume(min(after, end), epoch)
            while not hub.stopped.is_set():
                changed.clear()
                updates = await reader.take(_BATCH)
                for update in updates:
                    if isinstance(update, FoldedState):  # of another log: read it from its first event
                        await reader.resume(0, update.head.epoch)
                    elif isinstance(update, Removal):
                        return
                entries = [update for update in updates if isinstance(update, Entry) and (update.epoch != epoch or update.seq > after)]
                if entries:
                    yield "".join(f"{entry.line}\n" for entry in entries)
                elif not updates and not reader.behind:
                    await _first_of(changed, hub.stopped)
        finally:
            reader.close()


async def _first_of(*events: asyncio.Event) -> None:
    """Wait until one of `events` is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
