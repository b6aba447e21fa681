"""HTTP: thin handlers around `Service`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from streamtags.core.errors import StreamtagsError, UsageError
from streamtags.export import export_timeline, find_format
from streamtags.export.options import parse_options
from streamtags_server.access.gate import COOKIE, OpenSession, Tokens, is_local
from streamtags_server.http.media import Film
from streamtags_server.http.problems import BadRequestError, problem, problem_of
from streamtags_server.http.uploads import Uploads
from streamtags_server.metrics import Metrics
from streamtags_server.service import Analyze, Correct, Params, Retag, Service, checked
from streamtags_server.ws.hub import Gone, State
from streamtags_server.ws.ring import Entry

__all__ = ["Api"]

_BODY_BYTES = 2 << 20
_BATCH = 500
_BYTES = frozenset({"application/octet-stream", "application/mxf", "application/ogg"})

Handler = Callable[[Request], Awaitable[Response]]


class Api:
    """The HTTP operations of a server."""

    def __init__(self, service: Service, uploads: Uploads, tokens: Tokens | None, metrics: Metrics) -> None:
        self._service, self._uploads, self._tokens, self._metrics = service, uploads, tokens, metrics

    def routes(self) -> list[BaseRoute]:
        """Every route but the page and the WebSocket."""
        one = "/v1/timelines/{id}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/healthz", self._healthz),
            ("GET", "/readyz", self._readyz),
            ("GET", "/metrics", self._show_metrics),
            ("GET", "/openapi.json", self._openapi),
            ("GET", "/asyncapi.json", self._asyncapi),
            ("POST", "/v1/session", self._open_session),
            ("DELETE", "/v1/session", self._close_session),
            ("GET", "/v1/vocabularies", self._vocabularies),
            ("GET", "/v1/timelines", self._list),
            ("POST", "/v1/timelines", self._analyze),
            ("GET", one, self._get),
            ("DELETE", one, self._remove),
            ("GET", f"{one}/events", self._events),
            ("GET", f"{one}/export", self._export),
            ("GET", f"{one}/media", self._media),
            ("GET", f"{one}/thumbnails/{{segment}}.jpg", self._thumbnail),
            ("POST", f"{one}/cancel", self._cancel),
            ("POST", f"{one}/retag", self._retag),
            ("POST", f"{one}/cues", self._cues),
            ("PATCH", f"{one}/segments/{{segment}}", self._correct),
        ]
        paths: dict[str, dict[str, Handler]] = {}
        for method, path, handler in table:
            paths.setdefault(path, {})[method] = handler
        return [Route(path, _told(handlers), methods=list(handlers)) for path, handlers in paths.items()]

    # The server itself

    async def _healthz(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, _: Request) -> Response:
        await asyncio.to_thread(self._service.store.heads)
        return JSONResponse({"status": "ready"})

    async def _show_metrics(self, _: Request) -> Response:
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")

    async def _openapi(self, _: Request) -> Response:
        from streamtags_server.reference.documents import openapi_document

        return JSONResponse(openapi_document())

    async def _asyncapi(self, _: Request) -> Response:
        from streamtags_server.reference.documents import asyncapi_document

        return JSONResponse(asyncapi_document())

    async def _open_session(self, request: Request) -> Response:
        """A page cannot put a token into the address of a video: it trades it for a cookie that no script can read."""
        said = await self._body(request, OpenSession)
        if self._tokens is None:
            return JSONResponse({"role": "editor"})
        role = self._tokens.role_of(said.token)
        if role is None:
            return problem(401, "unauthorized", "that is not a valid token")
        answer = JSONResponse({"role": role})
        answer.set_cookie(COOKIE, self._tokens.session(role), httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    async def _close_session(self, _: Request) -> Response:
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def _vocabularies(self, request: Request) -> Response:
        return JSONResponse(await self._service.answer("vocabularies.list", {}, ""))

    # Timelines

    async def _list(self, _: Request) -> Response:
        return JSONResponse({"timelines": await self._service.timelines()})

    async def _analyze(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind.startswith("multipart/"):
            raise BadRequestError("send the bytes of the file as the body, and its name as ?name=", status=415, code="media_type")
        query = request.query_params
        is_film = kind in _BYTES or kind.startswith(("video/", "audio/", "image/"))
        if kind == "application/json" or not (is_film or "name" in query):
            wanted = checked(Analyze, await self._json(request))
        else:
            wanted = checked(Analyze, {"uri": "upload", "profile": query.get("profile"), "tags": query.get("tags")})
            path = await self._uploads.take(aiter(request.stream()), _file_name(request), _length(request))
            wanted = wanted.model_copy(update={"uri": str(path)})
        return JSONResponse(await self._service.analyze(wanted), 202)

    async def _get(self, request: Request) -> Response:
        return JSONResponse(await self._service.get(await self._timeline(request)))

    async def _remove(self, request: Request) -> Response:
        await self._service.remove(await self._timeline(request))
        return Response(status_code=204)

    async def _cancel(self, request: Request) -> Response:
        return JSONResponse(await self._service.cancel(await self._timeline(request)))

    async def _retag(self, request: Request) -> Response:
        timeline = await self._timeline(request)
        return JSONResponse(await self._service.retag(timeline, await self._body(request, Retag)), 202)

    async def _correct(self, request: Request) -> Response:
        timeline = await self._timeline(request)
        said = await self._body(request, Correct)
        role = request.scope.get("streamtags.role") or ""
        return JSONResponse(await self._service.correct(timeline, request.path_params["segment"], said, role))

    async def _cues(self, request: Request) -> Response:
        await self._timeline(request)
        return problem(501, "not_available", "music suggestions are not built into this server")

    async def _events(self, request: Request) -> Response:
        timeline = await self._timeline(request)
        after = request.query_params.get("after", "0")
        follow = request.query_params.get("follow", "0")
        if not re.fullmatch(r"[0-9]{1,18}", after) or follow not in ("0", "1"):
            raise BadRequestError("after is a whole number from 0, follow is 0 or 1", status=400, code="invalid_query")
        lines = self._follow(timeline, int(after)) if follow == "1" else self._log(timeline, int(after))
        return StreamingResponse(lines, media_type="application/x-ndjson", headers={"cache-control": "no-store"})

    async def _log(self, timeline: str, after: int) -> AsyncIterator[str]:
        """The log as far as it reaches now."""
        epoch, end = await asyncio.to_thread(self._service.store.head, timeline)
        while after < end:
            lines = await asyncio.to_thread(self._service.store.read_json, timeline, after, min(_BATCH, end - after))
            if not lines or Entry(lines[0]).epoch != epoch:
                return  # replaced meanwhile: what was sent is whole as far as it goes
            yield "".join(f"{line}\n" for line in lines)
            after += len(lines)

    async def _follow(self, timeline: str, after: int) -> AsyncIterator[str]:
        """The log as it grows, and the one that replaces it, until the timeline is removed, the client goes, or the server stops."""
        hub, news = self._service.hub, asyncio.Event()
        reader = await hub.reader(timeline, news.set)
        stopped = asyncio.create_task(hub.stopped.wait())
        try:
            epoch, end = await asyncio.to_thread(self._service.store.head, timeline)
            await reader.resume(min(after, end), epoch)
            while not stopped.done():
                items = await reader.take(_BATCH)
                for item in items:
                    if isinstance(item, State):  # of another log: it is given from its first event
                        await reader.resume(0, item.head.epoch)
                    elif isinstance(item, Gone):
                        return
                entries = [item for item in items if isinstance(item, Entry) and (item.epoch != epoch or item.seq > after)]
                if entries:
                    yield "".join(f"{entry.line}\n" for entry in entries)
                elif not items and not reader.behind:
                    fresh = asyncio.create_task(news.wait())
                    try:
                        await asyncio.wait({fresh, stopped}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        fresh.cancel()
                    news.clear()
        finally:
            stopped.cancel()
            reader.close()

    async def _export(self, request: Request) -> Response:
        timeline = await self._timeline(request)
        name = request.query_params.get("format", "")
        try:
            export = find_format(name)
        except UsageError as error:
            raise BadRequestError(error.what, status=400, code="invalid_query", hint=error.hint) from error
        options = parse_options((key, value) for key, value in request.query_params.multi_items() if key != "format")
        store = self._service.store

        def render() -> tuple[bytes, str]:
            state = store.state(timeline)
            title = state.source.name.rpartition(".")[0] or state.source.name if state.source else timeline
            return export_timeline(store, timeline, export, options), title

        data, title = await asyncio.to_thread(render)
        quoted = re.sub(r"[^A-Za-z0-9._-]+", "_", title)[:100] or timeline
        headers = {"content-disposition": f'attachment; filename="{quoted}{export.suffix}"'}
        return Response(data, media_type=export.media_type, headers=headers)

    async def _media(self, request: Request) -> Response:
        return Film(await self._service.media(await self._timeline(request)))

    async def _thumbnail(self, request: Request) -> Response:
        timeline = await self._timeline(request)
        jpeg = await asyncio.to_thread(self._service.store.thumbnail, timeline, request.path_params["segment"])
        return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})

    async def _json(self, request: Request) -> dict[str, Any]:
        body, seconds = bytearray(), self._service.settings.server.upload_idle_seconds
        try:
            async with asyncio.timeout(seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > _BODY_BYTES:
                        raise BadRequestError(f"more than {_BODY_BYTES} bytes", status=413, code="too_large")
        except TimeoutError as error:
            raise BadRequestError(f"the body did not come within {seconds:g} s", status=408, code="too_slow") from error
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadRequestError("the body is not JSON", status=400, code="invalid_body") from error
        if not isinstance(found, dict):
            raise BadRequestError("the body is not a JSON object", status=400, code="invalid_body")
        return found

    async def _body(self, request: Request, model: type[Params]) -> Params:
        return checked(model, await self._json(request))

    async def _timeline(self, request: Request) -> str:
        return await self._service.resolve(request.path_params["id"])


def _told(handlers: dict[str, Handler]) -> Handler:
    """What answers to each method of a path, errors as problem documents."""

    async def told(request: Request) -> Response:
        try:
            return await handlers["GET" if request.method == "HEAD" else request.method](request)
        except StreamtagsError as error:
            return problem_of(error, local=is_local(request.scope))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody hears it

    return told


def _length(request: Request) -> int | None:
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _file_name(request: Request) -> str:
    named = re.search(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", request.headers.get("content-disposition", ""), re.IGNORECASE)
    return request.query_params.get("name") or (unquote(named[1]) if named else "upload")
