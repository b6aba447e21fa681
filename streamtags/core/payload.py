"""The base classes of payloads, and the payloads of event types that are not built in."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from streamtags.core.errors import ConfigError
from streamtags.core.plugins import installed_stages
from streamtags.core.validation import first_mistake

__all__ = ["ANSWER_PREFIX", "Payload", "SegmentAnswer", "UnknownPayload", "Wire", "installed_payloads", "parse_installed", "with_rev"]

_log = logging.getLogger(__name__)

ANSWER_PREFIX = "segment."
"""The type of an answer of a stage begins with it."""


class Wire(BaseModel):
    """A frozen value as it is on the wire."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Payload(Wire):
    """The `data` of an event. Readers ignore fields that they do not know."""

    type: ClassVar[str] = ""

    @property
    def event_type(self) -> str:
        """The type of the event."""
        return self.type


def with_rev(answer: Payload, rev: int) -> Payload:
    """Return `answer` with `rev`; the same object if it has that rev already."""
    return answer if getattr(answer, "rev", None) == rev else answer.model_copy(update={"rev": rev})


class SegmentAnswer(Payload):
    """The base class for answers that the fold keeps under `answers`, such as those of stages that other packages register.

    Its `type` is `segment.` and the name under which the answer is kept: for a stage of another package, that of the stage.
    The scheduler sets `rev`. Fields that this version of the class does not know are kept.
    """

    model_config = ConfigDict(extra="allow")

    segment: str
    rev: int = 0


class UnknownPayload(Payload):
    """The payload of an event type that this process does not know, as it came."""

    model_config = ConfigDict(extra="allow")

    _event_type: str = PrivateAttr("")

    @property
    def event_type(self) -> str:
        """The type of the event."""
        return self._event_type

    @classmethod
    def of(cls, event_type: str, data: Any) -> UnknownPayload:
        """Return the payload of an event of that type from its `data`: a mapping, or JSON text.

        Raises:
            pydantic.ValidationError: `data` is not an object.
        """
        payload = cls.model_validate_json(data) if isinstance(data, str | bytes) else cls.model_validate(data)
        payload._event_type = event_type
        return payload


def installed_payloads() -> dict[str, type[Payload]]:
    """Return the payload classes of installed stages, by event type.

    Raises:
        ConfigError: an installed stage cannot be imported.
    """
    classes = [cls for _, stage in installed_stages() for cls in getattr(stage, "emits", ()) if _is_payload(cls)]
    return {cls.type: cls for cls in classes}


def _is_payload(cls: object) -> bool:
    return isinstance(cls, type) and issubclass(cls, Payload)


@cache
def _readable() -> dict[str, type[Payload]]:
    """The same for readers, which must not fail because a package is broken."""
    try:
        return installed_payloads()
    except ConfigError as error:
        _log.warning("events of installed stages are read without their classes: %s", error)
        return {}


def parse_installed(event_type: str, data: Any) -> Payload:
    """Return the payload of an event type that is not built in.

    An event that the class of an installed stage refuses, perhaps because another version of the stage wrote it, is an `UnknownPayload`.

    Raises:
        pydantic.ValidationError: `data` is not an object.
    """
    cls = _readable().get(event_type) if event_type.startswith(ANSWER_PREFIX) else None
    if cls is None:
        return UnknownPayload.of(event_type, data)
    try:
        return cls.model_validate_json(data) if isinstance(data, str | bytes) else cls.model_validate(data)
    except ValidationError as error:
        _log.info("an event of type %s is read without its class: %s", event_type, first_mistake(error).text)
        return UnknownPayload.of(event_type, data)
