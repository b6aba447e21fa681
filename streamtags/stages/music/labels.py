"""What the outputs of the music networks mean, from `labels.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, Literal

__all__ = ["ENERGY", "KINDS", "MEANING", "MSD_LABELS", "MTT_LABELS", "Kind"]

Kind = Literal["instrument", "genre", "mood", "energy"]

KINDS: Final[tuple[Kind, ...]] = ("instrument", "genre", "mood")
"""The kinds that have lists; `energy` is one tag at most."""


def _meanings(lists: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, tuple[Kind, str]]]:
    for kind in KINDS:
        for entry in lists[kind]:
            output, _, tag = entry.partition(" = ")
            yield output, (kind, tag or output)


_LISTS: Final[Mapping[str, Any]] = tomllib.loads((files("streamtags.stages.music") / "labels.toml").read_text("utf-8"))

MTT_LABELS: Final[tuple[str, ...]] = tuple(_LISTS["magnatagatune"])
"""Outputs of the network trained on MagnaTagATune, in order."""
MSD_LABELS: Final[tuple[str, ...]] = tuple(_LISTS["million_songs"])
"""Outputs of the network trained on the Million Song Dataset, in order."""
MEANING: Final[Mapping[str, tuple[Kind, str]]] = dict(_meanings(_LISTS["meaning"]))
"""Kind and tag of an output."""
ENERGY: Final[Mapping[str, tuple[str, ...]]] = {tag: tuple(outputs) for tag, outputs in _LISTS["energy"].items()}
"""The outputs that speak for each tag of energy."""
