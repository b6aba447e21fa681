"""Live sources analyzed by a server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.state import TimelineState
from streamtags.testing import Encoding, Feeder, ShotSpec, make_video

Serve = Callable[..., Any]


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live") / "film.mp4"
    shots = [ShotSpec(50, look="texture"), ShotSpec(50, look="stripes"), ShotSpec(50, look="lights")]
    make_video(path, shots, rate=25, size=(320, 180), encoding=Encoding(gop=25, codec_options={"bf": "0"}))
    return path


@pytest.fixture
def url(udp: Any) -> str:
    return str(udp.url)


def until(running: Any, timeline: str, wanted: Callable[[TimelineState], bool]) -> TimelineState:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state: TimelineState = running.store.state(timeline)
        if wanted(state):
            return state
        time.sleep(0.05)
    pytest.fail(f"it does not come to that: {running.store.state(timeline)}")


@pytest.mark.parametrize(
    "uri", ["udp://127.0.0.1:9", "udp://0.0.0.0:9", "tcp://127.0.0.1:9", "rtsp://192.168.0.9/x", "rtmp://10.0.0.1/live/x"]
)
def test_sources_on_private_networks_are_refused_unless_allowed(serve: Serve, uri: str) -> None:
    running = serve()
    status, answer = running.json("POST", "/v1/timelines", {"uri": uri})
    assert status == 403
    assert answer["code"] == "source.refused"
    assert running.store.timelines() == []


def test_a_live_source_is_recorded_cancelled_and_recorded_anew(serve: Serve, film: Path, url: str) -> None:
    running = serve(allow_private=True)
    _, answer = running.json("POST", "/v1/timelines", {"uri": url})
    with Feeder(film, url, seconds=60):
        until(running, answer["id"], lambda state: any(segment.status == "tagged" for segment in state.segments))
        status, _ = running.json("POST", f"/v1/timelines/{answer['id']}/cancel")
        assert status == 200
    state = running.store.state(answer["id"])
    assert (state.state, state.source.live) == ("cancelled", True)
    assert {segment.status for segment in state.segments} == {"tagged"}
    assert state.segments[-1].end.seconds - state.segments[0].start.seconds == pytest.approx(state.progress.decoded_seconds, abs=0.1)
    assert running.http("GET", f"/v1/timelines/{answer['id']}/media")[0] == 404
    _, again = running.json("POST", "/v1/timelines", {"uri": url})
    assert again["id"] != answer["id"]
    running.json("POST", f"/v1/timelines/{again['id']}/cancel")


def test_the_next_server_goes_on_with_a_recording(serve: Serve, film: Path, url: str) -> None:
    first = serve(allow_private=True)
    _, answer = first.json("POST", "/v1/timelines", {"uri": url})
    with Feeder(film, url, seconds=60):
        until(first, answer["id"], lambda state: len(state.segments) >= 2)
        first.stop()
        second = serve(allow_private=True)
        state = until(
            second,
            answer["id"],
            lambda state: [segment.kind for segment in state.segments[-3:]].count("shot") >= 2 and state.live is not None,
        )
        second.json("POST", f"/v1/timelines/{answer['id']}/cancel")
    state = second.store.state(answer["id"])
    assert [segment.kind for segment in state.segments].count("gap") == 1
    assert all(one.end == two.start for one, two in pairwise(state.segments))
    assert [event.seq for event in second.store.read(answer["id"])] == list(range(1, state.seq + 1))


def test_a_recording_as_long_as_is_taken_here_ends_cleanly(serve: Serve, film: Path, url: str) -> None:
    running = serve(allow_private=True, max_seconds=3)
    _, answer = running.json("POST", "/v1/timelines", {"uri": url})
    with Feeder(film, url, seconds=60):
        state = until(running, answer["id"], lambda state: state.state in ("cancelled", "failed", "completed"))
    assert state.state == "cancelled"
    assert {segment.status for segment in state.segments} == {"tagged"}


def test_a_file_that_grows_is_followed(serve: Serve, film: Path, tmp_path: Path) -> None:
    growing = tmp_path / "media" / "growing.ts"
    growing.parent.mkdir()
    running = serve(allow_private=True, media_roots=(growing.parent,))
    with Feeder(film, str(growing), seconds=20):
        while not growing.exists() or growing.stat().st_size < 2000:
            time.sleep(0.02)
        _, answer = running.json("POST", "/v1/timelines", {"uri": "growing.ts", "follow": True})
        until(running, answer["id"], lambda state: sum(segment.status == "tagged" for segment in state.segments) >= 2)
        status, _ = running.json("POST", f"/v1/timelines/{answer['id']}/cancel")
    assert status == 200
    with running.raw() as _:
        lines = running.http("GET", f"/v1/timelines/{answer['id']}/events")[2].decode().splitlines()
    assert json.loads(lines[-1])["type"] == "timeline.cancelled"
