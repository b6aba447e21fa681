"""JSON schemas of everything on the wire, made from the models that read and write it."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from streamtags.core.events import PAYLOADS, Event
from streamtags.core.protocol import ClientMessage, ServerMessage
from streamtags.core.state import TimelineState

__all__ = ["CLIENT_MESSAGES", "SERVER_MESSAGES", "event_schema_name", "schemas"]

CLIENT_MESSAGES: tuple[type[BaseModel], ...] = get_args(get_args(ClientMessage)[0])
SERVER_MESSAGES: tuple[type[BaseModel], ...] = get_args(get_args(ServerMessage)[0])

_REF = "#/components/schemas/"


def event_schema_name(event_type: str) -> str:
    """The name of the schema of one type of event: `segment.tagged` is `SegmentTaggedEvent`."""
    return f"{PAYLOADS[event_type].__name__}Event"


def schemas(*more: type[BaseModel]) -> dict[str, Any]:
    """Schemas by name: messages, events, state and `more`, sorted, for `components.schemas`."""
    models: list[type[BaseModel]] = [*CLIENT_MESSAGES, *SERVER_MESSAGES, *PAYLOADS.values(), Event, TimelineState, *more]
    _, document = models_json_schema([(model, "validation") for model in models], ref_template=_REF + "{model}")
    found: dict[str, Any] = document["$defs"]
    frame = found["Event"]["properties"]
    for event_type, payload in PAYLOADS.items():
        found[event_schema_name(event_type)] = {
            "type": "object",
            "title": event_type,
            "description": payload.__doc__,
            "properties": {**frame, "type": {"const": event_type}, "data": {"$ref": _REF + payload.__name__}},
            "required": ["v", "timeline", "epoch", "seq", "type", "at", "data"],
        }
    found["Event"] = {
        "title": "Event",
        "description": Event.__doc__,
        "oneOf": [{"$ref": _REF + event_schema_name(event_type)} for event_type in PAYLOADS],
    }
    found["Snapshot"]["properties"]["state"] = {"$ref": _REF + "TimelineState"}
    for message in (*CLIENT_MESSAGES, *SERVER_MESSAGES):
        found[message.__name__]["required"] = ["type", *found[message.__name__].get("required", [])]
    return {name: found[name] for name in sorted(found) if name != "Payload"}
