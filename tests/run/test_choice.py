"""The profile `auto` against servers that answer as Ollama, LM Studio, llama.cpp and vLLM do, against other programs, and with none."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from streamtags.config.settings import Settings, load_settings
from streamtags.core.errors import ModelError
from streamtags.operations.services import AnalysisRequest
from streamtags.run import choice as module
from streamtags.run.analyze import analyze
from streamtags.run.choice import ChosenProfile, choose_for_retag, choose_profile
from streamtags.run.retag import retag
from streamtags.stages.caption.weights import PulledModel
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.model_server import Act, ModelServer, ReceivedRequest, drip, hang, raw, says

pytest.importorskip("openai", reason="needs the extra streamtags[models]")

PROFILES = ("vllm", "ollama", "lmstudio", "llamacpp")


def answers(routes: Mapping[str, Any]) -> Act:
    """A server with these paths: a JSON value, or a function of the request that returns one."""

    async def act(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        value = routes.get(request.path, ...)
        if value is ...:
            await raw(b'{"error": "not found"}', code=404)(request, writer)
        else:
            await raw(json.dumps(value(request) if callable(value) else value).encode())(request, writer)

    return act


def ollama_shows(request: ReceivedRequest) -> Any:
    capabilities = {
        "llama3.2:3b": ["completion", "tools"],
        "qwen3-vl:4b": ["completion", "vision", "tools"],
        "gemma3:4b": ["completion", "vision"],
        "qwen3-vl:235b-cloud": ["completion", "vision"],
        "mine:latest": ["completion", "vision"],
    }
    remote = {"remote_host": "https://ollama.com:443", "remote_model": "m"} if request.body["model"] == "mine:latest" else {}
    return {"details": {"family": "qwen3vl"}, "capabilities": capabilities[request.body["model"]], **remote}


def ollama_model(name: str, **more: Any) -> dict[str, Any]:
    details = {"format": "gguf", "family": "qwen3vl", "parameter_size": "4.4B", "quantization_level": "Q4_K_M"}
    return {
        "name": name,
        "model": name,
        "modified_at": "2026-10-02T18:01:00Z",
        "size": 3_300_000_000,
        "digest": "ab",
        "details": details,
        **more,
    }


OLLAMA = {
    "/api/tags": {
        "models": [
            ollama_model("qwen3-vl:235b-cloud", remote_model="qwen3-vl:235b", remote_host="https://ollama.com:443"),
            ollama_model("mine:latest"),
            ollama_model("llama3.2:3b"),
            ollama_model("gemma3:4b"),
            ollama_model("qwen3-vl:4b"),
        ]
    },
    "/api/ps": {"models": [ollama_model("qwen3-vl:4b", context_length=4096)]},
    "/api/show": ollama_shows,
    "/api/chat": {
        "model": "qwen3-vl:4b",
        "message": {"role": "assistant", "content": "Two people dance."},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 1510,
        "eval_count": 9,
    },
    "/v1/models": {"object": "list", "data": [{"id": "qwen3-vl:4b", "object": "model", "owned_by": "library"}]},
}
LMSTUDIO = {
    "/api/v1/models": {
        "models": [
            {"type": "embedding", "key": "text-embedding-nomic-embed-text-v1.5", "loaded_instances": [], "max_context_length": 2048},
            {
                "type": "llm",
                "key": "qwen/qwen3-4b",
                "loaded_instances": [],
                "capabilities": {"vision": False, "trained_for_tool_use": True},
            },
            {"type": "llm", "key": "google/gemma-3-4b", "loaded_instances": [], "capabilities": {"vision": True}},
            {
                "type": "llm",
                "key": "qwen/qwen3-vl-4b",
                "loaded_instances": [{"id": "qwen/qwen3-vl-4b", "config": {"context_length": 8192}}],
                "max_context_length": 262144,
                "capabilities": {"vision": True, "trained_for_tool_use": True},
            },
        ]
    }
}
LMSTUDIO_BEFORE_0_4 = {
    "/api/v1/models": {"error": "Unexpected endpoint or method. (GET /api/v1/models)"},
    "/api/v0/models": {
        "object": "list",
        "data": [
            {"id": "llama-3.2-1b", "object": "model", "type": "llm", "state": "loaded", "max_context_length": 131072},
            {"id": "qwen2-vl-7b-instruct", "object": "model", "type": "vlm", "state": "not-loaded", "max_context_length": 32768},
        ],
    },
}
LLAMACPP_MODEL = {"id": "SmolVLM2-500M", "object": "model", "created": 0, "owned_by": "llamacpp", "meta": {"n_ctx": 8192}}
LLAMACPP = {
    "/v1/models": {
        "object": "list",
        "data": [{**LLAMACPP_MODEL, "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]}}],
    }
}
LLAMACPP_OF_2025 = {"/v1/models": {"object": "list", "data": [LLAMACPP_MODEL]}, "/props": {"modalities": {"vision": True, "audio": False}}}
LLAMACPP_WITHOUT_PROJECTOR = {"/v1/models": {"data": [LLAMACPP_MODEL]}, "/props": {"modalities": {"vision": False, "audio": False}}}


def vllm(name: str, root: str, *, takes: str = "") -> dict[str, Any]:
    def chat(request: ReceivedRequest) -> Any:
        kind = request.body["messages"][0]["content"][0]["type"]
        return {"choices": [{"message": {"content": "a"}}]} if kind == takes else {"error": {"message": f"{name} does not take {kind}"}}

    served = {"id": name, "object": "model", "owned_by": "vllm", "root": root, "parent": None, "max_model_len": 8192, "permission": []}
    return {"/v1/models": {"object": "list", "data": [served]}, "/v1/chat/completions": chat}


def auto(**servers: ModelServer | str) -> Settings:
    """Settings of auto that look for each kind of server at the given address, and nowhere where none is given."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    urls = {name: server if isinstance(server, str) else server.base_url for name, server in servers.items()}
    profiles = {name: {"captioner": {"base_url": urls.get(name, nowhere)}} for name in PROFILES}
    return load_settings({"profile": "auto", "tags": "seed-eight", "profiles": profiles})


