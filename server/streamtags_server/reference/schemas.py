"""JSON schemas of everything on the wire, generated from the models that read and write it."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from streamtags.core.events import Event, known_payloads
from streamtags.core.protocol import ClientMessage, ServerMessage
from streamtags.core.state import TimelineState
from streamtags.operations.operation import body_fields
from streamtags.operations.params import Params
from streamtags.operations.table import METHODS, OPERATIONS

__all__ = ["CLIENT_MESSAGES", "SERVER_MESSAGES", "event_schema_name", "params_schemas", "schema_name", "schemas"]

CLIENT_MESSAGES: tuple[type[BaseModel], ...] = get_args(get_args(ClientMessage)[0])
SERVER_MESSAGES: tuple[type[BaseModel], ...] = get_args(get_args(ServerMessage)[0])

_REF = "#/components/schemas/"


def event_schema_name(event_type: str) -> str:
    """Return the name of the schema of one type of event: `segment.tagged` is `SegmentTaggedEvent`."""
    return f"{known_payloads()[event_type].__name__}Event"


def schema_name(params: type[Params]) -> str:
    """Return the name of the schema of params."""
    return params.__name__


def params_schemas(*, in_body_only: bool) -> dict[str, Any]:
    """Return the schemas of params by name, for `components.schemas`.

    Args:
        in_body_only: those of HTTP bodies, without the params that are in the path; otherwise those of WebSocket methods.
    """
    operations = [operation for operation in OPERATIONS if body_fields(operation)] if in_body_only else list(METHODS.values())
    _, document = models_json_schema([(operation.params, "validation") for operation in operations], ref_template=_REF + "{model}")
    known: dict[str, Any] = document["$defs"]
    described: dict[str, Any] = {}
    for operation in operations:
        schema = known[schema_name(operation.params)]
        if in_body_only:
            fields = body_fields(operation)
            schema = {**schema, "properties": {name: of for name, of in schema["properties"].items() if name in fields}}
            if required := [name for name in schema.get("required", []) if name in fields]:
                schema["required"] = required
            else:
                schema.pop("required", None)
        described[schema_name(operation.params)] = schema
    return dict(sorted(described.items()))


def schemas() -> dict[str, Any]:
    """Return schemas by name: messages, events and state, sorted, for `components.schemas`."""
    models: list[type[BaseModel]] = [*CLIENT_MESSAGES, *SERVER_MESSAGES, *known_payloads().values(), Event, TimelineState]
    _, document = models_json_schema([(model, "validation") for model in models], ref_template=_REF + "{model}")
    known: dict[str, Any] = document["$defs"]
    frame = known["Event"]["properties"]
    for event_type, payload in known_payloads().items():
        known[event_schema_name(event_type)] = {
            "type": "object",
            "title": event_type,
            "description": payload.__doc__,
            "properties": {**frame, "type": {"const": event_type}, "data": {"$ref": _REF + payload.__name__}},
            "required": ["v", "timeline", "epoch", "seq", "type", "at", "data"],
        }
    known["Event"] = {
        "title": "Event",
        "description": Event.__doc__,
        "oneOf": [{"$ref": _REF + event_schema_name(event_type)} for event_type in known_payloads()],
    }
    known["Snapshot"]["properties"]["state"] = {"$ref": _REF + "TimelineState"}
    for message in (*CLIENT_MESSAGES, *SERVER_MESSAGES):
        known[message.__name__]["required"] = ["type", *known[message.__name__].get("required", [])]
    return {name: known[name] for name in sorted(known) if name != "Payload"}
