"""Films from HTTP servers that close connections, or that do not state a length."""

from __future__ import annotations

import http.server
from fractions import Fraction
from functools import cache
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
import pytest

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError
from streamtags.core.model import Dropped, Frame, Lost
from streamtags.sources.file.source import open_source
from streamtags.sources.live.source import open_any_source
from tests.sources.media import film, read, serving

Handler = type[http.server.BaseHTTPRequestHandler]


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def closing(data: bytes) -> Handler:
    """Answers byte ranges and closes after each answer without saying so."""

    class Closing(Quiet):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            begin = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
            self.send_response(206)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(len(data) - begin))
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            self.wfile.write(data[begin:])
            self.close_connection = True

    return Closing


def without_length(data: bytes, content_type: str, requests: list[str], *, chunked: bool = False) -> Handler:
    """Sends a body whose length is unknown until it ends."""

    class WithoutLength(Quiet):
        protocol_version = "HTTP/1.1" if chunked else "HTTP/1.0"

        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(data), 8192):
                part = data[at : at + 8192]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")

    return WithoutLength


def frames_of(uri: str) -> tuple[list[Frame], list[Any]]:
    settings = IngestSettings.model_validate({"live": {"give_up_seconds": 20}})
    source = open_any_source(uri, settings)
    items = list(source.read())
    source.close()
    return [item for item in items if isinstance(item, Frame)], [item for item in items if isinstance(item, (Lost, Dropped))]


@pytest.mark.parametrize("gop", ["10", "25", "1000"])
def test_no_frame_is_lost_where_the_server_closes_without_saying_so(tmp_path: Path, gop: str) -> None:
    data = film(tmp_path / "film.mp4", 80, options={"g": gop, "bf": "0"}).read_bytes()
    with serving(closing(data)) as url:
        frames, changes = frames_of(f"{url}/film.mp4")
    assert [frame.index for frame in frames] == list(range(80))
    assert frames[0].pts == 0
    assert changes == []


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("suffix", "content_type"), [(".ts", "video/mp2t"), (".mp4", "video/mp4"), (".mkv", "video/x-matroska")])
def test_a_film_without_a_length_is_read_once_to_its_end(tmp_path: Path, suffix: str, content_type: str, chunked: bool) -> None:
    faststart = {"movflags": "+faststart"} if suffix == ".mp4" else {}
    data = film(tmp_path / f"film{suffix}", 80, container_options=faststart).read_bytes()
    requests: list[str] = []
    with serving(without_length(data, content_type, requests, chunked=chunked)) as url:
        frames, changes = frames_of(f"{url}/film{suffix}")
    assert [frame.index for frame in frames] == list(range(80))
    assert all(one.pts + one.duration == two.pts for one, two in pairwise(frames))
    assert changes == []
    assert len(requests) <= 3


