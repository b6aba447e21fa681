"""Errors of operations, as every transport reports them."""

from __future__ import annotations

from streamtags.core.errors import BackendError, StreamtagsError

__all__ = ["ConflictError", "NoSpaceError", "OverloadedError", "PermissionDeniedError", "QueueFullError", "UserQuotaError"]


class ConflictError(StreamtagsError):
    """The timeline is not in a state in which this can be done."""

    code = "conflict"


class QueueFullError(StreamtagsError):
    """Too many analyses wait already."""

    code = "queue.full"


class UserQuotaError(QueueFullError):
    """A user's share of the queue is used up."""

    code = "queue.quota"


class OverloadedError(StreamtagsError):
    """The service did not get to it within the deadline."""

    code = "overloaded"


class NoSpaceError(BackendError):
    """The disk is full, or a quota is used up."""

    code = "no_room"


class PermissionDeniedError(StreamtagsError):
    """The caller's role does not allow the operation.

    Args:
        what: what is missing.
        authenticated: the caller has a role, but not the required one.
    """

    code = "forbidden"

    def __init__(self, what: str, *, authenticated: bool) -> None:
        super().__init__(what, code="forbidden" if authenticated else "unauthorized")
        self.authenticated = authenticated
