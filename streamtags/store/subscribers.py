"""Callbacks that are called after a change of a log."""

from __future__ import annotations

import logging
from collections.abc import Callable

__all__ = ["Subscribers"]

_log = logging.getLogger(__name__)


class Subscribers:
    """The callbacks of one store object. Adding, removing and notifying are safe from several threads."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[str], None]] = []

    def add(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Add a callback; return a function that removes it."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def notify(self, timeline: str) -> None:
        """Call every callback with `timeline`; an exception in one is logged, because the change is durable all the same."""
        for callback in list(self._callbacks):
            try:
                callback(timeline)
            except Exception:  # noqa: BLE001 - the writer must not see it
                _log.exception("a subscriber of the store failed on %s", timeline)
