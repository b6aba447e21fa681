"""The mistakes of a backend name the backend."""

from __future__ import annotations

from typing import Any

import pytest

from streamtags.core.errors import ConfigError, ModelError, StoreError, StreamtagsError
from streamtags.core.model import Caption
from streamtags.stages.answers import answer_of

CAPTION = Caption("A boat.", "eye-1", ())


async def gives(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


async def test_a_right_answer_is_returned() -> None:
    assert await answer_of(gives(CAPTION), Caption, "captioner eye-1") is CAPTION


@pytest.mark.parametrize("error", [TimeoutError(), ModelError("busy", retryable=True), ConfigError("no key"), StoreError("full")])
async def test_errors_that_the_run_knows_pass_through(error: Exception) -> None:
    with pytest.raises((TimeoutError, StreamtagsError)) as caught:
        await answer_of(gives(error), Caption, "captioner eye-1")
    assert caught.value is error


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (KeyError("choices"), "backend.error", "captioner eye-1: raised KeyError: 'choices'; report this to the author of the captioner"),
        ("A boat.", "backend.answer", "captioner eye-1: returned str, not Caption; report this to the author of the captioner"),
        (None, "backend.answer", "captioner eye-1: returned NoneType, not Caption; report this to the author of the captioner"),
    ],
)
async def test_a_mistake_of_the_backend_names_it(answer: Any, code: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        await answer_of(gives(answer), Caption, "captioner eye-1")
    assert (caught.value.code, str(caught.value)) == (code, message)
    assert not caught.value.retryable
