"""Captioners and classifiers by name, imported when used."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from streamtags.config import BackendSettings
from streamtags.errors import ConfigError
from streamtags.ports import Captioner, Classifier

__all__ = ["backend_names", "create_captioner", "create_classifier"]

_CAPTIONERS = "streamtags.captioners"
_CLASSIFIERS = "streamtags.classifiers"


def create_captioner(settings: BackendSettings) -> Captioner:
    """The captioner of `settings.backend`, made from its options.

    Raises:
        ConfigError: no such backend, an option it does not know, or a package it needs is not installed.
    """
    return cast("Captioner", _create(_CAPTIONERS, settings))


def create_classifier(settings: BackendSettings) -> Classifier:
    """The classifier of `settings.backend`, made from its options.

    Raises:
        ConfigError: no such backend, an option it does not know, or a package it needs is not installed.
    """
    return cast("Classifier", _create(_CLASSIFIERS, settings))


def backend_names() -> dict[str, list[str]]:
    """Names of installed backends, by entry-point group."""
    return {group: sorted(point.name for point in entry_points(group=group)) for group in (_CAPTIONERS, _CLASSIFIERS)}


def _create(group: str, settings: BackendSettings) -> object:
    points: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=group)}
    point = points.get(settings.backend)
    if point is None:
        raise ConfigError(f"no backend {settings.backend!r}", where=group, hint=f"installed are {', '.join(sorted(points)) or 'none'}")
    try:
        create: Any = point.load()
        return cast("object", create(settings.options))
    except ModuleNotFoundError as error:
        wanted = "transformers" if settings.backend == "transformers" else "models"
        raise ConfigError(
            f"the backend {settings.backend!r} needs the package {error.name}", where=group, hint=f"pip install 'streamtags[{wanted}]'"
        ) from error
