"""The reference, made from the code: AsyncAPI 3 of the WebSocket, OpenAPI 3.1 of HTTP, and a page to read.

`python -m streamtags_server.reference --write` writes it to `docs/reference`, `--check` says whether what is there is current.
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

from streamtags.core.protocol import METHODS, PATH, RECONNECT_CODES, SUBPROTOCOL
from streamtags_server.http.operations import BODIES, OPERATIONS, Operation
from streamtags_server.reference.schemas import CLIENT_MESSAGES, SERVER_MESSAGES, schemas

__all__ = ["asyncapi_document", "main", "openapi_document", "reference_files"]

_REF = "#/components/schemas/"
_HOST = "127.0.0.1:8710"
_LICENSE = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}


@cache
def asyncapi_document() -> dict[str, Any]:
    """The WebSocket protocol as an AsyncAPI 3.0 document, as seen by the server: it receives what clients send."""
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
        "servers": {"local": {"host": _HOST, "protocol": "ws", "description": "Where `streamtags serve` listens unless told otherwise"}},
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
            "schemas": schemas(),
        },
    }


def _stream_description() -> str:
    from streamtags.core.protocol import CloseCode

    closing = ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in CloseCode)
    methods = ", ".join(f"`{method}` ({role})" for method, role in METHODS.items())
    again = ", ".join(str(code) for code in sorted(RECONNECT_CODES))
    return f"Methods of `request`, and the role each needs: {methods}. Close codes: {closing}. A client reconnects on {again}."


def _operation(message: type[BaseModel], action: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": "#/channels/stream"},
        "summary": _summary(message),
        "messages": [{"$ref": f"#/channels/stream/messages/{_type_of(message)}"}],
    }
    replies = {"identify": "identified", "subscribe": "subscribed", "unsubscribe": "unsubscribed", "ping": "pong", "request": "response"}
    if action == "receive":
        found["reply"] = {
            "channel": {"$ref": "#/channels/stream"},
            "messages": [{"$ref": f"#/channels/stream/messages/{replies[_type_of(message)]}"}],
        }
    return found


def _type_of(message: type[BaseModel]) -> str:
    return str(message.model_fields["type"].default)


def _summary(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


@cache
def openapi_document() -> dict[str, Any]:
    """HTTP as an OpenAPI 3.1 document."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "streamtags",
            "version": version("streamtags"),
            "description": "Timelines over HTTP. Where a token is asked for, it goes into `Authorization: Bearer`.",
            "license": _LICENSE,
        },
        "servers": [{"url": f"http://{_HOST}"}],
        "paths": paths,
        "components": {
            "schemas": {**schemas(*BODIES), "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"const": "about:blank", "description": "nothing more is known of the problem than its status and code"},
        "title": {"type": "string", "description": "what HTTP calls the status"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what, where and what to do, for people"},
        "code": {"type": "string", "description": "a stable name of what went wrong, for programs"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}

_STATUS = {
    200: "Done",
    202: "Taken on",
    204: "Done",
    206: "The bytes asked for",
    400: "Not what this takes",
    401: "No token, or a wrong one",
    403: "Not allowed",
    404: "Not there",
    408: "Too slow",
    409: "Not in this state",
    413: "Too large",
    415: "Not a type that is read here",
    416: "No such bytes",
    422: "Understood, but wrong",
    429: "Too many analyses wait, or too many requests were made: try again later",
    501: "Not built in",
    503: "Not ready",
    507: "No room left",
}

_FAILED = range(400, 600)


def _described(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.role is not None:
        found |= {"description": f"Needs the role `{operation.role}`.", "security": [{}, {"token": []}]}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in re.findall(r"{(\w+)}", operation.path)
    ]
    parameters += [
        {"name": query.name, "in": "query", "required": query.required, "description": query.summary, "schema": query.schema}
        for query in operation.query
    ]
    if parameters:
        found["parameters"] = parameters
    if operation.body is not None:
        content: dict[str, Any] = {"application/json": {"schema": _schema(operation.body)}}
        if operation.upload:
            content["application/octet-stream"] = {"schema": {}}
        found["requestBody"] = {"required": True, "content": content}
    problem = {"application/problem+json": {"schema": {"$ref": _REF + "Problem"}}}
    responses = {str(operation.status): _answer(operation)}
    for status in sorted({*((401, 403, 429) if operation.role else ()), *((400, 408, 413) if operation.body else ()), *operation.also}):
        responses[str(status)] = {
            "description": _STATUS[status],
            "content": problem if status in _FAILED else _answer(operation)["content"],
        }
        if status == 429:
            responses[str(status)]["headers"] = {"Retry-After": {"description": "Seconds", "required": True, "schema": {"type": "integer"}}}
    responses["default"] = {"description": "What went wrong", "content": problem}
    return {**found, "responses": responses}


def _answer(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _STATUS[operation.status]}
    if operation.answer is not None:
        answer["content"] = {operation.media: {"schema": _schema(operation.answer)}}
    return answer


def _schema(schema: str | dict[str, Any]) -> dict[str, Any]:
    return {"$ref": _REF + schema} if isinstance(schema, str) else schema


def reference_files() -> dict[str, str]:
    """The files of `docs/reference` that are made here, by name."""
    from streamtags_server.reference.protocol_page import protocol_page

    return {
        "asyncapi.json": json.dumps(asyncapi_document(), indent=1) + "\n",
        "openapi.json": json.dumps(openapi_document(), indent=1) + "\n",
        "protocol.md": protocol_page(),
    }


def main(arguments: list[str]) -> int:
    """Write the reference, or check it; status 1 where a file is not current."""
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
