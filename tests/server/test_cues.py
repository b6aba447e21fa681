"""Cues over the server: spotted, suggested from a library, decided by an editor."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from streamtags.core.music import StoredTrack, Track
from streamtags.core.records import TimelineIdentity
from streamtags.store.opening import open_music_libraries
from tests.cues.films import Part, film_payloads


@pytest.fixture
def server(serve: Any) -> Any:
    return serve()


def add_film_and_library(server: Any) -> None:
    server.store.open_timeline("tl_film", TimelineIdentity("key of the film"))
    server.store.append("tl_film", film_payloads([Part(20, 4, {"Calm": 0.9}), Part(20, 4, {"Tense": 0.9}, energies=[0.2, 0.8])]))
    words = {"a": "calm piano, sea", "b": "tense drums, dark", "c": "happy ukulele", "d": "calm strings"}
    with closing(open_music_libraries(server.store)) as libraries:
        tracks = [StoredTrack(Track(name, 1, title=name.upper(), description=text)) for name, text in words.items()]
        libraries.save("house", "/music", "folder", tracks)


def test_cues_come_as_an_answer_and_as_events_and_a_decision_stays(server: Any) -> None:
    add_film_and_library(server)
    assert server.json("GET", "/v1/libraries")[1] == {"libraries": [{"library": "house", "kind": "folder", "tracks": 4}]}
    with server.client() as client:
        cues = client.request("timelines.cues", id="tl_film", library="house", top=2)["result"]["cues"]
        assert [cue["cue"] for cue in cues] == ["1M1", "1M2"]
        assert cues[0]["tracks"][0]["title"] in "AD"
        assert cues[1]["tracks"][0]["title"] == "B"
        assert all(track["why"] for cue in cues for track in cue["tracks"])
        decided = client.request("cues.decide", id="tl_film", cue="1M1", decision="swap", track="c")["result"]
        assert decided["chosen"]["title"] == "C"
    again = server.json("POST", "/v1/timelines/tl_film/cues", {"library": "house", "guide": "drums"})[1]["cues"]
    assert [track["track"] for track in again[0]["tracks"]] == ["c"]
    types = [event.type for event in server.store.read("tl_film")]
    assert types.count("cue.detected") == 2
    assert types.count("cue.decided") == 2  # a swap rejects the suggestion and accepts the other
    state = server.store.state("tl_film")
    assert state.spotting[0].decision == "accepted"
    assert server.json("POST", "/v1/timelines/tl_film/cues/1M2", {"decision": "reject"})[1]["decision"] == "rejected"


def test_wrong_requests_say_what_is_wrong(server: Any) -> None:
    add_film_and_library(server)
    path = "/v1/timelines/tl_film/cues"
    assert server.json("POST", path, {"library": "hous"})[0] == 404
    assert "did you mean 'house'?" in str(server.json("POST", path, {"library": "hous"})[1])
    assert server.json("POST", path, {"guide": "+x:9"})[0] == 422
    assert server.json("POST", path, {"cue": "7M1"})[0] == 404
    assert server.json("POST", f"{path}/1M1", {"decision": "accept"})[0] == 404
    server.json("POST", path, {})
    assert server.json("POST", f"{path}/1M1", {"decision": "accept"})[0] == 422
