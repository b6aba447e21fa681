"""A server analyzes an edit under its media roots, and reads no media outside them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from streamtags.testing import ShotSpec, make_video
from tests.server.conftest import Running, Serve


def clip(path: Path) -> dict[str, Any]:
    span = {"OTIO_SCHEMA": "TimeRange.1"} | {
        name: {"OTIO_SCHEMA": "RationalTime.1", "value": value, "rate": 25} for name, value in (("start_time", 5), ("duration", 15))
    }
    media = {"OTIO_SCHEMA": "ExternalReference.1", "target_url": str(path)}
    return {"OTIO_SCHEMA": "Clip.1", "name": path.name, "source_range": span, "media_reference": media}


def as_otio(*clips: dict[str, Any]) -> str:
    track = {"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": clips}
    tracks = {"OTIO_SCHEMA": "Stack.1", "children": [track], "metadata": {"own": "kept"}}
    return json.dumps({"OTIO_SCHEMA": "Timeline.1", "name": "Film", "tracks": tracks})


def analyzed(server: Running, uri: str) -> dict[str, Any]:
    """The state of the timeline when its analysis has ended."""
    status, accepted = server.json("POST", "/v1/timelines", {"uri": uri})
    assert status == 202
    deadline = time.monotonic() + 60
    while True:
        state: dict[str, Any] = server.json("GET", f"/v1/timelines/{accepted['id']}")[1]
        if state["state"] not in ("queued", "running") or time.monotonic() > deadline:
            return state
        time.sleep(0.1)


def test_media_of_an_edit_outside_the_media_roots_counts_as_missing(serve: Serve, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, outside):
        folder.mkdir()
        make_video(folder / f"{folder.name}.mp4", [ShotSpec(30)], size=(160, 90))
    (root / "film.otio").write_text(as_otio(clip(root / "root.mp4"), clip(outside / "outside.mp4")))
    state = analyzed(serve(media_roots=[root]), "film.otio")
    assert state["state"] == "completed"
    rows = [(segment["kind"], segment["clip"]["name"], segment["status"]) for segment in state["segments"]]
    assert rows == [("shot", "root.mp4", "tagged"), ("gap", "outside.mp4", "tagged")]


def test_the_edit_is_exported_with_markers_or_as_a_new_timeline(serve: Serve, tmp_path: Path) -> None:
    make_video(tmp_path / "one.mp4", [ShotSpec(60)], size=(160, 90))
    edit = tmp_path / "film.otio"
    edit.write_text(as_otio(clip(tmp_path / "one.mp4"), clip(tmp_path / "one.mp4")))
    server = serve(media_roots=[tmp_path])
    name = analyzed(server, "film.otio")["id"]
    status, _, body = server.http("GET", f"/v1/timelines/{name}/export?format=otio")
    assert status == 200
    own, written = json.loads(edit.read_text()), json.loads(body)
    markers = written["tracks"].pop("markers")
    assert [marker["marked_range"]["start_time"]["value"] for marker in markers] == [0, 15]
    assert written == own
    status, _, body = server.http("GET", f"/v1/timelines/{name}/export?format=otio&new_timeline=1")
    assert status == 200
    assert "own" not in json.loads(body)["tracks"].get("metadata", {})
    status, _, body = server.http("GET", f"/v1/timelines/{name}/export?format=otio&rate=50")
    assert (status, "the edit has its own" in json.loads(body)["detail"]) == (422, True)
    edit.write_text(as_otio(clip(tmp_path / "one.mp4")))
    status, _, body = server.http("GET", f"/v1/timelines/{name}/export?format=otio")
    assert status == 404
