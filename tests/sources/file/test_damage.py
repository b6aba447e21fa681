"""Damage, and data that the libraries do not know: the picture goes on, and frames keep their numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import numpy as np
import pytest
from av.audio.resampler import AudioResampler

from streamtags.sources.file.pictures import Orientation, orientation_of
from streamtags.sources.file.skipping import is_disposable
from streamtags.testing import Encoding, ShotSpec, make_video
from tests.sources.media import film, read


def exif(orientation: int) -> bytes:
    """An APP1 segment as cameras write it."""
    tiff = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x112, 3, 1, orientation, 0)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


@pytest.mark.parametrize("orientation", [1, 6, 0xFFFF])
@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_motion_jpeg_with_exif_blocks_is_read(tmp_path: Path, suffix: str, orientation: int) -> None:
    with av.open(str(tmp_path / f"film{suffix}"), "w") as out:
        encoder = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 160, 120, "yuvj420p", Fraction(1, 10)
        video = out.add_stream("mjpeg", rate=10)
        video.width, video.height, video.pix_fmt = 160, 120, "yuvj420p"
        for n in range(10):
            picture = av.VideoFrame.from_ndarray(np.full((120, 160, 3), 20 * n, np.uint8), "rgb24").reformat(format="yuvj420p")
            for packet in encoder.encode(picture):
                data = bytes(packet)
                marked = av.Packet(data[:2] + exif(orientation) + data[2:])
                marked.stream, marked.time_base, marked.pts, marked.dts = video, encoder.time_base, n, n
                out.mux(marked)
    _, frames, _ = read(tmp_path / f"film{suffix}")
    assert [frame.index for frame in frames] == list(range(10))


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (-90, 1), (90, 3), (180, 2)])
def test_a_picture_with_unknown_side_data_is_turned_upright_all_the_same(rotation: int, turns: int) -> None:
    class Unknown:
        def get(self, _: str) -> None:
            raise ValueError("32 is not a valid Type")

    frame = SimpleNamespace(side_data=Unknown(), rotation=rotation)
    assert orientation_of(cast("Any", frame)) == Orientation(turns)


@pytest.mark.parametrize("failing", ["resample", "write"])
def test_sound_that_cannot_be_mixed_down_is_counted_and_the_picture_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = film(tmp_path / "film.mp4", 75, hertz=440)

    class Broken:
        def __init__(self, *_: Any, **__: Any) -> None:
            self.samples = 48_000

        def __getattr__(self, _: str) -> Any:
            raise av.error.ArgumentError(22, "Invalid argument")

    monkeypatch.setattr(f"streamtags.sources.file.sounds.{'AudioResampler' if failing == 'resample' else 'AudioFifo'}", Broken)
    source, frames, sounds = read(path)
    assert len(frames) == 75
    assert sounds == []
    assert source.skipped_sound > 0
    assert any("sound" in warning for warning in source.warnings)


def test_ambisonic_sound_does_not_end_the_analysis(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 36, "yuv420p"
        audio = out.add_stream("libopus", rate=48_000, layout="4.0", options={"mapping_family": "2"})
        for n in range(25):
            out.mux(video.encode(av.VideoFrame.from_ndarray(np.full((36, 64, 3), 9 * n, np.uint8), "rgb24")))
        out.mux(video.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4 * 48_000), np.int16), "s16", "4.0")
        silence.sample_rate = 48_000
        for piece in AudioResampler(format=audio.format.name, layout="4.0", rate=48_000, frame_size=960).resample(silence):
            out.mux(audio.encode(piece))
        out.mux(audio.encode(None))
    source, frames, sounds = read(path)
    assert len(frames) == 25
    assert sounds or source.skipped_sound


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _blank(data: bytes) -> bytes:
    return bytes(len(data))


def _other_type(data: bytes) -> bytes:
    return data[:4] + bytes([data[4] & 0xE0 | 24]) + data[5:]


def _broken_header(data: bytes) -> bytes:
    return data[:5] + b"\x00\x00\x00\x01" + data[9:]


def _broken_end(data: bytes) -> bytes:
    return data[: len(data) * 3 // 4] + bytes(255 - byte for byte in data[len(data) * 3 // 4 :])


@pytest.mark.parametrize("damage", [_cut, _blank, _other_type, _broken_header, _broken_end])
@pytest.mark.parametrize("which", ["disposable", "anchors"])
def test_damaged_packets_do_not_change_which_frames_have_which_numbers(
    tmp_path: Path, damage: Callable[[bytes], bytes], which: str
) -> None:
    shots = [ShotSpec(70, "texture", camera="pan_left"), ShotSpec(60, "stripes"), ShotSpec(50, "blocks", camera="zoom_in", moving=1)]
    options = {"preset": "medium", "bf": "3", "sc_threshold": "0", "g": "60"}
    make_video(tmp_path / "film.mp4", shots, rate=25, size=(320, 180), sound=False, encoding=Encoding(codec_options=options))
    broken = tmp_path / "broken.mp4"
    with av.open(str(tmp_path / "film.mp4")) as film_, av.open(str(broken), "w") as out:
        stream = out.add_stream_from_template(film_.streams.video[0])
        number = 0
        for packet in film_.demux(video=0):
            if packet.size:
                number += is_disposable(memoryview(packet), 4) == (which == "disposable")
                data = bytes(packet)
                copy = av.Packet(damage(data) if number % 9 == 5 and not packet.is_keyframe else data)
                copy.pts, copy.dts, copy.time_base, copy.duration = packet.pts, packet.dts, packet.time_base, packet.duration
                copy.stream, copy.is_keyframe = stream, packet.is_keyframe
                out.mux(copy)
    every, needed = (read(broken, frames=frames)[1] for frames in ("all", "needed"))
    assert [(frame.index, frame.pts, frame.duration) for frame in needed] == [(frame.index, frame.pts, frame.duration) for frame in every]
