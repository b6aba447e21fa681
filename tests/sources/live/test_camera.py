"""Cameras that send JPEG pictures as multipart/x-mixed-replace."""

from __future__ import annotations

import http.server
import time
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest

from streamtags.config.settings import IngestSettings
from streamtags.core.model import Frame, Lost, Resumed
from streamtags.sources.live.source import open_any_source
from tests.sources.media import serving


def jpeg(level: int) -> bytes:
    """A JPEG picture of one grey."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 160, 120, "yuvj420p"
    picture = av.VideoFrame.from_ndarray(np.full((120, 160, 3), level, np.uint8), "rgb24").reformat(format="yuvj420p")
    encoder.time_base = picture.time_base = Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


def camera(served: list[float], *, pictures: int, pause: float, boundary: str = "frame", length: bool = True) -> type[Any]:
    """A camera that closes each connection after some pictures, and notes for how many seconds it sent them."""
    images = [jpeg(20 + 10 * n) for n in range(10)]

    class Camera(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            served.append(0.0)
            number, began = len(served) - 1, time.monotonic()
            self.send_response(200)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={boundary}")
            self.end_headers()
            for n in range(pictures):
                image = images[n % 10]
                size = f"Content-Length: {len(image)}\r\n" if length else ""
                self.wfile.write(f"--{boundary}\r\nContent-Type: image/jpeg\r\n{size}\r\n".encode() + image + b"\r\n")
                served[number] = time.monotonic() - began
                time.sleep(pause)

    return Camera


def read(uri: str, **live: float) -> tuple[Any, list[Any]]:
    source = open_any_source(uri, IngestSettings.model_validate({"live": live}))
    items = list(source.read())
    source.close()
    return source, items


@pytest.mark.parametrize("boundary", ["frame", "--myboundary"])
def test_pictures_are_read_as_a_live_source_at_the_time_they_arrive(boundary: str) -> None:
    served: list[float] = []
    with serving(camera(served, pictures=40, pause=0.05, boundary=boundary)) as url:
        source, items = read(f"{url}/video", give_up_seconds=0.0)
    frames = [item for item in items if isinstance(item, Frame)]
    assert source.info.live
    assert source.info.video.codec == "mjpeg"
    assert len(frames) >= 35
    seconds = float((frames[-1].pts - frames[0].pts) * source.info.video.time_base)
    assert 1.5 <= seconds <= served[-1] + 4  # 2 s, more on a busy machine, and not the 1.4 s of 35 pictures at the 25 that FFmpeg assumes
    assert all(one.pts < two.pts for one, two in pairwise(frames))


def test_a_camera_that_breaks_off_is_connected_again() -> None:
    served: list[float] = []
    with serving(camera(served, pictures=15, pause=0.04)) as url:
        source = open_any_source(f"{url}/video", IngestSettings.model_validate({"live": {"give_up_seconds": 60}}))
        items = list[Any]()
        for item in source.read():
            items.append(item)
            if isinstance(item, Resumed):
                break
        source.close()
    assert len(served) >= 3  # the first connection only finds out what it is
    assert [item for item in items if isinstance(item, Lost)]
    assert [item for item in items if isinstance(item, Resumed)]
