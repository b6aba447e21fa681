"""Sample edits with their truth: the small ones in this folder, and the development files where they are present."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import SHARED

HERE = Path(__file__).with_name("files")
DEVELOPMENT = SHARED / "nle"


@dataclass(frozen=True)
class Sample:
    path: Path
    truth: dict[str, Any]

    @property
    def id(self) -> str:
        return self.path.parent.name if self.path.name == "Info.fcpxml" else self.path.name


def samples(*formats: str) -> list[Sample]:
    """Every sample of these formats, each once."""
    unique = {sample.id: sample for sample in [*_in(DEVELOPMENT / "truth", DEVELOPMENT), *_in(HERE / "truth", HERE.parent)]}
    return [sample for sample in unique.values() if sample.truth["format"] in formats]


def _in(folder: Path, root: Path) -> Iterator[Sample]:
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        truth = json.loads(file.read_text())
        yield Sample(root / truth["file"], truth)
