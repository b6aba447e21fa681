"""Opening a source that may take its time, in a thread that no caller has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from streamtags.core.errors import SourceError
from streamtags.core.ports import FrameSource
from streamtags.sources.file.access import without_password

__all__ = ["open_unless_stopped"]


async def open_unless_stopped(open_source: Callable[[], FrameSource], stop: asyncio.Event, where: str) -> FrameSource:
    """Return what `open_source` returns, unless `stop` is set first; then a source that is opened later is closed.

    Args:
        open_source: blocks until the source is open; called in a thread.
        stop: ends the wait.
        where: the source, for messages.

    Raises:
        SourceError: `stop` was set (code `source.stopped`), or `open_source` raised it.
    """
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[FrameSource] = loop.create_future()

    def settle(source: FrameSource | None, error: BaseException | None) -> None:
        if opened.done():
            if source is not None:
                source.close()
        elif error is not None:
            opened.set_exception(error)
        elif source is not None:
            opened.set_result(source)

    def work() -> None:
        source: FrameSource | None = None
        error: BaseException | None = None
        try:
            source = open_source()
        except BaseException as raised:  # noqa: BLE001 - raised in the event loop
            error = raised
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, source, error)

    threading.Thread(target=work, name="open", daemon=True).start()
    stopped = asyncio.create_task(stop.wait())
    stopped.add_done_callback(lambda _: opened.cancel())
    try:
        await asyncio.wait({opened})
        if opened.cancelled():
            raise SourceError("had sent nothing when the analysis was stopped", where=without_password(where), code="source.stopped")
        return opened.result()
    finally:
        stopped.cancel()
        opened.cancel()
