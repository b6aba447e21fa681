"""Watching a store whose only sign of a change is its data version."""

from __future__ import annotations

import threading
from collections.abc import Callable

from streamtags.core.errors import StoreError

__all__ = ["watch_by_polling"]

# Polled a hundred times a second, a file takes less than a hundredth of a core.
_POLL_SECONDS = 0.01
# Pause after the store could not be read.
_RETRY_SECONDS = 0.5


def watch_by_polling(data_version: Callable[[], int], callback: Callable[[int], None]) -> Callable[[], None]:
    """Call `callback` with the data version when it has changed, from a thread of its own; return a function that stops that.

    While the store cannot be read, `callback` gets -1 at intervals: its reads then raise the error.
    """
    stopped = threading.Event()

    def poll() -> None:
        known = -1
        while not stopped.wait(_POLL_SECONDS):
            try:
                version = data_version()
            except StoreError:
                callback(-1)
                stopped.wait(_RETRY_SECONDS)
                continue
            if version != known:
                known = version
                callback(version)

    thread = threading.Thread(target=poll, name="streamtags-watch", daemon=True)
    thread.start()

    def stop() -> None:
        stopped.set()
        thread.join(timeout=_RETRY_SECONDS)

    return stop
