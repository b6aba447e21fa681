"""The analyzed file as an answer, whole or in ranges."""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from streamtags_server.http.problems import problem

__all__ = ["Film"]

# Types a browser plays and never runs; everything else is handed over as bytes.
_MEDIA = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm", ".mkv": "video/x-matroska",
    ".ts": "video/mp2t", ".avi": "video/x-msvideo", ".mpg": "video/mpeg", ".ogv": "video/ogg", ".mxf": "application/mxf",
}  # fmt: skip


class Film(FileResponse):
    """A file for a player; a range that it does not have (416), or that is none (400), is told as a problem."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, media_type=_MEDIA.get(path.suffix.lower(), "application/octet-stream"), headers={"cache-control": "private"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        refused: Message | None = None

        async def kept(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] >= 400:
                refused = message
            elif refused is None:
                await send(message)

        await super().__call__(scope, receive, kept)
        if refused is not None:
            said = Headers(raw=refused["headers"])
            size = {name: said[name] for name in ("content-range",) if name in said}
            what = "the file has no such bytes" if size else "the header Range is not a range of bytes"
            await problem(refused["status"], "range", what, headers=size)(scope, receive, send)
