"""A film or a track as a response, whole or in ranges."""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from streamtags_server.http.problems import problem

__all__ = ["MediaResponse"]

# Types a browser plays and never executes; every other file is sent as plain bytes.
_MEDIA_TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm", ".mkv": "video/x-matroska",
    ".ts": "video/mp2t", ".avi": "video/x-msvideo", ".mpg": "video/mpeg", ".ogv": "video/ogg", ".mxf": "application/mxf",
    ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".wav": "audio/wav", ".flac": "audio/flac",
    ".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/ogg",
}  # fmt: skip


class MediaResponse(FileResponse):
    """A file for a player. A range outside the file (416), or a malformed one (400), is answered with a problem document."""

    def __init__(self, path: Path) -> None:
        media_type = _MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
        super().__init__(path, media_type=media_type, headers={"cache-control": "private"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        refusal: Message | None = None

        async def send_unless_refused(message: Message) -> None:
            nonlocal refusal
            if message["type"] == "http.response.start" and message["status"] >= 400:
                refusal = message
            elif refusal is None:
                await send(message)

        await super().__call__(scope, receive, send_unless_refused)
        if refusal is not None:
            headers = Headers(raw=refusal["headers"])
            size = {name: headers[name] for name in ("content-range",) if name in headers}
            what = "the file has no such bytes" if size else "the header Range is not a range of bytes"
            await problem(refusal["status"], "range", what, headers=size)(scope, receive, send)
