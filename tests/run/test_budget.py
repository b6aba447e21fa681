from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from streamtags.cli import main
from streamtags.config.budget import BudgetSettings
from streamtags.config.settings import ProfileSettings
from streamtags.core.errors import ConfigError
from streamtags.core.events import Event, SegmentCaptioned, TimelineCancelled
from streamtags.core.model import Usage
from streamtags.run.budget import Budget
from streamtags.run.stop import Stop
from streamtags.store.opening import open_store
from streamtags.testing import ShotSpec, make_video

CONFIG = """
profile = "p"

[profiles.p]
captioner = {{ backend = "scripted", delay_seconds = {delay} }}
classifier = {{ backend = "scripted" }}
"""
PRICES = {"prompt": 10.0, "completion": 20.0, "currency": "EUR"}


def captions(at: str, *tokens: tuple[int, int]) -> list[Event]:
    """Events with answers of so many prompt and completion tokens."""
    payloads = [
        SegmentCaptioned(segment=f"s{n:04d}", rev=1, caption="A dog.", model="m", usage=Usage(prompt_tokens=prompt, completion_tokens=done))
        for n, (prompt, done) in enumerate(tokens)
    ]
    return [Event(v=1, timeline="tl_a", epoch="e", seq=n, type=one.type, at=at, data=one) for n, one in enumerate(payloads, 1)]


@pytest.mark.parametrize(
    ("limits", "used_up"),
    [({"tokens": 1000}, "1,000 tokens"), ({"money": 0.02}, "0.02 EUR"), ({"tokens": 5000, "money": 1.0}, None)],
)
async def test_a_run_stops_when_its_tokens_or_money_are_used_up(limits: dict[str, Any], used_up: str | None) -> None:
    stop, published = Stop(), list[Event]()

    def publish(events: Sequence[Event]) -> None:
        published.extend(events)

    budget = Budget(BudgetSettings(**limits), stop)
    profile = ProfileSettings.model_validate({"captioner": {"backend": "scripted", "price": PRICES}, "classifier": {"backend": "scripted"}})
    first, second = budget.counting(profile, publish), budget.counting(profile, publish)
    first(captions("2020-01-01T00:00:00Z", (9000, 9000)))  # replayed: an earlier run paid for them
    first(captions("2100-01-01T00:00:00Z", (400, 100)))
    assert not stop.is_set()
    second(captions("2100-01-01T00:00:00Z", (400, 50), (300, 400)))
    assert stop.is_set() is (used_up is not None)
    assert budget.used_up == used_up
    assert len(published) == 4


async def test_a_limit_of_money_needs_prices() -> None:
    budget = Budget(BudgetSettings(money=1.0), Stop())
    profile = ProfileSettings.model_validate({"captioner": {"backend": "scripted"}, "classifier": {"backend": "scripted"}})
    with pytest.raises(ConfigError, match="no prices"):
        budget.counting(profile, lambda _: None)


@pytest.mark.usefixtures("profile_of_the_file")
def test_a_run_that_its_budget_ended_says_what_is_left_and_goes_on_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, store = tmp_path / "film.mp4", f"sqlite:///{tmp_path}/store.db"
    make_video(film, [ShotSpec(20, look) for look in ("texture", "stripes", "lights")], size=(160, 90))
    config = tmp_path / "config.toml"
    words = ["analyze", str(film), "--store", store, "--config", str(config)]
    config.write_text(CONFIG.format(delay=30))
    assert main([*words, "--set", "budget.seconds=2"]) == 5
    error = capsys.readouterr().err
    with open_store(store) as opened:
        last = opened.read(opened.find("last"))[-1]
    assert isinstance(last.data, TimelineCancelled)
    assert last.data.summary["reason"] == "the budget of 2 seconds is used up"
    assert "the budget of 2 seconds is used up: " in error
    assert "run the same command again" in error
    config.write_text(CONFIG.format(delay=0))
    assert main(words) == 0
    with open_store(store) as opened:
        (summary,) = opened.timelines()
        assert summary.state == "completed"
