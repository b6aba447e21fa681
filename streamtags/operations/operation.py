"""What an operation is, and the one check of who may call it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from streamtags.core.protocol import Role
from streamtags.operations.errors import PermissionDeniedError
from streamtags.operations.params import NoParams, Params
from streamtags.operations.services import Caller, Services

__all__ = ["Document", "FileResult", "Handler", "Http", "Lines", "Media", "Operation", "authorize", "body_fields", "path_fields"]

Media = Literal["application/json", "application/x-ndjson", "image/jpeg", "text/html", "text/plain", "*/*"]

Handler = Callable[[Services, Any, Caller], Awaitable[Any]]
"""Carries an operation out: services, validated params, caller. Returns a JSON value, `Document`, `FileResult`, `Lines` or None."""


@dataclass(frozen=True, slots=True)
class Document:
    """A result that is not JSON.

    Attributes:
        content: the text or bytes.
        media_type: its type.
        file_name: the name to save it under; None if it is to be shown.
        max_age_seconds: how long a client may keep it; 0 if not.
    """

    content: str | bytes
    media_type: str
    file_name: str | None = None
    max_age_seconds: int = 0


@dataclass(frozen=True, slots=True)
class FileResult:
    """A file on disk, which may be sent in ranges."""

    path: Path


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of JSON that come as they are read."""

    chunks: AsyncIterator[str]


@dataclass(frozen=True, slots=True)
class Http:
    """How an operation is called over HTTP. Params that are neither in the path nor in `query` come as a JSON object in the body.

    Attributes:
        method: of HTTP.
        path: with `{id}` and the like for params in the path.
        status: of success.
        media: media type of the answer.
        query: names of the params in the query string.
        strict_query: refuse other names in the query string, which are ignored otherwise.
        upload: if not empty, the body may be the bytes of a file instead of JSON; the names of the params that are then in the query.
        also: further status codes with a meaning of their own; any other failure is a problem document too.
    """

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    status: int = 200
    media: Media = "application/json"
    query: tuple[str, ...] = ()
    strict_query: bool = False
    upload: tuple[str, ...] = ()
    also: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table.

    Attributes:
        name: unique; clients generated from the OpenAPI document use it.
        summary: what it does.
        http: how it is called over HTTP.
        params: model of its parameters.
        result: schema of the result (a name in `components.schemas`, or a schema); None if there is none.
        role: who may call it where tokens are required; None: everyone.
        method: its name in a WebSocket `request`; None if it cannot be called that way.
        handler: carries it out; None if only the HTTP server can (health checks, sessions, the page).
        tool: its name as a tool of the Model Context Protocol; None if assistants have no use for it.
    """

    name: str
    summary: str
    http: Http
    params: type[Params] = NoParams
    result: str | dict[str, Any] | None = None
    role: Role | None = None
    method: str | None = None
    handler: Handler | None = None
    tool: str | None = None


def path_fields(operation: Operation) -> list[str]:
    """Return the names of the params in the path."""
    return re.findall(r"{(\w+)}", operation.http.path)


def body_fields(operation: Operation) -> list[str]:
    """Return the names of the params in the body."""
    elsewhere = {*path_fields(operation), *operation.http.query}
    return [name for name in operation.params.model_fields if name not in elsewhere]


def authorize(operation: Operation, role: Role | None) -> None:
    """Check that a caller with `role` may call `operation`. Every transport calls this, and nothing else decides.

    Raises:
        PermissionDeniedError: the caller may not.
    """
    if operation.role is None:
        return
    if role is None:
        raise PermissionDeniedError("a token is needed: Authorization: Bearer TOKEN", authenticated=False)
    if operation.role == "editor" and role != "editor":
        raise PermissionDeniedError(f"{operation.method or operation.name} needs the role editor", authenticated=True)
