"""Operations that only the HTTP server can carry out: health, metrics, API documents, sessions."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamtags.operations.params import OpenSession
from streamtags_server.access.sessions import COOKIE
from streamtags_server.access.tokens import Tokens
from streamtags_server.http.problems import problem
from streamtags_server.http.routes import Endpoint
from streamtags_server.metrics import Metrics
from streamtags_server.readiness import Readiness
from streamtags_server.reference.documents import asyncapi_document, openapi_document

__all__ = ["ServerOperations"]


class ServerOperations:
    """Answers the operations of the table that have no handler.

    Args:
        tokens: the tokens of the token file; None if there is none.
        metrics: the counters to show.
        readiness: whether the server takes work.
    """

    def __init__(self, tokens: Tokens | None, metrics: Metrics, readiness: Readiness) -> None:
        self._tokens, self._metrics, self._readiness = tokens, metrics, readiness

    def endpoints(self) -> dict[str, Endpoint]:
        """Return what answers each operation, by its name."""
        return {
            "health": self._health,
            "ready": self._ready,
            "metrics": self._show_metrics,
            "openapi": self._openapi,
            "asyncapi": self._asyncapi,
            "openSession": self._open_session,
            "closeSession": self._close_session,
        }

    async def _health(self, _: Request, __: Any) -> Response:
        return JSONResponse({"status": "ok"})

    async def _ready(self, _: Request, __: Any) -> Response:
        trouble = await self._readiness.trouble()
        if trouble is None:
            return JSONResponse({"status": "ready"})
        return problem(503, "not_ready", trouble)

    async def _show_metrics(self, _: Request, __: Any) -> Response:
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")

    async def _openapi(self, _: Request, __: Any) -> Response:
        return JSONResponse(openapi_document())

    async def _asyncapi(self, _: Request, __: Any) -> Response:
        return JSONResponse(asyncapi_document())

    async def _open_session(self, request: Request, params: OpenSession) -> Response:
        """Exchange a token for a cookie: a page cannot put a token into the address of a video."""
        if self._tokens is None:
            return JSONResponse({"role": "editor"})
        holder = self._tokens.holder_of(params.token)
        if holder is None:
            return problem(401, "unauthorized", "that is not a valid token")
        response = JSONResponse({"role": holder.role})
        value = self._tokens.sessions.open(holder)
        response.set_cookie(COOKIE, value, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return response

    async def _close_session(self, request: Request, _: Any) -> Response:
        if self._tokens is not None:
            self._tokens.sessions.close(request.cookies.get(COOKIE, ""))
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response
