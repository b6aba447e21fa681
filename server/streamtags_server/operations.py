"""What can be asked for over HTTP: one line an operation, from which the OpenAPI document is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from streamtags.protocol import Role

__all__ = ["OPERATIONS", "Operation"]

Media = Literal["application/json", "application/x-ndjson", "image/jpeg", "text/html", "text/plain", "application/octet-stream"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One HTTP operation.

    Attributes:
        name: unique; clients made from the document call it so.
        role: who may; None where no token is asked for.
        status: of success.
        answer: schema of a JSON answer (a name in `components.schemas`, or a schema), None if there is no body.
        media: media type of the answer.
        body: schema of a JSON request body.
        upload: the body may be the bytes of a file instead.
        query: query parameters: name -> (schema, what it does).
        also: further status codes it may answer with, besides those of every operation.
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
    query: tuple[tuple[str, dict[str, Any], str], ...] = ()
    also: tuple[int, ...] = ()


_TEXT = {"type": "string"}
_JSON = {"type": "object", "additionalProperties": True}
_T = "/v1/timelines/{id}"
_ACCEPTED = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "epoch": _TEXT,
        "state": {"enum": ["queued", "running", "completed", "failed", "cancelled"]},
    },
    "required": ["id", "epoch", "state"],
}

OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/", "page", "The web page", answer=_TEXT, media="text/html"),
    Operation("GET", "/healthz", "health", "The process is alive", answer=_JSON),
    Operation("GET", "/readyz", "ready", "The server takes work: its store can be written", answer=_JSON, also=(503,)),
    Operation("GET", "/metrics", "metrics", "Prometheus metrics", answer=_TEXT, media="text/plain"),
    Operation("GET", "/openapi.json", "openapi", "This document", answer=_JSON),
    Operation("GET", "/asyncapi.json", "asyncapi", "The WebSocket protocol as an AsyncAPI document", answer=_JSON),
    Operation("GET", "/v1/timelines", "listTimelines", "Every timeline in one line, the one opened last first", "viewer", answer=_JSON),
    Operation(
        "POST",
        "/v1/timelines",
        "analyze",
        "Analyse a source: name it as JSON, or send the bytes of a file",
        "editor",
        status=202,
        answer=_ACCEPTED,
        body={
            "type": "object",
            "properties": {"uri": _TEXT, "profile": _TEXT, "tags": _TEXT},
            "required": ["uri"],
        },
        upload=True,
        query=(("name", _TEXT, "the name of an uploaded file"), ("profile", _TEXT, "of an upload"), ("tags", _TEXT, "of an upload")),
        also=(400, 413, 415, 422, 429, 507),
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
            ("after", {"type": "integer", "minimum": 0, "default": 0}, "the last event already known"),
            ("follow", {"enum": ["0", "1"], "default": "0"}, "1: stay, and send events as they come"),
        ),
        also=(400, 404),
    ),
    Operation(
        "GET",
        _T + "/export",
        "export",
        "The timeline in another format",
        "viewer",
        answer=_TEXT,
        media="application/octet-stream",
        query=(("format", _TEXT, "name of the format, such as `csv`; required"),),
        also=(400, 404),
    ),
    Operation(
        "GET",
        _T + "/media",
        "media",
        "The analysed file, whole or a byte range",
        "viewer",
        answer=_TEXT,
        media="application/octet-stream",
        also=(206, 404, 416),
    ),
    Operation(
        "GET", _T + "/thumbnails/{segment}.jpg", "thumbnail", "A segment's picture", "viewer", answer=_TEXT, media="image/jpeg", also=(404,)
    ),
    Operation("POST", _T + "/cancel", "cancel", "Stop the analysis; it can be resumed", "editor", answer=_JSON, also=(404, 409)),
    Operation(
        "POST",
        _T + "/retag",
        "retag",
        "Tag the stored captions again under another vocabulary",
        "editor",
        status=202,
        answer=_JSON,
        body={"type": "object", "properties": {"tags": _TEXT}, "required": ["tags"]},
        also=(400, 404, 409, 422),
    ),
    Operation(
        "POST",
        _T + "/cues",
        "cues",
        "Music suggestions for each scene",
        "viewer",
        answer=_JSON,
        body=_JSON,
        also=(400, 404, 422, 501),
    ),
    Operation(
        "PATCH",
        _T + "/segments/{segment}",
        "correct",
        "A person's tags or caption; they win over every model",
        "editor",
        answer="SegmentState",
        body={
            "type": "object",
            "properties": {
                "tags": {"type": "array", "items": {"$ref": "#/components/schemas/TagScore"}},
                "untag": {"type": "array", "items": _TEXT},
                "caption": {"type": ["string", "null"]},
                "by": _TEXT,
            },
        },
        also=(400, 404, 422),
    ),
)
