"""Which streams are read: programs, covers, renditions, and the length of what is read."""

from __future__ import annotations

import http.server
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError
from streamtags.sources.file.source import open_source
from tests.sources.media import film, hertz_of, read, serving, tone


def crc(data: bytes) -> bytes:
    """CRC-32 of MPEG-2 (ISO/IEC 13818-1, annex A)."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value.to_bytes(4, "big")


def section(pid: int, table: int, number: int, body: bytes) -> bytes:
    """A transport packet with one table."""
    head = number.to_bytes(2, "big") + b"\xc1\x00\x00" + body
    data = bytes([table]) + (0xB000 | len(head) + 4).to_bytes(2, "big") + head
    payload = b"\x00" + data + crc(data)
    return b"\x47" + (0x4000 | pid).to_bytes(2, "big") + b"\x10" + payload.ljust(184, b"\xff")


def in_programs(path: Path, programs: dict[int, list[tuple[int, int]]]) -> None:
    """Rewrite the tables of a transport stream: program -> (stream type, PID) of its streams."""
    data = path.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    own = {0, *(0x1000 + n for n in range(8))}
    kept = [packet for packet in packets if int.from_bytes(packet[1:3], "big") & 0x1FFF not in own]
    pat = b"".join(number.to_bytes(2, "big") + (0xE000 | 0x1000 + number).to_bytes(2, "big") for number in programs)
    tables = [section(0, 0, 1, pat)]
    for number, streams in programs.items():
        clock = streams[-1][1]
        body = (0xE000 | clock).to_bytes(2, "big") + b"\xf0\x00"
        body += b"".join(bytes([kind]) + (0xE000 | pid).to_bytes(2, "big") + b"\xf0\x00" for kind, pid in streams)
        tables.append(section(0x1000 + number, 2, number, body))
    path.write_bytes(b"".join(tables) + b"".join(kept))


def two_programs(path: Path) -> Path:
    """Streams 0x100 (AAC, 1000 Hz), 0x101 (picture), 0x102 (AAC, 440 Hz)."""
    with av.open(str(path), "w") as out:
        radio = out.add_stream("aac", rate=48_000, layout="mono")
        video = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "bf": "0"})
        video.width, video.height, video.pix_fmt = 64, 36, "yuv420p"
        own = out.add_stream("aac", rate=48_000, layout="mono")
        for stream, hertz in ((radio, 1000), (own, 440)):
            for frame in tone(hertz, 2.0):
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        for n in range(50):
            picture = av.VideoFrame.from_ndarray(np.full((36, 64, 3), 4 * n, np.uint8), "rgb24")
            picture.pts, picture.time_base = n, Fraction(1, 25)
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
    return path


@pytest.mark.parametrize(
    ("programs", "hertz"),
    [
        ({1: [(15, 0x100)], 2: [(15, 0x102), (27, 0x101)]}, 440),
        ({1: [(15, 0x102)], 2: [(15, 0x100), (27, 0x101)]}, 1000),
        ({1: [(15, 0x100), (15, 0x102), (27, 0x101)]}, 1000),
    ],
    ids=["radio first", "radio second", "one program"],
)
def test_the_sound_is_that_of_the_picture_s_program(tmp_path: Path, programs: dict[int, list[tuple[int, int]]], hertz: int) -> None:
    path = two_programs(tmp_path / "two.ts")
    in_programs(path, programs)
    _, frames, sounds = read(path)
    assert len(frames) == 50
    assert hertz_of(sounds) == pytest.approx(hertz, abs=3)


def with_cover(path: Path, disposition: Disposition, *, cover_first: bool) -> Path:
    with av.open(str(path), "w") as out:

        def add_cover() -> Any:
            stream = out.add_stream("mjpeg", rate=1)
            stream.width, stream.height, stream.pix_fmt = 320, 320, "yuvj420p"
            stream.disposition = disposition
            return stream

        cover = add_cover() if cover_first else None
        video = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 36, "yuv420p"
        cover = cover or add_cover()
        out.mux(cover.encode(av.VideoFrame.from_ndarray(np.full((320, 320, 3), 90, np.uint8), "rgb24")))
        for n in range(25):
            picture = av.VideoFrame.from_ndarray(np.full((36, 64, 3), 5 * n, np.uint8), "rgb24")
            picture.pts, picture.time_base = n, Fraction(1, 25)
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        out.mux(cover.encode(None))
    return path


@pytest.mark.parametrize("cover_first", [True, False])
@pytest.mark.parametrize("disposition", [Disposition.attached_pic, Disposition.default, Disposition.still_image])
def test_a_cover_is_never_taken_for_the_film(tmp_path: Path, disposition: Disposition, cover_first: bool) -> None:
    source, frames, _ = read(with_cover(tmp_path / "film.mp4", disposition, cover_first=cover_first))
    assert source.info.video.codec == "h264"
    assert len(frames) == 25


def test_a_cover_alone_is_no_film(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.mp4"), "w") as out:
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 320, 320, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        audio = out.add_stream("aac", rate=48_000, layout="mono")
        out.mux(cover.encode(av.VideoFrame.from_ndarray(np.full((320, 320, 3), 90, np.uint8), "rgb24")))
        for frame in tone(440, 1.0):
            out.mux(audio.encode(frame))
        out.mux(audio.encode(None))
    with pytest.raises(SourceError, match="only sound"):
        open_source(str(tmp_path / "song.mp4"), IngestSettings())


@pytest.mark.parametrize("order", [("small", "large"), ("large", "small")])
def test_the_best_rendition_of_a_master_playlist_is_read(tmp_path: Path, order: tuple[str, str]) -> None:
    sizes = {"small": (64, 36), "large": (192, 108)}
    lines = ["#EXTM3U"]
    for name in order:
        film(tmp_path / f"{name}.ts", 50, hertz=440, size=sizes[name])
        (tmp_path / f"{name}.m3u8").write_text(
            f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.0,\n{name}.ts\n#EXT-X-ENDLIST\n"
        )
        width, height = sizes[name]
        lines += [f"#EXT-X-STREAM-INF:BANDWIDTH={width * 1000},RESOLUTION={width}x{height}", f"{name}.m3u8"]
    (tmp_path / "master.m3u8").write_text("\n".join(lines) + "\n")

    class Folder(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Folder) as url:
        source, frames, sounds = read(f"{url}/master.m3u8")
    assert (source.info.video.width, source.info.video.height) == (192, 108)
    assert len(frames) == 50
    assert hertz_of(sounds) == pytest.approx(440, abs=3)


@pytest.mark.parametrize("start", [0, 25, 25 * 36_000])
def test_the_duration_does_not_include_the_time_before_the_first_frame(tmp_path: Path, start: int) -> None:
    source, frames, _ = read(film(tmp_path / "film.mkv", 100, start=start, options={"bf": "0"}))
    assert len(frames) == 100
    assert source.info.video.duration == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("photographs", [1, 2])
def test_photographs_before_a_film_in_matroska_are_not_taken_for_it(tmp_path: Path, photographs: int) -> None:
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as out:
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        video = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 36, "yuv420p"
        for stream, count, size in ((cover, photographs, (64, 64)), (video, 25, (36, 64))):
            for n in range(count):
                picture = av.VideoFrame.from_ndarray(np.full((*size, 3), 90, np.uint8), "rgb24")
                picture.pts, picture.time_base = n, 1 / Fraction(stream.codec_context.rate)
                out.mux(stream.encode(picture))
            out.mux(stream.encode(None))
    _, frames, _ = read(path)
    assert len(frames) == 25
