"""What a hostile page, client or file may try."""

from __future__ import annotations

import json
import socket
import struct
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from streamtags_server.access.tokens import Tokens, new_token
from streamtags_server.http.problems import without_folders
from streamtags_server.http.uploads import safe_name
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from streamtags.config.settings import Settings
from streamtags.core.errors import ConfigError
from streamtags.testing.log import make_payloads

EVIL = "http://evil.example"


@pytest.fixture
def roles(tmp_path: Path) -> Any:
    """A token file, and a token of each role."""
    viewer, editor = new_token("viewer"), new_token("editor")
    path = tmp_path / "tokens"
    path.write_text(f"# who\n{viewer[1]}  # a screen in the hall\n\n{editor[1]}\n")
    return path, viewer[0], editor[0]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def turned_away(server: Any, **options: Any) -> tuple[int, str]:
    """The close code of a connection on which nothing was said, and the reason without its advice."""
    with server.raw(**options) as ws, pytest.raises(ConnectionClosed) as closed:
        ws.recv(timeout=60)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason.partition(";")[0]


def test_a_foreign_page_may_neither_listen_nor_write(serve: Any) -> None:
    server = serve(allow_origins=["https://edit.example"])
    for origin in (EVIL, "null", f"http://127.0.0.1:{server.port + 1}", "file://"):
        assert turned_away(server, origin=origin) == (4403, "pages of that site may not use this server")
        assert server.json("POST", "/v1/timelines", {"uri": "x"}, origin=origin)[1]["code"] == "origin"
    for origin in (f"http://127.0.0.1:{server.port}", "https://edit.example"):
        with server.client(origin=origin) as client:
            assert client.ask(type="ping", n=1)["type"] == "pong"


def test_a_name_made_to_point_here_is_refused(serve: Any) -> None:
    server = serve()
    assert server.json("GET", "/v1/timelines", host="evil.example")[0] == 403
    assert turned_away(server, name="evil.example") == (4403, "this server is not known by that name")
    assert server.json("GET", "/v1/timelines", host=f"localhost:{server.port}")[0] == 200


def test_beyond_loopback_it_does_not_start_without_tokens(serve: Any, store: Any) -> None:
    from streamtags_server.app import create_app

    with pytest.raises(ConfigError, match="token"):
        create_app(store, Settings(server={"host": "0.0.0.0"}))


def test_without_a_token_or_with_a_wrong_one_nothing_can_be_read(serve: Any, roles: Any) -> None:
    path, viewer, _ = roles
    server = serve(token_file=path)
    server.fill("tl_a")
    for headers in ({}, bearer("wrong"), bearer(""), {"cookie": "streamtags_session=editor.99999999999.00"}, {"authorization": viewer}):
        for place in ("/v1/timelines", "/v1/timelines/tl_a", "/v1/timelines/tl_a/events", "/metrics"):
            status, _, body = server.http("GET", place, **headers)
            assert status == 401
            assert b"made-to-order" not in body
    assert server.http("GET", "/healthz")[0] == 200
    for token in (None, "wrong"):
        with server.raw() as ws:
            assert json.loads(ws.recv())["auth"] == "token"
            ws.send(json.dumps({"type": "identify", "protocol": 1, "token": token}))
            with pytest.raises(ConnectionClosed) as closed:
                ws.recv(timeout=60)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401


def test_a_viewer_reads_and_does_not_write(serve: Any, roles: Any) -> None:
    path, viewer, editor = roles
    server = serve(token_file=path)
    server.fill("tl_a")
    assert server.http("GET", "/v1/timelines/tl_a", **bearer(viewer))[0] == 200
    for method, place in (
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("POST", "/retag"),
        ("PATCH", "/segments/s0000"),
    ):
        assert server.json(method, f"/v1/timelines/tl_a{place}", {}, **bearer(viewer))[1]["code"] == "forbidden"
    with server.client(token=viewer) as client:
        said = client.request("segments.correct", id="tl_a", segment="s0000", caption="mine")
        assert said["error"]["code"] == "forbidden"
    assert server.store.state("tl_a").segments[0].correction is None
    assert server.http("DELETE", "/v1/timelines/tl_a", **bearer(editor))[0] == 204