def test_an_mp4_without_a_length_that_is_cut_short_is_an_error(tmp_path: Path) -> None:
    data = film(tmp_path / "film.mp4", 200, container_options={"movflags": "+faststart"}, size=(160, 90)).read_bytes()
    with (
        serving(without_length(data[: len(data) * 7 // 10], "video/mp4", [])) as url,
        pytest.raises(SourceError, match="broke off"),
    ):
        frames_of(f"{url}/film.mp4")


def breaking(data: bytes) -> Handler:
    """Promises all of `data`, gives byte ranges, and breaks off in the middle of each."""

    class Breaking(Quiet):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            begin = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
            self.send_response(206)
            self.send_header("Content-Length", str(len(data) - begin))
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            self.wfile.write(data[begin : begin + (len(data) - begin) // 2])
            self.close_connection = True

    return Breaking


@pytest.mark.parametrize("suffix", [".ts", ".mp4"])
def test_a_film_that_breaks_off_is_an_error(tmp_path: Path, suffix: str) -> None:
    fragments = {"movflags": "+frag_keyframe+empty_moov"} if suffix == ".mp4" else {}
    data = film(tmp_path / f"film{suffix}", 80, options={"g": "10"}, container_options=fragments).read_bytes()
    with serving(breaking(data)) as url, pytest.raises(SourceError, match="broke off"):
        frames_of(f"{url}/film{suffix}")


@pytest.mark.parametrize("fragmented", [True, False])
def test_a_server_that_promises_byte_ranges_and_sends_everything_is_read_in_order(tmp_path: Path, fragmented: bool) -> None:
    options = {"movflags": "+frag_keyframe+empty_moov"} if fragmented else {}
    data = film(tmp_path / "film.mp4", 80, options={"g": "25"}, container_options=options).read_bytes()

    class Promising(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with serving(Promising) as url:
        frames, _ = frames_of(f"{url}/film.mp4")
    assert [frame.index for frame in frames] == list(range(80))


def test_an_index_at_the_end_without_byte_ranges_is_named(tmp_path: Path) -> None:
    data = film(tmp_path / "film.mp4", 200, size=(160, 90), options={"crf": "0", "tune": "grain"}, hertz=440).read_bytes()
    with (
        serving(without_length(data + bytes(100_000), "video/mp4", [], chunked=True)) as url,
        pytest.raises(SourceError, match="an MP4 whose index is at its end needs"),
    ):
        frames_of(f"{url}/film.mp4")


def ranges(
    data: bytes, *, total: bool = True, refused: bool = False, busy: dict[int, int] | None = None, after: int | None = None
) -> Handler:
    """Gives byte ranges.

    Args:
        data: the body.
        total: say how long all of it is; else `*`, and no length where all of it is requested.
        refused: refuse every range but the one from 0.
        busy: the status of requests by their numbers.
        after: seconds to wait that a busy server states.
    """
    number = count()

    class Ranges(Quiet):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status = (busy or {}).get(next(number))
            begin = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
            if status is not None or (refused and begin):
                self.send_response(status or 416)
                self.send_header("Content-Length", "0")
                self.send_header("Connection", "close")
                if after is not None:
                    self.send_header("Retry-After", str(after))
                self.end_headers()
                return
            is_all = "Range" not in self.headers
            self.send_response(200 if is_all else 206)
            if total or not is_all:
                self.send_header("Content-Length", str(len(data) - begin))
            if not is_all:
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data) if total else '*'}")
            self.end_headers()
            self.wfile.write(data[begin:])
            self.close_connection = not total and is_all

    return Ranges


@cache
def large(suffix: str, **container_options: str) -> tuple[bytes, int]:
    """A film of 78 to 80 frames, longer than what FFmpeg reads at a time; and how many frames it has."""
    codec = {".ogv": "libvpx"}.get(suffix, "libx264")
    fast = {"libx264": {"preset": "ultrafast", "g": "20", "bf": "2", "qp": "10"}, "libvpx": {"deadline": "realtime", "cpu-used": "8"}}
    noise = np.random.default_rng(1).integers(0, 255, (80, 48, 80, 3), np.uint8)
    with TemporaryDirectory() as folder:
        path = Path(folder, f"film{suffix}")
        with av.open(str(path), "w", options=container_options) as out:
            video = out.add_stream(codec, rate=25, options=fast.get(codec, {}))
            video.width, video.height, video.pix_fmt = 80, 48, "yuv420p"
            video.bit_rate = 1_000_000
            for n, pixels in enumerate(noise):
                picture = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=video.pix_fmt)
                picture.pts, picture.time_base = n, Fraction(1, 25)
                out.mux(video.encode(picture))
            out.mux(video.encode(None))
        return path.read_bytes(), len(read(path)[1])


FRAGMENTS = {"movflags": "+frag_keyframe+empty_moov"}


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("suffix", [".ts", ".mp4", ".ogv"])
def test_a_server_that_states_no_length_or_refuses_ranges_loses_no_frame(suffix: str, refused: bool) -> None:
    data, number = large(suffix, **(FRAGMENTS if suffix == ".mp4" else {}))
    assert number >= 78
    with serving(ranges(data, total=refused, refused=refused)) as url:
        frames, changes = frames_of(f"{url}/film{suffix}")
    assert [frame.index for frame in frames] == list(range(number))
    assert changes == []


def test_an_index_at_the_end_is_named_where_ranges_are_refused() -> None:
    data = large(".mp4")[0]
    with serving(ranges(data, refused=True)) as url, pytest.raises(SourceError, match="index is at its end"):
        open_source(f"{url}/film.mp4", IngestSettings(timeout_seconds=0.5))


@pytest.mark.parametrize(("first", "status", "after"), [(0, 503, None), (1, 429, None), (1, 429, 1), (2, 502, None)])
def test_a_busy_server_gets_another_request(first: int, status: int, after: int | None) -> None:
    data = large(".mp4")[0]
    with serving(ranges(data, busy={first: status}, after=after)) as url:
        frames, changes = frames_of(f"{url}/film.mp4")
    assert [frame.index for frame in frames] == list(range(80))
    assert changes == []


def test_a_film_in_fragments_has_its_duration_or_none() -> None:
    data = large(".mp4", **FRAGMENTS)[0]
    durations = []
    for refused in (False, True):
        with serving(ranges(data, refused=refused)) as url:
            source = open_source(f"{url}/film.mp4", IngestSettings())
            durations.append(source.info.video.duration)
            source.close()
    assert durations == [pytest.approx(3.2, abs=0.1), None]


def test_a_page_instead_of_a_film_is_named() -> None:
    with (
        serving(without_length(b"<!doctype html><html>Log in</html>", "text/html", [])) as url,
        pytest.raises(SourceError, match="a web page"),
    ):
        frames_of(f"{url}/film.mp4")


def test_pictures_without_a_container_that_break_off_are_not_called_a_photograph() -> None:
    picture = av.VideoFrame(16, 16, "yuvj420p")
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 16, 16, "yuvj420p", Fraction(1, 25)
    data = b"".join(bytes(packet) for packet in encoder.encode(picture)) * 10
    with serving(without_length(data, "image/jpeg", [])) as url, pytest.raises(SourceError, match="less came than"):
        frames_of(f"{url}/film.mjpeg")
