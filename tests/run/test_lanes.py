"""Concurrent requests to a server, and pauses: on a clock that jumps, so that minutes take no time."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.config.settings import ProfileSettings
from streamtags.core.errors import ModelError
from streamtags.run.congestion import AdaptiveLimit, Breaker
from streamtags.run.lanes import Lane


class JumpingClock(asyncio.SelectorEventLoop):
    """An event loop that does not wait: its clock jumps to the next timer instead."""

    def __init__(self) -> None:
        super().__init__(selectors.SelectSelector())
        self.now = 0.0
        select = self._selector.select

        def jump(timeout: float | None = None) -> Any:
            if timeout:
                self.now += timeout
            return select(0)

        self._selector.select = jump

    def time(self) -> float:
        return self.now


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    with asyncio.Runner(loop_factory=JumpingClock) as runner:
        yield runner.run


def profile(**more: Any) -> ProfileSettings:
    return ProfileSettings.model_validate({"captioner": {"backend": "x"}, "classifier": {"backend": "x"}, **more})


def now() -> float:
    return asyncio.get_running_loop().time()


class Server:
    """Takes `capacity` requests at once, a second each, and turns the others away; away while `down` says so."""

    def __init__(self, capacity: int = 100, seconds: float = 1.0, down: Callable[[float], bool] = lambda t: False, **busy: Any) -> None:
        self.capacity, self.seconds, self.down, self.busy = capacity, seconds, down, busy
        self.running = self.refused = self.requests = self.peak = 0

    async def ask(self) -> str:
        self.requests += 1
        if self.down(now()):
            raise ModelError("refused", code="model.unreachable", retryable=True)
        if self.running >= self.capacity:
            self.refused += 1
            raise ModelError("HTTP 429", code="model.busy", retryable=True, **self.busy)
        self.running += 1
        self.peak = max(self.peak, self.running)
        await asyncio.sleep(self.seconds)
        self.running -= 1
        if self.down(now()):
            raise ModelError("broke off", code="model.unreachable", retryable=True)
        return "answer"


async def all_of(server: Server, count: int, lane: Lane) -> list[Any]:
    return await asyncio.gather(*(lane.ask(server.ask, where=f"s{i}") for i in range(count)), return_exceptions=True)


def test_everybody_is_answered_at_full_speed_by_a_server_that_keeps_up(run: Any) -> None:
    async def scenario() -> None:
        server = Server()
        assert await all_of(server, 64, Lane("caption", profile(concurrency=16))) == ["answer"] * 64
        assert server.peak == 16
        assert now() == pytest.approx(4.0)

    run(scenario())


def test_fewer_ask_at_once_after_a_server_has_turned_some_away(run: Any) -> None:
    async def scenario() -> None:
        server = Server(capacity=4)
        lane = Lane("caption", profile(concurrency=32, retries=20))
        assert await all_of(server, 400, lane) == ["answer"] * 400
        assert lane.limit.now <= 8
        assert server.refused < 200  # as many as 28 of every 32, were the limit not to fall

    run(scenario())


def test_no_request_is_sent_before_the_time_that_the_server_named(run: Any) -> None:
    times: list[float] = []

    async def scenario() -> None:
        async def ask() -> str:
            times.append(now())
            if len(times) == 1:
                raise ModelError("HTTP 429", code="model.busy", retryable=True, retry_after=20.0)
            return "answer"

        lane = Lane("tag", profile(concurrency=1))
        await asyncio.gather(*(lane.ask(ask, where="s") for _ in range(3)))

    run(scenario())
    assert min(times[1:]) >= 20.0


def test_a_server_that_is_back_within_the_deadline_answers_every_request(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        server = Server(down=lambda t: 2.5 <= t < 120.0)
        lane = Lane("caption", profile(concurrency=8, retries=2, deadline_seconds=300))
        assert await all_of(server, 64, lane) == ["answer"] * 64
        assert server.requests < 64 + 60  # a probe now and then, not everybody all the time

    run(scenario())
    said = [record.getMessage() for record in caplog.records]
    assert sum("does not answer" in line for line in said) == 1
    assert sum("answers again" in line for line in said) == 1


def test_a_server_that_stays_away_ends_the_run_in_little_more_than_one_deadline(run: Any) -> None:
    async def scenario() -> None:
        server = Server(down=lambda t: t >= 1.5)
        lane = Lane("caption", profile(concurrency=4, deadline_seconds=60))
        answers = await all_of(server, 200, lane)
        failed = [answer for answer in answers if isinstance(answer, ModelError)]
        assert len(failed) == 196
        assert {error.code for error in failed} <= {"model.circuit_open", "model.unreachable"}
        assert sum(error.code == "model.circuit_open" for error in failed) > 190
        assert now() < 150

    run(scenario())


def test_a_server_that_never_answers_fails_at_the_deadline_and_counts_as_away(run: Any) -> None:
    async def scenario() -> None:
        lane = Lane("caption", profile(concurrency=2, deadline_seconds=10))
        answers = await all_of(Server(seconds=1e6), 20, lane)
        assert {answer.code for answer in answers} <= {"model.deadline", "model.circuit_open"}
        assert answers[0].code == "model.deadline"
        assert lane.limit.now == 1
        assert now() < 100

    run(scenario())


def test_a_refusal_is_not_retried_and_does_not_count_as_an_absent_server(run: Any) -> None:
    async def scenario() -> None:
        requests = 0

        async def ask() -> str:
            nonlocal requests
            requests += 1
            raise ModelError("no", code="model.refusal")

        lane = Lane("tag", profile(concurrency=4))
        answers = await asyncio.gather(*(lane.ask(ask, where="s") for _ in range(30)), return_exceptions=True)
        assert {answer.code for answer in answers if isinstance(answer, ModelError)} == {"model.refusal"}
        assert requests == 30
        assert lane.breaker.opened is None

    run(scenario())


def test_an_asker_who_is_cancelled_gives_its_place_and_its_probe_back(run: Any) -> None:
    async def scenario() -> None:
        server = Server(down=lambda t: t < 10, seconds=5)
        lane = Lane("caption", profile(concurrency=1, deadline_seconds=1000), Breaker(after=1, first_wait=1.0, longest_wait=1.0))
        first = asyncio.create_task(lane.ask(server.ask, where="s0"))
        await asyncio.sleep(12)  # it is probing now
        first.cancel()
        assert await lane.ask(server.ask, where="s1") == "answer"

    run(scenario())


def test_turns_are_in_order_and_a_cancelled_request_delays_no_other(run: Any) -> None:
    async def scenario() -> None:
        lane, turns = Lane("tag", profile(concurrency=1)), []

        async def asker(name: str, again: int = 0) -> None:
            async def question() -> None:
                turns.append(name)
                await asyncio.sleep(1)

            await lane.ask(question, where=name)
            if again:
                await asker(f"{name} again", again - 1)

        waiting = [asyncio.create_task(asker(name, again=name == "a")) for name in "abcde"]
        await asyncio.sleep(0.5)
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asker("f")
        assert turns == ["a", "c", "d", "e", "a again", "f"]

    run(scenario())


@given(st.integers(1, 64), st.lists(st.tuples(st.booleans(), st.floats(0, 10)), max_size=300))
def test_the_limit_stays_between_one_and_most(most: int, answers: list[tuple[bool, float]]) -> None:
    limit, clock = AdaptiveLimit(most), 0.0
    for well, after in answers:
        clock += after
        before = limit.now
        if well:
            limit.answered()
            assert before <= limit.now <= before + 1
        else:
            limit.overloaded(clock, clock)
            assert limit.now == max(1, before // 2)
        assert 1 <= limit.now <= most


def test_one_burst_of_refusals_halves_the_limit_once() -> None:
    limit = AdaptiveLimit(64)
    for _ in range(40):
        limit.overloaded(began=1.0, now=2.0)
    assert limit.now == 32
    limit.overloaded(began=2.5, now=3.0)
    assert limit.now == 16


@given(st.lists(st.sampled_from(["ask", "fail", "succeed", "leave", "wait"]), max_size=200))
def test_an_open_breaker_lets_one_request_through_at_a_time_and_never_blocks_for_good(steps: list[str]) -> None:
    breaker, clock, out = Breaker(after=2, first_wait=1, longest_wait=8), 0.0, []
    for step in steps:
        clock += 0.25
        if step == "ask":
            was_open = breaker.opened is not None
            if breaker.must_wait(clock) == 0:
                out.append((clock, was_open))
                assert sum(probe for _, probe in out) <= 1
        elif step == "wait":
            clock += 3
        elif out:
            began, _ = out.pop()
            if step == "fail":
                breaker.failed(began, clock)
            elif step == "succeed":
                breaker.succeeded()
                out = [(at, False) for at, _ in out]
            else:
                breaker.abandoned(began)
    for began, _ in out:
        breaker.abandoned(began)
    assert breaker.must_wait(clock + 100) == 0
