"""Files of matchers: safetensors, which hold numbers and no code. A file from outside is checked before anything of it is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from streamtags.core.errors import ConfigError, UsageError
from streamtags.core.files import write_atomically
from streamtags.core.validation import first_mistake
from streamtags.matching.options import MatcherSizes, parameter_shapes

__all__ = ["INSTALL", "Arrays", "Checkpoint", "read_checkpoint", "write_checkpoint"]

INSTALL = "pip install 'streamtags[matching]'"
_FORMAT, _VERSION = "streamtags-matcher", "1"
_MAX_BYTES = 1 << 30
_MAX_TEXT = 100_000  # characters of a text in the header
_HINT = "train it again with `streamtags cues train`"

Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A matcher in a file.

    Attributes:
        sizes: of the network.
        arrays: the parameters, and for a training that goes on what else it needs, under names that begin with `state.`.
        facts: how it was trained, in plain JSON types.
    """

    sizes: MatcherSizes
    arrays: Arrays
    facts: Mapping[str, Any]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a file, whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    from safetensors.numpy import save

    texts = {"format": _FORMAT, "version": _VERSION, "sizes": checkpoint.sizes.model_dump_json(), "facts": json.dumps(checkpoint.facts)}
    try:
        write_atomically(path, save({name: np.ascontiguousarray(array) for name, array in checkpoint.arrays.items()}, texts))
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path), hint="check the folder and its permissions") from error


def read_checkpoint(path: Path, states: tuple[str, ...] = ()) -> Checkpoint:
    """Read a file.

    Args:
        path: the file.
        states: prefixes under which each parameter must be there once more, as an interrupted training leaves them.

    Raises:
        UsageError: it cannot be read, is no matcher, or has other arrays or shapes than its sizes imply.
        ConfigError: the package safetensors is not installed.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise ConfigError("the package safetensors is not installed", where=str(path), hint=INSTALL) from error
    try:
        if (size := path.stat().st_size) > _MAX_BYTES:
            raise UsageError(f"has {size} bytes, more than a matcher can have", where=str(path), hint=_HINT)
        with safe_open(path, framework="numpy") as file:
            sizes, facts = _header(file.metadata() or {}, path)
            wanted = parameter_shapes(sizes)
            wanted |= {f"{state}{name}": shape for state in states for name, shape in parameter_shapes(sizes).items()}
            _check_arrays(file, wanted, path)
            arrays = {name: np.asarray(file.get_tensor(name), np.float32) for name in wanted}
    except (SafetensorError, UnicodeError) as error:
        raise UsageError(f"is no file of safetensors: {error}", where=str(path), hint=_HINT) from error
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror or error}", where=str(path), hint="check the path of the matcher") from error
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise UsageError(f"{name} has values that are no finite numbers", where=str(path), hint=_HINT)
    return Checkpoint(sizes, arrays, facts)


class _Facts(BaseModel):
    """What a file must say of itself."""

    sizes: MatcherSizes
    facts: dict[str, Any]


def _header(texts: Mapping[str, str], path: Path) -> tuple[MatcherSizes, dict[str, Any]]:
    if texts.get("format") != _FORMAT:
        raise UsageError("is no matcher", where=str(path), hint=_HINT)
    if texts.get("version") != _VERSION:
        raise UsageError(f"is a matcher of version {texts.get('version', '')[:20]!r}, not {_VERSION}", where=str(path), hint=_HINT)
    try:
        parts = {name: json.loads(texts.get(name, "")[:_MAX_TEXT]) for name in ("sizes", "facts")}
        header = _Facts.model_validate(parts)
    except (ValidationError, ValueError, RecursionError) as error:
        reason = first_mistake(error) if isinstance(error, ValidationError) else error
        raise UsageError(f"its header is wrong: {str(reason)[:200]}", where=str(path), hint=_HINT) from error
    return header.sizes, header.facts


def _check_arrays(file: Any, wanted: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Refuse other names, shapes or types than those wanted, before an array is read."""
    names = set(file.keys())
    if names != set(wanted):
        wrong = min(names ^ set(wanted))
        what = "lacks" if wrong in wanted else "has the unknown array"
        raise UsageError(f"{what} {wrong[:60]!r}", where=str(path), hint=_HINT)
    for name, shape in wanted.items():
        array = file.get_slice(name)
        if array.get_dtype() != "F32" or tuple(array.get_shape()) != shape:
            given = f"{array.get_dtype()} {list(array.get_shape())}"
            raise UsageError(f"{name} is {given}, not F32 {list(shape)}", where=str(path), hint=_HINT)
