"""How often one segment's question is asked, and what is told when it is given up."""

import asyncio
from typing import Any

import pytest

from streamtags.config.settings import ProfileSettings
from streamtags.core.errors import ModelError
from streamtags.run import attempts
from streamtags.run.attempts import attempt
from streamtags.run.load import Lane


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The most each retry might have waited; none waits."""
    most: list[float] = []
    monkeypatch.setattr(attempts.random, "uniform", lambda low, high: most.append(high) or 0.0)
    return most


def lane(**more: Any) -> Lane:
    return Lane("tag", ProfileSettings.model_validate({"captioner": {"backend": "x"}, "classifier": {"backend": "x"}, **more}))


def failing(*errors: ModelError) -> Any:
    left = list(errors)

    async def ask() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return ask


BUSY = ModelError("busy", code="model.busy", retryable=True)
AWAY = ModelError("away", code="model.unreachable", retryable=True)


async def test_it_is_asked_again_with_longer_and_longer_waits(waits: list[float]) -> None:
    assert await attempt(failing(BUSY, BUSY, BUSY), lane(retries=3), where="s") == "answer"
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]


async def test_retries_are_counted(waits: list[float]) -> None:
    with pytest.raises(ModelError, match="busy"):
        await attempt(failing(BUSY, BUSY, BUSY), lane(retries=2), where="s")


async def test_a_server_that_was_not_reached_has_not_been_asked(waits: list[float]) -> None:
    assert await attempt(failing(AWAY, AWAY, AWAY, BUSY), lane(retries=1), where="s") == "answer"


async def test_what_no_waiting_mends_is_told_at_once(waits: list[float]) -> None:
    with pytest.raises(ModelError) as told:
        await attempt(failing(ModelError("no", code="model.unauthorised")), lane(), where="s")
    assert told.value.code == "model.unauthorised"
    assert not waits


async def test_the_servers_own_reason_is_told_where_it_asks_for_more_time_than_there_is(waits: list[float]) -> None:
    with pytest.raises(ModelError) as told:
        await attempt(failing(ModelError("busy", code="model.busy", retryable=True, retry_after=60)), lane(deadline_seconds=5), where="s")
    assert told.value.code == "model.busy"


async def test_time_is_up_at_the_deadline() -> None:
    async def ask() -> str:
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(ModelError) as told:
        await attempt(ask, lane(deadline_seconds=0.05), where="s0007")
    assert told.value.code == "model.deadline"
    assert "s0007" in str(told.value)
