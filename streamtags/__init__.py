"""Segment-level streaming video analysis: shots, captions and music-library tags, as a timeline.

    from streamtags import analyse, load_settings, open_store

    with open_store() as store:
        state = asyncio.run(analyse("film.mp4", load_settings(), store))

Names are imported when they are first used: `import streamtags` loads neither OpenCV nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamtags.config import Settings, load_settings
    from streamtags.errors import StreamtagsError
    from streamtags.events import Event
    from streamtags.pipeline.correct import correct
    from streamtags.pipeline.retag import retag
    from streamtags.pipeline.run import analyse
    from streamtags.state import TimelineState
    from streamtags.timeline.fold import Fold, fold
    from streamtags.timeline.store import SqliteStore, open_store
    from streamtags.vocabulary import Vocabulary
    from streamtags.vocabulary_file import load_vocabulary

__all__ = [
    "Event",
    "Fold",
    "Settings",
    "SqliteStore",
    "StreamtagsError",
    "TimelineState",
    "Vocabulary",
    "analyse",
    "correct",
    "fold",
    "load_settings",
    "load_vocabulary",
    "open_store",
    "retag",
]

_HOME = {
    "Event": "events",
    "Fold": "timeline.fold",
    "Settings": "config",
    "SqliteStore": "timeline.store",
    "StreamtagsError": "errors",
    "TimelineState": "state",
    "Vocabulary": "vocabulary",
    "analyse": "pipeline.run",
    "correct": "pipeline.correct",
    "fold": "timeline.fold",
    "load_settings": "config",
    "load_vocabulary": "vocabulary_file",
    "open_store": "timeline.store",
    "retag": "pipeline.retag",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"streamtags.{_HOME[name]}"), name)
    raise AttributeError(f"module 'streamtags' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
