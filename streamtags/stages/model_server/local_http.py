"""Short requests to a server on this machine that may be any program.

A request goes to the loopback interface only: no proxy of the environment carries it, no redirect is followed, and the whole answer has to
come within the time and the size allowed.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from streamtags.core.errors import ModelError
from streamtags.stages.model_server.options import is_loopback
from streamtags.stages.model_server.responses import is_loading, server_words

__all__ = ["fetch_json"]

MAX_ANSWER_BYTES = 2_000_000


def fetch_json(address: str, path: str, body: Mapping[str, Any] | None = None, *, seconds: float) -> Any:
    """Return the JSON of one answer with status 200; blocks.

    Args:
        address: scheme, host and port, such as `http://127.0.0.1:11434`.
        path: with the leading slash.
        body: sent as JSON by POST; None sends a GET.
        seconds: for the whole exchange.

    Raises:
        ModelError: `model.unreachable` where nothing listens or nothing came in time, `model.loading` where the server still loads its
            model, `model.invalid_answer` where the answer is none of a model server, `model.refused` for another status.
    """
    parts = urlsplit(address)
    if parts.scheme != "http" or not is_loopback(address):
        raise ModelError("is not on this machine", where=address, code="model.unreachable")
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.connect()
        with _ended_after(seconds, connection.sock):
            status, content = _exchange(connection, path, body)
    except (OSError, HTTPException, ValueError, AttributeError) as error:
        words = server_words(str(error)) or type(error).__name__
        raise ModelError(f"cannot be reached: {words}", where=address, code="model.unreachable") from error
    finally:
        connection.close()
    if status != 200:
        words = server_words(content.decode(errors="replace"))
        code = "model.loading" if status == 503 and is_loading(words) else "model.refused"
        raise ModelError(f"HTTP {status}: {words}", where=address, code=code)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError("the answer is not JSON", where=address, code="model.invalid_answer") from error


def _exchange(connection: HTTPConnection, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    connection.request("GET" if data is None else "POST", path, data, {"Accept": "application/json", "Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read(MAX_ANSWER_BYTES + 1)
    if len(content) > MAX_ANSWER_BYTES or (answer.length or 0) > 0:
        raise HTTPException("the answer is too long or was cut off")
    return answer.status, content


@contextmanager
def _ended_after(seconds: float, connected: socket.socket) -> Iterator[None]:
    """Hang up after `seconds`: the timeout of a socket starts anew at every byte, so an answer that drips never meets it."""

    def hang_up() -> None:
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
