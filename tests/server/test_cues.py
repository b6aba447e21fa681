"""Cues over the server: spotted, suggested from a library, decided by an editor."""

from __future__ import annotations

import wave
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from streamtags.core.music import StoredTrack, Track, TrackSound
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
    for word in ("accepted", "rejected"):  # as events name it
        assert server.json("POST", "/v1/timelines/tl_film/cues/1M2", {"decision": word})[1]["decision"] == word


def test_http_and_websocket_spot_as_before_until_a_request_says_otherwise(server: Any) -> None:
    server.store.open_timeline("tl_mix", TimelineIdentity("key of the mix"))
    server.store.append("tl_mix", film_payloads([Part(20, 4, {"Calm": 0.9}, has_music=True)]))
    path = "/v1/timelines/tl_mix/cues"
    with server.client() as client:
        over: dict[str, Any] = {"over_music": True}
        for wish, expected in (({}, "source"), (over, "background"), ({}, "background"), ({"over_music": None}, "background")):
            (cue,) = server.json("POST", path, wish)[1]["cues"]
            assert cue["usage"] == expected, wish
            (cue,) = client.request("timelines.cues", id="tl_mix", **wish)["result"]["cues"]
            assert cue["usage"] == expected, wish
        (cue,) = client.request("timelines.cues", id="tl_mix", over_music=False)["result"]["cues"]
    assert cue["usage"] == "source"


def test_a_decision_names_the_library_of_its_track(server: Any) -> None:
    add_film_and_library(server)
    with closing(open_music_libraries(server.store)) as libraries:
        libraries.save("attic", "/attic", "folder", [StoredTrack(Track("a", 1, title="Old A", description="calm piano"))])
    path = "/v1/timelines/tl_film/cues"
    server.json("POST", path, {"library": "house"})
    cue = server.json("POST", f"{path}/1M1", {"decision": "swap", "track": "a", "library": "attic"})[1]
    assert (cue["chosen"]["title"], cue["chosen"]["library"]) == ("Old A", "attic")
    with server.client() as client:
        chosen = client.request("cues.decide", id="tl_film", cue="1M2", decision="accept")["result"]["chosen"]
    assert (chosen["track"], chosen["library"]) == ("b", "house")
    answer = server.json("POST", f"{path}/1M2", {"decision": "accept", "track": "a", "library": "hous"})
    assert (answer[0], "did you mean 'house'?" in str(answer[1])) == (404, True)


def test_wrong_requests_say_what_is_wrong(server: Any) -> None:
    add_film_and_library(server)
    path = "/v1/timelines/tl_film/cues"
    assert server.json("POST", path, {"library": "hous"})[0] == 404
    assert "did you mean 'house'?" in str(server.json("POST", path, {"library": "hous"})[1])
    assert server.json("POST", path, {"guide": "+x:9"})[0] == 422
    status, problem = server.json("POST", path, {"guide": "warm +piano:abc"})
    with server.client() as client:
        error = client.request("timelines.cues", id="tl_film", guide="warm +piano:abc")["error"]
    assert status == 422
    for said in (str(problem), str(error)):
        assert "+piano:abc" in said
        assert "no number from 0 to 3" in said
    assert server.json("POST", path, {"cue": "7M1"})[0] == 404
    assert server.json("POST", f"{path}/1M1", {"decision": "accept"})[0] == 404
    server.json("POST", path, {})
    assert server.json("POST", f"{path}/1M1", {"decision": "accept"})[0] == 422


def add_files(server: Any, folder: Path) -> Path:
    """Add a library whose catalog names what it should not; return its folder."""
    music = folder / "music"
    (music / "reel 1").mkdir(parents=True)
    for path in (folder / "secret.wav", music / "reel 1" / "a & b.wav"):
        with wave.open(str(path), "wb") as made:
            made.setparams((1, 2, 8000, 0, "NONE", ""))
            made.writeframes(bytes(8000))
    (folder / "secret.txt").write_text("secret")
    (music / "link.wav").symlink_to(folder / "secret.wav")
    (music / "notes.txt").write_text("secret")
    (music / "folder.wav").mkdir()
    names = ["reel 1/a & b.wav", "../secret.wav", str(folder / "secret.wav"), "link.wav", "notes.txt", "folder.wav", "gone.wav", "x\0.wav"]
    sound = TrackSound(seconds=0.5, curve=(50, 70), hits=(0.25,))
    with closing(open_music_libraries(server.store)) as libraries:
        libraries.save("house", str(music), "folder", [StoredTrack(Track(name, 1, title="T", sound=sound)) for name in names])
        rows = [Track("in", 1, texts={"path": "reel 1/a & b.wav"}), Track("out", 2, texts={"path": "../secret.wav"}), Track("none", 3)]
        libraries.save("rows", str(music / "rows.csv"), "catalog", [StoredTrack(row) for row in rows])
    return music


