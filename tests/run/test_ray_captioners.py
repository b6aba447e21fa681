"""Captioners in other processes, as an analysis sees them; the processes are stood in for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

import ray.exceptions

from streamtags.core.errors import ModelError
from streamtags.core.model import Caption, CaptionRequest
from streamtags.core.ports import Captioner, Describer
from streamtags.run.executors.ray_captioners import RayCaptioner, RayDescriber
from streamtags.testing.captioner_conformance import make_caption_request

Answer = Callable[[CaptionRequest], Awaitable[Any]]


class Method:
    def __init__(self, answer: Answer) -> None:
        self.remote = answer


class Actor:
    """Answers as `answer` does, and counts its calls."""

    def __init__(self, answer: Answer) -> None:
        self.calls = 0
        self._answer = answer
        self.caption = Method(self._counted)

    async def _counted(self, request: CaptionRequest) -> Any:
        self.calls += 1
        return await self._answer(request)


async def captioned(request: CaptionRequest) -> Caption:
    await asyncio.sleep(0.01)
    return Caption(text=f"Caption of {request.measured.segment.id}.", model="there")


async def test_calls_go_to_the_process_with_the_fewest() -> None:
    actors = [Actor(captioned), Actor(captioned), Actor(captioned)]
    captioner = RayCaptioner("there", actors)
    answers = await asyncio.gather(*(captioner.caption(make_caption_request(index)) for index in range(6)))
    assert [answer.text for answer in answers] == [f"Caption of sg_{index:04d}." for index in range(6)]
    assert [actor.calls for actor in actors] == [2, 2, 2]


def test_a_captioner_elsewhere_chooses_tags_only_if_its_model_does() -> None:
    assert isinstance(RayCaptioner("m", []), Captioner)
    assert not isinstance(RayCaptioner("m", []), Describer)
    assert isinstance(RayDescriber("m", []), Describer)


async def test_an_error_of_the_model_is_raised_as_it_was_there() -> None:
    async def refuse(request: CaptionRequest) -> ModelError:
        return ModelError("out of GPU memory", code="model.out_of_memory")

    with pytest.raises(ModelError) as caught:
        await RayCaptioner("m", [Actor(refuse)]).caption(make_caption_request())
    assert (caught.value.code, caught.value.retryable) == ("model.out_of_memory", False)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (lambda: ray.exceptions.ActorDiedError(), "model.server_error"),
        (lambda: ray.exceptions.ActorUnavailableError("restarting", None), "model.unreachable"),
    ],
)
async def test_a_process_that_dies_is_worth_another_try(error: Callable[[], Exception], code: str) -> None:
    async def die(request: CaptionRequest) -> None:
        raise error()

    with pytest.raises(ModelError) as caught:
        await RayCaptioner("m", [Actor(die)]).caption(make_caption_request())
    assert (caught.value.code, caught.value.retryable) == (code, True)
