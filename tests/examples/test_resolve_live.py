"""The scripts for DaVinci Resolve follow a real server through a network that breaks, while a person works on the markers."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
import streamtags_resolve
from streamtags_markers import MARKER_COLORS
from streamtags_resolve import follow
from streamtags_settings import configure
from streamtags_source import Follower, ServerSource, SourceError

from streamtags.testing import make_payloads
from tests.breaking_proxy import BreakingProxy
from tests.examples.fake_resolve import Resolve, Timeline
from tests.server.conftest import Serve, serve, store

__all__ = ["serve", "store"]  # fixtures


class Person:
    """Works on the markers while they are updated. Resolve does one call at a time, as the lock does."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.renamed: list[int] = []
        self.recolored: list[int] = []
        self.deleted: list[int] = []

    def work(self) -> bool:
        """Rename, recolor and delete a marker, once there are three that were not touched yet."""
        frames = [frame for frame in sorted(self._timeline.markers) if frame not in self.renamed + self.recolored]
        if len(frames) < 3:
            return False
        rename, recolor, delete = frames[:3]
        self._timeline.markers[rename]["name"] = "Heartfelt"
        self._timeline.markers[recolor]["color"] = "Cream"
        del self._timeline.markers[delete]
        self.renamed.append(rename)
        self.recolored.append(recolor)
        self.deleted.append(delete)
        return True


async def test_two_hundred_events_with_reconnects_end_in_the_markers_of_the_state(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamtags_resolve, "POLL_SECONDS", 0.05)
    server = serve()
    payloads = make_payloads(60)
    assert len(payloads) > 200
    server.fill(segments=1, completed=False)
    base = server.store.head("tl_test")[1]
    timeline = Timeline(rate="25", start_frame=90000)
    person, stop = Person(timeline), threading.Event()
    async with BreakingProxy(server.port, 25) as proxy:
        source = ServerSource(proxy.url.replace("ws:", "http:"), "tl_test", by="ana")
        arguments = (Resolve(timeline), source, configure({}).settings, str(tmp_path / "markers.json"))
        following = asyncio.create_task(asyncio.to_thread(follow, *arguments, should_stop=stop.is_set, say=lambda text: None))
        for number, payload in enumerate(payloads[base:]):
            server.store.append("tl_test", [payload])
            if number % 60 == 59:
                await asyncio.sleep(0.6)
                while not person.work():
                    await asyncio.sleep(0.6)
            await asyncio.sleep(0.01)
        for _ in range(1200):
            await asyncio.sleep(0.05)
            state = server.store.state("tl_test")
            if not proxy.left and _names(timeline) == _expected(state, person):
                break
        stop.set()
        await following
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(0.1)  # the proxy closes its connections
    assert not proxy.left, "every connection that was to be broken was broken"
    assert person.renamed
    assert _names(timeline) == _expected(server.store.state("tl_test"), person)
    for frame in person.renamed:  # the person's words are corrections, and win
        corrected = next(one for one in server.store.state("tl_test").segments if one.start.frame == frame)
        assert corrected.correction is not None
        assert corrected.correction.by == "ana"
        assert timeline.markers[frame]["name"] == "Heartfelt"
    assert all(timeline.markers[frame]["color"] == "Cream" for frame in person.recolored)
    custom = [marker["customData"] for marker in timeline.markers.values()]
    assert len(custom) == len(set(custom)), "no segment has two markers"


def _names(timeline: Timeline) -> dict[int, str]:
    return {frame: marker["name"] for frame, marker in sorted(timeline.markers.items())}


def _expected(state: Any, person: Person) -> dict[int, str]:
    return {
        segment.start.frame: ", ".join(score.tag for score in segment.tags[:3]) or f"Segment {segment.index + 1}"
        for segment in state.segments
        if segment.start.frame not in person.deleted
    }


def test_the_axes_of_the_vocabulary_come_from_the_server(serve: Serve) -> None:
    server = serve()
    server.fill()
    source = ServerSource(f"http://127.0.0.1:{server.port}", "last")
    status, listed = server.json("GET", "/v1/vocabularies")
    first = listed["vocabularies"][0]
    state = source.state() | {"vocabulary": {"id": first["id"], "version": first["version"]}}
    assert status == 200
    assert source.axes(state)[first["tags"][0]["name"].lower()] == first["tags"][0]["axis"]
    assert source.axes(state | {"vocabulary": None}) == {}
    assert set(source.colors().values()) <= set(MARKER_COLORS)
    assert len(source.colors()) > 1


def test_a_server_that_refuses_or_is_not_there_is_named(serve: Serve) -> None:
    server = serve()
    server.fill()
    source = ServerSource(f"http://127.0.0.1:{server.port}", "tl_test")
    with pytest.raises(SourceError, match=r"answers 404: .*s9999"):
        source.correct("s9999", {"untag": ["Calm"]})
    with pytest.raises(SourceError, match="address of a server"):
        ServerSource("file:///etc/passwd", "last")
    server.stop()
    with pytest.raises(SourceError, match="streamtags serve"):
        source.state()


def test_following_ends_with_the_analysis_or_when_the_timeline_is_removed(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    server.fill(segments=3)
    source = ServerSource(f"http://127.0.0.1:{server.port}", "last")
    timeline = Timeline(rate="25", start_frame=0)
    follow(Resolve(timeline), source, configure({}).settings, until_ended=True, say=lambda text: None)
    assert len(timeline.markers) == 3
    assert server.http("DELETE", "/v1/timelines/tl_test")[0] == 204
    follower = Follower(source, 0, say=lambda text: None)
    follower.start()
    assert follower.removed.wait(60)
