"""The modules of earlier releases that programs import most, under their old names. Each warns, and is gone in the next release."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["keep_old_names"]

_PACKAGES = ("streamtags.ingest", "streamtags.timeline")
_PLACES = {
    "streamtags.errors": "streamtags.core.errors",
    "streamtags.events": "streamtags.core.events",
    "streamtags.ingest.source": "streamtags.sources.file.source",
    "streamtags.ingest.subtitles": "streamtags.sources.file.subtitles",
    "streamtags.measures": "streamtags.core.measures",
    "streamtags.model": "streamtags.core.model",
    "streamtags.protocol": "streamtags.core.protocol",
    "streamtags.state": "streamtags.core.state",
    "streamtags.timebase": "streamtags.core.timebase",
    "streamtags.timeline.fold": "streamtags.core.fold",
    "streamtags.timeline.records": "streamtags.core.records",
    "streamtags.vocabulary": "streamtags.core.vocabulary",
    "streamtags.vocabulary_file": "streamtags.config.vocabulary_file",
}


class _OldNames(MetaPathFinder, Loader):
    """Finds a module under its old name, after all other finders have not."""

    def find_spec(self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        known = fullname in _PLACES or fullname in _PACKAGES
        return ModuleSpec(fullname, self, is_package=fullname in _PACKAGES) if known else None

    def exec_module(self, module: ModuleType) -> None:
        place = _PLACES.get(module.__name__)
        if place is not None:
            home = import_module(place)
            vars(module).update({name: getattr(home, name) for name in home.__all__})
            message = f"{module.__name__} is {place} now; the old name goes with the next release"
            warnings.warn(message, DeprecationWarning, stacklevel=2)


def keep_old_names() -> None:
    """Let the old names be imported; does nothing the second time."""
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        sys.meta_path.append(_OldNames())