def test_a_page_trades_its_token_for_a_cookie_that_scripts_cannot_read(serve: Any, roles: Any) -> None:
    path, viewer, _ = roles
    server = serve(token_file=path)
    status, headers, _ = server.http("POST", "/v1/session", {"token": viewer})
    cookie = headers["set-cookie"]
    assert status == 200
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert viewer not in cookie
    session = {"cookie": cookie.partition(";")[0]}
    assert server.http("GET", "/v1/timelines", **session)[0] == 200
    assert server.http("POST", "/v1/timelines", {"uri": "x"}, **session)[0] == 403
    assert server.http("GET", "/v1/timelines", cookie=session["cookie"].replace("viewer", "editor"))[0] == 401
    assert server.http("POST", "/v1/session", {"token": "wrong"})[0] == 401


def test_tokens_are_kept_as_hashes_and_bad_lines_are_named(roles: Any, tmp_path: Path) -> None:
    path, viewer, editor = roles
    assert viewer not in path.read_text()
    tokens = Tokens(path)
    holders = [tokens.holder_of(token) for token in (viewer, editor, "", None, "x")]
    assert [holder and holder.role for holder in holders] == ["viewer", "editor", None, None, None]
    assert holders[0] is not None
    assert holders[0].user in path.read_text(), "an operator cannot see which token a limit is about"
    for content, wrong in (("", "no token"), ("editor secret", "line 1"), ("# a\nking sha256:" + "0" * 64, "line 2")):
        (tmp_path / "bad").write_text(content)
        with pytest.raises(ConfigError, match=wrong):
            Tokens(tmp_path / "bad")


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "file:///does/not/exist",
        "/does/not/exist",
        "{root}/../secret.mp4",
        "{root}/link.mp4",
        "../secret.mp4",
        "concat:{root}/film.mp4|/etc/passwd",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/x",
        "http://127.0.0.1:1/film.mp4",
        "http://[::1]/film.mp4",
        "http://169.254.169.254/latest/meta-data",
        "http://2130706433/film.mp4",
        "-",
    ],
)
def test_nothing_outside_the_media_roots_and_no_inner_address_is_read(serve: Any, tmp_path: Path, uri: str) -> None:
    root = tmp_path / "media"
    root.mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    server = serve(media_roots=[root])
    status, body = server.json("POST", "/v1/timelines", {"uri": uri.format(root=root)})
    assert status in (403, 422)
    assert body["code"] in ("source.refused", "source.missing", "source.unreadable")
    if uri.startswith(("/", "file:", "..")):
        assert body["code"] == "source.refused", "the answer reveals whether a file exists"
    assert server.store.timelines() == []


def test_a_file_that_is_missing_under_a_media_root_is_reported_as_missing(serve: Any, tmp_path: Path) -> None:
    root = tmp_path / "media"
    (root / "links").mkdir(parents=True)
    (root / "links" / "etc").symlink_to("/etc")
    server = serve(media_roots=[root])
    for uri in ("film.mp4", "cut/film.mp4", f"{root}/film.mp4", f"file://{root}/film.mp4"):
        status, body = server.json("POST", "/v1/timelines", {"uri": uri})
        assert (status, body["code"]) == (422, "source.missing")
        assert body["detail"].startswith(f"{uri}: there is no such file; ")
    for uri in ("links/etc/there-is-no-such-file", "links/../../film.mp4"):
        assert server.json("POST", "/v1/timelines", {"uri": uri})[1]["code"] == "source.refused"
    for uri in ("x\0y", "file://[x", "x" * 4000):
        assert server.json("POST", "/v1/timelines", {"uri": uri})[0] == 422


