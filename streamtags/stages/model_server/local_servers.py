"""Model servers that people run on their own machine, and which of their models see.

Each server answers through its own interface: Ollama's `/api/tags` and `/api/show`, LM Studio's `/api/v1/models` (`/api/v0/models` before
version 0.4), llama.cpp's `/v1/models` and `/props`, vLLM's `/v1/models`. A port with another program on it has no models.

Sources: docs.ollama.com/api, lmstudio.ai/docs/developer/rest, tools/server/README.md of llama.cpp, all read in November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamtags.core.errors import ModelError
from streamtags.stages.model_server.local_http import fetch_json

__all__ = ["LOCAL_SERVERS", "LocalModel", "LocalServer"]

_SECONDS = 2.0
_MAX_MODELS = 40
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that takes pictures.

    Attributes:
        name: under which the server serves it.
        is_loaded: it is in memory and answers at once.
        context_tokens: longest prompt and answer together; None if the server does not say.
        aliases: other names of the model, such as its Hugging Face id.
    """

    name: str
    is_loaded: bool = True
    context_tokens: int | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A kind of model server.

    Attributes:
        profile: the shipped profile that uses it, which has its default address.
        title: its name for people.
        get_model: the command that gives it a model that takes pictures.
        seeing_models: takes an address; returns the models that take pictures, the best to use first. Raises `ModelError` if the server
            does not run or is no such server.
        reports_pictures: the server itself says whether a model takes pictures; otherwise one is sent to find out.
    """

    profile: str
    title: str
    get_model: str
    seeing_models: Callable[[str], Sequence[LocalModel]]
    reports_pictures: bool = True


def _ollama(address: str) -> list[LocalModel]:
    """Models with the capability `vision`, loaded ones first. Models that Ollama runs in its cloud are left out."""
    listed = _list(_fetch(address, "/api/tags"), "models", address)
    loaded = {_text(model, "name") for model in _list(_fetch(address, "/api/ps"), "models", address)}
    result = []
    for model in listed[:_MAX_MODELS]:
        name = _text(model, "name")
        if not name or _is_remote(model):
            continue
        try:
            shown = _fetch(address, "/api/show", {"model": name})
        except ModelError:  # a broken model is no reason to use none
            continue
        capabilities = shown.get("capabilities") if isinstance(shown, Mapping) else None
        if isinstance(capabilities, list) and "vision" in capabilities and not _is_remote(shown):
            result.append(LocalModel(name, name in loaded))
    return _loaded_first(result)


def _is_remote(model: Mapping[str, Any]) -> bool:
    name = _text(model, "name")
    return bool(model.get("remote_host") or model.get("remote_model")) or name.endswith(("-cloud", ":cloud"))


def _lmstudio(address: str) -> list[LocalModel]:
    """Models with the capability `vision` (type `vlm` in the earlier interface), loaded ones first."""
    page = _fetch(address, "/api/v1/models")
    if isinstance(page, Mapping) and isinstance(page.get("models"), list):
        models = list(_lmstudio_models(_list(page, "models", address)))
    else:
        listed = [model for model in _list(_fetch(address, "/api/v0/models"), "data", address) if model.get("type") == "vlm"]
        models = [
            LocalModel(_text(one, "id"), one.get("state") == "loaded", _count(one, "loaded_context_length"), (_text(one, "id"),))
            for one in listed
        ]
    return _loaded_first([model for model in models if model.name])


def _lmstudio_models(listed: Sequence[Mapping[str, Any]]) -> Iterator[LocalModel]:
    for model in listed:
        capabilities = model.get("capabilities")
        if not isinstance(capabilities, Mapping) or capabilities.get("vision") is not True:
            continue
        instances = [one for one in model.get("loaded_instances") or () if isinstance(one, Mapping)]
        if not instances:
            yield LocalModel(_text(model, "key"), is_loaded=False)
            continue
        config = instances[0].get("config")
        context = _count(config, "context_length") if isinstance(config, Mapping) else None
        yield LocalModel(_text(instances[0], "id"), context_tokens=context, aliases=(_text(model, "key"),))


def _llamacpp(address: str) -> list[LocalModel]:
    """The model that is served, if it was started with a projector for pictures; of a router, all that take pictures."""
    page = _fetch(address, "/v1/models")
    listed = [model for model in _list(page, "data", address) if model.get("owned_by") == "llamacpp"]
    if not listed:
        raise ModelError("is no server of llama.cpp", where=address, code="model.invalid_answer")
    result = [
        LocalModel(_text(model, "id"), is_loaded=not _is_unloaded(model), context_tokens=_llamacpp_context(model))
        for model in listed
        if _text(model, "id") and _llamacpp_sees(model)
    ]
    if not result and len(listed) == 1 and "architecture" not in listed[0]:
        properties = _fetch(address, "/props")
        modalities = properties.get("modalities") if isinstance(properties, Mapping) else None
        if isinstance(modalities, Mapping) and modalities.get("vision") is True and _text(listed[0], "id"):
            result = [LocalModel(_text(listed[0], "id"), context_tokens=_llamacpp_context(listed[0]))]
    return _loaded_first(result)


def _llamacpp_sees(model: Mapping[str, Any]) -> bool:
    architecture = model.get("architecture")
    modalities = architecture.get("input_modalities") if isinstance(architecture, Mapping) else None
    return isinstance(modalities, list) and "image" in modalities


def _llamacpp_context(model: Mapping[str, Any]) -> int | None:
    meta = model.get("meta")
    return _count(meta, "n_ctx") if isinstance(meta, Mapping) else None


def _is_unloaded(model: Mapping[str, Any]) -> bool:
    status = model.get("status")
    return isinstance(status, Mapping) and status.get("value") not in ("loaded", "sleeping")


def _vllm(address: str) -> list[LocalModel]:
    """All models that are served; vLLM does not say which of them take pictures."""
    listed = [model for model in _list(_fetch(address, "/v1/models"), "data", address) if model.get("owned_by") == "vllm"]
    if not listed:
        raise ModelError("is no vLLM", where=address, code="model.invalid_answer")
    return [
        LocalModel(name, context_tokens=_count(model, "max_model_len"), aliases=(_text(model, "root"),))
        for model in listed[:_MAX_MODELS]
        if (name := _text(model, "id"))
    ]


def _fetch(address: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    return fetch_json(address, path, body, seconds=_SECONDS)


def _list(page: object, key: str, address: str) -> list[Mapping[str, Any]]:
    listed = page.get(key) if isinstance(page, Mapping) else None
    if not isinstance(listed, list):
        raise ModelError("lists no models", where=address, code="model.invalid_answer")
    return [one for one in listed if isinstance(one, Mapping)]


def _text(model: Mapping[str, Any], key: str) -> str:
    """A name as the server wrote it; "" where there is none or it cannot be one."""
    value = model.get(key)
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _MAX_NAME else ""


def _count(model: Mapping[str, Any], key: str) -> int | None:
    value = model.get(key)
    return value if type(value) is int and value > 0 else None


def _loaded_first(models: Sequence[LocalModel]) -> list[LocalModel]:
    return sorted(models, key=lambda model: not model.is_loaded)


LOCAL_SERVERS = (
    LocalServer("vllm", "vLLM", "streamtags model serve qwen3-vl-8b", _vllm, reports_pictures=False),
    LocalServer("ollama", "Ollama", "ollama pull qwen3-vl:2b", _ollama),
    LocalServer("lmstudio", "LM Studio", "lms get qwen/qwen3-vl-4b", _lmstudio),
    LocalServer("llamacpp", "llama.cpp", "llama-server -hf ggml-org/SmolVLM2-500M-Video-Instruct-GGUF", _llamacpp),
)
"""In the order in which they are preferred."""
