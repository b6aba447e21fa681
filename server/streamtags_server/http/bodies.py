"""Reading request bodies within limits of size and time."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request

from streamtags_server.http.problems import BadRequestError

__all__ = ["content_length", "is_upload", "read_json", "upload_name"]

_MAX_BODY_BYTES = 2 << 20
_FILE_TYPES = frozenset({"application/octet-stream", "application/mxf", "application/ogg"})


async def read_json(request: Request, *, timeout_seconds: float) -> dict[str, Any]:
    """Return the JSON object in the body.

    Raises:
        BadRequestError: the body is too large (413), too slow (408) or not a JSON object (400).
    """
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MAX_BODY_BYTES:
                    raise BadRequestError(f"more than {_MAX_BODY_BYTES} bytes", status=413, code="too_large")
    except TimeoutError as error:
        raise BadRequestError(f"the body did not come within {timeout_seconds:g} s", status=408, code="too_slow") from error
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("the body is not JSON", status=400, code="invalid_body") from error
    if not isinstance(content, dict):
        raise BadRequestError("the body is not a JSON object", status=400, code="invalid_body")
    return content


def is_upload(request: Request) -> bool:
    """Return whether the body holds the bytes of a file.

    Raises:
        BadRequestError: it is a multipart form (415).
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type.startswith("multipart/"):
        raise BadRequestError("send the bytes of the file as the body, and its name as ?name=", status=415, code="media_type")
    if media_type == "application/json":
        return False
    return media_type in _FILE_TYPES or media_type.startswith(("video/", "audio/", "image/")) or "name" in request.query_params


def content_length(request: Request) -> int | None:
    """Return the announced length of the body, None if there is none."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def upload_name(request: Request) -> str:
    """Return what the client calls the file."""
    header = request.headers.get("content-disposition", "")
    match = re.search(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", header, re.IGNORECASE)
    return request.query_params.get("name") or (unquote(match[1]) if match else "upload")
