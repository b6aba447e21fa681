"""The protocol on one page, generated from the code: an example session, then every message, method, close code and event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from streamtags.core.events import known_payloads
from streamtags.core.protocol import PATH, RECONNECT_CODES, SUBPROTOCOL, CloseCode
from streamtags.operations.table import METHODS
from streamtags_server.reference.schemas import CLIENT_MESSAGES, SERVER_MESSAGES, params_schemas, schema_name, schemas

__all__ = ["protocol_page"]

_INTRODUCTION = f"""\
# The protocol

This page is generated from the code: `python -m streamtags_server.reference --write`. The same for programs is in
[asyncapi.json](asyncapi.json); HTTP is in [openapi.json](openapi.json).

A WebSocket at `{PATH}`, subprotocol `{SUBPROTOCOL}`, one JSON object a text frame. Unknown fields are ignored.

## A session

```
client                                         server
  |  (WebSocket opens)                            |
  | <------------------------------------- hello  |  limits, heartbeat_seconds, whether a token is required
  |  identify ----------------------------------> |  within 10 s
  | <-------------------------------- identified  |  viewer or editor
  |                                               |
  |  subscribe id=a timeline=tl_1 --------------> |  no state yet
  | <--- subscribed id=a epoch=e1 recovered=false |
  | <---------------------- snapshot id=a seq=41  |  the state after event 41
  | <-------------------- event id=a, seq 42, 43  |  each as soon as it is durable
  | <------------------------------- heartbeat    |  when there is nothing else to say
  |                                               |
  |            (the connection breaks)            |  events 44 to 60 follow in the log
  |                                               |
  |  hello, identify, identified as before        |
  |  subscribe id=b timeline=tl_1                 |
  |            after=43 epoch=e1 ---------------> |  the log is still the one of epoch e1
  | <---- subscribed id=b epoch=e1 recovered=true |
  | <-------------------- event id=b, seq 44 ...  |  none missing, none twice
  |                                               |
  |  request id=r method=segments.correct ------> |
  | <----------------------------- response id=r  |
  | <------- event id=b, type segment.corrected   |  every subscriber gets the event
```

Had the log been replaced, its epoch would differ: `recovered` is then false and a snapshot comes first. There is no partial recovery.
A reader that is too slow gets `lagged`, then the same events in the same order, read from the store.
"""


def protocol_page() -> str:
    """Return the page, in Markdown."""
    known = schemas()
    parts = [_INTRODUCTION]
    parts.append("## Messages of the client\n\n" + "\n\n".join(_model(message, known) for message in CLIENT_MESSAGES))
    parts.append("## Messages of the server\n\n" + "\n\n".join(_model(message, known) for message in SERVER_MESSAGES))
    methods = ((f"`{name}`", str(operation.role), operation.summary) for name, operation in METHODS.items())
    parts.append("## Methods of `request`\n\n" + _table(("method", "role", "does"), methods))
    params = params_schemas(in_body_only=False)
    parts.append("\n\n".join(_params(name, params[schema_name(operation.params)]) for name, operation in METHODS.items()))
    parts.append(
        "## Close codes\n\n"
        + _table(
            ("code", "why", "client reconnects"),
            ((str(code.value), code.name.lower().replace("_", " "), "yes" if code in RECONNECT_CODES else "no") for code in CloseCode),
        )
        + "\n\nA client also reconnects after 1006, which is what it sees when a connection breaks."
        " 4403 comes before `hello`: to pages of foreign sites, and to clients that use a name the server does not have."
    )
    parts.append("## Events\n\n" + "\n\n".join(_model(payload, known, name=name) for name, payload in known_payloads().items()))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _params(method: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [(f"`{field}`", _type(of), "yes" if field in required else "") for field, of in schema.get("properties", {}).items()]
    return f"### `{method}`\n\n" + (_table(("param", "type", "required"), rows) if rows else "No params.")


def _model(model: type[BaseModel], known: dict[str, Any], name: str | None = None) -> str:
    schema = known[model.__name__]
    required = schema.get("required", [])
    rows = [
        (f"`{field}`", _type(of), "yes" if field in required else "")
        for field, of in schema.get("properties", {}).items()
        if field != "type"
    ]
    title = name or str(model.model_fields["type"].default)
    text = " ".join((model.__doc__ or "").split())
    return f"### `{title}`\n\n{text}" + ("\n\n" + _table(("field", "type", "required"), rows) if rows else "")


def _type(schema: dict[str, Any]) -> str:
    """Return a schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(option) for option in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
