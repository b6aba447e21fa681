"""Checks of `streamtags doctor` for models: what is installed, what is missing, and the command that fixes it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from importlib.util import find_spec
from pathlib import Path
from ssl import SSLError
from typing import NamedTuple
from urllib.parse import urlsplit

from streamtags.core.errors import ConfigError
from streamtags.stages.caption.models import ModelConfig
from streamtags.stages.caption.serving import Gpu, find_gpus, find_vllm, serve_command
from streamtags.stages.model_server.listing import is_listed
from streamtags.stages.model_server.options import is_loopback

__all__ = ["Check", "checks"]


class Check(NamedTuple):
    """The result of one check: `hint` says what to do if `ok` is false, and is "" otherwise."""

    name: str
    ok: bool
    detail: str
    hint: str


async def checks(
    config: ModelConfig | None = None,
    *,
    base_url: str = "http://127.0.0.1:8000/v1",
    api_key_env: str | None = None,
    vllm: str | None = None,
) -> list[Check]:
    """Check GPU, vLLM, model files, server, key and packages. Contacts only `base_url` and downloads nothing.

    Args:
        config: the model to serve; None leaves out the checks that need it.
        base_url: address of the model server.
        api_key_env: the environment variable of its key.
        vllm: the vllm executable, if it is set.
    """
    gpus = await find_gpus()
    results = [_gpu(gpus), _vllm(vllm)]
    if config is not None:
        results += [_fits(config, gpus), _files(config)]
    results.append(_key(api_key_env))
    results.append(await asyncio.to_thread(_server, base_url, api_key_env, config))
    results.append(_packages("client packages", ("openai", "instructor"), "models"))
    results.append(
        _packages("in-process packages", ("torch", "torchvision", "transformers", "accelerate", "bitsandbytes", "PIL"), "transformers")
    )
    return results


def _gpu(gpus: Sequence[Gpu]) -> Check:
    if not gpus:
        return Check(
            "gpu", False, "no NVIDIA GPU or no driver (nvidia-smi finds none)", "use a server elsewhere, or a small model on the CPU"
        )
    listed = ", ".join(f"{gpu.name}, {gpu.memory_gib:.0f} GiB" for gpu in gpus)
    return Check("gpu", True, f"{listed}; driver {gpus[0].driver}", "")


def _vllm(setting: str | None) -> Check:
    try:
        return Check("vllm", True, find_vllm(setting), "")
    except ConfigError as error:
        return Check("vllm", False, f"{error.where}: {error.what}", error.hint or "")


def _fits(config: ModelConfig, gpus: Sequence[Gpu]) -> Check:
    if not gpus:
        small = config.weights_gib < 1
        return Check(
            "memory", small, f"{config.title} on the CPU", "" if small else "far too slow without a GPU; use one, or a server elsewhere"
        )
    try:
        command = serve_command(config, gpus, 8000)
    except ConfigError as error:
        return Check("memory", False, f"{config.title} {error.what}", error.hint or "")
    count = command[command.index("--tensor-parallel-size") + 1]
    bits = "in 4 bits by bitsandbytes, which needs the package vllm-bnb-plugin beside vLLM" if "bitsandbytes" in command else "in 16 bits"
    return Check("memory", True, f"{config.title} {bits}, on {count} GPU{'s' if count != '1' else ''}", "")


def _files(config: ModelConfig) -> Check:
    folder = Path(config.model).expanduser()
    if folder.is_dir():
        whole = (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
        return Check("model files", whole, str(folder), "" if whole else "the folder lacks config.json or *.safetensors")
    if folder.is_absolute():
        return Check("model files", False, f"no folder {folder}", "check `model` in the model's file")
    home = Path(os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub") / f"models--{config.model.replace('/', '--')}"
    if any(cache.glob("snapshots/*/config.json")) and any(cache.glob("snapshots/*/*.safetensors")):
        return Check("model files", True, str(cache), "")
    return Check(
        "model files",
        False,
        f"{config.model} is not in {cache.parent}",
        f"the first start downloads about {config.weights_gib:.0f} GiB, or: hf download {config.model}",
    )


def _key(name: str | None) -> Check:
    if name is None:
        return Check("key", True, "none required", "")
    is_set = bool(os.environ.get(name, "").strip())
    return Check("key", is_set, f"{name} is {'set' if is_set else 'not set'}", "" if is_set else f"export {name}=...")


def _server(base_url: str, api_key_env: str | None, config: ModelConfig | None) -> Check:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return Check("server", False, f"{base_url} is not an http address", "correct base_url")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    key = os.environ.get(api_key_env, "").strip() if api_key_env else ""
    connection = kind(parts.hostname, parts.port, timeout=5)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/models", headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        body = answer.read(1_000_000)
    except (OSError, HTTPException, ValueError) as error:
        return Check("server", False, f"{base_url}: {error}", _reach_hint(base_url, error))
    finally:
        connection.close()
    if answer.status != 200:
        return Check("server", False, f"{base_url} answers HTTP {answer.status}", "check base_url and the key")
    try:
        served = [str(model["id"]) for model in json.loads(body)["data"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Check("server", False, f"{base_url} does not list models", "check that base_url ends in /v1 of a model server")
    detail = f"{base_url} serves {', '.join(served[:5]) or 'nothing'}"
    if config is None or is_listed(config.name, served) or is_listed(config.model, served):
        return Check("server", True, detail, "")
    start = f": streamtags model serve {config.name}" if is_loopback(base_url) else "; set `model` to a name of the list"
    return Check("server", False, detail, f"its list lacks {config.name}{start}")


def _reach_hint(base_url: str, error: Exception) -> str:
    """Advice for a server that cannot be reached."""
    if isinstance(error, SSLError):
        return "name the authority's PEM file in SSL_CERT_FILE, or write http:// in base_url if the server does not speak TLS"
    if is_loopback(base_url):
        return "streamtags model serve, or set base_url"
    return "check that the server runs and that base_url is right"


def _packages(name: str, needed: tuple[str, ...], extra: str) -> Check:
    missing = [package for package in needed if find_spec(package) is None]
    if missing:
        return Check(name, False, f"not installed: {', '.join(missing)}", f"pip install 'streamtags[{extra}]'")
    return Check(name, True, ", ".join(needed), "")
