"""Opening a source that may take its time, in a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from streamtags.core.errors import SourceError
from streamtags.core.ports import FrameSource
from streamtags.sources.file.access import without_password

__all__ = ["opened"]


async def opened(make: Callable[[], FrameSource], stop: asyncio.Event, where: str) -> FrameSource:
    """What `make` returns or raises, unless `stop` is set first; then what it still makes is closed.

    Raises:
        SourceError: `stop` was set (code `source.stopped`).
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[FrameSource] = loop.create_future()

    def settle(source: FrameSource | None, error: BaseException | None) -> None:
        if found.done():
            if source is not None:
                source.close()
        elif error is not None:
            found.set_exception(error)
        elif source is not None:
            found.set_result(source)

    def work() -> None:
        source: FrameSource | None = None
        error: BaseException | None = None
        try:
            source = make()
        except BaseException as raised:  # noqa: BLE001 - raised where it is waited for
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, source, error)

    threading.Thread(target=work, name="open", daemon=True).start()
    stopped = asyncio.create_task(stop.wait())
    stopped.add_done_callback(lambda _: found.cancel())
    try:
        await asyncio.wait({found})
        if found.cancelled():
            raise SourceError("had sent nothing when the analysis was stopped", where=without_password(where), code="source.stopped")
        return found.result()
    finally:
        stopped.cancel()
        found.cancel()
