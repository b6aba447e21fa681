"""Exports over HTTP: formats and options as a client gives them in the query."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamtags.export import formats


def export(server: Any, query: str) -> tuple[int, bytes]:
    status, _, body = server.http("GET", f"/v1/timelines/tl_a/export?{query}")
    return status, body


@pytest.fixture
def server(serve: Any) -> Any:
    running = serve()
    running.fill("tl_a")
    return running


@pytest.mark.parametrize("name", formats())
def test_every_format_is_served(server: Any, name: str) -> None:
    status, body = export(server, f"format={name}")
    assert status == 200
    assert body


def test_options_of_the_query_reach_the_format(server: Any) -> None:
    status, body = export(server, "format=csv&rate=25&start_timecode=10:00:00:00")
    assert status == 200
    assert b",10:00:00:00," in body
    assert export(server, "format=vtt&min_confidence=1")[1] == b"WEBVTT\n"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("format=json&rate=25", "has no use for rate"),
        ("format=csv&rate=fast", "not a frame rate"),
        ("format=csv&size=1", "size: "),
        ("format=csv&start_timecode=10:61:00:00", "not a timecode"),
    ],
)
def test_wrong_options_are_a_problem_that_says_what_is_wrong(server: Any, query: str, message: str) -> None:
    status, body = export(server, query)
    assert status == 422
    assert message in json.loads(body)["detail"]


def test_clips_are_answered_with_the_command_that_cuts_them(server: Any) -> None:
    status, body = export(server, "format=clips")
    assert status == 400
    assert "streamtags export ID --format clips --output FOLDER" in json.loads(body)["detail"]


def test_info_lists_the_formats_with_their_options_and_the_colors_of_axes(server: Any) -> None:
    info = json.loads(server.http("GET", "/v1/info")[2])
    assert [entry["name"] for entry in info["formats"]] == list(formats())
    assert {"axes", "min_confidence", "rate", "start_timecode", "tags"} == set(info["formats"][2]["options"])
    resolve = next(entry for entry in info["marker_colors"] if entry["name"] == "resolve")
    assert set(resolve["axes"]) == {axis["name"] for axis in info["axes"]}
    assert set(resolve["axes"].values()) <= set(resolve["colors"])
