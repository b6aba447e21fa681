"""What can be asked for over HTTP: one line an operation, from which the OpenAPI document is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from streamtags.core.protocol import Role
from streamtags.export import formats
from streamtags_server.access.gate import OpenSession
from streamtags_server.service import Analyze, Correct, Retag

__all__ = ["BODIES", "OPERATIONS", "Operation", "Query"]

Media = Literal["application/json", "application/x-ndjson", "image/jpeg", "text/html", "text/plain", "*/*"]


@dataclass(frozen=True, slots=True)
class Query:
    """A query parameter: its name, its schema, what it does."""

    name: str
    schema: dict[str, Any]
    summary: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One HTTP operation.

    Attributes:
        method: of HTTP.
        path: with `{id}` and the like where something is named.
        name: unique; clients made from the document call it so.
        summary: what it does.
        role: who may, where tokens are asked for; None: anybody.
        status: of success.
        answer: schema of the answer (a name in `components.schemas`, or a schema), None if there is no body.
        media: media type of the answer.
        body: schema of a JSON request body.
        upload: the body may be the bytes of a file instead.
        query: query parameters.
        also: further status codes that say something of their own; any other failure is a problem document too.
    """

    method: str
    path: str
    name: str
    summary: str
    role: Role | None = None
    status: int = 200
    answer: str | dict[str, Any] | None = None
    media: Media = "application/json"
    body: str | dict[str, Any] | None = None
    upload: bool = False
    query: tuple[Query, ...] = ()
    also: tuple[int, ...] = ()


BODIES: tuple[type[BaseModel], ...] = (Analyze, Correct, OpenSession, Retag)
"""The models of request bodies; an operation names them."""

