"""Exports of one small timeline, byte by byte: a change of a format shows here.

`python -m tests.export.test_golden` writes the files anew; look at the difference before you commit it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamtags.core.state import TimelineState
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.export import ExportOptions, TimelineView, find_format
from tests.export.conftest import GOLDEN_PATH

FOLDER = Path(__file__).with_name("golden")
FORMATS = ("otio", "fcpxml", "xmeml", "edl", "resolve-edl", "avid", "ale", "premiere-csv")
VOCABULARY = Vocabulary(
    id="moods",
    version="1",
    axes=(Axis(name="mood"), Axis(name="light")),
    tags=(Tag(name="Calm", axis="mood"), Tag(name="Warm", axis="light")),
)


def render(name: str, state: TimelineState) -> bytes:
    assert state.source is not None
    state = state.model_copy(update={"source": state.source.model_copy(update={"uri": "/films/edit.mp4"})})
    options = ExportOptions()
    return find_format(name).render(TimelineView.of(state, [], options, VOCABULARY), options)


def path_of(name: str) -> Path:
    return FOLDER / f"{name}{find_format(name).suffix}"


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_is_as_it_was(name: str, state: TimelineState) -> None:
    assert render(name, state) == path_of(name).read_bytes()


def _write() -> None:
    cases = {case["name"]: case for case in json.loads(GOLDEN_PATH.read_text(encoding="utf-8"))}
    state = TimelineState.model_validate(cases["a whole run"]["state"])
    FOLDER.mkdir(exist_ok=True)
    for name in FORMATS:
        path_of(name).write_bytes(render(name, state))


if __name__ == "__main__":
    _write()
