"""Skipped frames keep their number and time, and no boundary is lost with them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.config.settings import IngestSettings, Settings, ShotSettings
from streamtags.core.model import Frame, Measured
from streamtags.run.source_pass import read_source
from streamtags.shots.detectors import create_detector
from streamtags.sources.file.skipping import FrameSkipper
from streamtags.sources.file.source import open_source
from streamtags.testing import Encoding, ShotSpec, make_video

SIZE = (320, 180)


def film(path: Path, shots: list[ShotSpec], *, codec: str = "libx264", **options: str) -> Path:
    make_video(path, shots, rate=25, size=SIZE, encoding=Encoding(codec=codec, codec_options=options))
    return path


def frames_of(path: Path, frames: str) -> list[Frame]:
    source = open_source(str(path), IngestSettings(frames=frames))
    try:
        return [item for item in source.read() if isinstance(item, Frame)]
    finally:
        source.close()


def decoded_pictures(frames: list[Frame]) -> int:
    """Frames whose own picture was decoded."""
    return len({id(frame.still) for frame in frames})


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shots = [ShotSpec(70, "texture", camera="pan_left"), ShotSpec(60, "stripes"), ShotSpec(50, "blocks", camera="zoom_in", moving=1)]
    return film(tmp_path_factory.mktemp("film") / "calm.mp4", shots, preset="medium", bf="3", sc_threshold="0", g="250")


def test_every_frame_keeps_its_number_and_time(calm: Path) -> None:
    every, needed = frames_of(calm, "all"), frames_of(calm, "needed")
    assert [(f.index, f.pts, f.duration) for f in needed] == [(f.index, f.pts, f.duration) for f in every]


def test_a_good_share_is_skipped(calm: Path) -> None:
    every, needed = frames_of(calm, "all"), frames_of(calm, "needed")
    assert decoded_pictures(every) == len(every)
    assert decoded_pictures(needed) < 0.85 * len(needed)


def test_the_picture_of_a_skipped_frame_is_close_to_the_real_one(calm: Path) -> None:
    every, needed = frames_of(calm, "all"), frames_of(calm, "needed")
    far = [float(np.abs(a.bgr.astype(int) - b.bgr).mean()) for a, b in zip(every, needed, strict=True)]
    assert max(far) < 8.0


def test_the_still_of_a_skipped_frame_is_the_one_before_it(calm: Path) -> None:
    needed = frames_of(calm, "needed")
    assert all(0 <= frame.pts - frame.still.pts <= 2 * frame.duration for frame in needed)


def detected_cuts(path: Path, frames: str) -> list[int]:
    source = open_source(str(path), IngestSettings(frames=frames))
    detector = create_detector(ShotSettings(), source.info.video.time_base, source.info.video.rate)
    boundaries = [b for item in source.read() if isinstance(item, Frame) for b in detector.push(item)]
    source.close()
    return [b.index for b in [*boundaries, *detector.finish()]]


def test_cuts_away_from_keyframes_are_detected_at_the_exact_frame(calm: Path) -> None:
    assert [detected_cuts(calm, how) for how in ("all", "needed")] == [[70, 130], [70, 130]]


@pytest.mark.parametrize("frame", [44, 45, 46, 47])
def test_a_shot_that_begins_with_a_skipped_frame_begins_at_the_exact_frame(frame: int, tmp_path: Path) -> None:
    """Every packet around the cut has a usual size: a plain picture is cheap to encode."""
    shots = [ShotSpec(frame, "stripes"), ShotSpec(40, "plain", color=(200, 0, 0), grain=0)]
    path = film(tmp_path / "plain.mp4", shots, preset="medium", bf="3", sc_threshold="0", g="250")
    assert detected_cuts(path, "needed") == [frame]


def test_what_is_decoded_twice_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamtags.sources.file.skipping._LATE_PACKETS", 60)
    pictures = list[bool]()
    decode_late = FrameSkipper.decode_late

    def counted(skipper: FrameSkipper, *args: Any) -> av.VideoFrame | None:
        picture = decode_late(skipper, *args)
        pictures.append(picture is not None)
        return picture

    monkeypatch.setattr(FrameSkipper, "decode_late", counted)
    shots = [ShotSpec(45, "stripes"), ShotSpec(45, "plain", color=(200, 0, 0), grain=0)] * 3
    frames = frames_of(film(tmp_path / "long.mp4", shots, preset="medium", bf="3", sc_threshold="0", g="300"), "needed")
    assert [frame.index for frame in frames] == list(range(270))
    assert sum(pictures) == 1  # the packets since the keyframe have become too many


def test_no_still_represents_a_segment_twice(calm: Path) -> None:
    settings = Settings.model_validate({"segments": {"max_seconds": 1, "frames": 16}})  # of 25 frames
    source = open_source(str(calm), settings.ingest)
    stills = [item.stills for item in read_source(source, settings) if isinstance(item, Measured)]
    source.close()
    assert all(still.pts < after.pts for chosen in stills for still, after in pairwise(chosen))
    assert min(map(len, stills)) >= 4


@pytest.mark.parametrize(
    ("name", "options"),
    [("no-b-frames.mp4", {"bf": "0"}), ("broadcast.ts", {"bf": "3"})],
    ids=["no disposable frames", "packets without lengths"],
)
def test_everything_is_decoded_where_disposable_frames_are_unknown(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    frames = frames_of(film(tmp_path / name, [ShotSpec(40, "texture")], **options), "needed")
    assert decoded_pictures(frames) == len(frames) == 40


@given(data=st.binary(max_size=200), length_bytes=st.integers(1, 4))
def test_no_packet_raises_an_error(data: bytes, length_bytes: int) -> None:
    codec = av.CodecContext.create("h264", "r")
    skipper = FrameSkipper(codec, length_bytes)
    for number in range(8):
        packet = av.Packet(data)
        packet.pts = 100 - number
        skipper.see(packet)
    for pts, _ in skipper.take(None, None):
        assert 92 < pts <= 100
