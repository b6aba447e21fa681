"""Who may do what: every operation of the table, by every role, over every transport, on a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamtags_server.access.tokens import new_token

from streamtags.operations.table import METHODS, OPERATIONS

# The published roles. Who changes one here changes what clients may rely on.
ROLES = {
    "page": None,
    "health": None,
    "ready": None,
    "metrics": "viewer",
    "openapi": None,
    "asyncapi": None,
    "openSession": None,
    "closeSession": None,
    "info": "viewer",
    "listVocabularies": "viewer",
    "browseMedia": "editor",
    "listTimelines": "viewer",
    "analyze": "editor",
    "getTimeline": "viewer",
    "removeTimeline": "editor",
    "cancel": "editor",
    "retag": "editor",
    "correctScene": "editor",
    "cues": "viewer",
    "decideCue": "editor",
    "listLibraries": "viewer",
    "describeTrack": "viewer",
    "trackAudio": "viewer",
    "readEvents": "viewer",
    "export": "viewer",
    "media": "viewer",
    "thumbnail": "viewer",
    "waveform": "viewer",
    "correct": "editor",
}
RANKS = {None: 0, "viewer": 1, "editor": 2}


def test_the_table_has_the_published_roles() -> None:
    roles = {operation.name: operation.role for operation in OPERATIONS}
    assert {name: roles.get(name) for name in ROLES} == ROLES


def test_an_operation_that_is_not_listed_here_needs_a_role() -> None:
    assert [operation.name for operation in OPERATIONS if operation.role is None and operation.name not in ROLES] == []


def may_call(operation: Any, role: str | None, *, tokens: bool) -> bool:
    return not tokens or RANKS[operation.role] <= RANKS[role]


@pytest.fixture
def server_and_tokens(request: pytest.FixtureRequest, serve: Any, tmp_path: Path) -> tuple[Any, dict[str | None, str | None]]:
    """A server with a token file or without one, and a token of each role (None for a client without a role)."""
    made = {role: new_token(role) for role in ("viewer", "editor")}
    path = tmp_path / "tokens"
    path.write_text("".join(f"{line}\n" for _, line in made.values()))
    server = serve(token_file=path) if request.param else serve()
    server.fill("tl_a")
    return server, {None: None, **{role: token for role, (token, _) in made.items()}}


both = pytest.mark.parametrize("server_and_tokens", [True, False], ids=["tokens", "no tokens"], indirect=True)


@both
@pytest.mark.parametrize("how", ["bearer", "cookie"])
def test_http_allows_exactly_what_the_table_says(server_and_tokens: Any, how: str, request: pytest.FixtureRequest) -> None:
    server, tokens = server_and_tokens
    with_tokens = "no tokens" not in request.node.name
    for role, token in tokens.items():
        for operation in OPERATIONS:
            headers = credentials(server, token, how) if with_tokens else {}  # anew each time: one of the operations ends the session
            # Nothing of that name exists, so an allowed call changes nothing.
            path = operation.http.path.replace("{id}", "tl_none").replace("{segment}", "s9999")
            body = b"{}" if operation.http.method in ("POST", "PATCH") else None
            status, _, content = server.http(operation.http.method, path, body, content_type="application/json", **headers)
            code = json.loads(content).get("code") if status >= 400 else None
            allowed = may_call(operation, role, tokens=with_tokens)
            where = f"{operation.name} as {role}: {status} {code}"
            if allowed:
                assert (status, code) not in ((401, "unauthorized"), (403, "forbidden")), where
                assert status != 500, where
            else:
                assert (status, code) == ((401, "unauthorized") if role is None else (403, "forbidden")), where
    assert len(server.store.timelines()) == 1


def credentials(server: Any, token: str | None, how: str) -> dict[str, str]:
    if token is None:
        return {}
    if how == "bearer":
        return {"authorization": f"Bearer {token}"}
    return {"cookie": server.http("POST", "/v1/session", {"token": token})[1]["set-cookie"].partition(";")[0]}


@both
def test_the_websocket_allows_exactly_what_the_table_says(server_and_tokens: Any, request: pytest.FixtureRequest) -> None:
    server, tokens = server_and_tokens
    with_tokens = "no tokens" not in request.node.name
    for role, token in tokens.items():
        if with_tokens and role is None:
            with server.raw() as socket:
                socket.recv(timeout=60)
                socket.send(json.dumps({"type": "identify", "protocol": 1}))
                assert server.close_code(socket) == 4401
            continue
        with server.client(token=token if with_tokens else None) as client:
            for name, operation in METHODS.items():
                response = client.request(name, id="tl_none", segment="s9999")
                code = response.get("error", {}).get("code")
                assert (code == "forbidden") is not may_call(operation, role, tokens=with_tokens), f"{name} as {role}: {code}"
                assert code != "internal", name
    assert len(server.store.timelines()) == 1


@both
def test_operations_without_a_method_cannot_be_called_over_the_websocket(server_and_tokens: Any) -> None:
    server, tokens = server_and_tokens
    with server.client(token=tokens["editor"]) as client:
        for operation in OPERATIONS:
            if operation.method is None:
                assert client.request(operation.name)["error"]["code"] == "unknown_method"


@pytest.mark.parametrize("server_and_tokens", [True], ids=["tokens"], indirect=True)
def test_a_viewer_may_request_cues_over_both_transports(server_and_tokens: Any) -> None:
    server, tokens = server_and_tokens
    headers = {"authorization": f"Bearer {tokens['viewer']}"}
    assert "cues" in server.json("POST", "/v1/timelines/tl_a/cues", {}, **headers)[1]
    with server.client(token=tokens["viewer"]) as client:
        assert "cues" in client.request("timelines.cues", id="tl_a")["result"]
        assert client.request("cues.decide", id="tl_a", cue="1M1", decision="reject")["error"]["code"] == "forbidden"


@pytest.mark.parametrize("server_and_tokens", [True], ids=["tokens"], indirect=True)
@pytest.mark.parametrize(
    "path", ["/v1/timelines%0A", "/v1/timelines/tl_a%0A", "//v1/timelines", "/v1//timelines", "/V1/timelines", "/v1/./timelines"]
)
def test_an_odd_path_does_not_avoid_the_check(server_and_tokens: Any, path: str) -> None:
    server, _ = server_and_tokens
    status, _, content = server.http("GET", path)
    assert status in (401, 404)
    assert b"made-to-order" not in content
