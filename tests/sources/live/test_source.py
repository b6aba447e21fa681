"""Live sources over real sockets, sent by processes at their own speed."""

from __future__ import annotations

import http.server
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError, SourceRefused
from streamtags.core.model import Dropped, Frame, Lost, Resumed, Sound
from streamtags.sources.file.access import Access
from streamtags.sources.file.source import VideoSource
from streamtags.sources.live.queue import LiveItem
from streamtags.sources.live.source import LiveSource, is_live, open_any_source
from streamtags.testing import Encoding, Feeder, ShotSpec, make_video
from streamtags.testing import feed as feeding

TS = 90_000
Udp = Any  # of tests/conftest.py


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of three shots, with sound and a keyframe every half second."""
    path = tmp_path_factory.mktemp("live") / "film.mp4"
    shots = [ShotSpec(30, look="texture"), ShotSpec(40, look="stripes"), ShotSpec(30, look="lights")]
    make_video(path, shots, rate=25, size=(320, 180), sound=True, encoding=Encoding(gop=12, codec_options={"bf": "0"}))
    return path


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings(*, give_up_seconds: float = 0.0, silence_seconds: float = 1.0, **live: Any) -> IngestSettings:
    return IngestSettings.model_validate({"live": {"give_up_seconds": give_up_seconds, "silence_seconds": silence_seconds, **live}})


class Reading:
    """Reads a source in a thread, as the pipeline does."""

    def __init__(self, uri: str, ingest: IngestSettings, slow: float = 0.0) -> None:
        self.items: list[LiveItem] = []
        self.info: Any = None
        self.error: BaseException | None = None
        self._slow = slow
        self.opened = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(uri, ingest), daemon=True)
        self._thread.start()

    def _read(self, uri: str, ingest: IngestSettings) -> None:
        try:
            self.source = open_any_source(uri, ingest)
            self.info = self.source.info
            self.opened.set()
            for item in self.source.read():
                self.items.append(item)
                if isinstance(item, Frame) and self._slow:
                    time.sleep(self._slow)
            self.source.close()
        except BaseException as error:  # noqa: BLE001 - raised in `end`
            self.error = error
            self.opened.set()

    def end(self, timeout: float = 60.0) -> Reading:
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "it does not end"
        if self.error is not None:
            raise self.error
        return self

    def wait_for(self, kind: type) -> Any:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._thread.is_alive():
            if items := self.of(kind):
                return items[-1]
            time.sleep(0.01)
        pytest.fail(f"no {kind.__name__} came; {self.error}")

    def of(self, kind: type) -> list[Any]:
        return [item for item in self.items if isinstance(item, kind)]

    @property
    def frames(self) -> list[Frame]:
        return self.of(Frame)


def in_order(frames: list[Frame]) -> bool:
    return all(one.index < two.index and one.pts < two.pts for one, two in pairwise(frames))


def test_udp_every_frame_that_is_sent_is_seen(film: Path, udp: Udp) -> None:
    url = udp.url
    reading = Reading(url, settings())
    udp.wait()
    with Feeder(film, url) as feeder:
        sent = feeder.wait()
    reading.end()
    assert reading.info.live
    assert (reading.info.size, reading.info.video.duration, reading.info.name) == (None, None, url)
    assert [frame.index for frame in reading.frames] == list(range(sent))
    assert {b.pts - a.pts for a, b in pairwise(reading.frames)} == {TS // 25}
    assert reading.of(Sound)
    assert [lost.retry_seconds for lost in reading.of(Lost)] == [None]


def test_a_sender_that_was_cut_off_and_kept_its_clock_goes_on_to_the_tick(film: Path, udp: Udp) -> None:
    url = udp.url
    reading = Reading(url, settings(give_up_seconds=4))
    udp.wait()
    with Feeder(film, url, seconds=2, clock=100) as feeder:
        first = feeder.wait()
    lost = reading.wait_for(Lost)
    assert "sends nothing any more" in lost.message
    udp.wait()
    with Feeder(film, url, seconds=2, clock=105) as feeder:
        second = feeder.wait()
    reading.end()
    frames = reading.frames
    assert [frame.index for frame in frames] == list(range(first + second))
    assert in_order(frames)
    (resumed,) = reading.of(Resumed)
    assert resumed.pts == frames[first].pts == frames[0].pts + 5 * TS
    assert frames[first].still.pts == resumed.pts
    assert [type(item) for item in reading.items if not isinstance(item, Frame | Sound)][:1] == [Lost]


def test_a_sender_that_began_anew_goes_on_by_the_wall_clock(film: Path) -> None:
    port = free_port()
    url = f"rtmp://127.0.0.1:{port}/live/film"
    reading = Reading(url, settings(give_up_seconds=5, listen=True))
    first = started(film, url, seconds=2)
    sent = first.wait()
    reading.wait_for(Lost)
    time.sleep(1.0)
    second = started(film, url, seconds=2)
    apart = second.began - first.began
    second.wait()
    reading.end()
    assert in_order(reading.frames)
    (resumed,) = reading.of(Resumed)
    begun = next(frame for frame in reading.frames if frame.pts == resumed.pts)
    assert begun.index == len([frame for frame in reading.frames if frame.pts < resumed.pts])
    assert abs(begun.index - sent) <= 1
    seconds = float((resumed.pts - reading.frames[0].pts) * reading.info.video.time_base)
    assert apart - 0.5 < seconds < apart + 5  # probing the stream anew takes a while, more on a busy machine


def started(film: Path, url: str, **how: Any) -> Feeder:
    """A feeder, as soon as a receiver listens."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return Feeder(film, url, **how)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_a_pause_too_short_to_count_as_a_loss_is_a_gap_when_the_sender_began_anew(film: Path, udp: Udp) -> None:
    url = udp.url
    reading = Reading(url, settings(silence_seconds=8))
    udp.wait()
    with Feeder(film, url, seconds=2) as first:
        sent = first.wait()
    time.sleep(1.5)
    with Feeder(film, url, seconds=2) as second:
        apart = second.began - first.began
        second.wait()
    resumed = reading.wait_for(Resumed)
    reading.source.close()
    reading.end()
    assert not reading.of(Lost)
    seconds = (resumed.pts - reading.frames[0].pts) / TS
    assert apart - 1 < seconds < apart + 3
    begun = next(frame.index for frame in reading.frames if frame.pts == resumed.pts)
    assert sent - 1 <= begun <= sent  # a picture that was cut off in the middle is none


