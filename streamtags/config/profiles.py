"""Profiles that ship: named choices of captioner and classifier."""

from __future__ import annotations

from typing import Any

__all__ = ["AUTO", "PROFILES"]

AUTO = "auto"
"""The profile that stands for the best one within reach; it has no settings of its own."""

_VLLM = "http://127.0.0.1:8000/v1"
_LLAVA = "llava-next-video-7b"
_OPENAI = {"base_url": "https://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY", "model": "gpt-4.1-mini"}
_PICTURES = {"transport": "image_list", "fit": "keep", "prompt": "pictures"}
# Servers on a personal computer load a model at the first request, which takes a minute and more, and answer one or two at once.
_PERSONAL: dict[str, Any] = {"classifier": {"backend": "embedded"}, "concurrency": 2, "deadline_seconds": 900.0}
_PATIENT = {**_PICTURES, "image_size": 448, "max_tokens": 200, "timeout_seconds": 400.0}

# A profile of the same name in a file or the environment overrides these key by key. A classifier without a server of its own uses the
# captioner's. A captioner without a model takes one that its server has.
PROFILES: dict[str, dict[str, Any]] = {
    "embedded": {"captioner": {"backend": "embedded"}, "classifier": {"backend": "embedded"}, "concurrency": 1},
    "vllm": {
        "captioner": {"backend": "openai", "preset": _LLAVA, "base_url": _VLLM},
        # The shipped vocabulary with its schema and an answer does not fit the 4,096 tokens of this model.
        "classifier": {"backend": "instructor", "shortlist_above": 60, "shortlist": 40, "max_tokens": 500},
        "concurrency": 16,
    },
    "vllm-one": {
        "captioner": {"backend": "openai-tags", "preset": "qwen2.5-vl-7b", "base_url": _VLLM},
        "classifier": {"backend": "instructor"},
        "concurrency": 16,
    },
    "ollama": {"captioner": {"backend": "openai", "api": "ollama", "base_url": "http://127.0.0.1:11434/v1", **_PATIENT}, **_PERSONAL},
    "lmstudio": {"captioner": {"backend": "openai", "base_url": "http://127.0.0.1:1234/v1", **_PATIENT}, **_PERSONAL},
    "llamacpp": {"captioner": {"backend": "openai", "base_url": "http://127.0.0.1:8080/v1", **_PATIENT}, **_PERSONAL},
    "laptop": {
        "captioner": {"backend": "transformers", "preset": "smolvlm2-500m", "quantization": "none", "download": False, "batch": 4},
        "classifier": {"backend": "embedded"},
        "concurrency": 4,
        "deadline_seconds": 1800.0,
    },
    "openai": {
        "captioner": {"backend": "openai", "image_size": 512, **_PICTURES, **_OPENAI},
        "classifier": {"backend": "instructor"},
        "concurrency": 8,
    },
    "transformers": {
        "captioner": {"backend": "transformers", "preset": _LLAVA},
        "classifier": {"backend": "embedded"},
        "concurrency": 1,
        "deadline_seconds": 1800.0,
    },
}