def test_a_remote_client_learns_what_is_wrong_and_not_how_the_server_is_set_up(serve: Any, tmp_path: Path, caplog: Any) -> None:
    root = tmp_path / "media"
    root.mkdir()
    server = serve(media_roots=[root], allow_hosts=["tags.example"])
    caplog.set_level("INFO", logger="streamtags_server")
    refusals = {
        "http://127.0.0.1:1/film.mp4": "its host is on a private network",
        f"{root}/film.mp4": "there is no such file",
        "/etc/passwd": "lies outside the folders that may be read",
    }
    for uri, what in refusals.items():
        near = server.json("POST", "/v1/timelines", {"uri": uri})[1]["detail"]
        far = server.json("POST", "/v1/timelines", {"uri": uri}, host="tags.example")[1]["detail"]
        assert what in near
        assert far.endswith(what)
        assert str(root) not in far
        assert near in caplog.text
    assert "--set server.allow_private=true" in server.json("POST", "/v1/timelines", {"uri": "http://[::1]/film.mp4"})[1]["detail"]
    assert "allow_private" not in server.json("POST", "/v1/timelines", {"uri": "ftp://127.0.0.1/x"})[1]["detail"]
    with server.client(name="tags.example") as client:
        for said in (client.request("timelines.get", id="x")["error"], server.json("GET", "/v1/timelines/x", host="tags.example")[1]):
            assert said["code"] == "not_found"
            assert not {str(tmp_path), "`", "--"} & set(str(said).split()), said


def test_a_vocabulary_is_no_way_to_read_files(serve: Any) -> None:
    server = serve()
    server.fill("tl_a")
    status, body = server.json("POST", "/v1/timelines/tl_a/retag", {"tags": "/etc/passwd"})
    assert (status, body["code"]) == (422, "vocabulary")
    assert "root" not in json.dumps(body)


@pytest.mark.parametrize("name", ["../../../etc/x", "..", "s0000'; DROP TABLE events; --", "%00", "tl_%", "*", "x" * 4000, "<script>"])
def test_odd_names_are_just_not_found(serve: Any, name: str) -> None:
    from urllib.parse import quote

    server = serve()
    server.fill("tl_a")
    for place in (quote(name, safe=""), f"tl_a/thumbnails/{quote(name, safe='')}.jpg"):
        assert server.http("GET", f"/v1/timelines/{place}")[0] == 404
    with server.client() as client:
        assert client.request("timelines.get", id=name[:200])["error"]["code"] == "not_found"
    assert len(server.store.read("tl_a")) == len(make_payloads(3))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/srv/my films/a b.mp4: is empty", "my films/a b.mp4: is empty"),
        ("cannot be followed: '/srv/x/film.mp4'", "cannot be followed: 'film.mp4'"),
        ("http://a.example/x/y.mp4 and ../x/y and a/b/c.mp4", "http://a.example/x/y.mp4 and ../x/y and a/b/c.mp4"),
    ],
)
def test_a_client_gets_only_the_last_name_of_a_path(text: str, said: str) -> None:
    assert without_folders(text) == said


def test_file_names_lose_what_could_lead_elsewhere(serve: Any) -> None:
    assert safe_name("../../etc/passwd") == "passwd"
    assert safe_name("..\\..\\boot.ini") == "boot.ini"
    assert safe_name(".\x00.hidden\n.mp4") == "hidden.mp4"
    assert safe_name("<script>alert(1)</script>.mp4") == "script.mp4"
    assert safe_name("///") == "upload"
    assert len(safe_name("x" * 9000 + ".mp4")) < 130


def test_a_script_in_a_caption_is_text_and_no_page_may_run_it(serve: Any) -> None:
    server = serve()
    server.fill("tl_a")
    hostile = "<script>alert(1)</script>"
    server.json("PATCH", "/v1/timelines/tl_a/segments/s0000", {"caption": hostile, "by": hostile})
    status, headers, body = server.http("GET", "/v1/timelines/tl_a")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert json.loads(body)["segments"][0]["caption"] == hostile


