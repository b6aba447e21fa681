"""Small films that the tests of sources write, and servers that send them."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from streamtags.config.settings import IngestSettings
from streamtags.core.model import Frame, Sound
from streamtags.sources.file.source import VideoSource, open_source

RATE = 48_000


def film(
    path: Path,
    frames: int = 50,
    *,
    hertz: float | None = None,
    size: tuple[int, int] = (64, 36),
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    start: int = 0,
    codec: str = "libx264",
) -> Path:
    """Write a film of 25 frames a second whose grey rises, with a tone if `hertz` is given."""
    with av.open(str(path), "w", options=container_options or {}) as out:
        video = out.add_stream(codec, rate=25, options={**({"preset": "ultrafast"} if codec == "libx264" else {}), **(options or {})})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = None if hertz is None else out.add_stream("aac", rate=RATE, layout="mono")
        for n in range(frames):
            picture = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 20 + 200 * n // frames, np.uint8), "rgb24")
            picture.pts, picture.time_base = start + n, Fraction(1, 25)
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        if audio is not None:
            out.mux(packet for frame in tone(hertz or 0, frames / 25) for packet in audio.encode(frame))
            out.mux(audio.encode(None))
    return path


def tone(hertz: float, seconds: float) -> Iterator[av.AudioFrame]:
    """Frames of a sine tone in one channel."""
    samples = 0.5 * np.sin(np.arange(int(seconds * RATE)) * 2 * np.pi * hertz / RATE)
    for at in range(0, len(samples) - 1023, 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + 1024].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        yield frame


def read(uri: Path | str, **settings: Any) -> tuple[VideoSource, list[Frame], list[Sound]]:
    """Open a source and read it to its end."""
    source = open_source(str(uri), IngestSettings(**settings))
    try:
        items = list(source.read())
    finally:
        source.close()
    return source, [item for item in items if isinstance(item, Frame)], [item for item in items if isinstance(item, Sound)]


def hertz_of(sounds: list[Sound]) -> float:
    """The loudest frequency."""
    whole = np.concatenate([sound.samples for sound in sounds], axis=1)[0]
    return float(np.abs(np.fft.rfft(whole)).argmax()) * RATE / len(whole)


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run an HTTP server on loopback; yields its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
