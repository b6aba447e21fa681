"""PostgreSQL's errors as `StoreError`, with what to do about them."""

from __future__ import annotations

import psycopg
from psycopg_pool import PoolTimeout

from streamtags.core.errors import StoreError

__all__ = ["explain", "is_transient"]

# Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_RETRIED = frozenset({"40001", "40P01", "53300", "57P01", "57P02", "57P03", "25P03"})
_NOTHING_LOST = "nothing of this step was written, everything before it is kept"
_EXPLANATIONS: dict[str, tuple[str, str, str]] = {
    "53100": ("store.full", "no space left on the volume of the database", f"free some space and try again; {_NOTHING_LOST}"),
    "25006": ("store.read_only", "does not accept writes", "name the primary server, not a standby"),
    "42501": ("store.cannot_open", "this user may not use the tables", "grant the user the schema `streamtags`, or name another user"),
    "55P03": ("store.locked", "another process has been writing to this timeline for too long", f"try again; {_NOTHING_LOST}"),
    "57014": ("store.locked", "the database ended a statement that took too long", f"try again; {_NOTHING_LOST}"),
    "42P01": ("store.replaced", "the tables were removed while the store was open", "restart this program"),
    "3F000": ("store.replaced", "the tables were removed while the store was open", "restart this program"),
    "XX001": ("store.corrupt", "is damaged", "restore a backup"),
    "XX002": ("store.corrupt", "an index is damaged", "run REINDEX, or restore a backup"),
    "28P01": ("store.cannot_open", "the password is wrong", "check the user and the password of --store"),
    "28000": ("store.cannot_open", "this user may not connect", "check the user of --store and pg_hba.conf"),
    "3D000": ("store.cannot_open", "there is no such database", "create it: createdb streamtags"),
}
# libpq reports a refused login as text only.
_REFUSALS = {"password authentication failed": "28P01", "no pg_hba.conf entry": "28000", "role ": "28000", "does not exist": "3D000"}


def _code(error: psycopg.Error) -> str:
    if error.sqlstate:
        return error.sqlstate
    text = str(error)
    if "FATAL" in text and isinstance(error, psycopg.OperationalError):
        return next((code for part, code in _REFUSALS.items() if part in text), "")
    return ""


def is_transient(error: psycopg.Error) -> bool:
    """Return whether the same call may succeed soon: the connection was lost, the server restarts, or two transactions collided."""
    code = _code(error)
    if code:
        return code in _RETRIED or code.startswith("08")
    return isinstance(error, (psycopg.OperationalError, PoolTimeout))


def explain(error: psycopg.Error, where: str) -> StoreError:
    """Return the `StoreError` for `error`; `where` is the URL of the store without its password."""
    if is_transient(error):
        why = " ".join(str(error).split())
        hint = "check that the database runs, then try again; everything durable is kept"
        return StoreError(f"cannot be reached: {why}", where=where, hint=hint, code="store.unreachable")
    code, what, hint = _EXPLANATIONS.get(_code(error), ("store", " ".join(str(error).split()), f"try again; {_NOTHING_LOST}"))
    return StoreError(what, where=where, hint=hint, code=code)
