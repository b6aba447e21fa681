"""Requests to Ollama by its own interface.

It has what its OpenAI-compatible one lacks: the length of the context and how long the model stays in memory. Without a length, Ollama
cuts a prompt of many pictures at 4,096 tokens and reports nothing.

Source: docs.ollama.com/api/chat and docs.ollama.com/context-length, read in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamtags.stages.model_server.connection import Endpoint
from streamtags.stages.model_server.options import EndpointOptions
from streamtags.stages.model_server.responses import invalid_answer

__all__ = ["OllamaEndpoint"]

_NATIVE = "/api/"
_OPTIONS = {"max_tokens": "num_predict", "temperature": "temperature", "top_p": "top_p", "seed": "seed"}


class OllamaEndpoint(Endpoint):
    """An `Endpoint` whose chat completions go to `/api/chat`.

    Args:
        options: `base_url` ends in `/v1`, as for other servers.
        context_tokens: longest prompt and answer together.
        keep_alive: how long the model stays in memory after a request, such as `10m`.
    """

    def __init__(self, options: EndpointOptions, *, context_tokens: int, keep_alive: str) -> None:
        super().__init__(options)
        self._context_tokens = context_tokens
        self._keep_alive = keep_alive

    async def _chat(self, request: Mapping[str, Any]) -> Any:
        body = {
            "model": self.options.model,
            "messages": [_native_message(message) for message in request["messages"]],
            "stream": False,
            "think": False,
            "keep_alive": self._keep_alive,
            "options": {"num_ctx": self._context_tokens, **{own: request[key] for key, own in _OPTIONS.items() if key in request}},
            **request.get("extra_body", {}),
        }
        schema = request.get("response_format", {}).get("json_schema", {}).get("schema")
        if schema is not None:
            body["format"] = schema
        return _chat_completion(await self._fetch("POST", f"{_NATIVE}chat", body), self.where)

    def _url(self, path: str) -> str:
        if path.startswith(_NATIVE):
            return self.options.base_url.removesuffix("/v1") + path
        return super()._url(path)


def _native_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message with pictures beside the text instead of parts of it."""
    content = message["content"]
    if isinstance(content, str):
        return {"role": message["role"], "content": content}
    parts: Sequence[Mapping[str, Any]] = content
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    images = [part["image_url"]["url"].partition(",")[2] for part in parts if part["type"] == "image_url"]
    return {"role": message["role"], "content": text, "images": images}


def _chat_completion(answer: object, where: str) -> dict[str, Any]:
    """Ollama's answer in the shape of a chat completion."""
    if not isinstance(answer, Mapping):
        raise invalid_answer("the answer is not JSON of Ollama", where)
    if "error" in answer or not isinstance(answer.get("message"), Mapping):
        return dict(answer)
    counted = {"prompt_tokens": answer.get("prompt_eval_count"), "completion_tokens": answer.get("eval_count")}
    choice = {"index": 0, "message": answer["message"], "finish_reason": answer.get("done_reason")}
    return {"choices": [choice], "usage": counted}
