"""Errors as HTTP answers: RFC 9457 problem JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from streamtags.errors import BackendError, NotInStore, SourceError, SourceRefused, StreamtagsError, UsageError

__all__ = ["ConflictError", "QueueFullError", "TooLargeError", "problem", "problem_of", "status_of"]


class QueueFullError(StreamtagsError):
    """No room for another analysis."""

    code = "queue.full"


class ConflictError(StreamtagsError):
    """The timeline is not in a state in which this can be done."""

    code = "conflict"


class TooLargeError(StreamtagsError):
    """More bytes than are taken; `status` tells one file too large (413), no room left (507) and too slow (408) apart."""

    code = "too_large"

    def __init__(self, what: str, *, status: int = 413, hint: str | None = None) -> None:
        super().__init__(what, hint=hint)
        self.status = status


# When a full queue is worth another try: an analysis takes seconds at least.
_QUEUE_SECONDS = 10

_STATUS: tuple[tuple[type[StreamtagsError], int], ...] = (
    (NotInStore, 404),
    (ConflictError, 409),
    (QueueFullError, 429),
    (SourceRefused, 403),
    (SourceError, 422),
    (UsageError, 422),
    (BackendError, 503),
)


def status_of(error: StreamtagsError) -> int:
    """The HTTP status that fits an error."""
    if isinstance(error, TooLargeError):
        return error.status
    if error.code == "store.claimed":  # a fault of the store by its class, but what stands in the way is somebody's work
        return 409
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(status: int, code: str, detail: str, *, title: str | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """A problem document; `code` is stable and for programs, `detail` for people."""
    body = {"type": "about:blank", "title": title or code, "status": status, "detail": detail, "code": code}
    headers = {**(headers or {}), **({"www-authenticate": "Bearer"} if status == 401 else {})}
    return Response(json.dumps(body), status, headers, "application/problem+json")


def problem_of(error: StreamtagsError) -> Response:
    """The problem document of an error."""
    again = {"retry-after": str(_QUEUE_SECONDS)} if isinstance(error, QueueFullError) else None
    return problem(status_of(error), error.code, str(error), title=error.what, headers=again)
