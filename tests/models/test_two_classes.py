"""Two model classes, one of video and one of images, through vLLM and in process: nothing but the configuration differs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamtags.config.settings import load_settings
from streamtags.core.state import TimelineState
from streamtags.run.analyze import analyze
from streamtags.stages.caption.models import load_model_config
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.shapes import read_caption
from tests.models.conftest import serving
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


@pytest.fixture(scope="module")
def served_images() -> Iterator[Any]:
    with serving(load_model_config("tiny-idefics3")) as server:
        yield server


async def analyzed(edit: Path, captioner: str) -> TimelineState:
    """The same call for every model: only the text of the configuration file differs."""
    file = edit.with_name("streamtags.toml")
    file.write_text(CONFIGURATION.format(captioner=captioner), "utf-8")
    with SqliteStore(edit.with_suffix(".db")) as store:
        return await analyze(str(edit), load_settings({"profile": "films"}, config=file), store, publish=lambda _: None)


@pytest.mark.parametrize("model", MODELS)
async def test_segments_are_captioned_right_through_vllm(model: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server = request.getfixturevalue("served" if model == "tiny-llava-next-video" else "served_images").server
    clips = chosen(SHOTS)
    edit = film(tmp_path / "edit.mp4", clips)
    state = await analyzed(edit, f'backend = "openai", preset = "{model}", base_url = "{server.base_url}"')
    share = right(state, clips)
    print(f"{model} through vLLM: {share:.3f} of {SHOTS} segments")
    assert share >= 0.95


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


async def test_every_image_arrives_in_order(served_images: Any, tmp_path: Path) -> None:
    """Backwards, the directions turn: the images arrive, and in order."""
    moving = [shown for shown in chosen(SHOTS) if shown.motion != "still"]
    clips = [shown for number, shown in enumerate(moving) if number == 0 or shown.background != moving[number - 1].background][:20]
    turned = {"left": "right", "right": "left", "up": "down", "down": "up"}
    edit = film(tmp_path / "back.mp4", clips, backwards=True)
    state = await analyzed(edit, f'backend = "openai", preset = "tiny-idefics3", base_url = "{served_images.server.base_url}"')
    motions = [read_caption(segment.caption or "").motion for segment in state.segments]
    assert len(motions) == len(clips)
    assert sum(motion == turned[shown.motion] for motion, shown in zip(motions, clips, strict=True)) / len(clips) >= 0.95
