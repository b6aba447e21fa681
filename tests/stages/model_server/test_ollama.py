"""Ollama's own interface: pictures, the length of the context, how long the model stays, and its ways to refuse."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from streamtags.core.errors import ModelError
from streamtags.core.model import CaptionRequest, Measured, Segment
from streamtags.core.timebase import Clock
from streamtags.testing.model_server import Act, ModelServer, raw
from streamtags.testing.shapes import PictureStill

pytest.importorskip("openai", reason="needs the extra streamtags[models]")

from streamtags.stages.caption.openai import SPEC

CLOCK = Clock(Fraction(1, 24), Fraction(24))
STILLS = tuple(PictureStill(6 * i, np.full((90, 160, 3), 30 * i, np.uint8)) for i in range(8))
REQUEST = CaptionRequest(Measured(Segment("sg_1", 0, 0, CLOCK.at(0, 0), CLOCK.at(48, 48), "shot", "cut"), {}, stills=STILLS))


def answer(content: str = "A boat sails.", **more: Any) -> Act:
    body = {"message": {"role": "assistant", "content": content}, "done": True, "done_reason": "stop", **more}
    return raw(json.dumps(body).encode())


async def captioned(act: Act, **options: Any) -> tuple[Any, Any]:
    async with ModelServer(act) as server:
        backend = SPEC.build(
            {"api": "ollama", "base_url": server.base_url, "model": "qwen3-vl:4b", "transport": "image_list", "fit": "keep", **options}
        )
        try:
            return await backend.caption(REQUEST), server.requests[0]
        finally:
            await backend.close()


async def test_all_pictures_are_sent_with_a_context_that_holds_them() -> None:
    caption, request = await captioned(answer(prompt_eval_count=1500, eval_count=5), context_tokens=12000, keep_alive="30m", max_tokens=99)
    assert request.path == "/api/chat"
    (message,) = request.body["messages"]
    assert len(message["images"]) == 8
    assert not message["images"][0].startswith("data:")
    assert (request.body["keep_alive"], request.body["stream"], request.body["think"]) == ("30m", False, False)
    assert request.body["options"] == {"num_ctx": 12000, "num_predict": 99, "temperature": 0.0}
    assert caption.text == "A boat sails."
    assert (caption.usage.prompt_tokens, caption.usage.completion_tokens) == (1500, 5)


async def test_an_answer_that_ends_at_its_longest_counts_as_cut_off() -> None:
    caption, _ = await captioned(answer("A boat sails. It is red and then", done_reason="length"))
    assert caption.text == "A boat sails."


@pytest.mark.parametrize(
    ("code", "error", "expected", "retryable"),
    [
        (404, "model 'qwen3-vl:4b' not found", "model.not_found", False),
        (500, "model requires more system memory (5.6 GiB) than is available (3.1 GiB)", "model.out_of_memory", False),
        (500, "this model does not support image input", "model.no_pictures", False),
        (400, "the prompt exceeds the context length of the model", "model.too_large", False),
        (503, "server busy, please try again. maximum pending requests exceeded", "model.server_error", True),
    ],
)
async def test_refusals_say_what_to_do_and_whether_a_retry_helps(code: int, error: str, expected: str, retryable: bool) -> None:
    with pytest.raises(ModelError) as caught:
        await captioned(raw(json.dumps({"error": error}).encode(), code=code))
    assert (caught.value.code, caught.value.retryable) == (expected, retryable)
    assert error[:20] in str(caught.value)


def test_the_name_of_the_model_does_not_change_for_servers_without_these_options() -> None:
    plain = SPEC.build({"model": "m"})
    assert SPEC.build({"model": "m", "keep_alive": "1h", "context_tokens": 4096}).model == plain.model
    assert SPEC.build({"model": "m", "api": "ollama"}).model != plain.model
