"""Hostile clients, hostile files and full disks: what each may take, and what it may not stop."""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from streamtags_server.access.holder import Holder
from streamtags_server.access.sessions import Sessions
from streamtags_server.access.tokens import Tokens, new_token
from streamtags_server.http.uploads import safe_name
from streamtags_server.quota import DiskQuota, disk_errors
from websockets.frames import Frame, Opcode

from streamtags.core.errors import BackendError
from streamtags.operations.errors import NoSpaceError
from streamtags.testing import ShotSpec, make_video

AS_VIDEO = {"content_type": "video/mp4"}


def uploads_of(server: Any) -> Path:
    return Path(server.store.folder) / "uploads"


def stored_bytes(server: Any) -> int:
    return sum(path.stat().st_size for path in uploads_of(server).rglob("*") if path.is_file())


def wait_until(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


# Space


def slow_upload(server: Any, name: str, size: int, statuses: list[int], pause: float = 0.5) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        head = f"POST /v1/timelines?name={name} HTTP/1.1\r\nHost: localhost\r\nContent-Type: video/mp4\r\nContent-Length: {size}\r\n"
        connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + os.urandom(1000))
        time.sleep(pause)
        with suppress(OSError):  # refused while it was still sending
            connection.sendall(os.urandom(size - 1000))
        statuses.append(int(connection.recv(100).split()[1]))


