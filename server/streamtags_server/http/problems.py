"""Errors as HTTP responses: RFC 9457 problem JSON."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from streamtags.core.errors import BackendError, NotInStore, SourceError, SourceRefused, StreamtagsError, UsageError, VocabularyError
from streamtags.operations.errors import (
    ConflictError,
    NoSpaceError,
    OverloadedError,
    PermissionDeniedError,
    QueueFullError,
)

__all__ = ["BadRequestError", "error_details", "problem", "problem_of", "public_text", "status_of", "without_folders"]

MAX_MISTAKES = 100
MAX_MISTAKE_TEXT = 500

_log = logging.getLogger(__name__)


class BadRequestError(StreamtagsError):
    """A malformed or refused request, with its HTTP status and a code."""

    def __init__(self, what: str, *, status: int, code: str, hint: str | None = None) -> None:
        super().__init__(what, hint=hint, code=code)
        self.status = status


# A command, a flag or a setting of the server.
_FOR_OPERATORS = re.compile(r"`|--\w|\bserver\.\w")
# The folders of an absolute path; not those of a URL.
_FOLDERS = re.compile(r"(?<![\w:/.])/(?:[^\s/]+/)+")

# Seconds after which a full queue or an overloaded server is worth another try: an analysis takes seconds at least.
_RETRY_AFTER_SECONDS = 10

_STATUS: tuple[tuple[type[StreamtagsError], int], ...] = (
    (NotInStore, 404),
    (ConflictError, 409),
    (QueueFullError, 429),
    (OverloadedError, 503),
    (SourceRefused, 403),
    (SourceError, 422),
    (UsageError, 422),
    (NoSpaceError, 507),
    (BackendError, 503),
)


def status_of(error: StreamtagsError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, BadRequestError):
        return error.status
    if isinstance(error, PermissionDeniedError):
        return 403 if error.authenticated else 401
    if error.code == "store.claimed":  # a StoreError by its class, but the cause is another process at work
        return 409
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def public_text(error: StreamtagsError, *, local: bool) -> str:
    """Return the text of an error for a client.

    A client on the server's own machine gets the whole text. Any other client gets the last name of each path only, and no advice on
    how to start the server; what was left out is logged.
    """
    if local:
        return str(error)
    hint = None if error.hint is None or _FOR_OPERATORS.search(error.hint) else error.hint
    text = without_folders(str(StreamtagsError(error.what, where=error.where, hint=hint)))
    if text != str(error):
        _log.info("sent to a client as %r: %s", text, error)
    return text


def without_folders(text: str) -> str:
    """Return `text` with each absolute path in it reduced to its last name."""
    return _FOLDERS.sub("", text)


def error_details(error: StreamtagsError) -> dict[str, Any]:
    """Return what an error says beyond its text: every mistake of a vocabulary with its line, at most 100 of them."""
    mistakes = error.mistakes[:MAX_MISTAKES] if isinstance(error, VocabularyError) else ()
    lines = [{"line": line, "message": without_folders(message)[:MAX_MISTAKE_TEXT]} for line, message in mistakes]
    return {"mistakes": lines} if lines else {}


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, details: Mapping[str, Any] | None = None
) -> Response:
    """Return a problem document; `code` is stable and for programs, `detail` for people, `details` are further fields."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code, **(details or {})}
    headers = {**(headers or {}), **({"www-authenticate": "Bearer"} if status == 401 else {})}
    return Response(json.dumps(body), status, headers, "application/problem+json")


def problem_of(error: StreamtagsError, *, local: bool) -> Response:
    """Return the problem document of an error, with its `public_text`."""
    retry = {"retry-after": str(_RETRY_AFTER_SECONDS)} if isinstance(error, (QueueFullError, OverloadedError)) else None
    return problem(status_of(error), error.code, public_text(error, local=local), headers=retry, details=error_details(error))
