"""The references, generated from the code: AsyncAPI 3 of the WebSocket, OpenAPI 3.1 of HTTP, and a page to read.

`python -m streamtags_server.reference --write` writes them to `docs/reference`, `--check` checks that the files there are current.
"""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from streamtags.core.protocol import PATH, RECONNECT_CODES, SUBPROTOCOL, CloseCode
from streamtags.operations.operation import Operation, body_fields
from streamtags.operations.table import METHODS, OPERATIONS
from streamtags_server.reference.protocol_page import protocol_page
from streamtags_server.reference.schemas import CLIENT_MESSAGES, SERVER_MESSAGES, params_schemas, schema_name, schemas

__all__ = ["asyncapi_document", "main", "openapi_document", "reference_files"]

_REF = "#/components/schemas/"
_HOST = "127.0.0.1:8710"
_LICENSE = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}


@cache
def asyncapi_document() -> dict[str, Any]:
    """Return the WebSocket protocol as an AsyncAPI 3.0 document, from the view of the server: it receives what clients send."""
    names = [_type_of(message) for message in (*CLIENT_MESSAGES, *SERVER_MESSAGES)]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "streamtags stream",
            "version": version("streamtags"),
            "description": _stream_description(),
            "license": _LICENSE,
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": _HOST, "protocol": "ws", "description": "Where `streamtags serve` listens by default"}},
        "channels": {
            "stream": {
                "address": PATH,
                "title": SUBPROTOCOL,
                "description": f"Subprotocol `{SUBPROTOCOL}`: one JSON message a text frame.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {
            **{_type_of(message): _operation(message, "receive") for message in CLIENT_MESSAGES},
            **{_type_of(message): _operation(message, "send") for message in SERVER_MESSAGES},
        },
        "components": {
            "messages": {
                _type_of(message): {
                    "name": _type_of(message),
                    "title": message.__name__,
                    "summary": _summary(message),
                    "payload": {"$ref": _REF + message.__name__},
                }
                for message in (*CLIENT_MESSAGES, *SERVER_MESSAGES)
            },
            "schemas": {**schemas(), **params_schemas(in_body_only=False)},
        },
        "x-methods": {method: _method(operation) for method, operation in METHODS.items()},
    }


def _method(operation: Operation) -> dict[str, Any]:
    """Describe a method of `request`: AsyncAPI has no place for it but an extension."""
    described: dict[str, Any] = {"summary": operation.summary, "role": operation.role, "params": _schema(schema_name(operation.params))}
    return described | ({} if operation.result is None else {"result": _schema(operation.result)})


def _stream_description() -> str:
    closing = ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in CloseCode)
    methods = ", ".join(f"`{method}` ({operation.role})" for method, operation in METHODS.items())
    again = ", ".join(str(code) for code in sorted(RECONNECT_CODES))
    return f"Methods of `request`, and the role each needs: {methods}. Close codes: {closing}. A client reconnects on {again}."


def _operation(message: type[BaseModel], action: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": "#/channels/stream"},
        "summary": _summary(message),
        "messages": [{"$ref": f"#/channels/stream/messages/{_type_of(message)}"}],
    }
    replies = {"identify": "identified", "subscribe": "subscribed", "unsubscribe": "unsubscribed", "ping": "pong", "request": "response"}
    if action == "receive":
        described["reply"] = {
            "channel": {"$ref": "#/channels/stream"},
            "messages": [{"$ref": f"#/channels/stream/messages/{replies[_type_of(message)]}"}],
        }
    return described


def _type_of(message: type[BaseModel]) -> str:
    return str(message.model_fields["type"].default)


