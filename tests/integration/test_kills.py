"""An analysis that is killed at any moment, again and again, ends as one that never was."""

import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.state import TimelineState
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video, read_calls

pytestmark = pytest.mark.usefixtures("profile_of_the_file")

CONCURRENCY = 2
ANSWERS = {"segment.captioned": "caption", "segment.tagged": "tag"}  # and the stage of each
KILLS_A_TIMELINE = 5
CONFIG = """
profile = "killed"

[profiles.killed]
concurrency = {concurrency}
captioner = {{ backend = "scripted", log = "{calls}", delay_seconds = 0.03 }}
classifier = {{ backend = "scripted", log = "{calls}", delay_seconds = 0.01 }}
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    looks = ("texture", "stripes", "lights", "blocks")
    shots = [ShotSpec(20 + 5 * (number % 4), looks[number % 4], sound="chords") for number in range(13)]
    make_video(path, shots, size=(320, 180))
    return path


class Analysis:
    """One timeline of `film` in a store of its own."""

    def __init__(self, commands: Any, film: Path, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.calls = folder / "calls.jsonl"
        (folder / "config.toml").write_text(CONFIG.format(concurrency=CONCURRENCY, calls=self.calls))
        self._commands = commands
        self._words = ("analyze", film, "--store", f"sqlite:///{folder}/store.db", "--config", "config.toml", "--jsonl", "log.jsonl")

    def start(self) -> Any:
        return self._commands.start(*self._words, cwd=self.folder)

    def published(self) -> list[dict[str, Any]]:
        """The whole lines of what the last run wrote."""
        log = self.folder / "log.jsonl"
        return [json.loads(line) for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")] if log.exists() else []

    def kept(self) -> list[dict[str, Any]]:
        """What is in the store."""
        if not (self.folder / "store.db").exists():
            return []
        with SqliteStore(self.folder / "store.db") as store:
            return [json.loads(line) for summary in store.timelines() for line in store.read_json(summary.id)]

    def requested(self) -> list[tuple[str, str]]:
        """What the models were requested to do so far, by stage and segment."""
        return [(call["stage"], call["segment"]) for call in read_calls(self.calls)]

    def state(self) -> TimelineState:
        with SqliteStore(self.folder / "store.db") as store:
            return store.state(store.find("last"))


def check_requests(analysis: Analysis, requested_before: int, before: list[dict[str, Any]]) -> None:
    """A run requests nothing that was in the log when it began, and nothing twice."""
    requested = analysis.requested()[requested_before:]
    answers = [event for event in before if event["type"] in ANSWERS and event["data"]["model"] == "scripted"]
    stored = {(ANSWERS[event["type"]], event["data"]["segment"]) for event in answers}
    assert stored.isdisjoint(requested), "what the log had was requested again"
    assert len(set(requested)) == len(requested), "a run requested something twice"


def facts_of(state: TimelineState) -> dict[str, Any]:
    """What a state says, less what differs between any two runs."""
    kept = state.to_dict()
    for name in ("epoch", "seq", "progress"):
        del kept[name]
    return kept


@contextmanager
def killed_when(running: Any, due: Callable[[], bool]) -> Iterator[None]:
    """Kill it as soon as `due`."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            if due():
                running.signal(signal.SIGKILL)
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    over.set()
    watcher.join()


def some_moment(chance: random.Random, analysis: Analysis, length: float, events: int, kept: int) -> Callable[[], bool]:
    """By the clock, or by published events, which do not depend on the load; one in four while the store is created, claimed and opened."""
    share = chance.random()
    if share < 0.5 and kept < events:
        wanted = chance.randint(kept + 1, events)
        log = analysis.folder / "log.jsonl"
        return lambda: log.exists() and log.read_bytes().count(b"\n") >= wanted
    moment = time.monotonic() + chance.uniform(0, length / 10 if share > 0.75 else length)
    return lambda: time.monotonic() >= moment


def kill_and_resume(commands: Any, film: Path, tmp_path: Path, kills: int, seed: int) -> Counter[str]:
    """Kill runs at random moments, `KILLS_A_TIMELINE` times a timeline, then let it finish; returns how far the runs had come."""
    chance = random.Random(seed)
    undisturbed = Analysis(commands, film, tmp_path / "undisturbed")
    began = time.monotonic()
    assert undisturbed.start().wait().status == 0
    length = time.monotonic() - began
    expected = facts_of(undisturbed.state())
    segments = len(expected["segments"])
    assert expected["state"] == "completed"
    assert segments == 13

    landed: Counter[str] = Counter()
    timeline = 0
    while sum(landed.values()) < kills:
        timeline += 1
        analysis = Analysis(commands, film, tmp_path / f"timeline{timeline}")
        before: list[dict[str, Any]] = []
        for _ in range(KILLS_A_TIMELINE):
            (analysis.folder / "log.jsonl").unlink(missing_ok=True)
            requested = len(analysis.requested())
            running = analysis.start()
            with killed_when(running, some_moment(chance, analysis, length, len(undisturbed.published()), len(before))):
                ended = running.wait()
            published, kept = analysis.published(), analysis.kept()
            assert [event["seq"] for event in kept] == list(range(1, len(kept) + 1))
            assert kept[: len(before)] == before, "what was durable has changed"
            assert not published or published == kept[: len(published)], "a published event is not in the log"
            check_requests(analysis, requested, before)
            before = kept
            if ended.status != -signal.SIGKILL:
                break
            types = {event["type"] for event in kept}
            landed["early" if "segment.detected" not in types else "late" if len(kept) > 3 * segments else "middle"] += 1
        requested = len(analysis.requested())
        ended = analysis.start().wait()
        assert (ended.status, ended.err) == (0, "")
        check_requests(analysis, requested, before)
        published = analysis.published()
        assert published == analysis.kept()
        assert [event["seq"] for event in published] == list(range(1, len(published) + 1))
        assert published[-1]["type"] == "timeline.completed"
        assert len({event["epoch"] for event in published}) == 1
        said = Counter((event["type"], event["data"].get("segment"), event["data"].get("rev")) for event in published)
        assert not {key: count for key, count in said.items() if key[1] is not None and count > 1}, "a result is in the log twice"
        assert said["timeline.opened", None, None] == 1
        assert facts_of(analysis.state()) == expected
        assert len(set(analysis.requested())) == 2 * segments
    return landed


def test_a_killed_analysis_resumes_to_the_state_of_one_never_killed(commands: Any, film: Path, tmp_path: Path) -> None:
    assert kill_and_resume(commands, film, tmp_path, kills=8, seed=1).total() >= 8


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_kills_lose_nothing_and_ask_nothing_twice(commands: Any, film: Path, tmp_path: Path) -> None:
    landed = kill_and_resume(commands, film, tmp_path, kills=100, seed=2)
    print(dict(landed))
    assert set(landed) == {"early", "middle", "late"}, landed


def test_a_process_killed_as_it_starts_leaves_a_store_that_works(commands: Any, film: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    analysis = Analysis(commands, film, tmp_path / "started")
    words = ["analyze", str(film), "--store", f"sqlite:///{analysis.folder}/store.db", "--config", "config.toml"]
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from streamtags.cli import main; sys.exit(main())", *words], cwd=analysis.folder
    )
    deadline = time.monotonic() + 60
    while not (analysis.folder / "store.db").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert analysis.start().wait().status == 0
    assert analysis.state().state == "completed"
