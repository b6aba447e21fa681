"""The application and the process that serves it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from streamtags.config.settings import Settings
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.errors import ConfigError
from streamtags.core.protocol import PATH
from streamtags.core.stores import Store
from streamtags.operations.retags import Retags
from streamtags.operations.search import LazySearch
from streamtags.operations.services import Services
from streamtags.run.traces import send_spans, traced
from streamtags.sources.file.access import SCHEMES, Access
from streamtags.sources.folders import MediaFolders
from streamtags.store.opening import open_store, shown_url
from streamtags_server.access.gate import Gate, check_listening
from streamtags_server.access.holder import Holder
from streamtags_server.access.limits import AddressLimits, Throttle
from streamtags_server.access.source_policy import MediaRootPolicy
from streamtags_server.access.tokens import Tokens
from streamtags_server.http.problems import problem
from streamtags_server.http.routes import Routes
from streamtags_server.http.server_operations import ServerOperations
from streamtags_server.http.uploads import Uploads
from streamtags_server.http.uvicorn_protocols import HttpProtocol, WebSocketProtocol
from streamtags_server.jobs.queue import Jobs
from streamtags_server.logs import configure_logging
from streamtags_server.mcp.endpoint import McpEndpoint
from streamtags_server.metrics import Metrics
from streamtags_server.quota import DiskQuota
from streamtags_server.readiness import Readiness
from streamtags_server.threads import ServerThreads
from streamtags_server.vocabularies import Vocabularies
from streamtags_server.ws.hub import Hub
from streamtags_server.ws.live_readers import LiveReaders
from streamtags_server.ws.stream import Connections

__all__ = ["StreamtagsServer", "create_app", "make_server", "running_parts", "serve"]

_PAGE = Path(__file__).parent / "page"
_SHUTDOWN_SECONDS = 4
# Interval at which a server that drains looks whether it was interrupted again.
_POLL_SECONDS = 0.1
# A request waits so long for a database server that does not answer, and then gets 503.
_STORE_SECONDS = 5.0
_BACKLOG = 2048

_log = logging.getLogger(__name__)


class _Parts:
    """What exists as long as the server runs."""

    def __init__(
        self, store: Store, settings: Settings, tokens: Tokens | None, holder_of: Callable[[str | None], Holder | None], metrics: Metrics
    ) -> None:
        server, files = settings.server, store.folder
        self.threads = threads = ServerThreads()
        self.hub = Hub(store, queue_events=server.queue_events, tail=threads.tail, reading=threads.reading)
        quota = DiskQuota((files / "uploads", files / "vocabularies"), server.quota_bytes)
        uploads = Uploads(files / "uploads", server, metrics, quota, threads.uploads)
        roots = (*(root.resolve() for root in server.media_roots), uploads.folder.resolve())
        access = Access(schemes=frozenset({"file", *SCHEMES}), allow_private=server.allow_private, roots=roots)
        self.jobs = Jobs(store, self.hub, settings, access, metrics, blocking=threads.jobs)
        sources = MediaRootPolicy(access, uploads.discard)
        self.search = LazySearch(store)
        self.services = Services(
            store=store,
            settings=settings,
            readers=LiveReaders(self.hub),
            analyses=self.jobs,
            sources=sources,
            media=MediaFolders(server.media_roots),
            vocabularies=Vocabularies(settings.tags, files / "vocabularies", sources, quota),
            threads=threads,
            retags=Retags(store),
            search=self.search,
        )
        self.connections = Connections(self.hub, server, metrics, holder_of, self.services)
        self.mcp = McpEndpoint(self.services)
        self._readiness = Readiness(store, self.hub, threads.probes)
        own = ServerOperations(tokens, metrics, self._readiness)
        self.routes = [
            *Routes(self.services, uploads, own.endpoints()).routes(),
            WebSocketRoute(PATH, self.connections),
            Route("/mcp", self.mcp),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the hub, the connections and the jobs while the block runs, then close everything."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (self.hub.run(), self.connections.beat(), self.jobs.run())]
            yield
            await self.close()
            for task in tasks:
                task.cancel()

    def drain(self) -> None:
        """Report that the server takes no work, and leave new jobs to other servers. Everything else goes on."""
        self._readiness.is_draining = True
        self.jobs.drain()

    async def close(self) -> None:
        """End streams and analyses, and wait for what is being written."""
        self.hub.stopped.set()
        await self.jobs.close()
        await self.services.retags.close()
        self.search.close()
        self.threads.close()


def create_app(store: Store, settings: Settings) -> Gate:
    """Return the ASGI application over `store`; the server's own files are in the folder of the store.

    Raises:
        ConfigError: every client in the network could use it, or the token file is wrong.
    """
    token_file = settings.server.token_file
    tokens = Tokens(token_file, store.folder / "closed-sessions") if token_file is not None else None
    check_listening(settings.server, tokens)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        parts = _Parts(store, settings, tokens, gate.holder_of, metrics)
        gate.draining, gate.stopping = parts.drain, parts.hub.stopped.set
        app.router.routes[:0] = parts.routes
        async with parts.running(), parts.mcp.running():
            yield
        await asyncio.to_thread(send_spans)  # uvicorn then ends the process by the signal that it got, so that `traced` does not end

    app = Starlette(lifespan=lifespan, routes=_page_routes(), exception_handlers={HTTPException: _http_problem, Exception: _server_fault})
    gate = Gate(app, settings.server, tokens, metrics)
    return gate


@asynccontextmanager
async def running_parts(store: Store, settings: Settings) -> AsyncIterator[Services]:
    """Yield the services of a server that listens on no port, for a program that embeds it."""
    parts = _Parts(store, settings, None, lambda _: None, Metrics())
    async with parts.running():
        yield parts.services


class _PageFiles(StaticFiles):
    """The files of the page. A browser checks each time whether they have changed, so that it never mixes those of two releases."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the answer for one file, or that it has not changed."""
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"
        return response