def test_tcp_listens_for_a_sender(film: Path) -> None:
    url = f"tcp://127.0.0.1:{free_port()}"
    reading = Reading(url, settings(listen=True))
    with started(film, url) as feeder:
        sent = feeder.wait()
    reading.end()
    assert [frame.index for frame in reading.frames] == list(range(sent))
    assert [lost.code for lost in reading.of(Lost)] == ["source.ended"]


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_http_an_endless_body_is_live_and_is_fetched_again(film: Path) -> None:
    served: list[int] = []

    class Camera(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            if len(served) == 2:
                self.send_error(404)
                return
            served.append(0)
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            command = [sys.executable, feeding.__file__, str(film), "pipe:1", "--seconds", "2", "--clock", str(100 * len(served))]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as sender:
                assert sender.stdout is not None
                while data := sender.stdout.read1(65536):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.close_connection = True  # cut off: the last chunk is missing

    with serving(Camera) as url:
        reading = Reading(f"{url}/live.ts", settings(give_up_seconds=3)).end()
    assert reading.info.live
    assert len(served) == 2
    assert reading.of(Lost)[0].code == "source.ended"
    assert reading.of(Lost)[-1].retry_seconds is None
    assert len(reading.of(Resumed)) == 1
    assert len(reading.frames) == 100
    assert in_order(reading.frames)


def hls(film: Path, folder: Path, seconds: float) -> Feeder:
    options = ("hls_time=0.5", "hls_list_size=12", "hls_flags=delete_segments")  # six seconds, in which a busy reader catches up
    return Feeder(film, str(folder / "live.m3u8"), seconds=seconds, options=options)


def handler_of(folder: Path) -> type[http.server.BaseHTTPRequestHandler]:
    class Folder(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            pass

    return Folder


def test_hls_is_live_until_its_list_says_that_it_has_ended(film: Path, tmp_path: Path) -> None:
    with serving(handler_of(tmp_path)) as url, hls(film, tmp_path, 4) as feeder:
        while not (tmp_path / "live.m3u8").exists():
            time.sleep(0.02)
        reading = Reading(f"{url}/live.m3u8", settings(give_up_seconds=30))
        sent = feeder.wait()
        reading.end()
    assert reading.info.live
    assert not reading.of(Lost)
    assert reading.frames[-1].index == len(reading.frames) - 1
    assert 50 <= len(reading.frames) <= sent  # one that joins late is given the last three pieces
    assert in_order(reading.frames)


def test_hls_that_was_away_goes_on_where_it_was(film: Path, tmp_path: Path) -> None:
    away = threading.Event()

    class Flaky(handler_of(tmp_path)):  # type: ignore[misc]
        def do_GET(self) -> None:  # noqa: N802 - the name is given
            if away.is_set():
                self.send_error(503)
            else:
                super().do_GET()

    options = ("hls_time=0.5", "hls_list_size=40")
    with serving(Flaky) as url, Feeder(film, str(tmp_path / "live.m3u8"), seconds=8, options=options) as feeder:
        while not (tmp_path / "live.m3u8").exists():
            time.sleep(0.02)
        impatient = settings(give_up_seconds=30).model_copy(update={"timeout_seconds": 2.0})
        reading = Reading(f"{url}/live.m3u8", impatient)
        reading.wait_for(Frame)
        time.sleep(1)
        away.set()
        lost = reading.wait_for(Lost)
        away.clear()
        feeder.wait()
        reading.end()
    assert lost.code
    frames = reading.frames
    assert [frame.index for frame in frames] == list(range(len(frames)))
    holes = [two.pts - one.pts for one, two in pairwise(frames) if two.pts - one.pts > 2 * TS // 25]
    assert sum(holes) < TS, "at most the piece that was being fetched, which FFmpeg does not fetch again"
    assert in_order(frames)
    assert frames[-1].pts - frames[0].pts > 7 * TS


def test_hls_that_has_ended_is_a_file(film: Path, tmp_path: Path) -> None:
    with hls(film, tmp_path, 2) as feeder:
        feeder.wait()
    with serving(handler_of(tmp_path)) as url, closing(open_any_source(f"{url}/live.m3u8", settings())) as source:
        assert isinstance(source, VideoSource)
        assert not source.info.live


@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_a_file_that_grows_is_followed_to_where_it_stops(film: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"recording.{suffix}"
    with Feeder(film, str(path), seconds=3) as feeder:
        while not path.exists() or path.stat().st_size < 2000:
            time.sleep(0.02)
        reading = Reading(str(path), settings(give_up_seconds=2, follow=True))
        sent = feeder.wait()
    reading.end()
    assert reading.info.live
    assert len(reading.frames) == sent
    assert not reading.of(Lost)  # the end is not certain, but there is nothing to connect to


def test_frames_that_a_slow_reader_cannot_take_are_dropped_and_counted(film: Path, udp: Udp) -> None:
    url = udp.url
    reading = Reading(url, settings(), slow=0.1)
    udp.wait()
    with Feeder(film, url) as feeder:
        sent = feeder.wait()
    reading.end()
    seen = reading.frames
    dropped = reading.of(Dropped)
    assert sum(one.frames for one in dropped) > 20
    assert len(seen) + sum(one.frames for one in dropped) == sent
    assert in_order(seen)
    assert seen[-1].index == sent - 1
    assert {frame.pts - seen[0].pts for frame in seen} == {(frame.index - seen[0].index) * TS // 25 for frame in seen}
    assert len(dropped) <= 10  # at most one a second, in some eight


def test_closing_ends_the_reading_of_a_source_that_says_nothing(film: Path, udp: Udp) -> None:
    url = udp.url
    reading = Reading(url, settings(silence_seconds=60))
    udp.wait()
    with Feeder(film, url, seconds=1) as feeder:
        feeder.wait()
    reading.wait_for(Frame)
    reading.source.close()
    reading.source.close()
    reading.end(timeout=30)
    assert reading.frames


def test_reading_stops_after_so_many_seconds_of_source(film: Path, udp: Udp) -> None:
    url = udp.url
    reading = Reading(url, settings().model_copy(update={"max_seconds": 1.0}))
    udp.wait()
    with Feeder(film, url):
        reading.end()
    assert len(reading.frames) == 25


def test_a_peer_that_says_nothing_is_given_up(film: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SourceError, match="no answer within 1 seconds") as caught:
            open_any_source(url, settings().model_copy(update={"timeout_seconds": 1.0}))
    assert caught.value.code == "source.timeout"


@pytest.mark.parametrize("scheme", ["tcp", "rtmp", "rtsp"])
def test_a_source_that_refuses_is_an_error_at_once(scheme: str) -> None:
    with pytest.raises(SourceError, match="Connection refused"):
        open_any_source(f"{scheme}://127.0.0.1:{free_port()}/x", settings(give_up_seconds=60))


def test_a_protocol_that_ffmpeg_lacks_is_an_error_with_a_hint() -> None:
    with pytest.raises(SourceError) as caught:
        open_any_source("srt://127.0.0.1:1", settings(give_up_seconds=1).model_copy(update={"timeout_seconds": 1.0}))
    if caught.value.code in ("source.timeout", "source.unreachable"):
        pytest.skip("this FFmpeg speaks srt")
    assert "does not speak srt; have it sent" in str(caught.value)


@pytest.mark.parametrize("uri", ["udp://127.0.0.1:1", "udp://239.1.1.1:1", "tcp://8.8.8.8:1", "rtsp://8.8.8.8/x", "rtmp://127.0.0.1/x"])
def test_callers_limited_to_public_addresses_cannot_make_it_listen_or_connect_elsewhere(uri: str) -> None:
    with pytest.raises(SourceRefused):
        open_any_source(uri, settings(), access=Access(allow_private=False))


def test_passwords_are_not_shown() -> None:
    with pytest.raises(SourceError) as caught:
        open_any_source(f"rtsp://me:secret@127.0.0.1:{free_port()}/x", settings())
    assert "secret" not in str(caught.value)
    assert "rtsp://me:***@" in str(caught.value)


def test_what_is_live_by_its_name(tmp_path: Path, film: Path) -> None:
    copy = shutil.copy(film, tmp_path / "copy.mp4")
    assert is_live("udp://127.0.0.1:1", settings())
    assert not is_live(str(copy), settings())
    assert is_live(str(copy), settings(follow=True))
    assert not is_live("-", settings(follow=True))


class _Rtsp(socketserver.StreamRequestHandler):
    """As much of RTSP 1.0 (RFC 2326) as it takes to play MPEG-TS over RTP, interleaved."""

    def handle(self) -> None:
        while True:
            lines = []
            while line := self.rfile.readline().decode().strip():
                lines.append(line)
            if not lines:
                return
            method = lines[0].split()[0]
            number = next(line.split(":")[1].strip() for line in lines if line.lower().startswith("cseq"))
            headers, body = [f"CSeq: {number}", "Session: 1"], ""
            if method == "DESCRIBE":
                body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track\r\n"
                headers += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
            elif method == "SETUP":
                headers.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
            elif method == "OPTIONS":
                headers.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
            self.wfile.write(("\r\n".join(["RTSP/1.0 200 OK", *headers, "", ""]) + body).encode())
            if method == "PLAY":
                self._play()
                return

    def _play(self) -> None:
        command = [sys.executable, feeding.__file__, self.server.film, "pipe:1"]  # type: ignore[attr-defined]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as sender:
            assert sender.stdout is not None
            buffered, number = b"", 0
            while data := sender.stdout.read1(65536):
                buffered += data
                while len(buffered) >= 1316:
                    packet = b"\x80\x21" + number.to_bytes(2) + bytes(4) + b"\x00\x00\x00\x07" + buffered[:1316]
                    self.wfile.write(b"$\x00" + len(packet).to_bytes(2) + packet)
                    buffered, number = buffered[1316:], (number + 1) % 65536
            packet = b"\x80\x21" + number.to_bytes(2) + bytes(4) + b"\x00\x00\x00\x07" + buffered
            self.wfile.write(b"$\x00" + len(packet).to_bytes(2) + packet)


def test_rtsp_is_played_and_ends_when_the_camera_hangs_up(film: Path) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Rtsp) as server:
        server.daemon_threads = True
        server.film = str(film)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        reading = Reading(f"rtsp://127.0.0.1:{server.server_address[1]}/film", settings()).end()
        server.shutdown()
    assert isinstance(reading.source, LiveSource)
    assert reading.info.container == "rtsp"
    assert 95 <= len(reading.frames) <= 100
    assert in_order(reading.frames)
    assert len(reading.of(Lost)) == 1
