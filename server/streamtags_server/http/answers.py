"""Results of operations as HTTP responses."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from streamtags.operations.operation import Document, FileResult, Lines, Operation
from streamtags_server.http.media import MediaResponse

__all__ = ["response_of"]


def response_of(operation: Operation, result: Any) -> Response:
    """Return the response to a call of `operation` that returned `result`."""
    status = operation.http.status
    match result:
        case None:
            return Response(status_code=status)
        case Document(content=content, media_type=media_type, file_name=file_name, max_age_seconds=seconds):
            headers = {"content-disposition": f'attachment; filename="{file_name}"'} if file_name else {}
            if seconds:
                headers["cache-control"] = f"private, max-age={seconds}"
            return Response(content, status, headers, media_type)
        case FileResult(path=path):
            return MediaResponse(path)
        case Lines(chunks=chunks):
            return StreamingResponse(chunks, status, {"cache-control": "no-store"}, operation.http.media)
        case _:
            return JSONResponse(result, status)
