"""Less memory for the states of many segments: what their values have in common exists once.

Pydantic keeps, for every instance, the set of the fields that were given. No state is written without its defaults, so that set says
nothing here; it takes more memory than most of the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

    from streamtags.core.state import SegmentState

__all__ = ["compact", "shared"]

AnyModel = TypeVar("AnyModel", bound="BaseModel")

_FIELD_SETS: dict[type[BaseModel], set[str]] = {}


def compact(segment: SegmentState) -> SegmentState:
    """Return `segment` itself; it and its values then share their sets of fields with others of their class."""
    _share_fields(segment)
    _share_fields(segment.start)
    _share_fields(segment.end)
    for score in segment.tags:
        _share_fields(score)
    if segment.vocabulary is not None:
        _share_fields(segment.vocabulary)
    return segment


def shared(value: AnyModel, known: AnyModel | None) -> AnyModel:
    """Return `known` if it equals `value`, so that equal values exist once; else `value`."""
    return known if known is not None and known == value else value


def _share_fields(model: BaseModel) -> None:
    kind = type(model)
    fields = _FIELD_SETS.get(kind)
    if fields is None:
        fields = _FIELD_SETS[kind] = set(kind.model_fields)
    if model.__pydantic_fields_set__ is not fields:
        object.__setattr__(model, "__pydantic_fields_set__", fields)  # the models are frozen, and a copy copies the set
