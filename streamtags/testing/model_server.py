"""A scripted OpenAI-compatible server on the loopback interface, for tests of clients of model servers.

```python
async with ModelServer(status(429, retry_after="2"), says("a red circle")) as server:
    captioner = SPEC.build({"base_url": server.base_url, "model": "any"})
```

It writes HTTP/1.1 itself, because server libraries cannot misbehave on purpose.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

__all__ = [
    "Act",
    "ModelServer",
    "ReceivedRequest",
    "chat_completion",
    "cut_off",
    "drip",
    "hang",
    "raw",
    "replies",
    "reset",
    "says",
    "status",
]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it came: path, headers (names in lower case) and the JSON of its body, {} if it had none."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


Act = Callable[[ReceivedRequest, asyncio.StreamWriter], Awaitable[None]]


class ModelServer:
    """Plays its acts one a request, in order; the last one is played again and again.

    Attributes:
        requests: the requests so far.
        busiest: the most requests that were open at once.
    """

    def __init__(self, *acts: Act) -> None:
        self._acts = acts
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.requests: list[ReceivedRequest] = []
        self.busiest = 0
        self.base_url = ""

    async def __aenter__(self) -> ModelServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Hang up on everybody and refuse connections from now on; safe to call twice."""
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._open.add(task)
        self.busiest = max(self.busiest, len(self._open))
        try:
            request = await _read(reader)
            if request is not None:
                self.requests.append(request)
                await self._acts[min(len(self.requests), len(self._acts)) - 1](request, writer)
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self._open.discard(task)
            writer.close()


def chat_completion(content: str | None, *, prompt_tokens: int = 100, completion_tokens: int = 20, **message: Any) -> dict[str, Any]:
    """The JSON of a chat completion; further keys go into its message, `finish_reason` beside it."""
    finish = message.pop("finish_reason", "stop")
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": prompt_tokens + completion_tokens}
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "scripted", "choices": [choice], "usage": usage}


def says(content: str | Mapping[str, Any] | None, **more: Any) -> Act:
    """Answers with `content` (a mapping as JSON); `more` as in `chat_completion`."""
    text = json.dumps(content) if isinstance(content, Mapping) else content
    return raw(json.dumps(chat_completion(text, **more)).encode())


def replies(answer: Callable[[ReceivedRequest], str | Mapping[str, Any]], after: float = 0.0) -> Act:
    """Answers with what `answer` makes of the request, `after` seconds later: a model of one's own."""

    async def act(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after)
        await says(answer(request))(request, writer)

    return act


def status(code: int, message: str = "scripted", *, error_code: str | None = None, **headers: str) -> Act:
    """Answers with an HTTP status; headers by name with `_` for `-`, as in `retry_after="2"`."""
    body = json.dumps({"error": {"message": message, "type": "scripted", "code": error_code}}).encode()
    return raw(body, code=code, headers={name.replace("_", "-"): value for name, value in headers.items()})


def raw(body: bytes, *, code: int = 200, content_type: str = "application/json", headers: Mapping[str, str] | None = None) -> Act:
    """Answers with these very bytes."""

    async def act(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(code, len(body), content_type, headers or {}) + body)
        await writer.drain()

    return act


def cut_off(content: str = "never read", share: float = 0.5) -> Act:
    """Announces a whole answer, sends a share of it and hangs up."""
    body = json.dumps(chat_completion(content)).encode()

    async def act(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, len(body), "application/json", {}) + body[: int(len(body) * share)])
        await writer.drain()

    return act


def drip(content: str = "slow", *, every: float = 0.05, size: int = 1) -> Act:
    """Sends an answer `size` bytes at a time, `every` so many seconds: never silent, never done."""
    body = json.dumps(chat_completion(content)).encode()

    async def act(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, len(body), "application/json", {}))
        for at in range(0, len(body), size):
            writer.write(body[at : at + size])
            await writer.drain()
            await asyncio.sleep(every)

    return act


def hang() -> Act:
    """Takes the request and never answers."""

    async def act(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    return act


def reset() -> Act:
    """Takes the request and breaks the connection."""

    async def act(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    return act


def _head(code: int, length: int, content_type: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {code} Scripted", f"content-type: {content_type}", f"content-length: {length}", "connection: close"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode("latin-1")


async def _read(reader: asyncio.StreamReader) -> ReceivedRequest | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    if not head[0]:
        return None
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return ReceivedRequest(path=head[0].split(" ")[1], headers=headers, body=json.loads(body) if body else {})