def _summary(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


@cache
def openapi_document() -> dict[str, Any]:
    """Return HTTP as an OpenAPI 3.1 document."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.http.path, {})[operation.http.method.lower()] = _http_operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "streamtags",
            "version": version("streamtags"),
            "description": "Timelines over HTTP. A server with a token file requires `Authorization: Bearer TOKEN`.",
            "license": _LICENSE,
        },
        "servers": [{"url": f"http://{_HOST}"}],
        "paths": paths,
        "components": {
            "schemas": {**schemas(), **params_schemas(in_body_only=True), "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"const": "about:blank", "description": "the problem is identified by its status and code"},
        "title": {"type": "string", "description": "the name of the status"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what, where and what to do, for people"},
        "code": {"type": "string", "description": "a stable name of the problem, for programs"},
        "mistakes": {
            "type": "array",
            "description": "of a vocabulary that was refused: each mistake with its line",
            "items": {"type": "object", "properties": {"line": {"type": "integer"}, "message": {"type": "string"}}},
        },
    },
    "required": ["type", "title", "status", "detail", "code"],
}

_STATUS = {
    200: "Done",
    202: "Accepted",
    204: "Done",
    206: "The requested bytes",
    400: "Malformed",
    401: "No token, or a wrong one",
    403: "Not allowed",
    404: "Not found",
    408: "Too slow",
    409: "Not possible in this state",
    413: "Too large",
    415: "Not a media type that is accepted",
    416: "No such range",
    422: "Understood, but wrong",
    429: "Too many analyses are queued, or too many requests were made: try again later",
    503: "Not ready, or overloaded",
    507: "No space left",
}

_FAILED = range(400, 600)


def _http_operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.role is not None:
        described |= {"description": f"Needs the role `{operation.role}`.", "security": [{}, {"token": []}]}
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    has_body = bool(body_fields(operation))
    if has_body:
        content: dict[str, Any] = {"application/json": {"schema": _schema(schema_name(operation.params))}}
        if operation.http.upload:
            content["application/octet-stream"] = {"schema": {}}
        described["requestBody"] = {"required": True, "content": content}
    problem = {"application/problem+json": {"schema": {"$ref": _REF + "Problem"}}}
    responses = {str(operation.http.status): _answer(operation)}
    statuses = {*((401, 403, 429) if operation.role else ()), *((400, 408, 413) if has_body else ()), *operation.http.also}
    for status in sorted(statuses):
        responses[str(status)] = {
            "description": _STATUS[status],
            "content": problem if status in _FAILED else _answer(operation)["content"],
        }
        if status == 429:
            responses[str(status)]["headers"] = {"Retry-After": {"description": "Seconds", "required": True, "schema": {"type": "integer"}}}
    responses["default"] = {"description": "What went wrong", "content": problem}
    return {**described, "responses": responses}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    """Describe the params in the path and in the query."""
    http = operation.http
    described = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in re.findall(r"{(\w+)}", http.path)]
    if http.upload:
        described.append(
            {
                "name": "name",
                "in": "query",
                "required": False,
                "description": "the body is the bytes of a file, and this is the name of the file",
                "schema": {"type": "string"},
            }
        )
    schema = operation.params.model_json_schema()
    for name in (*http.query, *http.upload):
        field = {key: value for key, value in schema["properties"][name].items() if key not in ("title", "description")}
        if "anyOf" in field:  # optional: what is not sent is null
            field = next(option for option in field["anyOf"] if option.get("type") != "null")
        about = schema["properties"][name].get("description", "")
        about = f"{about} for an upload" if http.upload else about
        described.append(
            {"name": name, "in": "query", "required": name in schema.get("required", []), "description": about, "schema": field}
        )
    return described


def _answer(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _STATUS[operation.http.status]}
    if operation.result is not None:
        answer["content"] = {operation.http.media: {"schema": _schema(operation.result)}}
    return answer


def _schema(schema: str | dict[str, Any]) -> dict[str, Any]:
    return {"$ref": _REF + schema} if isinstance(schema, str) else schema


def reference_files() -> dict[str, str]:
    """Return the generated files of `docs/reference`, by name."""
    return {
        "asyncapi.json": json.dumps(asyncapi_document(), indent=1) + "\n",
        "openapi.json": json.dumps(openapi_document(), indent=1) + "\n",
        "protocol.md": protocol_page(),
    }


def main(arguments: list[str]) -> int:
    """Write the references, or check them; return 1 if a file is not current."""
    folder = Path(__file__).resolve().parents[3] / "docs" / "reference"
    if arguments not in (["--write"], ["--check"]):
        sys.stderr.write("usage: python -m streamtags_server.reference --write | --check\n")
        return 2
    stale = []
    for name, text in reference_files().items():
        file = folder / name
        if arguments == ["--write"]:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
    for name in stale:
        sys.stderr.write(f"docs/reference/{name} is not current: python -m streamtags_server.reference --write\n")
    return 1 if stale else 0
