"""Films captioned by servers that answer as Ollama, LM Studio and llama.cpp do: captions, refusals, and models that load for a minute."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from streamtags.core import backoff
from streamtags.core.state import TimelineState
from streamtags.run.analyze import analyze
from streamtags.run.congestion import Breaker
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.model_server import Act, ModelServer, ReceivedRequest, raw

pytest.importorskip("openai", reason="needs the extra streamtags[models]")

from tests.run.test_choice import LLAMACPP, LMSTUDIO, OLLAMA, answers, auto

CAPTION = "A boat leaves the harbor."
# The answer of each server to a chat request with pictures, as its documentation and its users' reports show it.
OF_OLLAMA = {
    "model": "qwen3-vl:4b",
    "created_at": "2026-10-02T18:01:00.118Z",
    "message": {"role": "assistant", "content": CAPTION},
    "done": True,
    "done_reason": "stop",
    "total_duration": 61_000_000_000,
    "load_duration": 58_000_000_000,
    "prompt_eval_count": 1510,
    "eval_count": 7,
}
OF_LMSTUDIO = {
    "id": "chatcmpl-k2",
    "object": "chat.completion",
    "created": 1764000000,
    "model": "qwen/qwen3-vl-4b",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": CAPTION, "reasoning_content": "", "tool_calls": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1622, "completion_tokens": 7, "total_tokens": 1629},
    "stats": {},
    "system_fingerprint": "qwen/qwen3-vl-4b",
}
OF_LLAMACPP = {
    "choices": [{"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": CAPTION}}],
    "created": 1764000000,
    "model": "SmolVLM2-500M",
    "system_fingerprint": "b7100-ab12cd3",
    "object": "chat.completion",
    "usage": {"completion_tokens": 7, "prompt_tokens": 604, "total_tokens": 611},
    "id": "chatcmpl-9",
    "timings": {"prompt_n": 604, "prompt_ms": 900.1, "predicted_n": 7, "predicted_ms": 80.2},
}
LISTED = [{"id": "qwen/qwen3-vl-4b", "object": "model", "owned_by": "organization_owner"}]
SERVERS: dict[str, tuple[Mapping[str, Any], str, Mapping[str, Any]]] = {
    "ollama": (OLLAMA, "/api/chat", OF_OLLAMA),
    "lmstudio": ({**LMSTUDIO, "/v1/models": {"object": "list", "data": LISTED}}, "/v1/chat/completions", OF_LMSTUDIO),
    "llamacpp": (LLAMACPP, "/v1/chat/completions", OF_LLAMACPP),
}


def llamacpp_error(code: int, message: str, kind: str) -> Mapping[str, Any]:
    return {"error": {"code": code, "message": message, "type": kind}}


def serving(name: str, chat: Act) -> Act:
    """A server of this kind whose chat requests are answered by `chat`."""
    routes, path, _ = SERVERS[name]
    others = answers(routes)

    async def act(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        await (chat if request.path == path else others)(request, writer)

    return act


async def analyzed(name: str, chat: Act, film: Path, store: SqliteStore) -> tuple[TimelineState, list[ReceivedRequest]]:
    """The state of a film that was analyzed under `auto`, and the chat requests that the server got."""
    async with ModelServer(serving(name, chat)) as server:
        state = await analyze(str(film), auto(**{name: server}), store)
        return state, [request for request in server.requests if request.path == SERVERS[name][1]]


@pytest.mark.parametrize("name", SERVERS)
async def test_auto_finds_the_server_and_its_captions_reach_the_timeline(name: str, film: Path, store: SqliteStore) -> None:
    state, requests = await analyzed(name, raw(_json(SERVERS[name][2])), film, store)
    assert state.profile == name
    assert {segment.caption for segment in state.segments} == {CAPTION}
    assert len(requests) == len(state.segments)
    if name == "ollama":
        assert all(len(request.body["messages"][-1]["images"]) > 1 for request in requests)
        assert {request.body["keep_alive"] for request in requests} == {"10m"}
    else:
        kinds = [part["type"] for part in requests[0].body["messages"][-1]["content"]]
        assert kinds.count("image_url") > 1
        assert "keep_alive" not in requests[0].body


REFUSALS = [
    ("ollama", 400, {"error": "the prompt exceeds the context length of the model"}, "model.too_large"),
    (
        "lmstudio",
        400,
        {
            "error": "The number of tokens to keep from the initial prompt is greater than the context length. "
            "Try to load the model with a larger context length, or provide a shorter input"
        },
        "model.too_large",
    ),
    (
        "llamacpp",
        400,
        llamacpp_error(
            400, "request (9412 tokens) exceeds the available context size (8192 tokens), try increasing it", "exceed_context_size_error"
        ),
        "model.too_large",
    ),
    ("ollama", 500, {"error": "this model does not support image input"}, "model.no_pictures"),
    ("lmstudio", 400, {"error": "Model does not support images. Please use a model that does."}, "model.no_pictures"),
    (
        "llamacpp",
        500,
        llamacpp_error(
            500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj", "server_error"
        ),
        "model.no_pictures",
    ),
    ("ollama", 500, {"error": "model requires more system memory (5.6 GiB) than is available (3.1 GiB)"}, "model.out_of_memory"),
]


@pytest.mark.parametrize(("name", "status", "body", "code"), REFUSALS)
async def test_a_refusal_fails_the_segment_at_once_and_says_why(
    name: str, status: int, body: Mapping[str, Any], code: str, film: Path, store: SqliteStore
) -> None:
    state, requests = await analyzed(name, raw(_json(body), code=status), film, store)
    assert {segment.status for segment in state.segments} == {"failed"}
    assert {segment.error.code for segment in state.segments if segment.error} == {code}
    assert len(requests) == len(state.segments)


async def test_a_model_that_loads_for_a_minute_is_waited_for(monkeypatch: pytest.MonkeyPatch, film: Path, store: SqliteStore) -> None:
    monkeypatch.setattr(backoff.random, "uniform", lambda low, high: 0.0)
    monkeypatch.setattr(Breaker.__init__, "__defaults__", (5, 0.01, 0.05))  # a minute passes in less
    loading = raw(_json(llamacpp_error(503, "Loading model", "unavailable_error")), code=503)
    ready, requests = raw(_json(OF_LLAMACPP)), 0

    async def cold(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        await (loading if requests <= 12 else ready)(request, writer)

    state, _ = await analyzed("llamacpp", cold, film, store)
    assert {segment.caption for segment in state.segments} == {CAPTION}


@pytest.mark.parametrize("name", SERVERS)
def test_the_first_answer_may_take_minutes(name: str) -> None:
    profile = auto().model_copy(update={"profile": name}).choose_profile()
    assert profile.captioner.options["timeout_seconds"] >= 300
    assert profile.deadline_seconds >= 600


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()