async def chosen(**servers: Mapping[str, Any]) -> ChosenProfile:
    (name, routes), *_ = servers.items()
    async with ModelServer(answers(routes)) as server:
        return await choose_profile(auto(**{name: server}))


def captioner(choice: ChosenProfile) -> dict[str, Any]:
    return choice.settings.choose_profile().captioner.options


@pytest.mark.parametrize(
    ("profile", "routes", "model"),
    [
        ("ollama", OLLAMA, "qwen3-vl:4b"),
        ("lmstudio", LMSTUDIO, "qwen/qwen3-vl-4b"),
        ("lmstudio", LMSTUDIO_BEFORE_0_4, "qwen2-vl-7b-instruct"),
        ("llamacpp", LLAMACPP, "SmolVLM2-500M"),
        ("llamacpp", LLAMACPP_OF_2025, "SmolVLM2-500M"),
        ("vllm", vllm("eyes", "Qwen/Qwen3-VL-8B-Instruct"), "eyes"),
        ("vllm", vllm("own", "/models/own", takes="image_url"), "own"),
    ],
    ids=["ollama", "lmstudio", "lmstudio-0.3", "llamacpp", "llamacpp-2025", "vllm", "vllm-unknown-model"],
)
async def test_a_running_server_is_chosen_with_its_loaded_model_that_takes_pictures(
    profile: str, routes: Mapping[str, Any], model: str
) -> None:
    choice = await chosen(**{profile: routes})
    assert choice.settings.profile == profile
    assert captioner(choice)["model"] == model
    assert choice.line.startswith(f"profile {profile}: {model}, which ")
    assert "streamtags model check" in choice.line


async def test_a_model_that_vllm_serves_and_streamtags_knows_is_shown_pictures_as_its_file_says() -> None:
    options = captioner(await chosen(vllm=vllm("eyes", "Qwen/Qwen3-VL-8B-Instruct")))
    assert (options["preset"], options["model"]) == ("qwen3-vl-8b", "eyes")


async def test_a_model_that_takes_video_only_is_shown_a_video() -> None:
    options = captioner(await chosen(vllm=vllm("own", "/models/own", takes="video_url")))
    assert (options["transport"], options["prompt"]) == ("video_url", "describe")
    assert "preset" not in options


@pytest.mark.parametrize(
    ("profile", "routes", "command"),
    [
        ("ollama", {**OLLAMA, "/api/tags": {"models": [ollama_model("llama3.2:3b")]}}, "ollama pull"),
        ("lmstudio", {"/api/v1/models": {"models": LMSTUDIO["/api/v1/models"]["models"][:2]}}, "lms get"),
        ("llamacpp", LLAMACPP_WITHOUT_PROJECTOR, "llama-server -hf"),
        ("vllm", vllm("text", "Qwen/Qwen3-8B"), "streamtags model serve"),
    ],
)
async def test_a_server_without_eyes_names_the_command_that_gives_it_some(profile: str, routes: Mapping[str, Any], command: str) -> None:
    choice = await chosen(**{profile: routes})
    assert choice.settings.profile == "embedded"
    assert "has no model that takes pictures" in choice.line
    assert command in choice.line


