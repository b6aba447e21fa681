"""Channel layouts that PyAV releases twice: the picture is read, and the sound is measured or left out."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import numpy as np
import pytest

from streamtags.config.settings import IngestSettings
from streamtags.core.model import Frame, Sound
from streamtags.sources.file.layouts import is_custom_layout
from streamtags.sources.file.pts import TimeRepair
from streamtags.sources.file.sounds import SoundReader
from streamtags.sources.file.source import open_source

RATE = 48_000


def write(path: Path, layout: str, *, codec: str = "pcm_s16le") -> Path:
    """Half a second of picture with a 440 Hz tone in every channel."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 36, "yuv420p"
        audio = out.add_stream(codec, rate=RATE, layout=layout)
        for n in range(12):
            picture = av.VideoFrame.from_ndarray(np.full((36, 64, 3), 10 * n, np.uint8), "rgb24")
            picture.pts, picture.time_base = n, Fraction(1, 25)
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        tone = 0.25 * np.sin(np.arange(RATE // 2) * 2 * np.pi * 440 / RATE)
        samples = (np.tile(tone[:, None], (1, audio.layout.nb_channels)) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        out.mux(audio.encode(frame))
        out.mux(audio.encode(None))
    return path


def read_alone(*paths: Path) -> list[str]:
    """Read files in a process of its own, which a double release aborts; return a line for each."""
    code = (
        "import gc, sys\n"
        "from tests.sources.file.test_layouts import describe\n"
        "for path in sys.argv[1:]:\n"
        "    print(describe(path))\n"
        "    gc.collect()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, paths)], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout.splitlines()


def describe(path: str) -> str:
    source = open_source(path, IngestSettings())
    items = list(source.read())
    source.close()
    frames = sum(isinstance(item, Frame) for item in items)
    sounds = [item.samples for item in items if isinstance(item, Sound)]
    channels = None if source.info.audio is None else source.info.audio.channels
    if not sounds:
        return f"{frames} frames, {channels} channels, no sound, {source.warnings}"
    whole = np.concatenate(sounds, axis=1)[0]
    hertz = np.abs(np.fft.rfft(whole)).argmax() * RATE / len(whole)
    return f"{frames} frames, {channels} channels, {hertz:.0f} Hz, {source.warnings}"


def test_a_mov_with_many_channels_of_pcm_gives_picture_and_sound(tmp_path: Path) -> None:
    channels = {"7.1": 8, "6.1": 7, "octagonal": 8, "5.1(side)": 6, "hexagonal": 6}
    paths = [write(tmp_path / f"{layout}.mov", layout) for layout in channels]
    assert read_alone(*paths) == [f"12 frames, {count} channels, 440 Hz, []" for count in channels.values()]


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1", "7.1"])
def test_layouts_that_ffmpeg_knows_are_not_custom(layout: str) -> None:
    assert not is_custom_layout(av.AudioLayout(layout))


def test_a_layout_with_a_channel_map_is_custom() -> None:
    assert is_custom_layout(av.AudioLayout("FR+FL"))


def reader(before: str, after: str) -> SoundReader:
    """A reader of AAC whose container states one layout and whose decoder delivers another."""
    frame = SimpleNamespace(layout=av.AudioLayout(after), samples=1024, sample_rate=RATE)
    codec = SimpleNamespace(name="aac", layout=av.AudioLayout(before), decode=lambda packet: [frame])
    stream = SimpleNamespace(codec_context=codec, time_base=Fraction(1, RATE))
    return SoundReader(cast("Any", stream), TimeRepair(Fraction(1, 90_000), 3600))


@pytest.mark.parametrize(("before", "after"), [("FR+FL", "stereo"), ("stereo", "FR+FL")])
def test_sound_whose_decoder_keeps_a_custom_layout_is_left_out_and_reported(before: str, after: str) -> None:
    sounds = reader(before, after)
    assert sounds.push(None) == sounds.finish() == []
    assert sounds.left_out is not None
    assert "channel layout" in sounds.left_out
    assert sounds.skipped == 0
