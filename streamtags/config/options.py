"""The keys a backend calls its own, read strictly: unknown keys refused, mistakes named, values never echoed where they may be secret."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from streamtags.core.errors import ConfigError
from streamtags.core.validation import first_mistake

__all__ = ["Options", "digest", "read_options"]


class Options(BaseModel):
    """Base of every backend's options: frozen, unknown keys refused, values kept out of error texts."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


AnyOptions = TypeVar("AnyOptions", bound=Options)


def read_options(kind: type[AnyOptions], given: Mapping[str, Any], where: str) -> AnyOptions:
    """`given` as `kind`.

    Args:
        kind: the options' class.
        given: keys and values as they stand in a profile.
        where: what a person would look for, as in "captioner openai".

    Raises:
        ConfigError: an unknown key, a missing one, or a value it cannot have; the value itself is not shown.
    """
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        mistake = first_mistake(error)
        *path, last = mistake.path
        name = mistake.place
        fields = _level(kind, path).model_fields
        if mistake.kind == "extra_forbidden":
            near = [name for name in fields if name.startswith(last)] or difflib.get_close_matches(last, fields, n=1, cutoff=0.7)
            known = f"known are {', '.join(fields)}" if fields else "remove it; there are no options"
            hint = f"did you mean {near[0]!r}?" if near else known
            raise ConfigError(f"no option {name!r}", where=where, hint=hint) from None
        field = fields.get(last)
        raise ConfigError(f"{name}: {mistake.sentence}", where=where, hint=field.description if field else None) from None


def _level(kind: type[BaseModel], path: list[str]) -> type[BaseModel]:
    """The class whose keys stand at `path`, as far as classes say."""
    for key in path:
        field = kind.model_fields.get(key)
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            break
        kind = field.annotation
    return kind


def digest(parts: Mapping[str, object]) -> str:
    """Eight hex digits that change when anything that bears on the words changes."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:8]
