"""HTTP routes, made from the table of operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from streamtags.core.errors import NotInStore, StreamtagsError
from streamtags.operations.operation import Operation, authorize, body_fields, path_fields
from streamtags.operations.params import InvalidParamsError, Params, validate
from streamtags.operations.services import Caller, Services
from streamtags.operations.table import OPERATIONS
from streamtags.run.traces import span
from streamtags_server.access.gate import caller_of, is_local
from streamtags_server.http.answers import response_of
from streamtags_server.http.bodies import content_length, is_upload, read_json, upload_name
from streamtags_server.http.problems import BadRequestError, problem_of
from streamtags_server.http.uploads import Uploads

__all__ = ["Endpoint", "Routes"]

Endpoint = Callable[[Request, Any], Awaitable[Response]]
"""Answers a request to an operation that only the HTTP server can carry out: the request, and the validated params."""


class Routes:
    """The routes of a server.

    Args:
        services: what the operations work with.
        uploads: where uploaded files go.
        own: what answers operations without a handler, by name; the page is not among them.
    """

    def __init__(self, services: Services, uploads: Uploads, own: Mapping[str, Endpoint]) -> None:
        self._services, self._uploads, self._own = services, uploads, own

    def routes(self) -> list[BaseRoute]:
        """Return one route for each path of the table but the page, which is files in a folder."""
        paths: dict[str, dict[str, Operation]] = {}
        for operation in OPERATIONS:
            if operation.name != "page":
                paths.setdefault(operation.http.path, {})[operation.http.method] = operation
        return [Route(path, self._endpoint(operations), methods=list(operations)) for path, operations in paths.items()]

    def _endpoint(self, operations: Mapping[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            operation = operations["GET" if request.method == "HEAD" else request.method]
            try:
                with span(operation.name, parent=request.headers.get("traceparent")):
                    return await self._answer(operation, request)
            except StreamtagsError as error:
                return problem_of(error, local=is_local(request.scope))
            except ClientDisconnect:
                return Response(status_code=400)  # the client is gone: no one reads this

        return endpoint

    async def _answer(self, operation: Operation, request: Request) -> Response:
        caller = caller_of(request.scope)
        authorize(operation, caller.role)
        if operation.http.upload and is_upload(request):
            return response_of(operation, await self._analyze_upload(operation, request, caller))
        params = await self._params(operation, request)
        if operation.handler is None:
            return await self._own[operation.name](request, params)
        return response_of(operation, await operation.handler(self._services, params, caller))

    async def _params(self, operation: Operation, request: Request) -> Params:
        """Collect the params from path, query and body.

        Raises:
            NotInStore: what the path names cannot exist.
            BadRequestError: the query or the body is malformed.
            InvalidParamsError: a field of the body is wrong.
        """
        in_path, in_query = path_fields(operation), operation.http.query
        values: dict[str, Any] = {}
        if body_fields(operation):
            values = await read_json(request, timeout_seconds=self._services.settings.server.upload_idle_seconds)
            if extra := next((name for name in in_path if name in values), None):
                raise InvalidParamsError(f"{extra}: is in the path", extra)
        values |= _query_values(operation, request)
        values |= {name: request.path_params[name] for name in in_path}
        try:
            return validate(operation.params, values)
        except InvalidParamsError as error:
            if error.field in in_path:
                raise NotInStore(f"no {'timeline' if error.field == 'id' else error.field} of that name") from error
            if error.field in in_query:
                raise BadRequestError(error.what, status=400, code="invalid_query") from error
            raise

    async def _analyze_upload(self, operation: Operation, request: Request, caller: Caller) -> Any:
        """Store the body as a file and analyze it. A new file is deleted again if the analysis is refused.

        Raises:
            StreamtagsError: the upload or the analysis is refused.
        """
        query = {name: request.query_params.get(name) for name in operation.http.upload}
        params = validate(operation.params, {"uri": "upload", **query})
        path, is_new = await self._uploads.take(aiter(request.stream()), upload_name(request), content_length(request))
        try:
            return await operation.handler(self._services, params.model_copy(update={"uri": str(path)}), caller)  # type: ignore[misc]
        except StreamtagsError:
            if is_new:
                await self._services.threads.lookups(lambda: self._uploads.discard(str(path)))
            raise


def _query_values(operation: Operation, request: Request) -> dict[str, Any]:
    """Return the params in the query; one that is a list may be repeated."""
    query, fields = request.query_params, operation.params.model_fields
    names = query if operation.http.strict_query else [name for name in operation.http.query if name in query]
    repeated = {name for name, field in fields.items() if field.default_factory is list}
    return {name: query.getlist(name) if name in repeated else query[name] for name in names}
