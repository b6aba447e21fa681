"""The HTTP endpoint of the MCP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from streamtags.core.errors import StreamtagsError
from streamtags.operations.operation import authorize
from streamtags.operations.services import Caller, Services
from streamtags.operations.table import TOOLS
from streamtags_server.access.gate import caller_of
from streamtags_server.http.problems import problem_of

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

__all__ = ["McpEndpoint"]

_MAX_BODY_BYTES = 2 << 20


class McpEndpoint:
    """The streamable HTTP transport at `/mcp`. Host, Origin and tokens are checked before a request comes here.

    Every request stands for itself: a client may go on with another server of the store. The package `mcp` takes a fifth of the time
    in which a server starts, so it is imported at the first request.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._is_wanted = asyncio.Event()
        self._manager: asyncio.Future[StreamableHTTPSessionManager] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while the block runs."""
        serving = asyncio.create_task(self._serve())
        try:
            yield
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            authorize(TOOLS["timelines"], caller_of(scope).role)  # a caller that may list timelines may see the tools
        except StreamtagsError as error:
            await problem_of(error, local=False)(scope, receive, send)
            return
        self._is_wanted.set()
        manager = await asyncio.shield(self._manager)
        await manager.handle_request(scope, receive, send)

    async def _serve(self) -> None:
        """Run the manager of sessions from the first request on."""
        await self._is_wanted.wait()
        try:
            manager = await asyncio.to_thread(_make_manager, self._services)
        except Exception as error:  # noqa: BLE001 - it is raised where a request waits
            self._manager.set_exception(error)
            return
        async with manager.run():
            self._manager.set_result(manager)
            await asyncio.Event().wait()


def _make_manager(services: Services) -> StreamableHTTPSessionManager:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from streamtags_server.mcp.server import make_mcp_server

    server = make_mcp_server(services, Caller(None))
    return StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=_MAX_BODY_BYTES)