_TEXT = {"type": "string"}
_INTEGER = {"type": "integer"}
_RUN_STATE = {"enum": ["queued", "running", "completed", "failed", "cancelled"]}
_T = "/v1/timelines/{id}"


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    """An object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


_ROLE = _object(role={"enum": ["viewer", "editor"]})
_HEAD = _object(id=_TEXT, epoch=_TEXT, state=_RUN_STATE)
_LINE = _object(
    id=_TEXT,
    name=_TEXT,
    state=_RUN_STATE,
    epoch=_TEXT,
    seq=_INTEGER,
    segments=_INTEGER,
    seconds={"type": ["number", "null"]},
    opened_at=_TEXT,
)
_VOCABULARY = _object(
    name=_TEXT,
    id=_TEXT,
    version=_TEXT,
    axes={"type": "array", "items": _TEXT},
    tags={"type": "array", "items": _object(name=_TEXT, axis=_TEXT, description=_TEXT)},
)
_ANYTHING: dict[str, Any] = {}
_DOCUMENT = {"type": "object", "additionalProperties": True}

OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/", "page", "The page to watch and correct timelines with", answer=_TEXT, media="text/html"),
    Operation("GET", "/healthz", "health", "The process is alive", answer=_object(status=_TEXT)),
    Operation("GET", "/readyz", "ready", "The server takes work: its store can be read", answer=_object(status=_TEXT), also=(503,)),
    Operation("GET", "/metrics", "metrics", "Prometheus metrics", answer=_TEXT, media="text/plain"),
    Operation("GET", "/openapi.json", "openapi", "This document", answer=_DOCUMENT),
    Operation("GET", "/asyncapi.json", "asyncapi", "The WebSocket protocol as an AsyncAPI document", answer=_DOCUMENT),
    Operation(
        "POST",
        "/v1/session",
        "openSession",
        "Trade a token for a cookie, so that a page can show pictures and films",
        answer=_ROLE,
        body="OpenSession",
        also=(401, 422),
    ),
    Operation("DELETE", "/v1/session", "closeSession", "Forget the cookie", status=204),
    Operation(
        "GET",
        "/v1/vocabularies",
        "listVocabularies",
        "The vocabularies that can be named",
        "viewer",
        answer=_object(vocabularies={"type": "array", "items": _VOCABULARY}),
    ),
    Operation(
        "GET",
        "/v1/timelines",
        "listTimelines",
        "Every timeline in one line, the one opened last first",
        "viewer",
        answer=_object(timelines={"type": "array", "items": _LINE}),
    ),
    Operation(
        "POST",
        "/v1/timelines",
        "analyze",
        "Analyze a source: name it as JSON, or send the bytes of a file",
        "editor",
        status=202,
        answer=_HEAD,
        body="Analyze",
        upload=True,
        query=(
            Query("name", _TEXT, "an upload follows, and this is what its file is called"),
            Query("profile", {"type": "string", "maxLength": 200}, "captioner and classifier for an upload"),
            Query("tags", {"type": "string", "maxLength": 2**20}, "vocabulary for an upload"),
        ),
        also=(409, 415, 422, 507),
    ),
    Operation("GET", _T, "getTimeline", "A timeline's state: the fold of its log", "viewer", answer="TimelineState", also=(404,)),
    Operation("DELETE", _T, "removeTimeline", "Delete a timeline and all that belongs to it", "editor", status=204, also=(404, 409)),
    Operation(
        "GET",
        _T + "/events",
        "readEvents",
        "Events after `after`, one a line",
        "viewer",
        answer="Event",
        media="application/x-ndjson",
        query=(
            Query("after", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1, "default": 0}, "the last event already known"),
            Query(
                "follow",
                {"enum": ["0", "1"], "default": "0"},
                "1: stay, and send events as they come; those of a log that replaces this one from its first",
            ),
        ),
        also=(400, 404),
    ),
    Operation(
        "GET",
        _T + "/export",
        "export",
        "The timeline in another format",
        "viewer",
        answer=_ANYTHING,
        media="*/*",
        query=(
            Query("format", {"enum": list(formats())}, "name of the format", required=True),
            Query("rate", _TEXT, "frame rate of the exported timeline, such as 25 or 24000/1001"),
            Query("start_timecode", _TEXT, "timecode of the first frame"),
            Query("axis", {"type": "array", "items": _TEXT}, "only tags of these axes"),
            Query("tag", {"type": "array", "items": _TEXT}, "only these tags"),
            Query("min_confidence", {"type": "number", "minimum": 0, "maximum": 1}, "only tags with at least this confidence"),
            Query("color", {"type": "array", "items": _TEXT}, "AXIS=COLOR: color of the markers of an axis"),
        ),
        also=(400, 404, 422),
    ),
    Operation(
        "GET",
        _T + "/media",
        "media",
        "The analyzed file, whole or a byte range",
        "viewer",
        answer=_ANYTHING,
        media="*/*",
        also=(206, 400, 404, 416),
    ),
    Operation(
        "GET", _T + "/thumbnails/{segment}.jpg", "thumbnail", "A segment's picture", "viewer", answer=_TEXT, media="image/jpeg", also=(404,)
    ),
    Operation("POST", _T + "/cancel", "cancel", "Stop the analysis; it can be resumed", "editor", answer=_HEAD, also=(404, 409)),
    Operation(
        "POST",
        _T + "/retag",
        "retag",
        "Tag the stored captions again under another vocabulary; the tags come as events",
        "editor",
        status=202,
        answer=_object(id=_TEXT, epoch=_TEXT, seq=_INTEGER, vocabulary={"$ref": "#/components/schemas/VocabularyRef"}),
        body="Retag",
        also=(404, 409, 422),
    ),
    Operation("POST", _T + "/cues", "cues", "Music suggestions", "viewer", answer=_DOCUMENT, body=_DOCUMENT, also=(404, 501)),
    Operation(
        "PATCH",
        _T + "/segments/{segment}",
        "correct",
        "A person's tags or caption; they win over every model",
        "editor",
        answer="SegmentState",
        body="Correct",
        also=(404, 422),
    ),
)
"""Every operation but the page and the WebSocket."""
