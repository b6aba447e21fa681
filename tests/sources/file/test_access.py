"""What may be opened, and what an opened source cannot lead to."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError, SourceRefused
from streamtags.core.model import Frame
from streamtags.sources.file.access import Access, locate, without_password
from streamtags.sources.file.source import open_source

SETTINGS = IngestSettings(timeout_seconds=30)
EVERYWHERE = Access()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a real segment and with files that point at it."""
    folder = tmp_path_factory.mktemp("media")
    with av.open(str(folder / "segment.ts"), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height = 64, 64
        for level in range(0, 250, 10):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), level, np.uint8), "rgb24")))
        out.mux(stream.encode(None))
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
    (folder / "honest.m3u8").write_text(f"{head}segment.ts\n#EXT-X-ENDLIST\n")
    (folder / "local.m3u8").write_text(f"{head}file://{folder}/segment.ts\n#EXT-X-ENDLIST\n")
    (folder / "passwd.m3u8").write_text(f"{head}file:///etc/passwd\n#EXT-X-ENDLIST\n")
    (folder / "list.ffconcat").write_text("ffconcat version 1.0\nfile segment.ts\n")
    (folder / "session.sdp").write_text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n")
    shutil.copy(folder / "honest.m3u8", folder / "renamed.mp4")
    return folder


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        elif self.path == "/silent":
            threading.Event().wait(6)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    """The folder on a loopback server; its address without the last slash."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def frames(uri: str, access: Access = EVERYWHERE) -> int:
    source = open_source(uri, SETTINGS, access=access)
    try:
        return sum(isinstance(item, Frame) for item in source.read())
    finally:
        source.close()


@pytest.mark.parametrize("name", ["honest.m3u8", "local.m3u8", "passwd.m3u8", "list.ffconcat", "session.sdp", "renamed.mp4"])
def test_a_local_file_that_names_other_files_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(SourceRefused, match="names other files"):
        open_source(str(folder / name), SETTINGS)


def test_a_pattern_of_pictures_is_not_expanded(folder: Path) -> None:
    for index in range(3):
        (folder / f"shot{index:03d}.png").write_bytes(b"x")
    with pytest.raises(SourceError, match="no such file"):
        open_source(str(folder / "shot%03d.png"), SETTINGS)
    trap = folder / "trap%03d.png"
    trap.write_bytes(b"x")
    with pytest.raises(SourceError):
        open_source(str(trap), SETTINGS)


def test_a_playlist_on_the_web_is_read(site: str) -> None:
    assert frames(f"{site}/honest.m3u8") == 25
    assert frames(f"{site}/segment.ts") == 25


@pytest.mark.parametrize("name", ["local.m3u8", "passwd.m3u8", "redirect", "list.ffconcat"])
def test_nothing_on_the_web_leads_to_a_local_file(site: str, name: str) -> None:
    with pytest.raises(SourceError):
        frames(f"{site}/{name}")


def test_a_server_that_is_silent_or_absent(site: str) -> None:
    with pytest.raises(SourceError, match="no answer within 1 seconds"):
        open_source(f"{site}/silent", IngestSettings(timeout_seconds=1))
    with pytest.raises(SourceError, match="404"):
        open_source(f"{site}/nothing.mp4", SETTINGS)
    with pytest.raises(SourceError, match=r"cannot be reached.*refused"):
        open_source("http://ann:secret@127.0.0.1:9/film.mp4", SETTINGS)


@pytest.mark.parametrize("uri", ["ftp://host/film.mp4", "mms://host/live", "gopher://host/"])
def test_other_schemes_are_refused_and_the_accepted_ones_named(uri: str) -> None:
    with pytest.raises(SourceRefused, match="accepted: file, http, https"):
        locate(uri, EVERYWHERE)


@pytest.mark.parametrize(
    "uri", ["concat:a.ts|b.ts", "data:text/plain,x", "pipe:0", "subfile,,start,0,:/etc/passwd", "crypto+file:/etc/passwd"]
)
def test_protocols_of_ffmpeg_are_no_way_in(uri: str) -> None:
    with pytest.raises(SourceRefused, match="not accepted"):
        locate(uri, EVERYWHERE)


def test_a_file_may_have_a_colon_in_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(folder / "segment.ts", folder / "concat:segment.ts")
    monkeypatch.chdir(folder)
    assert frames("concat:segment.ts") == 25
    assert frames(f"file://{folder}/concat%3Asegment.ts") == 25


def test_schemes_can_be_taken_away() -> None:
    nothing = Access(schemes=frozenset())
    for uri in ("-", "http://host/film.mp4", "/etc/hostname"):
        with pytest.raises(SourceRefused):
            locate(uri, nothing)


def test_files_must_lie_under_a_root_even_through_links(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "inside.ts").write_bytes(b"x")
    (tmp_path / "link.ts").symlink_to(folder / "segment.ts")
    access = Access(roots=(tmp_path,))
    assert locate(str(tmp_path / "inside.ts"), access).path == tmp_path / "inside.ts"
    for uri in (str(folder / "segment.ts"), str(tmp_path / "link.ts"), f"{tmp_path}/../{folder.name}/segment.ts"):
        with pytest.raises(SourceError):
            locate(uri, access)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "localhost", "2130706433"])
def test_private_addresses_can_be_forbidden(host: str) -> None:
    with pytest.raises(SourceError):
        locate(f"http://{host}/film.mp4", Access(allow_private=False))


def test_each_way_a_path_fails_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is not a video\n")
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "cut.mp4").write_bytes(b"\0\0\0\x10ftypisom\0\0\2\0\0\0\x10\0mdat" + bytes(5000))
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    expected = {
        "empty.mp4": "empty",
        "text.mp4": "is text",
        "noise.mp4": "not a video",
        "cut.mp4": "index",
        "pipe.mp4": "regular file",
        "": "folder",
        "loop.mp4": "followed",
        "absent.mp4": "no such file",
        "nul\0.mp4": "followed",
    }
    codes = set()
    for name, words in expected.items():
        with pytest.raises(SourceError, match=words) as caught:
            open_source(str(tmp_path / name), SETTINGS)
        assert caught.value.hint
        assert "\n" not in str(caught.value)
        codes.add(caught.value.code)
    assert len(codes) >= 6


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"x")
    secret.chmod(0)
    with pytest.raises(SourceError, match="cannot be read"):
        open_source(str(secret), SETTINGS)


def test_passwords_are_not_shown() -> None:
    assert without_password("https://ann:secret@host:81/a?b=c") == "https://ann:***@host:81/a?b=c"
    assert without_password("https://host/a:b@c") == "https://host/a:b@c"
    assert without_password("https://ann:secret@[") == "https://***@["


@pytest.mark.parametrize("uri", ["http://[", "https://ann:secret@[::1", "http://host:99999/x", "http://", "http://\u2100.example/"])
def test_what_is_no_url_has_no_address(uri: str) -> None:
    with pytest.raises(SourceError) as refused:
        locate(uri, Access(allow_private=False))
    assert "secret" not in str(refused.value)
    with pytest.raises(SourceError) as caught:
        open_source("http://ann:secret@127.0.0.1:9/film.mp4", SETTINGS)
    assert "secret" not in str(caught.value)
