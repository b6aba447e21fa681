"""Two model classes, one of video and one of images, in process: nothing but the configuration differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamtags.config.settings import load_settings
from streamtags.core.state import TimelineState
from streamtags.run.analyze import analyze
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.shapes import read_caption
from tests.models.test_analyze import chosen, film, right

pytest.importorskip("openai", reason="needs the extra streamtags[models]")

pytestmark = [pytest.mark.vllm, pytest.mark.slow]

SHOTS = 60
MODELS = ("tiny-llava-next-video", "tiny-idefics3")
CONFIGURATION = """
profile = "films"
tags = "seed-eight"

[profiles.films]
concurrency = 6
captioner = {{ {captioner} }}
classifier = {{ backend = "embedded" }}
"""


async def analyzed(edit: Path, captioner: str) -> TimelineState:
    """The same call for every model: only the text of the configuration file differs."""
    file = edit.with_name("streamtags.toml")
    file.write_text(CONFIGURATION.format(captioner=captioner), "utf-8")
    with SqliteStore(edit.with_suffix(".db")) as store:
        return await analyze(str(edit), load_settings({"profile": "films"}, config=file), store, publish=lambda _: None)


@pytest.mark.parametrize("model", MODELS)
async def test_segments_are_captioned_right_in_process(model: str, tmp_path: Path) -> None:
    for package in ("torch", "torchvision", "transformers", "accelerate"):
        pytest.importorskip(package, reason="needs the extra streamtags[transformers]")
    clips = chosen(SHOTS)
    edit = film(tmp_path / "edit.mp4", clips)
    state = await analyzed(edit, f'backend = "transformers", preset = "{model}", quantization = "none", dtype = "float32"')
    share = right(state, clips)
    print(f"{model} in process: {share:.3f} of {SHOTS} segments")
    assert share >= 0.95
    assert all(segment.caption and read_caption(segment.caption).shape for segment in state.segments)
