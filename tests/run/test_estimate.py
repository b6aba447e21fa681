"""What a run is said to take, beside what it then takes."""

from pathlib import Path
from typing import Any

import pytest

from streamtags.cli import main
from streamtags.config.settings import load_settings
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.errors import ConfigError, UsageError
from streamtags.core.model import Usage
from streamtags.run.analyze import analyze
from streamtags.run.backends import find_backend
from streamtags.run.estimate import Estimate, StageEstimate, estimate
from streamtags.stages.backend import BackendSpec
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.model_server import ModelServer, ReceivedRequest, replies

pytest.importorskip("openai", reason="needs the extra streamtags[models]")


def answer(request: ReceivedRequest) -> Any:
    return {"key_information": [], "reasoning": "", "tags": []} if "response_format" in request.body else "A wall."


async def test_segments_are_counted_and_later_tokens_are_those_of_earlier_runs(film: Path, store: SqliteStore) -> None:
    async with ModelServer(replies(answer)) as server:
        price = {"prompt": 1.0, "completion": 2.0}
        own = {"captioner": {"base_url": server.base_url, "price": price}, "classifier": {"price": price}}
        settings = load_settings({"profile": "vllm", "tags": "seed-eight", "profiles": {"vllm": own}})
        first = await estimate(str(film), settings, store)
        assert not server.requests
        assert not store.timelines()
        state = await analyze(str(film), settings, store)
        second = await estimate(str(film), settings, store)
    assert first.segments == second.segments == len(state.segments)
    assert first.wall_seconds is None
    assert [stage.seen for stage in second.stages] == [3, 3]
    assert state.summary is not None
    assert second.cost == pytest.approx(state.summary["cost"])
    assert second.wall_seconds is not None


def test_the_slowest_stage_is_the_runs_time() -> None:
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    stages = (StageEstimate("caption", usage, 5, 2000.0), StageEstimate("tag", usage, 5, 500.0))
    assert Estimate(100, 100, 400.0, 10.0, 4, stages).wall_seconds == pytest.approx(50.0)
    assert Estimate(1, 1, 400.0, 10.0, 4, stages).wall_seconds == pytest.approx(10.0)


def test_pictures_count_by_their_pixels_and_a_shortlist_by_its_length() -> None:
    vocabulary = load_vocabulary("music-library")

    def tokens(spec: BackendSpec, **options: Any) -> int:
        assert spec.estimate_usage is not None
        usage = spec.estimate_usage(spec.read({"model": "m", **options}), vocabulary)
        assert usage is not None
        return usage.prompt_tokens

    captioner, classifier = find_backend("captioner", "openai"), find_backend("classifier", "instructor")
    assert tokens(captioner, frames=8, image_size=336) - tokens(captioner, frames=4, image_size=336) == 4 * 144
    assert tokens(classifier, shortlist_above=10, shortlist=20) < tokens(classifier, shortlist_above=1000) / 2
    both = find_backend("captioner", "openai-tags")
    assert tokens(both) > tokens(captioner) + tokens(classifier, shortlist_above=1000) / 2
    assert find_backend("captioner", "embedded").estimate_usage is None


async def test_an_estimate_needs_no_key(film: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    settings = load_settings({"profile": "openai", "tags": "seed-eight"})
    assert (await estimate(str(film), settings, store)).stages[0].usage is not None
    with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set"):
        await analyze(str(film), settings, store)
    assert not store.timelines()


async def test_standard_input_cannot_be_read_twice(store: SqliteStore) -> None:
    with pytest.raises(UsageError):
        await estimate("-", load_settings(), store)


def test_the_command_sends_no_request_and_writes_nothing(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'cli.db'}"
    assert main(["analyze", str(film), "--profile", "vllm", "--dry-run", "--store", url]) == 0
    out = capsys.readouterr().out
    assert "3 segments" in out
    assert "rule of thumb" in out
    assert "price" in out
    assert main(["analyze", str(film), "--dry-run", "--store", url]) == 0
    assert "no tokens" in capsys.readouterr().out