@pytest.mark.parametrize(("size", "fit"), [(190_000, 1), (100_000, 3), (60_000, 5)])
def test_parallel_uploads_share_the_quota(serve: Any, size: int, fit: int) -> None:
    server = serve(quota_bytes=300_000, upload_bytes=200_000)
    statuses: list[int] = []
    threads = [threading.Thread(target=slow_upload, args=(server, f"{n}.mp4", size, statuses)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(202) == fit
    assert statuses.count(507) == 8 - fit
    assert stored_bytes(server) <= 300_000


def test_an_upload_of_unknown_length_is_stopped_at_the_quota(serve: Any) -> None:
    server = serve(quota_bytes=100_000, upload_bytes=10**9)

    def chunks() -> Any:
        for _ in range(50):
            yield b"x" * 10_000

    try:
        status, _, body = server.http("POST", "/v1/timelines?name=a.mp4", chunks(), **AS_VIDEO)
    except OSError:  # disconnected while it was still sending
        pass
    else:
        assert (status, json.loads(body)["code"]) == (507, "no_room")
    assert stored_bytes(server) == 0


def test_removing_the_last_timeline_of_an_upload_frees_its_space(serve: Any, tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", [ShotSpec(12)], size=(64, 36))
    film = (tmp_path / "film.mp4").read_bytes()
    server = serve("embedded", quota_bytes=2 * len(film) + 10)
    first = server.json("POST", "/v1/timelines?name=film.mp4", film, **AS_VIDEO)[1]["id"]
    second = server.json("POST", "/v1/timelines?name=film.mp4&profile=scripted", film, **AS_VIDEO)[1]["id"]
    assert first != second
    more = b"x" * (len(film) + 100)
    assert server.json("POST", "/v1/timelines?name=more.mp4", more, **AS_VIDEO)[1]["code"] == "no_room"
    for timeline, left in ((first, len(film)), (second, 0)):
        wait_until(lambda timeline=timeline: server.http("DELETE", f"/v1/timelines/{timeline}")[0] == 204)
        assert stored_bytes(server) == left
    assert list(uploads_of(server).iterdir()) == []
    assert server.json("POST", "/v1/timelines?name=more.mp4", more, **AS_VIDEO)[0] == 202


def test_removing_a_timeline_of_a_media_root_leaves_its_file_alone(serve: Any, tmp_path: Path) -> None:
    root = tmp_path / "media"
    root.mkdir()
    make_video(root / "film.mp4", [ShotSpec(12)], size=(64, 36))
    server = serve("embedded", media_roots=[root])
    timeline = server.json("POST", "/v1/timelines", {"uri": "film.mp4"})[1]["id"]
    wait_until(lambda: server.http("DELETE", f"/v1/timelines/{timeline}")[0] == 204)
    assert (root / "film.mp4").exists()


@pytest.mark.parametrize("query", ["profile=nothing", "tags=nothing", "tags=%0A-"])
def test_an_upload_whose_analysis_is_refused_takes_no_space(serve: Any, query: str) -> None:
    server = serve()
    assert server.http("POST", f"/v1/timelines?name=a.mp4&{query}", b"x" * 1000, **AS_VIDEO)[0] == 422
    assert stored_bytes(server) == 0


def test_vocabularies_that_are_sent_count_in_the_quota(serve: Any) -> None:
    server = serve(quota_bytes=2_000)
    server.fill("tl_a")
    head = "id: mine\nversion: '{}'\naxes:\n  - name: mood\ntags:\n  - name: Calm\n    axis: mood\n    description: {}\n"
    statuses = [server.http("POST", "/v1/timelines/tl_a/retag", {"tags": head.format(n, "x" * 500)})[0] for n in range(6)]
    assert 202 in statuses
    assert 507 in statuses
    assert 500 not in statuses


@pytest.mark.parametrize(
    ("number", "status", "code"), [(errno.ENOSPC, 507, "no_room"), (errno.EDQUOT, 507, "no_room"), (errno.EIO, 503, "disk")]
)
def test_a_disk_that_cannot_be_written_is_reported_as_such(serve: Any, monkeypatch: Any, number: int, status: int, code: str) -> None:
    server = serve()
    server.fill("tl_a")

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    text = "id: mine\nversion: '1'\naxes:\n  - name: mood\ntags:\n  - name: Calm\n    axis: mood\n    description: still\n"
    with monkeypatch.context() as patch:
        patch.setattr("streamtags_server.http.uploads.Path.open", fail)
        patch.setattr("streamtags_server.vocabularies.Path.write_bytes", fail)
        for path, body, headers in (
            ("/v1/timelines?name=a.mp4", b"x" * 1000, AS_VIDEO),
            ("/v1/timelines/tl_a/retag", {"tags": text}, {}),
        ):
            actual, answer = server.json("POST", path, body, **headers)
            assert (actual, answer["code"]) == (status, code), path
    assert server.http("POST", "/v1/timelines?name=a.mp4", b"x" * 1000, **AS_VIDEO)[0] == 202


def test_a_quota_is_never_exceeded_whatever_is_written_at_once(tmp_path: Path) -> None:
    quota = DiskQuota([tmp_path], 1000)
    keys = [quota.open(300) for _ in range(3)]
    with pytest.raises(NoSpaceError):
        quota.open(101)
    quota.grow(keys[0], 400)
    with pytest.raises(NoSpaceError):
        quota.grow(keys[1], 301)
    (tmp_path / "film").write_bytes(b"x" * 400)
    quota.close(keys[0], stored_bytes=400)
    quota.close(keys[1], stored_bytes=0)
    assert quota.open(300) > keys[-1]
    with pytest.raises(BackendError, match="the upload cannot be written"), disk_errors("the upload"):
        raise OSError(errno.EROFS, "Read-only file system")


# Names


@pytest.mark.parametrize("name", ["影" * 86 + ".mp4", "😀" * 64 + ".mp4", "影" * 100, "a." + "影" * 100, "é" * 300 + ".mp4", "\udcff.mp4"])
def test_a_long_name_in_any_script_is_cut_to_what_file_systems_take(serve: Any, name: str) -> None:
    assert len(safe_name(name).encode()) <= 255
    server = serve()
    status, _, body = server.http("POST", f"/v1/timelines?name={quote(name, errors='surrogateescape')}", os.urandom(1000), **AS_VIDEO)
    assert status == 202, body
    assert all(list(folder.iterdir()) for folder in uploads_of(server).iterdir()), "an empty folder is left"


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/nonexistent", "/root/.bashrc", "/proc/self/environ", "/"])
@pytest.mark.parametrize("form", ["{}/://x", "file://{}/:%2F/x", "{}://x", "{}/http://x", "file://{}%2F:%2F%2Fx", "{}"])
def test_whether_a_file_outside_the_media_roots_exists_cannot_be_seen(serve: Any, tmp_path: Path, path: str, form: str) -> None:
    server = serve(allow_hosts=["remote.example"], media_roots=[tmp_path])
    for host in (f"127.0.0.1:{server.port}", "remote.example"):
        status, answer = server.json("POST", "/v1/timelines", {"uri": form.format(path)}, host=host)
        assert (status, answer["code"]) == (403, "source.refused")
        assert "lies outside the folders that may be read" in answer["detail"]


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://]", "//[x", "http://a]b", "\x7f", "null", "http://127.0.0.1:99999"])
def test_a_malformed_origin_is_refused(serve: Any, origin: str) -> None:
    server = serve()
    assert server.json("POST", "/v1/timelines", {"uri": "x"}, origin=origin)[1]["code"] == "origin"


@pytest.mark.parametrize("host", ["[", "[::1", "]", "a]b", "[x]:1", ""])
def test_a_malformed_host_is_refused(serve: Any, host: str) -> None:
    assert serve().http("GET", "/v1/timelines", host=host)[0] in (400, 403)


# Sessions


def test_a_closed_session_stays_closed_also_at_the_next_server(serve: Any, tmp_path: Path) -> None:
    token, line = new_token("viewer")
    (tmp_path / "tokens").write_text(line)
    server = serve(token_file=tmp_path / "tokens")
    first, second = ({"cookie": server.http("POST", "/v1/session", {"token": token})[1]["set-cookie"].partition(";")[0]} for _ in range(2))
    assert server.http("DELETE", "/v1/session", **first)[0] == 204
    successor = serve(token_file=tmp_path / "tokens")
    for one in (server, successor):
        assert one.http("GET", "/v1/timelines", **first)[0] == 401
        assert one.http("GET", "/v1/timelines", **second)[0] == 200
    assert server.http("DELETE", "/v1/session", cookie="streamtags_session=editor.9999999999.0.00")[0] == 204
    assert successor.http("GET", "/v1/timelines", **second)[0] == 200, "a forged cookie must not close a session"


@pytest.mark.parametrize(
    "value", ["", ".", "...", "viewer.9999999999.00.", "viewer.x.y.z", "é.1.2.3", "viewer.1.2.3.4", "viewer.9999999999.00.00"]
)
def test_what_is_not_a_session_has_no_role(value: str) -> None:
    sessions = Sessions(b"key", None)
    assert sessions.holder_of(value) is None
    sessions.close(value)


def test_an_expired_session_has_no_role_and_a_new_token_file_ends_all(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "tokens"
    path.write_text(new_token("editor")[1])
    tokens = Tokens(path, tmp_path / "closed")
    cookie = tokens.sessions.open(Holder("editor", "ada"))
    assert tokens.sessions.holder_of(cookie) == ("editor", "ada")
    path.write_text(new_token("editor")[1])
    assert Tokens(path).sessions.holder_of(cookie) is None
    monkeypatch.setattr("streamtags_server.access.sessions.time.time", lambda: 1e12)
    assert tokens.sessions.holder_of(cookie) is None


# Floods


@pytest.mark.parametrize("payload", [b"x" * 60, b"y" * 100, b"z" * 125])
def test_a_client_that_pings_and_never_reads_does_not_fill_the_memory(serve: Any, payload: bytes) -> None:
    server = serve(identify_seconds=250)  # it says nothing but pings, for as long as a busy machine takes
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", server.port))
        raw.sendall(
            f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Protocol: streamtags.v1\r\n\r\n".encode()
        )
        wait_until(lambda: len(server.server.server_state.connections) == 1)
        transport = next(iter(server.server.server_state.connections)).transport
        pings = Frame(Opcode.PING, payload).serialize(mask=True) * (8_000_000 // (len(payload) + 6))
        sender = threading.Thread(target=lambda: raw.sendall(pings), daemon=True)
        sender.start()
        highest = 0
        while sender.is_alive():
            highest = max(highest, transport.get_write_buffer_size())
            time.sleep(0.002)
        assert highest < 600_000
        answers = b""
        raw.settimeout(5)
        while Frame(Opcode.PONG, payload).serialize(mask=False) not in answers[-1000:]:
            received = raw.recv(1 << 16)
            assert received, "the server closed the connection"
            answers += received
    assert server.http("GET", "/healthz")[0] == 200


@pytest.mark.parametrize("subscriptions", [1, 20, 60])
def test_a_client_that_aborts_while_it_catches_up_leaves_nothing_in_the_log(serve: Any, caplog: Any, subscriptions: int) -> None:
    caplog.set_level(logging.CRITICAL, logger="websockets.client")  # the client of the test, whose socket is closed under it
    server = serve(queue_events=8)
    timeline = server.fill(completed=False, segments=400)
    epoch = server.store.head(timeline).epoch
    messages = [{"type": "identify", "protocol": 1}]
    messages += [{"type": "subscribe", "id": f"s{n}", "timeline": timeline, "after": 0, "epoch": epoch} for n in range(subscriptions)]
    for pause in (0.0, 0.05, 0.2):
        with server.raw() as client:
            for message in messages:
                client.send(json.dumps(message))
            time.sleep(pause)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.socket.close()  # a reset, not a goodbye
    wait_until(lambda: not server.server.server_state.connections)
    assert [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
