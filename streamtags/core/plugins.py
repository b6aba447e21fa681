"""Stages that other packages register by entry point; they are loaded when they are first needed, and once."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from streamtags.core.errors import ConfigError

__all__ = ["STAGES_GROUP", "installed_stages"]

STAGES_GROUP = "streamtags.stages"


@cache
def installed_stages() -> tuple[tuple[str, object], ...]:
    """Return what each entry point of the group names, with a description of the entry point for messages; in order of their names.

    Raises:
        ConfigError: one cannot be imported.
    """
    return tuple((_place(point), _load(point)) for point in sorted(entry_points(group=STAGES_GROUP), key=lambda point: point.name))


def _place(point: EntryPoint) -> str:
    package = f" of the package {point.dist.name}" if point.dist is not None else ""
    return f"stage {point.name!r}{package}"


def _load(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:
        raise ConfigError(
            f"cannot be imported: {type(error).__name__}: {error}",
            where=_place(point),
            hint="fix or uninstall the package that registers it",
        ) from error
