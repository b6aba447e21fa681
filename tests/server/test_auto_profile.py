"""A server with the profile `auto`: each analysis gets a profile of its own, and a captioner can be checked."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamtags.run import choice
from streamtags.stages.model_server.local_servers import LocalServer
from streamtags.testing import ShotSpec, make_video

Serve = Callable[..., Any]


def post(port: int, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.fixture
def no_model_server(monkeypatch: pytest.MonkeyPatch) -> None:
    server: LocalServer = choice.LOCAL_SERVERS[0]
    monkeypatch.setattr(choice, "LOCAL_SERVERS", (server,))
    monkeypatch.setattr(choice, "_address", lambda profile: None)


@pytest.mark.usefixtures("no_model_server")
def test_an_analysis_gets_the_profile_that_auto_chooses(serve: Serve, tmp_path: Path) -> None:
    film = tmp_path / "media" / "film.mp4"
    film.parent.mkdir()
    make_video(film, [ShotSpec(frames=20, look="texture")], rate=25, size=(160, 90))
    server = serve(profile="auto", media_roots=[film.parent])
    status, accepted = post(server.port, "/v1/timelines", {"uri": str(film)})
    assert status == 202, accepted
    (summary,) = server.store.timelines()
    assert summary.identity.profile == "embedded"


@pytest.mark.usefixtures("no_model_server")
def test_a_captioner_that_uses_no_pictures_is_not_checked(serve: Serve) -> None:
    status, problem = post(serve(profile="auto").port, "/v1/models/check", {})
    assert status == 422, problem
    assert "uses no pictures" in json.dumps(problem)


def test_a_captioner_that_runs_in_process_is_not_checked_by_a_server(serve: Serve) -> None:
    status, problem = post(serve().port, "/v1/models/check", {"profile": "transformers"})
    assert status == 422, problem
    assert "streamtags model check --profile transformers" in json.dumps(problem)
