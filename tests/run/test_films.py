"""Many films in one process that keeps its models loaded."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path

import pytest
from av.container import InputContainer

from streamtags.config.settings import Settings, load_settings
from streamtags.run import films
from streamtags.run.analyze import analyze
from streamtags.run.films import FilmAnalyzer
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ScriptedCaptioner, ShotSpec, make_video


@pytest.fixture
def settings(store: SqliteStore) -> Settings:
    return load_settings({"store": store.url, "profile": "embedded"})


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("other") / "other.mp4"
    make_video(path, [ShotSpec(20), ShotSpec(20, "blocks")], size=(160, 90), seed=5)
    return path


def test_models_are_opened_once_for_all_films_and_closed_at_the_end(
    film: Path, other: Path, settings: Settings, store: SqliteStore
) -> None:
    captioner = ScriptedCaptioner()
    analyzer = FilmAnalyzer(settings, captioner)
    results = [analyzer.analyze(str(path)) for path in (film, other)]
    assert not captioner.closed
    analyzer.close()
    assert captioner.closed
    states = [store.state(result.timeline) for result in results]
    assert [state.state for state in states] == ["completed", "completed"]
    assert len(captioner.calls) == sum(len(state.segments) for state in states) == 5


async def _analyzed(film: Path, settings: Settings, store: SqliteStore) -> list[str]:
    return sorted(event.type for event in store.read((await analyze(str(film), settings, store)).id))


async def test_a_film_has_the_log_that_an_analysis_by_itself_writes(
    film: Path, settings: Settings, store: SqliteStore, tmp_path: Path
) -> None:
    with SqliteStore(tmp_path / "alone.db") as alone:
        expected = await _analyzed(film, settings, alone)
    analyzer = FilmAnalyzer(settings)
    result = await asyncio.to_thread(analyzer.analyze, str(film))
    again = await asyncio.to_thread(analyzer.analyze, str(film))
    await asyncio.to_thread(analyzer.close)
    assert again == result
    assert sorted(event.type for event in store.read(result.timeline)) == expected


def test_a_film_that_cannot_be_read_is_a_result_and_the_next_is_analyzed(film: Path, settings: Settings, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no film" * 100)
    analyzer = FilmAnalyzer(settings)
    first, second = analyzer.analyze(str(bad)), analyzer.analyze(str(film))
    analyzer.close()
    assert first.error is not None
    assert (first.error.exit_status, first.timeline) == (3, "")
    assert second.error is None


def test_the_decoders_of_a_film_are_freed_when_it_ends(other: Path, settings: Settings) -> None:
    analyzer = FilmAnalyzer(settings)
    gc.disable()  # Python does not look for garbage by itself
    try:
        assert analyzer.analyze(str(other)).error is None
        gc.unfreeze()  # what is frozen is not listed
        assert not any(isinstance(item, InputContainer) for item in gc.get_objects())
    finally:
        gc.enable()
        analyzer.close()


@pytest.mark.allow_error_logs
def test_a_fault_that_one_film_brings_out_is_a_result(film: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*arguments: object, **more: object) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(films, "run_analysis", broken)
    analyzer = FilmAnalyzer(settings)
    error = analyzer.analyze(str(film)).error
    analyzer.close()
    assert error is not None
    assert (error.code, error.exit_status) == ("internal", 1)
    assert "RuntimeError: no such thing" in str(error)


def test_a_film_that_another_process_analyzes_is_left_or_waited_for(film: Path, settings: Settings, store: SqliteStore) -> None:
    analyzer = FilmAnalyzer(settings)
    timeline = analyzer.analyze(str(film)).timeline
    store.empty(timeline)
    store.claim(timeline, "another")
    error = analyzer.analyze(str(film)).error
    assert error is not None
    assert error.code == "store.claimed"
    patient = FilmAnalyzer(settings, claim_wait_seconds=20)
    threading.Timer(0.5, store.release, (timeline, "another")).start()
    assert patient.analyze(str(film)).timeline == timeline
    assert store.state(timeline).state == "completed"
    for opened in (analyzer, patient):
        opened.close()