async def test_models_that_ollama_runs_in_its_cloud_are_never_chosen() -> None:
    remote = [model for model in OLLAMA["/api/tags"]["models"] if "cloud" in model["name"] or "mine" in model["name"]]  # type: ignore[index]
    choice = await chosen(ollama={**OLLAMA, "/api/tags": {"models": remote}})
    assert choice.settings.profile == "embedded"


async def test_without_a_server_the_line_says_that_it_measures_only_and_what_would_let_it_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-key-is-no-consent")
    choice = await choose_profile(auto())
    assert choice.settings.profile == "embedded"
    assert "it measures and does not see" in choice.line
    assert "To let it see: " in choice.line
    assert "streamtags model pull smolvlm2-500m" in choice.line


def html() -> Act:
    return raw(b"<html><body>Django</body></html>", content_type="text/html")


def huge() -> Act:
    return raw(b'{"models": [' + b'{"name": "x"},' * 400_000 + b"{}]}")


def nested() -> Act:
    return raw(b"[" * 200_000)


def strange() -> Act:
    return raw(json.dumps({"models": [None, 3, {"name": "a\x1b[31mb"}, {"name": 7}, {"key": ["x"]}], "data": "no"}).encode())


def dripping() -> Act:
    return drip("x" * 5000, every=0.2)


@pytest.mark.parametrize("act", [html, huge, nested, strange, hang, dripping], ids=lambda act: act.__name__)
async def test_another_program_on_the_ports_is_left_alone_and_costs_little_time(act: Callable[[], Act]) -> None:
    async with ModelServer(act()) as server, asyncio.timeout(60):  # what drips would take 1000 s
        choice = await choose_profile(auto(**dict.fromkeys(PROFILES, server)))
    assert choice.settings.profile == "embedded"
    assert all("messages" not in request.body for request in server.requests)


async def test_a_redirection_to_another_address_is_not_followed() -> None:
    async with ModelServer(answers(OLLAMA)) as other:
        away = raw(b"", code=302, headers={"location": f"{other.base_url.removesuffix('/v1')}/api/tags"})
        async with ModelServer(away) as server:
            choice = await choose_profile(auto(ollama=server))
    assert choice.settings.profile == "embedded"
    assert other.requests == []


async def test_a_proxy_of_the_environment_carries_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ModelServer(says("x")) as proxy, ModelServer(answers(OLLAMA)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.base_url.removesuffix("/v1"))
        monkeypatch.delenv("no_proxy", raising=False)
        choice = await choose_profile(auto(ollama=server))
    assert choice.settings.profile == "ollama"
    assert proxy.requests == []


async def test_a_profile_that_was_moved_to_another_machine_is_not_chosen_by_itself() -> None:
    choice = await choose_profile(auto(ollama="http://gpu.example:11434/v1"))
    assert choice.settings.profile == "embedded"


async def test_a_named_profile_takes_the_model_that_its_server_has() -> None:
    async with ModelServer(answers(LMSTUDIO)) as server:
        named = auto(lmstudio=server).model_copy(update={"profile": "lmstudio"})
        choice = await choose_profile(named)
    assert captioner(choice)["model"] == "qwen/qwen3-vl-4b"


async def test_a_named_profile_whose_server_does_not_run_is_an_error_and_not_another_profile() -> None:
    with pytest.raises(ModelError, match="Ollama does not answer") as caught:
        await choose_profile(auto().model_copy(update={"profile": "ollama"}))
    assert caught.value.exit_status == 4


async def test_the_timeline_records_the_profile_and_is_replayed_when_the_server_is_gone(film: Path, store: SqliteStore) -> None:
    async with ModelServer(answers(OLLAMA)) as server:
        settings = auto(ollama=server)
        state = await analyze(str(film), settings, store)
    assert (state.profile, state.segments[0].caption) == ("ollama", "Two people dance.")
    again = await analyze(str(film), settings, store)
    assert (again.id, again.seq) == (state.id, state.seq)
    assert "as before for this source" in (await choose_profile(settings, store=store, uri=str(film))).line
    assert (await choose_profile(settings, store=store, uri=str(film), fresh=True)).settings.profile == "embedded"
    assert len(store.timelines()) == 1


