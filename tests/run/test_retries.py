"""How often a lane repeats a request, and which error it raises in the end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from streamtags.config.settings import ProfileSettings
from streamtags.core import backoff
from streamtags.core.errors import ModelError
from streamtags.run.lanes import Lane


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The longest wait that each retry might have had; no retry waits."""
    longest: list[float] = []
    monkeypatch.setattr(backoff.random, "uniform", lambda low, high: longest.append(high) or 0.0)
    return longest


def lane(**more: Any) -> Lane:
    return Lane("tag", ProfileSettings.model_validate({"captioner": {"backend": "x"}, "classifier": {"backend": "x"}, **more}))


def failing(*errors: ModelError) -> Callable[[], Awaitable[str]]:
    remaining = list(errors)

    async def ask() -> str:
        if remaining:
            raise remaining.pop(0)
        return "answer"

    return ask


BUSY = ModelError("busy", code="model.busy", retryable=True)
AWAY = ModelError("away", code="model.unreachable", retryable=True)


async def test_a_request_is_repeated_with_longer_and_longer_waits(waits: list[float]) -> None:
    assert await lane(retries=3).ask(failing(BUSY, BUSY, BUSY), where="s") == "answer"
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]


async def test_a_request_fails_after_its_last_retry(waits: list[float]) -> None:
    with pytest.raises(ModelError, match="busy"):
        await lane(retries=2).ask(failing(BUSY, BUSY, BUSY), where="s")


async def test_an_unreachable_server_uses_up_no_retry(waits: list[float]) -> None:
    assert await lane(retries=1).ask(failing(AWAY, AWAY, AWAY, BUSY), where="s") == "answer"


async def test_an_error_that_is_not_retryable_is_raised_at_once(waits: list[float]) -> None:
    with pytest.raises(ModelError) as caught:
        await lane().ask(failing(ModelError("no", code="model.unauthorised")), where="s")
    assert caught.value.code == "model.unauthorised"
    assert not waits


async def test_the_error_of_the_server_is_raised_if_it_requests_a_longer_wait_than_the_deadline(waits: list[float]) -> None:
    busy = ModelError("busy", code="model.busy", retryable=True, retry_after=60)
    with pytest.raises(ModelError) as caught:
        await lane(deadline_seconds=5).ask(failing(busy), where="s")
    assert caught.value.code == "model.busy"


async def test_a_request_without_an_answer_ends_at_the_deadline() -> None:
    async def ask() -> str:
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(ModelError) as caught:
        await lane(deadline_seconds=0.05).ask(ask, where="s0007")
    assert caught.value.code == "model.deadline"
    assert "s0007" in str(caught.value)
