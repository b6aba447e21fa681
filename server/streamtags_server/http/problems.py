"""Errors as HTTP answers: RFC 9457 problem JSON."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from streamtags.core.errors import BackendError, NotInStore, SourceError, SourceRefused, StreamtagsError, UsageError

__all__ = ["BadRequestError", "ConflictError", "QueueFullError", "problem", "problem_of", "status_of", "told", "without_folders"]

_log = logging.getLogger(__name__)


class QueueFullError(StreamtagsError):
    """No room for another analysis."""

    code = "queue.full"


class ConflictError(StreamtagsError):
    """The timeline is not in a state in which this can be done."""

    code = "conflict"


class BadRequestError(StreamtagsError):
    """A request that is not taken as it is, with the HTTP status and the code that say why."""

    def __init__(self, what: str, *, status: int, code: str, hint: str | None = None) -> None:
        super().__init__(what, hint=hint, code=code)
        self.status = status


# A command, a flag or a setting of the server.
_FOR_OPERATORS = re.compile(r"`|--\w|\bserver\.\w")
# What leads to a file, in an absolute path; not in a URL.
_FOLDERS = re.compile(r"(?<![\w:/.])/(?:[^\s/]+/)+")

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
    if isinstance(error, BadRequestError):
        return error.status
    if error.code == "store.claimed":  # a fault of the store by its class, but what stands in the way is somebody's work
        return 409
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def told(error: StreamtagsError, *, local: bool) -> str:
    """What a client is told of an error.

    Who is at the server's own machine is told all. Anybody else is told of a file no more than its name, and no advice on how the server
    is started or what to type there; what was left out goes to the log.
    """
    if local:
        return str(error)
    hint = None if error.hint is None or _FOR_OPERATORS.search(error.hint) else error.hint
    said = without_folders(str(StreamtagsError(error.what, where=error.where, hint=hint)))
    if said != str(error):
        _log.info("a client was told %r of: %s", said, error)
    return said


def without_folders(text: str) -> str:
    """`text`, of each absolute path in it only the last name."""
    return _FOLDERS.sub("", text)


def problem(status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """A problem document; `code` is stable and for programs, `detail` for people."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code}
    headers = {**(headers or {}), **({"www-authenticate": "Bearer"} if status == 401 else {})}
    return Response(json.dumps(body), status, headers, "application/problem+json")


def problem_of(error: StreamtagsError, *, local: bool) -> Response:
    """The problem document of an error, as `told`."""
    again = {"retry-after": str(_QUEUE_SECONDS)} if isinstance(error, QueueFullError) else None
    return problem(status_of(error), error.code, told(error, local=local), headers=again)