async def test_a_half_done_timeline_whose_server_is_gone_is_not_continued_by_another_model(film: Path, store: SqliteStore) -> None:
    broken = {**OLLAMA, "/api/chat": {"error": "model runner has unexpectedly stopped"}}
    async with ModelServer(answers(broken)) as server:
        settings = auto(ollama=server)
        state = await analyze(str(film), settings, store)
    assert {segment.status for segment in state.segments} == {"failed"}
    with pytest.raises(ModelError, match="cannot be reached"):
        await analyze(str(film), settings, store)
    async with ModelServer(answers(OLLAMA)) as server:
        moved = store.state(state.id).settings["auto"]["captioner"]["base_url"]
        assert moved != server.base_url
    assert store.state(state.id).seq == state.seq


async def test_retagging_uses_the_classifier_that_the_analysis_used(film: Path, store: SqliteStore) -> None:
    async with ModelServer(answers(OLLAMA)) as server:
        settings = auto(ollama=server)
        state = await analyze(str(film), settings, store)
    assert choose_for_retag(settings, state).profile == "ollama"
    assert await retag(state.id, settings, store) == 0


async def test_a_timeline_that_says_to_send_pictures_elsewhere_is_not_believed(film: Path, store: SqliteStore) -> None:
    async with ModelServer(answers(OLLAMA)) as server:
        settings = auto(ollama=server)
        state = await analyze(str(film), settings, store)
    changed = {
        **state.settings,
        "auto": {**state.settings["auto"], "captioner": {"backend": "openai", "base_url": "http://evil.example/v1"}},
    }
    forged = state.model_copy(update={"settings": changed})
    assert choose_for_retag(settings, forged).profile == "embedded"


async def test_a_job_of_the_server_carries_the_profile_that_was_chosen_for_it() -> None:
    choice = await chosen(ollama=OLLAMA)
    profile = choice.settings.choose_profile()
    request = AnalysisRequest(timeline="tl_a", uri="film.mp4", profile="ollama", tags="seed-eight", chosen=profile)
    read = AnalysisRequest.model_validate_json(request.model_dump_json())
    assert read.settings(load_settings({"profile": "auto"})).choose_profile() == profile


async def test_a_model_in_the_cache_runs_in_process_where_no_server_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda package: object())
    cached = [
        PulledModel(f"HuggingFaceTB/SmolVLM2-{name}-Video-Instruct", "c" * 40, Path("/x"), at)
        for name, at in (("256M", 2.0), ("500M", 1.0))
    ]
    by_id = {model.id: model for model in cached}
    monkeypatch.setattr(module, "pulled_model", by_id.get)
    choice = await choose_profile(auto())
    assert choice.settings.profile == "laptop"
    assert captioner(choice)["preset"] == "smolvlm2-256m"
    assert "smolvlm2-256m, which is in the cache" in choice.line
    async with ModelServer(answers(OLLAMA)) as server:
        assert (await choose_profile(auto(ollama=server))).settings.profile == "ollama"


async def test_a_model_in_the_cache_without_its_packages_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda package: None)
    monkeypatch.setattr(module, "pulled_model", lambda name: PulledModel(name, "c" * 40, Path("/x"), 1.0))
    assert "pip install 'streamtags[transformers]'" in (await choose_profile(auto())).line


def loading(times: int, then: Mapping[str, Any]) -> Act:
    """A server of llama.cpp that loads its model for so many requests."""
    left = times

    async def act(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        left -= 1
        error = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
        await (raw(json.dumps(error).encode(), code=503) if left >= 0 else answers(then))(request, writer)

    return act


@pytest.mark.parametrize("profile", ["auto", "llamacpp"])
async def test_a_server_that_loads_its_model_is_waited_for(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_AGAIN_SECONDS", 0.01)
    async with ModelServer(loading(5, LLAMACPP)) as server:
        choice = await choose_profile(auto(llamacpp=server).model_copy(update={"profile": profile}))
    assert (choice.settings.profile, captioner(choice)["model"]) == ("llamacpp", "SmolVLM2-500M")


async def test_a_server_that_is_ready_does_not_wait_for_one_that_loads() -> None:
    async with ModelServer(loading(10**6, {})) as slow, ModelServer(answers(OLLAMA)) as ready:
        choice = await choose_profile(auto(llamacpp=slow, ollama=ready))
    assert choice.settings.profile == "ollama"


async def test_what_loads_for_too_long_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOADING_SECONDS", 0.05)
    monkeypatch.setattr(module, "_LOOK_AGAIN_SECONDS", 0.01)
    async with ModelServer(loading(10**6, {})) as server:
        choice = await choose_profile(auto(llamacpp=server))
    assert choice.settings.profile == "embedded"
    assert "because llama.cpp still loads its model. To let it see: run the same command with --fresh when it has" in choice.line
