"""Paths in a configuration file are relative to the folder of that file, wherever the command is run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

__all__ = ["anchored"]

_SQLITE = "sqlite:///"


def anchored(values: Mapping[str, Any], model: type[BaseModel], folder: Path) -> dict[str, Any]:
    """Return `values` of a file in `folder`, for `model`, with every relative path made absolute.

    Every field of the type `Path` counts, and of the texts that may name a file: `tags`, unless it is the name of a vocabulary that
    ships, and a `store` of SQLite. Values of a wrong type are returned as they are: the model reports them.
    """
    fields = model.model_fields
    return {name: _anchored(name, value, fields[name].annotation, folder) if name in fields else value for name, value in values.items()}


def _anchored(name: str, value: Any, annotation: Any, folder: Path) -> Any:
    kinds = _kinds(annotation)
    if isinstance(value, Mapping):
        inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if inner is None:
            return value
        if dict in kinds:
            return {key: _anchored(name, one, inner, folder) for key, one in value.items()}
        return anchored(value, inner, folder)
    if Path in kinds:
        return [_path(one, folder) for one in value] if isinstance(value, list) else _path(value, folder)
    if name == "tags" and isinstance(value, str) and (Path(value).suffix or "/" in value or (folder / value).is_file()):
        return _path(value, folder)
    if name == "store" and isinstance(value, str) and value.startswith(_SQLITE):
        return _SQLITE + _path(value.removeprefix(_SQLITE), folder)
    return value


def _path(value: Any, folder: Path) -> Any:
    return str(folder.absolute() / Path(value).expanduser()) if isinstance(value, str) and value else value


def _kinds(annotation: Any) -> set[Any]:
    """Return the types that an annotation is made of, such as Path of `tuple[Path, ...]`, and dict of `dict[str, Model]`."""
    parts = get_args(annotation)
    origin = getattr(annotation, "__origin__", annotation)
    return {origin}.union(*(_kinds(part) for part in parts)) if parts else {annotation}
