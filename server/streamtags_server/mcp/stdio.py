"""The MCP server on standard input and output, for assistants that start it themselves."""

from __future__ import annotations

import asyncio

from mcp.server.stdio import stdio_server

from streamtags.config.settings import Settings
from streamtags.operations.services import Caller
from streamtags.store.opening import open_store
from streamtags_server.app import running_parts
from streamtags_server.mcp.server import make_mcp_server

__all__ = ["serve_stdio"]


def serve_stdio(settings: Settings) -> None:
    """Serve until standard input ends. The caller is an editor: it runs with the rights of the person who started it.

    Raises:
        StoreError: the store cannot be opened.
    """

    async def serve() -> None:
        with open_store(settings.store) as store:
            async with running_parts(store, settings) as services:
                server = make_mcp_server(services, Caller("editor", "assistant"))
                async with stdio_server() as (reading, writing):
                    await server.run(reading, writing, server.create_initialization_options())

    asyncio.run(serve())
