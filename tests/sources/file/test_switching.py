"""Streams that appear, end or move to another PID while a transport stream is read."""

from __future__ import annotations

import io
import socketserver
import sys
import threading
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from streamtags.config.settings import IngestSettings
from streamtags.core.model import Dropped, Frame, Lost
from streamtags.sources.file.sound_source import SoundSource
from streamtags.sources.live.source import open_any_source
from tests.sources.media import film, read, tone


class Pipe(io.RawIOBase):
    """Bytes that can be read once, from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)


def moved(folder: Path, first: int, second: int, *, hertz: float | None = None, **options: Any) -> bytes:
    """A picture of `first` frames, then one of `second` frames in another PID."""
    one = film(folder / "one.ts", first, hertz=hertz, options={"bf": "0"}, **options)
    pids = {"mpegts_start_pid": "768", "mpegts_pmt_start_pid": "4096"}
    two = film(folder / "two.ts", second, hertz=hertz, options={"bf": "0"}, container_options=pids, **options)
    return one.read_bytes() + two.read_bytes()


@pytest.mark.parametrize("hertz", [None, 440.0])
@pytest.mark.parametrize(("first", "second"), [(60, 60), (100, 10)])
def test_a_picture_that_moves_to_another_pid_of_a_file_is_followed(tmp_path: Path, first: int, second: int, hertz: float | None) -> None:
    (tmp_path / "film.ts").write_bytes(moved(tmp_path, first, second, hertz=hertz))
    source, frames, _ = read(tmp_path / "film.ts")
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert all(one.pts < two.pts for one, two in pairwise(frames))
    lost = first + second - len(frames)
    assert lost <= 2
    expected = [f"{lost} pictures were lost where the picture moved to another stream"] if lost else []
    if hertz is not None:
        expected.insert(0, "the sound is left out after the picture moved to another stream")
    assert source.warnings == expected


@pytest.mark.parametrize("hertz", [None, 440.0])
def test_a_stream_that_appears_in_a_pipe_costs_nothing_of_what_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hertz: float | None
) -> None:
    data = moved(tmp_path, 200, 50, hertz=hertz, size=(640, 360))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(Pipe(data)), isatty=lambda: False))
    source, frames, _ = read("-")
    assert len(frames) >= 200
    assert len(frames) == 250 or "appeared later" in source.warnings[0]


@pytest.mark.parametrize("hertz", [None, 440.0])
def test_a_live_source_whose_picture_moves_ends_as_any_other(tmp_path: Path, hertz: float | None) -> None:
    data = moved(tmp_path, 150, 50, hertz=hertz, size=(320, 180))

    class Sender(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sender) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        settings = IngestSettings.model_validate({"live": {"give_up_seconds": 0, "silence_seconds": 1}})
        source = open_any_source(f"tcp://127.0.0.1:{server.server_address[1]}", settings)
        items = list(source.read())
        source.close()
    frames = [item for item in items if isinstance(item, Frame)]
    dropped = sum(item.frames for item in items if isinstance(item, Dropped))
    assert len(frames) + dropped >= 150
    assert [item.code for item in items if isinstance(item, Lost)] == ["source.ended"]


def test_a_picture_that_moves_several_times_is_followed(tmp_path: Path) -> None:
    parts = []
    for number in range(3):
        pids = {"mpegts_start_pid": str(256 + 64 * number), "mpegts_pmt_start_pid": str(4096 + 16 * number)}
        parts.append(film(tmp_path / f"{number}.ts", 40, options={"bf": "0"}, container_options=pids, hertz=440).read_bytes())
    (tmp_path / "film.ts").write_bytes(b"".join(parts))
    source, frames, sounds = read(tmp_path / "film.ts")
    lost = 120 - len(frames)
    assert lost <= 2
    assert lost == 0 or f"{lost} pictures were lost where the picture moved to another stream" in source.warnings
    seconds = sum(sound.samples.shape[1] for sound in sounds) / 48_000
    assert seconds == pytest.approx(4.8, abs=0.2) or "the sound is left out after the picture moved to another stream" in source.warnings


def test_a_picture_whose_codec_changes_in_the_same_pid_is_followed(tmp_path: Path) -> None:
    one = film(tmp_path / "one.ts", 60, codec="mpeg2video").read_bytes()
    two = film(tmp_path / "two.ts", 60, options={"bf": "0"}).read_bytes()
    (tmp_path / "film.ts").write_bytes(one + two)
    source, frames, _ = read(tmp_path / "film.ts")
    assert len(frames) >= 119
    assert source.warnings == []


def test_pictures_that_a_decoder_takes_without_giving_any_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = film(tmp_path / "one.ts", 60, codec="mpeg2video").read_bytes()
    two = film(tmp_path / "two.ts", 60, options={"bf": "0"}).read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(Pipe(one + two)), isatty=lambda: False))
    source, frames, _ = read("-")
    lost = int(source.warnings[0].split()[0])
    assert 118 <= len(frames) + lost <= 121


def test_a_picture_that_appears_after_sound_alone_is_reported(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "radio.ts"), "w") as out:
        radio = out.add_stream("aac", rate=48_000, layout="mono")
        out.mux([packet for frame in tone(440, 1.0) for packet in radio.encode(frame)])
        out.mux(radio.encode(None))
    pids = {"mpegts_start_pid": "768", "mpegts_pmt_start_pid": "4112"}
    picture = film(tmp_path / "picture.ts", 25, container_options=pids).read_bytes()
    (tmp_path / "film.ts").write_bytes((tmp_path / "radio.ts").read_bytes() * 4 + picture)
    source = open_any_source(str(tmp_path / "film.ts"), IngestSettings())
    list(source.read())
    assert isinstance(source, SoundSource)
    assert "appeared later" in source.warnings[0]
    source.close()
