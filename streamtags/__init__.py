"""Segment-level streaming video analysis: shots, captions and music-library tags, as a timeline.

    from streamtags import open_store, sync

    with open_store() as store:
        state = sync.analyze("film.mp4", store)

`streamtags.analyze` and its neighbors are coroutines; `streamtags.sync` has the same functions for code without an event loop.
Names are imported when they are first used: `import streamtags` loads neither OpenCV nor torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from streamtags.moved import keep_old_names

if TYPE_CHECKING:
    from streamtags.api import analyze, correct, export, retag, search
    from streamtags.config.settings import Settings, load_settings
    from streamtags.config.vocabulary_file import load_vocabulary
    from streamtags.core.errors import StreamtagsError
    from streamtags.core.events import Event
    from streamtags.core.fold import Fold, fold
    from streamtags.core.state import TimelineState
    from streamtags.core.stores import Store
    from streamtags.core.vocabulary import Vocabulary
    from streamtags.store.opening import open_store

__all__ = [
    "Event",
    "Fold",
    "Settings",
    "Store",
    "StreamtagsError",
    "TimelineState",
    "Vocabulary",
    "analyze",
    "correct",
    "export",
    "fold",
    "load_settings",
    "load_vocabulary",
    "open_store",
    "retag",
    "search",
]

_HOME = {
    "Event": "core.events",
    "Fold": "core.fold",
    "Settings": "config.settings",
    "Store": "core.stores",
    "StreamtagsError": "core.errors",
    "TimelineState": "core.state",
    "Vocabulary": "core.vocabulary",
    "analyze": "api",
    "correct": "api",
    "export": "api",
    "fold": "core.fold",
    "load_settings": "config.settings",
    "load_vocabulary": "config.vocabulary_file",
    "open_store": "store.opening",
    "retag": "api",
    "search": "api",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"streamtags.{_HOME[name]}"), name)
    raise AttributeError(f"module 'streamtags' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


class _Package(ModuleType):
    """Keeps the functions `export` and `search` in front of the subpackages with these names, which the import system sets here."""

    @property
    def export(self) -> Callable[..., Any]:
        return self.__getattr__("export")  # type: ignore[no-any-return]

    @export.setter
    def export(self, _: ModuleType) -> None:
        pass

    @property
    def search(self) -> Callable[..., Any]:
        return self.__getattr__("search")  # type: ignore[no-any-return]

    @search.setter
    def search(self, _: ModuleType) -> None:
        pass


sys.modules[__name__].__class__ = _Package
keep_old_names()
