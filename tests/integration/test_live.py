"""A live source from its socket to the log, the command line and the server."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from streamtags.config.settings import Settings, load_settings
from streamtags.core.errors import SourceError
from streamtags.core.events import Event
from streamtags.core.fold import fold
from streamtags.core.state import TimelineState
from streamtags.run.analyze import analyze
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import Encoding, Feeder, ShotSpec, make_video

Commands = Udp = Any  # of tests/conftest.py
SCRIPTED = {"captioner": {"backend": "scripted"}, "classifier": {"backend": "scripted"}}


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds: three shots, the last a take of four."""
    path = tmp_path_factory.mktemp("live") / "film.mp4"
    shots = [ShotSpec(50, look="texture"), ShotSpec(50, look="stripes"), ShotSpec(100, look="lights")]
    make_video(path, shots, rate=25, size=(320, 180), encoding=Encoding(gop=25, codec_options={"bf": "0"}))
    return path


@pytest.fixture(scope="session")
def cuts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine seconds with a cut every 0.6."""
    path = tmp_path_factory.mktemp("cuts") / "cuts.mp4"
    looks = ("texture", "stripes", "lights", "gradient")
    shots = [ShotSpec(15, look=looks[at % 4], seed=at) for at in range(15)]
    make_video(path, shots, rate=25, size=(320, 180), encoding=Encoding(gop=25, codec_options={"bf": "0"}))
    return path


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    with SqliteStore(tmp_path / "s.db") as opened:
        yield opened


def settings(profile: dict[str, Any] | None = None, **live: Any) -> Settings:
    live = {"silence_seconds": 1.0, "give_up_seconds": 0.0, **live}
    chosen = {"profile": "mine", "profiles": {"mine": {**SCRIPTED, **(profile or {})}}}
    return load_settings({"ingest": {"live": live}, **chosen})


class Recording:
    """An analysis that runs beside the test."""

    def __init__(self, url: str, store: SqliteStore, using: Settings) -> None:
        self.events: list[Event] = []
        self.stop = asyncio.Event()
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(analyze(url, using, store, publish=self._hear, stop=self.stop))

    def _hear(self, events: Sequence[Event]) -> None:
        self.events += events
        self._changed.set()

    async def until(self, kind: str, count: int = 1) -> Event:
        async with asyncio.timeout(60):
            while len(matching := [event for event in self.events if event.type == kind]) < count:
                self._changed.clear()
                waiting = asyncio.create_task(self._changed.wait())
                await asyncio.wait({waiting, self.task}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if self.task.done():
                    self.task.result()
        return matching[-1]


async def fed(film: Path, url: str, **how: Any) -> tuple[float, int]:
    """Send it; when that began, and how many pictures there were."""

    def send() -> tuple[float, int]:
        with Feeder(film, url, **how) as feeder:
            return feeder.began, feeder.wait()

    return await asyncio.to_thread(send)


def covered(state: TimelineState) -> bool:
    return all(one.end == two.start for one, two in pairwise(state.segments))


async def test_segments_are_published_while_the_source_runs_and_a_long_take_in_slices(film: Path, udp: Udp, store: SqliteStore) -> None:
    recording = Recording(udp.url, store, settings(slice_seconds=2))
    await asyncio.to_thread(udp.wait)
    began, sent = await fed(film, udp.url)
    state = await recording.task
    assert state.state == "completed"
    assert "sends nothing any more" in state.summary["ended"]
    assert state.source.live
    assert covered(state)
    assert {segment.status for segment in state.segments} == {"tagged"}
    assert [(segment.kind, segment.shot, segment.start.frame) for segment in state.segments[:3]] == [
        ("shot", 0, 0),
        ("shot", 1, 50),
        ("slice", 2, 100),
    ]
    assert state.segments[-1].end.frame == sent
    assert all(segment.seconds <= 2.5 for segment in state.segments)
    detected = [event for event in recording.events if event.type == "segment.detected"]
    over = recording.events.index(await recording.until("source.lost"))
    assert sum(recording.events.index(event) < over for event in detected) >= 3, "most are published before the source ends"
    assert [event.data.duration_seconds for event in recording.events if event.type == "timeline.progress"].count(None) >= 5
    assert fold(store.read(state.id)) == state
    assert all(segment.final for segment in state.segments)
    first = detected[0]
    ended = began + first.data.end.seconds - first.data.start.seconds
    print(f"the first shot was published {first.at.timestamp() - ended:.2f} s after its end was sent")


async def test_a_source_cut_off_and_resumed_leaves_a_gap_and_loses_nothing(film: Path, udp: Udp, store: SqliteStore) -> None:
    recording = Recording(udp.url, store, settings(give_up_seconds=5))
    await asyncio.to_thread(udp.wait)
    _, first = await fed(film, udp.url, seconds=3, clock=50)
    await recording.until("source.lost")
    state = fold(recording.events)
    assert state.live.lost.error.code == "source.silent"
    assert state.segments[-1].end.frame == first, "the shot in which it was lost is published at once"
    _, second = await fed(film, udp.url, seconds=3, clock=57)
    state = await recording.task
    assert covered(state)
    gap = next(one for one in state.segments if one.kind == "gap")
    after = state.segments[gap.index + 1]
    assert (gap.start.frame, gap.end.frame, gap.seconds) == (first, first, 4.0)
    assert (gap.tags, gap.status, gap.evidence) == ([], "tagged", {})
    assert (after.transition, after.start.frame) == ("start", first)
    assert state.segments[-1].end.frame == first + second
    assert (state.summary["gaps"], len(state.live.gaps)) == (1, 1)
    assert state.live.gaps[0].seconds == 4.0
    assert any(scene.last == gap.segment for scene in state.scenes), "a scene ends with a gap"


async def test_a_stopped_recording_ends_with_its_last_segment(film: Path, udp: Udp, store: SqliteStore) -> None:
    recording = Recording(udp.url, store, settings())
    await asyncio.to_thread(udp.wait)
    feeding = asyncio.create_task(fed(film, udp.url))
    await recording.until("segment.tagged")
    recording.stop.set()
    state = await recording.task
    assert state.state == "cancelled"
    assert {segment.status for segment in state.segments} == {"tagged"}
    assert len(state.segments) >= 2
    assert state.segments[-1].end.seconds - state.segments[0].start.seconds >= state.progress.decoded_seconds - 0.1
    await feeding


async def test_a_captioner_that_is_too_slow_is_not_waited_for(cuts: Path, udp: Udp, store: SqliteStore) -> None:
    recording = Recording(udp.url, store, settings({"captioner": {"backend": "scripted", "delay_seconds": 60.0}, "concurrency": 1}))
    await asyncio.to_thread(udp.wait)
    await fed(cuts, udp.url)
    failed = await recording.until("segment.failed")
    assert failed.data.error.code == "live.skipped"
    assert not failed.data.will_retry
    await recording.until("source.lost")
    recording.stop.set()
    state = await recording.task
    skipped = [segment for segment in state.segments if segment.status == "failed"]
    assert skipped
    assert all(segment.evidence and segment.thumbnail for segment in skipped), "what was measured is kept"
    assert state.live.dropped == 0


async def test_the_same_address_again_is_a_recording_of_its_own(film: Path, udp: Udp, store: SqliteStore) -> None:
    ids = []
    for _ in range(2):
        recording = Recording(udp.url, store, settings(give_up_seconds=0.0))
        await asyncio.to_thread(udp.wait)
        await fed(film, udp.url, seconds=2)
        ids.append((await recording.task).id)
    assert len(set(ids)) == 2
    assert {store.state(one).state for one in ids} == {"completed"}


def sent(film: Path, url: str, seconds: float) -> float:
    with Feeder(film, url, seconds=seconds) as feeder:
        feeder.wait()
        return feeder.began


def waited_for(path: Path, kind: str, count: int = 1) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and sum(f'"type":"{kind}"' in line for line in path.read_text().splitlines()) >= count:
            return
        time.sleep(0.05)
    pytest.fail(f"no {kind} came")


def test_a_recorder_that_was_killed_goes_on_with_a_gap(film: Path, udp: Udp, tmp_path: Path, commands: Commands) -> None:
    flags = ["--store", f"sqlite:///{tmp_path}/s.db", "--set", "ingest.live.silence_seconds=1"]
    running = commands.start("analyze", udp.url, "--jsonl", "one.jsonl", *flags, cwd=tmp_path)
    udp.wait()
    sent(film, udp.url, 5)
    waited_for(tmp_path / "one.jsonl", "segment.tagged", 2)
    running.signal(signal.SIGKILL)
    running.wait()
    running = commands.start("analyze", udp.url, "--jsonl", "two.jsonl", *flags, cwd=tmp_path)
    udp.wait()
    sent(film, udp.url, 5)
    waited_for(tmp_path / "two.jsonl", "source.resumed")
    waited_for(tmp_path / "two.jsonl", "segment.tagged", 5)
    running.signal(signal.SIGINT)
    ended = running.wait()
    assert ended.status == 130
    assert "what was received is in tl_" in ended.err
    assert "source is back after" in ended.out
    assert "gap      nothing was received" in ended.out
    events = [json.loads(line) for line in (tmp_path / "two.jsonl").read_text().splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    state = fold(map(Event.model_validate, events))
    assert covered(state)
    assert [segment.kind for segment in state.segments].count("gap") == 1
    assert {segment.status for segment in state.segments} <= {"tagged", "failed"}
    before = [json.loads(line) for line in (tmp_path / "one.jsonl").read_text().splitlines()]
    assert events[: len(before)] == before, "the log is gone on with"
    back = next(event for event in events if event["type"] == "source.resumed")
    away = datetime.fromisoformat(back["at"]) - datetime.fromisoformat(before[-1]["at"])
    assert abs(state.live.gaps[0].seconds - away.total_seconds()) < 5


def test_a_file_that_grows_is_followed_from_the_command_line(film: Path, tmp_path: Path, commands: Commands) -> None:
    path = tmp_path / "recording.ts"
    with Feeder(film, str(path), seconds=5):
        while not path.exists() or path.stat().st_size < 2000:
            time.sleep(0.02)
        running = commands.start(
            "analyze",
            path,
            "--follow",
            "--jsonl",
            "--store",
            f"sqlite:///{tmp_path}/s.db",
            "--set",
            "ingest.live.give_up_seconds=2",
            cwd=tmp_path,
        )
        ended = running.wait()
    assert ended.status == 0, ended.err
    events = [json.loads(line) for line in ended.out.splitlines()]
    assert events[-1]["type"] == "timeline.completed"
    assert events[0]["data"]["source"]["live"]
    assert fold(map(Event.model_validate, events)).segments[-1].end.frame >= 120


@pytest.mark.parametrize("source", ["srt://127.0.0.1:1", "tcp://127.0.0.1:1", "rtsp://127.0.0.1:1/x"])
def test_what_cannot_be_received_is_one_line(source: str, tmp_path: Path, commands: Commands) -> None:
    ended = commands.run("analyze", source, "--store", f"sqlite:///{tmp_path}/s.db", cwd=tmp_path)
    assert ended.status == 3
    assert len(ended.err.strip().splitlines()) == 1
    assert ended.err.startswith(f"streamtags: {source}: ")


async def test_a_live_source_cannot_be_estimated(store: SqliteStore, tmp_path: Path, commands: Commands) -> None:
    ended = commands.run("analyze", "udp://127.0.0.1:1", "--dry-run", "--store", f"sqlite:///{tmp_path}/t.db", cwd=tmp_path)
    assert ended.status == 2
    assert "a live source is not there before it is recorded" in ended.err


async def test_frames_out_of_a_source_that_never_sent_one_are_an_error(udp: Udp, store: SqliteStore) -> None:
    using = settings()
    using = using.model_copy(update={"ingest": using.ingest.model_copy(update={"timeout_seconds": 0.5})})
    with pytest.raises(SourceError, match="no answer within"):
        await analyze(udp.url, using, store)
    assert store.timelines() == []