def test_a_track_is_described_and_heard_whole_or_in_parts(server: Any, tmp_path: Path) -> None:
    music = add_files(server, tmp_path)
    content = (music / "reel 1" / "a & b.wav").read_bytes()
    track = quote("reel 1/a & b.wav")
    described = server.json("GET", f"/v1/libraries/house/track?track={track}")[1]
    assert (described["curve"], described["hits"], described["seconds"], described["has_audio"]) == ([50, 70], [0.25], 0.5, True)
    status, headers, body = server.http("GET", f"/v1/libraries/house/audio?track={track}")
    assert (status, headers["content-type"], body) == (200, "audio/wav", content)
    status, headers, body = server.http("GET", f"/v1/libraries/house/audio?track={track}", Range="bytes=44-143")
    assert (status, headers["content-range"], body) == (206, f"bytes 44-143/{len(content)}", content[44:144])
    assert server.http("GET", f"/v1/libraries/house/audio?track={track}", Range="bytes=99999-")[0] == 416
    assert server.http("GET", "/v1/libraries/rows/audio?track=in")[2] == content


@pytest.mark.parametrize(
    "track", ["../secret.wav", "{}/secret.wav", "link.wav", "notes.txt", "folder.wav", "gone.wav", "x\0.wav", "reel 1/../../secret.wav"]
)
def test_only_audio_that_lies_in_the_folder_of_a_library_is_sent(server: Any, tmp_path: Path, track: str) -> None:
    add_files(server, tmp_path)
    named = quote(track.format(tmp_path))
    status, answer = server.json("GET", f"/v1/libraries/house/audio?track={named}")
    assert (status, str(tmp_path) in answer["detail"].replace(track.format(tmp_path), "")) == (404, False)
    status, answer = server.json("GET", f"/v1/libraries/house/track?track={named}")
    assert status == 404 or answer["has_audio"] is False


def test_a_catalog_leads_to_no_file_outside_its_folder(server: Any, tmp_path: Path) -> None:
    add_files(server, tmp_path)
    for library, track in (("rows", "out"), ("rows", "none"), ("rows", "gone"), ("other", "in"), ("..", "in"), ("%2e%2e%2f", "in")):
        assert server.http("GET", f"/v1/libraries/{library}/audio?track={track}")[0] == 404, (library, track)
    assert server.json("GET", "/v1/libraries/rows/audio")[0] == 400
    assert server.json("GET", f"/v1/libraries/rows/audio?track={'x' * 5000}")[0] == 400


def test_a_decision_is_taken_back(server: Any) -> None:
    add_film_and_library(server)
    path = "/v1/timelines/tl_film/cues"
    server.json("POST", path, {"library": "house"})
    server.json("POST", f"{path}/1M1", {"decision": "swap", "track": "c"})
    cue = server.json("POST", f"{path}/1M1", {"decision": "reset", "track": "c"})[1]
    assert (cue["decision"], cue["chosen"], len(cue["rejected"])) == (None, None, 1)
    cue = server.json("POST", f"{path}/1M1", {"decision": "reset"})[1]
    assert (cue["decision"], cue["chosen"], cue["rejected"]) == (None, None, [])


def test_scenes_are_split_merged_and_returned_to_the_detector(server: Any) -> None:
    add_film_and_library(server)
    path = "/v1/timelines/tl_film/scenes"
    server.json("POST", "/v1/timelines/tl_film/cues", {})
    scenes = server.json("POST", path, {"change": "split", "at": "s0002", "by": "ada"})[1]["scenes"]
    assert [(scene["scene"], scene["first"], scene["last"]) for scene in scenes] == [
        ("sc0", "s0000", "s0001"),
        ("sc0-s0002", "s0002", "s0003"),
        ("sc1", "s0004", "s0007"),
    ]
    assert [cue.cue for cue in server.store.state("tl_film").spotting] == ["1M1", "1M2", "1M3"]
    with server.client() as client:
        scenes = client.request("scenes.correct", id="tl_film", change="merge", at="s0006")["result"]["scenes"]
        assert [(scene["scene"], scene["first"], scene["last"]) for scene in scenes] == [
            ("sc0", "s0000", "s0001"),
            ("sc0-s0002", "s0002", "s0007"),
        ]
        for at in ("s0002", "s0004"):
            scenes = client.request("scenes.correct", id="tl_film", change="reset", at=at)["result"]["scenes"]
    assert [scene["scene"] for scene in scenes] == ["sc0", "sc1"]
    events = [event.data for event in server.store.read("tl_film") if event.type == "scene.corrected"]
    assert [(event.segment, event.begins, event.by) for event in events] == [
        ("s0002", True, "ada"),
        ("s0004", False, "test"),
        ("s0002", None, "test"),
        ("s0004", None, "test"),
    ]


def test_a_change_of_scenes_that_makes_no_sense_says_why(server: Any) -> None:
    add_film_and_library(server)
    path = "/v1/timelines/tl_film/scenes"
    for change, at, status, why in (
        ("split", "s0004", 422, "a scene begins there already"),
        ("split", "s0000", 422, "a scene begins there already"),
        ("split", "s0099", 404, "no segment"),
        ("merge", "s0001", 422, "no scene before"),
        ("merge", "sc9", 404, "sc0, sc1"),
        ("reset", "s0004", 422, "nothing was split or merged"),
        ("join", "s0004", 422, "change"),
    ):
        answer = server.json("POST", path, {"change": change, "at": at})
        assert (answer[0], why in str(answer[1])) == (status, True), answer
