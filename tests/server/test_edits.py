"""A server analyzes an edit under its media roots, and reads no media outside them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from streamtags.testing import ShotSpec, make_video
from tests.server.conftest import Serve


def clip(path: Path) -> dict[str, Any]:
    span = {"OTIO_SCHEMA": "TimeRange.1"} | {
        name: {"OTIO_SCHEMA": "RationalTime.1", "value": value, "rate": 25} for name, value in (("start_time", 5), ("duration", 15))
    }
    media = {"OTIO_SCHEMA": "ExternalReference.1", "target_url": str(path)}
    return {"OTIO_SCHEMA": "Clip.1", "name": path.name, "source_range": span, "media_reference": media}


def test_media_of_an_edit_outside_the_media_roots_counts_as_missing(serve: Serve, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, outside):
        folder.mkdir()
        make_video(folder / f"{folder.name}.mp4", [ShotSpec(30)], size=(160, 90))
    track = {"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": [clip(root / "root.mp4"), clip(outside / "outside.mp4")]}
    tracks = {"OTIO_SCHEMA": "Stack.1", "children": [track]}
    (root / "film.otio").write_text(json.dumps({"OTIO_SCHEMA": "Timeline.1", "name": "Film", "tracks": tracks}))
    server = serve(media_roots=[root])
    status, accepted = server.json("POST", "/v1/timelines", {"uri": "film.otio"})
    assert status == 202
    deadline = time.monotonic() + 60
    while True:
        state = server.json("GET", f"/v1/timelines/{accepted['id']}")[1]
        if state["state"] not in ("queued", "running") or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert state["state"] == "completed"
    rows = [(segment["kind"], segment["clip"]["name"], segment["status"]) for segment in state["segments"]]
    assert rows == [("shot", "root.mp4", "tagged"), ("gap", "outside.mp4", "tagged")]