def _page_routes() -> list[BaseRoute]:
    # Routes, not a mount: a mount would match every path and method, also those that must be refused with 405.
    files = _PageFiles(directory=_PAGE, html=True, follow_symlink=True)
    return [Route(path, files, methods=["GET"]) for path in ("/", "/{file}")] if _PAGE.is_dir() else []


async def _http_problem(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    headers = error.headers if isinstance(error, HTTPException) else None
    return problem(status, {404: "not_found", 405: "method"}.get(status, "http"), detail, headers=headers)


async def _server_fault(_: Request, error: Exception) -> Response:
    return problem(500, "internal", "the server could not do this; its log says why")


class StreamtagsServer(uvicorn.Server):
    """uvicorn's server. At shutdown it ends open streams first, because uvicorn waits for them.

    Attributes:
        ready: called once requests are answered.

    Args:
        config: of uvicorn.
        gate: the application.
        drain_seconds: how long it still answers when it is to stop; a second interrupt from the keyboard ends that.
    """

    def __init__(self, config: uvicorn.Config, gate: Gate, drain_seconds: float) -> None:
        super().__init__(config)
        self._gate, self._drain_seconds = gate, drain_seconds
        self.ready: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer requests, and call `ready`."""
        await super().startup(sockets)
        if self.started:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, end streams, close sockets with 1012, stop the children."""
        self._gate.draining()
        deadline = time.monotonic() + self._drain_seconds
        while not self.force_exit and time.monotonic() < deadline:  # noqa: ASYNC110 - a signal handler sets `force_exit`
            await asyncio.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))
        if self._drain_seconds:
            self.force_exit = False  # an interrupt while it drains ends only that
        self._gate.stopping()
        await super().shutdown(sockets)


def make_server(store: Store, settings: Settings) -> StreamtagsServer:
    """Return the server, ready to `run`.

    Raises:
        ConfigError: every client in the network could use it, there is no such profile, or a file it needs is wrong.
        VocabularyError: there is no such vocabulary, or it has mistakes.
    """
    server = settings.server
    if not settings.is_auto:
        settings.choose_profile()
    load_vocabulary(settings.tags)
    if (server.tls_certificate is None) != (server.tls_key is None):
        raise ConfigError("TLS needs both", where="server.tls_certificate, server.tls_key", hint="give --tls-cert and --tls-key")
    if server.tls_certificate is not None and server.tls_key is not None:
        _check_tls(server.tls_certificate, server.tls_key)

    class Http(HttpProtocol):
        head_seconds = server.identify_seconds

    gate = create_app(store, settings)
    return StreamtagsServer(
        uvicorn.Config(
            Throttle(gate, AddressLimits(server), gate.metrics),
            host=server.host,
            port=server.port,
            http=Http,
            ws=WebSocketProtocol,
            ws_max_size=server.message_bytes,
            ws_per_message_deflate=False,
            lifespan="on",
            backlog=_BACKLOG,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            ssl_certfile=server.tls_certificate,
            ssl_keyfile=server.tls_key,
        ),
        gate,
        server.drain_seconds,
    )


def _check_tls(certificate: Path, key: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            certificate, key, password=""
        )  # an encrypted key is refused instead of prompting for its password
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror or str(error)
        raise ConfigError(
            f"cannot be used for TLS: {why}", where=f"{certificate}, {key}", hint="PEM files: the chain, and its key without a password"
        ) from error


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise ConfigError(
            f"cannot listen there: {why}", where=f"{host}:{port}", hint="another server may run already; choose another --host or --port"
        ) from error


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ConfigError: every client in the network could use it, there is no such profile, a file it needs is wrong, or the port is taken.
        VocabularyError: there is no such vocabulary, or it has mistakes.
        StoreError: the store cannot be opened.
    """
    configure_logging(settings.server.log)
    with traced("streamtags-server"), open_store(settings.store, retry_seconds=_STORE_SECONDS) as store:
        server = make_server(store, settings)
        with _listen(settings.server.host, settings.server.port) as listening:
            scheme = "https" if settings.server.tls_key else "http"
            name = f"[{settings.server.host}]" if ":" in settings.server.host else settings.server.host
            address = f"{scheme}://{name}:{listening.getsockname()[1]}/"
            server.ready = lambda: _print_line(f"serving {shown_url(store.url)} at {address} (Ctrl-C ends it)")
            server.run(sockets=[listening])


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
