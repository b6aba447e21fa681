"""`model check` and the profile `auto` against a real vLLM and a model in process; the small model has to score what it was trained for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from streamtags.config.settings import Settings, load_settings
from streamtags.core.model import CaptionRequest
from streamtags.evaluation.captioner_check import CaptionerCheck
from streamtags.run.check_captioner import check_captioner
from streamtags.run.choice import choose_profile
from streamtags.testing.shapes import Clip, clip

pytest.importorskip("openai", reason="needs the extra streamtags[models]")

pytestmark = [pytest.mark.vllm, pytest.mark.slow]

NOWHERE = {"captioner": {"base_url": "http://127.0.0.1:9/v1"}}


def auto(served: Any) -> Settings:
    profiles = {"vllm": {"captioner": {"base_url": served.server.base_url}}, **dict.fromkeys(("ollama", "lmstudio", "llamacpp"), NOWHERE)}
    return load_settings({"profile": "auto", "profiles": profiles})


def assert_sees_what_it_was_trained_for(report: CaptionerCheck) -> None:
    assert report.passed, report.problems
    assert report.tallies["color"].right >= 11
    assert report.tallies["direction"].right >= 11
    assert report.frame_order == "yes"
    assert report.loops == 0
    assert report.failed == 0


def test_auto_recognizes_the_model_that_vllm_serves_and_it_passes_the_check(served: Any) -> None:
    choice = asyncio.run(choose_profile(auto(served)))
    assert choice.settings.profile == "vllm"
    assert choice.settings.choose_profile().captioner.options["preset"] == served.config.name
    report = asyncio.run(check_captioner(choice.settings))
    print(report.model_dump_json(indent=1, exclude={"clips"}))
    assert_sees_what_it_was_trained_for(report)
    assert report.prompt_tokens == 16 * 8 + 10


def test_the_model_passes_the_check_in_process(tiny: Any) -> None:
    pytest.importorskip("torch", reason="needs the extra streamtags[transformers]")
    options = {"preset": tiny.name, "quantization": "none", "dtype": "float32", "batch": 4}
    settings = load_settings({"profile": "laptop", "profiles": {"laptop": {"captioner": options}}})
    assert_sees_what_it_was_trained_for(asyncio.run(check_captioner(settings)))


def test_segments_captioned_together_get_the_captions_they_get_alone(tiny: Any, asking: Callable[[Clip], CaptionRequest]) -> None:
    pytest.importorskip("torch", reason="needs the extra streamtags[transformers]")
    from streamtags.stages.caption.transformers import SPEC

    clips = [clip(seed) for seed in range(8)]

    async def captions(batch: int) -> tuple[list[str], list[Any]]:
        captioner = SPEC.build({**tiny.transformers_options(), "quantization": "none", "dtype": "float32", "batch": batch})
        try:
            said = await asyncio.gather(*(captioner.caption(asking(one)) for one in clips))
            return [one.text for one in said], [one.usage for one in said]
        finally:
            await captioner.close()

    assert asyncio.run(captions(4)) == asyncio.run(captions(1))