def test_an_upload_has_an_end(serve: Any, store: Any) -> None:
    server = serve(upload_bytes=100_000, quota_bytes=150_000)
    as_video = {"content_type": "video/mp4"}
    assert server.json("POST", "/v1/timelines", b"x" * 100_001, **as_video)[0] == 413

    def endless() -> Any:
        while True:
            yield b"y" * 10_000

    with suppress(OSError):  # cut off while still sending: as good
        assert server.json("POST", "/v1/timelines", endless(), **as_video)[0] == 413
    uploads = store.path.with_name("streamtags.db.files") / "uploads"
    assert list(uploads.rglob("*.part")) == []
    (uploads / "old").mkdir()
    (uploads / "old" / "film.mp4").write_bytes(b"z" * 120_000)
    assert server.json("POST", "/v1/timelines", b"x" * 40_000, **as_video)[0] == 507
    server = serve(upload_idle_seconds=0.5)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as slow:
        head = f"POST /v1/timelines HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: video/mp4\r\nContent-Length: 5000\r\n\r\n"
        slow.sendall(head.encode() + b"x")
        assert b" 408 " in slow.recv(4096)
    assert list(uploads.rglob(".*.part")) == []


def test_who_sends_a_request_byte_by_byte_is_cut_off(serve: Any) -> None:
    server = serve(identify_seconds=0.5)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as slow:
        sent = 0
        with suppress(OSError):
            for byte in b"GET / HTTP/1.1\r\nX-Slow: " + b"x" * 10_000:
                slow.sendall(bytes([byte]))
                sent += 1
                time.sleep(0.02)
    assert sent < 1000, "it may go on for ever"
    assert server.http("GET", "/healthz")[0] == 200


def png(side: int, pixels: bytes) -> bytes:
    """A picture that says how large it is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_bomb() -> bytes:
    """One of 60,000 by 60,000: 10.8 GB once decoded."""
    return png(60_000, b"")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("bomb.png", png_bomb()),
    ],
    ids=["playlist", "concat", "bomb"],
)
def test_a_hostile_file_fails_its_own_timeline_and_nothing_else(serve: Any, name: str, content: bytes) -> None:
    server = serve()
    status, body = server.json("POST", f"/v1/timelines?name={name}", content, content_type="application/octet-stream")
    assert status == 202
    with server.client() as client:
        client.say(type="subscribe", id="a", timeline=body["id"])
        snapshot = client.until("snapshot")[-1]
        error = snapshot["state"]["error"] or client.events(1)[0]["data"]["error"]
    assert error["code"].startswith("source.")
    assert "root:" not in error["message"]
    assert error["message"].startswith(f"{name}: "), "the message reveals where the server keeps files"
    assert server.json("GET", f"/v1/timelines/{body['id']}")[1]["state"] == "failed"


def test_a_decoder_that_eats_memory_ends_its_own_timeline_and_says_why(serve: Any) -> None:
    server = serve("embedded", memory_bytes=200 << 20)
    rows = zlib.compressobj(1)
    content = png(8000, b"".join(rows.compress(b"\0" * 24_001) for _ in range(8000)) + rows.flush())  # 0.8 MB; 192 MB once decoded
    _, body = server.json("POST", "/v1/timelines?name=large.png", content, content_type="image/png")
    deadline = time.monotonic() + 60
    while (state := server.store.state(body["id"])).state != "failed" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert state.error is not None
    assert (state.error.code, "200 MiB" in state.error.message) == ("limit.memory", True)
    assert server.http("GET", "/readyz")[0] == 200


def test_pages_over_a_wrong_method_or_place_are_problems(serve: Any) -> None:
    server = serve()
    for method, place, status in (("PUT", "/v1/timelines", 405), ("GET", "/nothing", 404), ("GET", "/../../etc/passwd", 404)):
        actual, headers, _ = server.http(method, place)
        assert actual == status
        assert headers["content-type"] == "application/problem+json"
    with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{server.port}/elsewhere"):
        pass


def test_a_browser_checks_whether_the_page_has_changed(serve: Any) -> None:
    server = serve()
    status, headers, _ = server.http("GET", "/app.js")
    assert (status, headers["cache-control"]) == (200, "no-cache"), "else modules of two releases meet in one page"
