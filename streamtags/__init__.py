"""Segment-level streaming video analysis: shots, captions and music-library tags, as a timeline.

    from streamtags import analyze, load_settings, open_store

    with open_store() as store:
        state = asyncio.run(analyze("film.mp4", load_settings(), store))

Names are imported when they are first used: `import streamtags` loads neither OpenCV nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamtags.config.settings import Settings, load_settings
    from streamtags.config.vocabulary_file import load_vocabulary
    from streamtags.core.errors import StreamtagsError
    from streamtags.core.events import Event
    from streamtags.core.fold import Fold, fold
    from streamtags.core.state import TimelineState
    from streamtags.core.stores import Store
    from streamtags.core.vocabulary import Vocabulary
    from streamtags.run.analyze import analyze
    from streamtags.run.correct import correct
    from streamtags.run.retag import retag
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
    "fold",
    "load_settings",
    "load_vocabulary",
    "open_store",
    "retag",
]

_HOME = {
    "Event": "core.events",
    "Fold": "core.fold",
    "Settings": "config.settings",
    "Store": "core.stores",
    "StreamtagsError": "core.errors",
    "TimelineState": "core.state",
    "Vocabulary": "core.vocabulary",
    "analyze": "run.analyze",
    "correct": "run.correct",
    "fold": "core.fold",
    "load_settings": "config.settings",
    "load_vocabulary": "config.vocabulary_file",
    "open_store": "store.opening",
    "retag": "run.retag",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"streamtags.{_HOME[name]}"), name)
    raise AttributeError(f"module 'streamtags' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
