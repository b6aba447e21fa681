"""Limits for each user: the holder of a token, at every server of the store and by every way in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamtags_server.access.tokens import new_token

from streamtags.testing import ShotSpec, make_video


@pytest.fixture
def editors(tmp_path: Path) -> tuple[Path, str, str]:
    """A token file with two editors, and their tokens."""
    ada, bo = new_token("editor"), new_token("editor")
    (tmp_path / "tokens").write_text(f"{ada[1]}\n{bo[1]}\n")
    return tmp_path / "tokens", ada[0], bo[0]


def growing(folder: Path, count: int) -> list[dict[str, Any]]:
    """Return requests to analyze files that may grow, so that their analyses do not end."""
    made = [{"uri": f"film{number}.ts", "follow": True} for number in range(count)]
    for one in made:
        make_video(folder / one["uri"], [ShotSpec(10)], size=(160, 90))
    return made


def test_a_user_has_so_many_analyses_at_once_at_all_servers_and_others_are_not_hindered(
    serve: Any, tmp_path: Path, editors: tuple[Path, str, str]
) -> None:
    path, ada, bo = editors
    first, second, third = growing(tmp_path, 3)
    servers = [serve(token_file=path, media_roots=[tmp_path], analyses=2, user={"analyses": 1}) for _ in range(2)]
    as_ada, as_bo = ({"authorization": f"Bearer {token}"} for token in (ada, bo))
    status, accepted = servers[0].json("POST", "/v1/timelines", first, **as_ada)
    assert status == 202
    for server in servers:
        status, headers, body = server.http("POST", "/v1/timelines", second, **as_ada)
        refused = json.loads(body)
        assert (status, refused["code"]) == (429, "queue.quota")
        assert refused["detail"] == "the user has 1 analyses that wait or run; the limit is 1; wait until one has ended, or cancel one"
        assert int(headers["retry-after"]) > 0
    assert servers[1].json("POST", "/v1/timelines", first, **as_ada)[0] == 202, "the same film again is no further analysis"
    cookie = servers[1].http("POST", "/v1/session", {"token": ada})[1]["set-cookie"].partition(";")[0]
    assert servers[1].json("POST", "/v1/timelines", second, cookie=cookie)[1]["code"] == "queue.quota"
    with servers[1].client(token=ada) as client:
        assert client.request("timelines.analyze", **second)["error"]["code"] == "queue.quota"
    _, third_accepted = servers[1].json("POST", "/v1/timelines", third, **as_bo)
    assert third_accepted["state"] in ("queued", "running")
    servers[0].json("POST", f"/v1/timelines/{accepted['id']}/cancel", **as_ada)
    status, second_accepted = servers[1].json("POST", "/v1/timelines", second, **as_ada)
    assert status == 202
    for token, one in ((as_ada, second_accepted), (as_bo, third_accepted)):
        servers[0].json("POST", f"/v1/timelines/{one['id']}/cancel", **token)


def test_a_user_begins_so_many_analyses_a_day_and_a_refused_one_leaves_its_log_as_it_is(serve: Any, tmp_path: Path) -> None:
    first, second = growing(tmp_path, 2)
    server = serve(media_roots=[tmp_path], user={"per_day": 1})  # without tokens all clients are one user
    _, accepted = server.json("POST", "/v1/timelines", first)
    assert server.json("POST", f"/v1/timelines/{accepted['id']}/cancel")[1]["state"] == "cancelled"
    status, refused = server.json("POST", "/v1/timelines", second)
    assert (status, refused["code"]) == (429, "queue.quota")
    assert "in the last 24 hours" in refused["detail"]
    before = server.store.head(accepted["id"])
    status, refused = server.json("POST", "/v1/timelines", {**first, "fresh": True})
    assert (status, refused["code"]) == (429, "queue.quota")
    assert server.store.head(accepted["id"]) == before
