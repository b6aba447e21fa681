"""Whether a server's list of models covers a model. Pure.

Lists are not exact: gateways list patterns, Ollama appends a tag, Gemini a prefix, OpenRouter variants.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

__all__ = ["is_listed"]

_PREFIXES = ("models/",)


def is_listed(model: str, served: Sequence[str]) -> bool:
    """Whether one of `served` is `model`: the same name, a pattern (`openai/*`), or the name without `models/` or a `:tag`."""
    wanted = _plain(model)
    for name in served:
        listed = _plain(name)
        if listed == wanted or ("*" in listed and fnmatchcase(wanted, listed.replace("[", "[[]"))):
            return True
        base, _, variant = wanted.partition(":")
        listed_base, _, listed_variant = listed.partition(":")
        if base == listed_base and (not listed_variant or (not variant and listed_variant == "latest")):
            return True
    return False


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name.strip().lower()
