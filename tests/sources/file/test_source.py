"""Reading whole sources: frames, sound and text, their order, their times, and the end."""

from __future__ import annotations

import io
import itertools
import shutil
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError, SourceRefused
from streamtags.core.model import Frame, Sound, Subtitle, clock_of
from streamtags.core.ports import FrameSource
from streamtags.sources.file.identity import source_identity
from streamtags.sources.file.source import VideoSource, open_source

SETTINGS = IngestSettings()
Read = tuple[VideoSource, list[Frame], list[Sound], list[Subtitle]]


def write(
    path: Path,
    frames: int = 25,
    *,
    rate: Fraction = Fraction(25),
    codec: str = "libx264",
    size: tuple[int, int] = (160, 90),
    pix_fmt: str = "yuv420p",
    pts: Callable[[int], int] = lambda n: n,
    sound: tuple[str, int, str] | None = None,
    seconds_of_sound: float | None = None,
    text: list[tuple[float, float, str]] | None = None,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    turn: int = 0,
) -> Path:
    """A video whose grey rises with the frame number, with a 440 Hz tone if `sound` (codec, rate, layout) is given."""
    with av.open(str(path), "w", options=container_options or {}) as out:
        out.metadata.update({"title": "A small film", **(metadata or {})})
        video = out.add_stream(codec, rate=rate, options={"preset": "ultrafast"} if codec == "libx264" else {})
        video.width, video.height, video.pix_fmt = *size, pix_fmt
        video.codec_context.options = {**video.codec_context.options, **(options or {})}
        if turn:
            video.set_display_rotation(turn)
        video.metadata.update(metadata or {})
        audio = out.add_stream(sound[0], rate=sound[1], layout=sound[2]) if sound else None
        words = out.add_stream("srt" if path.suffix == ".mkv" else "mov_text") if text else None
        if words is not None:
            words.codec_context.subtitle_header = b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n\n[Events]\n"
        for n in range(frames):
            level = 20 + n * 200 // max(1, frames)
            picture = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), level, np.uint8), "rgb24")
            picture.pts, picture.time_base = pts(n), 1 / rate
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        if audio is not None and sound is not None:
            total = int((seconds_of_sound or frames / rate) * sound[1])
            tone = 0.5 * np.sin(np.arange(total) * 2 * np.pi * 440 / sound[1])
            samples = av.AudioFrame.from_ndarray(np.tile(tone.astype(np.float32), (audio.layout.nb_channels, 1)), "fltp", sound[2])
            samples.sample_rate, samples.pts, samples.time_base = sound[1], 0, Fraction(1, sound[1])
            for piece in av.AudioResampler(format=audio.format.name, layout=sound[2], rate=sound[1], frame_size=1024).resample(samples):
                out.mux(audio.encode(piece))
            out.mux(audio.encode(None))
        for start, end, line in text or []:
            packet = av.Packet(line.encode() if path.suffix == ".mkv" else len(line.encode()).to_bytes(2, "big") + line.encode())
            packet.stream, packet.time_base = words, Fraction(1, 1000)
            packet.pts = packet.dts = int(start * 1000)
            packet.duration = int((end - start) * 1000)
            out.mux(packet)
    return path


def read(uri: Path | str, **settings: Any) -> Read:
    source = open_source(str(uri), IngestSettings(**settings))
    items = list(source.read())
    source.close()
    frames = [item for item in items if isinstance(item, Frame)]
    assert [frame.index for frame in frames] == list(range(len(frames)))
    for earlier, later in itertools.pairwise(frames):
        assert earlier.pts + earlier.duration == later.pts
        assert earlier.duration >= 1
    assert len({frame.bgr.shape for frame in frames}) <= 1
    assert all(frame.still.pts == frame.pts for frame in frames if frame.between is None)
    sounds = [item for item in items if isinstance(item, Sound)]
    for earlier, later in itertools.pairwise(sounds):
        assert later.start >= earlier.start + earlier.samples.shape[1] / earlier.rate - 1e-6
    return source, frames, sounds, [item for item in items if isinstance(item, Subtitle)]


@pytest.mark.parametrize("rate", ["24000/1001", "24", "25", "30000/1001", "50", "60000/1001", "60"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_every_rate_in_every_container(tmp_path: Path, rate: str, suffix: str) -> None:
    source, frames, _, _ = read(write(tmp_path / f"film{suffix}", 50, rate=Fraction(rate)))
    video = source.info.video
    assert isinstance(source, FrameSource)
    assert len(frames) == 50
    assert video.rate == Fraction(rate)
    assert (video.codec, video.width, video.height, video.rotation) == ("h264", 160, 90, 0)
    tick = max(Fraction(1, 1000), video.time_base) if suffix == ".mkv" else video.time_base
    for frame in frames:
        assert abs((frame.pts - frames[0].pts) * video.time_base - frame.index / Fraction(rate)) <= tick
    assert all(later.bgr.mean() > earlier.bgr.mean() for earlier, later in zip(frames[::5], frames[5::5], strict=False))
    clock_of(video, frames[0].pts).at(frames[-1].pts, 49)


@pytest.mark.parametrize(
    ("codec", "suffix", "name"),
    [("libvpx-vp9", ".webm", "vp9"), ("mpeg4", ".mov", "mpeg4"), ("ffv1", ".mkv", "ffv1"), ("mjpeg", ".mov", "mjpeg")],
)
def test_other_codecs(tmp_path: Path, codec: str, suffix: str, name: str) -> None:
    source, frames, _, _ = read(write(tmp_path / f"film{suffix}", 10, codec=codec, pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p"))
    assert source.info.video.codec == name
    assert len(frames) == 10


def test_a_gif_has_the_rate_of_its_frames_not_of_its_clock(tmp_path: Path) -> None:
    source, frames, _, _ = read(write(tmp_path / "film.gif", 20, rate=Fraction(20), codec="gif", pix_fmt="rgb8"))
    assert len(frames) == 20
    assert source.info.video.rate == 20


def test_variable_rates_are_kept_to_the_tick(tmp_path: Path) -> None:
    uneven = [n * n for n in range(20)]
    source, frames, _, _ = read(write(tmp_path / "film.mp4", 20, pts=uneven.__getitem__))
    ticks = source.info.video.time_base
    assert [round((frame.pts - frames[0].pts) * ticks * 25) for frame in frames] == uneven


def test_info_says_what_the_file_says(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", sound=("aac", 44_100, "stereo"))
    info = read(path)[0].info
    assert (info.name, info.title, info.size, info.uri) == ("film.mp4", "A small film", path.stat().st_size, str(path))
    assert info.video.duration == pytest.approx(1.0)
    assert info.audio is not None
    assert (info.audio.codec, info.audio.rate, info.audio.channels) == ("aac", 44_100, 2)


@pytest.mark.parametrize(
    ("written", "rate", "expected"),
    [
        ("01:00:00:00", "24000/1001", "01:00:00:00"),
        ("00:59:58;00", "30000/1001", "00:59:58;00"),
        ("10:20:30:99", "25", "00:00:00:00"),
        ("nonsense", "25", "00:00:00:00"),
        ("01:00:00;00", "25", "00:00:00:00"),
    ],
)
def test_the_start_timecode_is_the_tape_s_if_it_is_one(tmp_path: Path, written: str, rate: str, expected: str) -> None:
    path = write(tmp_path / "film.mkv", 5, rate=Fraction(rate), metadata={"timecode": written})
    assert read(path)[0].info.video.start_timecode == expected


@pytest.mark.parametrize(("turn", "rotation"), [(90, 270), (-90, 90), (180, 180)])
def test_a_turned_video_is_upright(tmp_path: Path, turn: int, rotation: int) -> None:
    source, frames, _, _ = read(write(tmp_path / "film.mp4", 3, turn=turn))
    assert (source.info.video.width, source.info.video.height) == (160, 90)
    assert source.info.video.rotation == rotation
    upright = (128, 72) if rotation % 180 else (72, 128)
    assert frames[0].bgr.shape[:2] == upright
    assert frames[0].still.rgb().shape[:2] == ((160, 90) if rotation % 180 else (90, 160))


@pytest.mark.parametrize(
    ("codec", "rate", "layout", "channels"),
    [
        ("aac", 48_000, "stereo", 2),
        ("aac", 44_100, "mono", 1),
        ("aac", 22_050, "stereo", 2),
        ("ac3", 48_000, "5.1(side)", 2),
        ("pcm_s16le", 8_000, "mono", 1),
    ],
)
def test_sound_of_any_kind_becomes_48_khz(tmp_path: Path, codec: str, rate: int, layout: str, channels: int) -> None:
    _, _, sounds, _ = read(write(tmp_path / "film.mkv", 75, sound=(codec, rate, layout)))
    assert {(sound.rate, sound.samples.shape[0], sound.samples.dtype.name) for sound in sounds} == {(48_000, channels, "float32")}
    assert all(0.15 <= sound.samples.shape[1] / 48_000 <= 1.0 for sound in sounds[:-1])
    whole = np.concatenate([sound.samples for sound in sounds], axis=1)
    assert whole.shape[1] / 48_000 == pytest.approx(3.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(whole[0, 24_000:72_000]))
    assert np.argmax(spectrum) == pytest.approx(440, abs=2)
    assert 0.2 < np.abs(whole).max() <= 1.0


def test_text_inside_and_beside_the_film(tmp_path: Path) -> None:
    lines = [(0.2, 0.6, "First"), (1.0, 1.4, "<i>Second</i>")]
    for suffix in (".mkv", ".mp4"):
        words = read(write(tmp_path / f"film{suffix}", 50, text=lines))[3]
        assert [(round(word.start, 2), round(word.end, 2), word.text) for word in words] == [(0.2, 0.6, "First"), (1.0, 1.4, "Second")]
    (tmp_path / "film.srt").write_text("1\n00:00:01,000 --> 00:00:01,500\nBeside\n")
    source = open_source(str(tmp_path / "film.mkv"), SETTINGS)
    items = list(source.read())
    source.close()
    assert [item.text for item in items if isinstance(item, Subtitle)] == ["Beside"]
    before = [item for item in items[: next(i for i, item in enumerate(items) if isinstance(item, Subtitle))] if isinstance(item, Frame)]
    assert len(before) == 25


def test_picture_and_sound_begin_together_in_a_transport_stream(tmp_path: Path) -> None:
    source, frames, sounds, _ = read(write(tmp_path / "film.ts", 50, sound=("aac", 48_000, "mono")))
    assert sounds[0].start == pytest.approx(frames[0].pts * source.info.video.time_base, abs=0.1)


def test_joined_transport_streams_play_on(tmp_path: Path) -> None:
    first = write(tmp_path / "a.ts", 50, sound=("aac", 48_000, "mono"))
    second = write(tmp_path / "b.ts", 50, sound=("aac", 48_000, "mono"), container_options={"output_ts_offset": "5000"})
    third = write(tmp_path / "c.ts", 50, sound=("aac", 48_000, "mono"))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes() + third.read_bytes())
    source, frames, sounds, _ = read(joined)
    base = source.info.video.time_base
    assert len(frames) == 150
    assert (frames[-1].pts - frames[0].pts) * base == pytest.approx(149 / 25, abs=0.25)
    ends = sounds[-1].start + sounds[-1].samples.shape[1] / 48_000
    assert ends == pytest.approx(float(frames[-1].pts * base), abs=0.3)
    assert source.info.video.duration is None or source.info.video.duration < 100


def test_frames_are_the_same_with_stills_at_thumbnail_size(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", size=(1280, 720))
    taken = []
    for thumbnails in (False, True):
        source = open_source(str(path), SETTINGS, thumbnails=thumbnails)
        taken.append([item for item in source.read() if isinstance(item, Frame)])
        source.close()
    for whole, light in zip(*taken, strict=True):
        assert (whole.index, whole.pts, whole.duration) == (light.index, light.pts, light.duration)
        assert np.array_equal(whole.bgr, light.bgr)
        assert whole.still.rgb().shape[:2] == (720, 1280)
        assert light.still.rgb().shape[:2] == (360, 640)
        assert light.still.rgb(320).shape == whole.still.rgb(320).shape


@pytest.mark.parametrize("frames", [1, 2])
def test_very_short_films(tmp_path: Path, frames: int) -> None:
    source, frames_read, _, _ = read(write(tmp_path / "film.mp4", frames))
    assert len(frames_read) == frames
    assert frames_read[-1].duration * source.info.video.time_base == pytest.approx(1 / 25)


def test_a_film_without_pictures_and_one_with_sound_alone(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=48_000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        samples.sample_rate = 48_000
        out.mux(stream.encode(samples))
        out.mux(stream.encode(None))
    with pytest.raises(SourceError, match="only sound"):
        open_source(str(tmp_path / "sound.mp4"), SETTINGS)


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv"])
def test_damage_in_the_middle_is_skipped_and_counted(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"film{suffix}", 100, options={"g": "10"}, size=(320, 180), sound=("aac", 48_000, "mono"))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 600] = np.random.default_rng(0).bytes(600)
    path.write_bytes(data)
    _, frames, _, _ = read(path)
    assert 60 <= len(frames) <= 100


def test_a_cut_short_file_gives_what_it_has(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", 100, container_options={"movflags": "+faststart"}, options={"g": "10"}, size=(320, 180))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    source, frames, _, _ = read(path)
    assert 20 < len(frames) < 100
    assert source.info.video.duration == pytest.approx(4.0)


def test_nothing_decodable_is_an_error_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mkv", 25, codec="ffv1")
    with av.open(str(path)) as container, av.open(str(tmp_path / "broken.mkv"), "w") as out:
        stream = out.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.size:
                broken = av.Packet(b"\xff" * 40)
                broken.pts, broken.dts, broken.time_base, broken.stream = packet.pts, packet.dts, packet.time_base, stream
                out.mux(broken)
    with pytest.raises(SourceError, match="could be decoded") as caught:
        open_source(str(tmp_path / "broken.mkv"), SETTINGS)
    assert caught.value.hint


def test_frames_that_are_too_large_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", 5)
    with pytest.raises(SourceRefused, match="160x90"):
        open_source(str(path), IngestSettings(max_pixels=160 * 90 - 1))
    assert len(read(path, max_pixels=160 * 90)[1]) == 5


def test_frames_that_become_too_large_lose_nothing_that_was_read(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{width}.ts", 19, size=(width, width * 9 // 16), options={"bf": "0"}) for width in (160, 192)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(path.read_bytes() for path in parts))
    source = open_source(str(joined), IngestSettings(max_pixels=160 * 90))
    frames_read = []
    with pytest.raises(SourceRefused, match="192x108"):
        frames_read.extend(source.read())
    assert [frame.index for frame in frames_read if isinstance(frame, Frame)] == list(range(len(frames_read)))
    assert len(frames_read) >= 18  # the last frame is not complete without the next one


def test_reading_can_stop_early(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", 100)
    assert len(read(path, max_seconds=1.0)[1]) == 25
    source = open_source(str(path), SETTINGS)
    items = source.read()
    assert isinstance(next(items), Frame)
    source.close()
    source.close()
    assert list(items) == []


@pytest.mark.parametrize(("threads", "loop_filter"), [(1, "all"), (2, "anchors"), (0, "none")])
def test_threads_and_short_cuts_do_not_change_the_frames(tmp_path: Path, threads: int, loop_filter: str) -> None:
    path = write(tmp_path / "film.avi", 60, options={"bf": "2"}, size=(320, 180))
    reference, frames_read = read(path)[1], read(path, threads=threads, loop_filter=loop_filter)[1]
    assert [frame.pts for frame in frames_read] == [frame.pts for frame in reference]
    assert max(float(np.abs(a.bgr.astype(int) - b.bgr).mean()) for a, b in zip(frames_read, reference, strict=True)) < 3


class _Pipe(io.RawIOBase):
    """Bytes that can be read once, from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(_Pipe(data)), isatty=lambda: False))


@pytest.mark.parametrize(("suffix", "options"), [(".mkv", {}), (".ts", {}), (".mp4", {"movflags": "+faststart"})])
def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, options: dict[str, str]) -> None:
    piped(monkeypatch, write(tmp_path / f"film{suffix}", 30, container_options=options).read_bytes())
    source, frames, _, _ = read("-")
    assert len(frames) == 30
    assert (source.info.name, source.info.size) == ("standard input", None)


def test_standard_input_that_cannot_be_streamed_says_what_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = write(tmp_path / "film.mov", 30, sound=("pcm_s16le", 48_000, "mono"), seconds_of_sound=10)
    for data in (film.read_bytes(), b"", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"):
        piped(monkeypatch, data)
        with pytest.raises(SourceError, match="faststart"):
            open_source("-", SETTINGS)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(SourceError, match="nothing is piped"):
        open_source("-", SETTINGS)


def test_identity_follows_the_bytes_not_the_dates(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", 50)
    before = source_identity(str(path))
    path.touch()
    assert source_identity(f"file://{path}") == before
    assert source_identity(str(shutil.copy(path, tmp_path / "other.mp4"))) != before
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert source_identity(str(path)) != before
    assert source_identity("-") != source_identity("-")
    assert source_identity("https://ann:secret@host/film.mp4") == "https://ann:***@host/film.mp4"
    with pytest.raises(SourceError):
        source_identity(str(tmp_path / "absent.mp4"))


def test_the_identity_of_a_file_whose_name_is_no_text_can_be_stored(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.mp4"
    path.write_bytes(write(tmp_path / "film.mp4", 5).read_bytes())
    assert "udce9" in source_identity(str(path)).encode().decode()


UNREADABLE = {
    "1833894.mp4": "not a video",
    "gen_animated.webp": "decoded",
    "gen_audio_only.mp4": "only sound",
    "gen_text_renamed.mp4": "is text",
    "gen_truncated_nomoov.mp4": "index",
    "gen_zero_bytes.mp4": "empty",
    "italia.mp4": "only sound",
    "opus-sample.mp4": "only sound",
}


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_real_files_that_cannot_be_read(shared_media: Path, name: str) -> None:
    with pytest.raises(SourceError, match=UNREADABLE[name]):
        open_source(str(shared_media / "odd" / name), SETTINGS)


@pytest.mark.parametrize(
    ("name", "frames", "seconds"),
    [
        ("odd/960x720_seg0.ts", 299, 9.98),
        ("odd/fire2.mp4", 25, 2.38),
        ("odd/gen_interlaced_tff_mpeg2.ts", 100, 4.0),
        ("odd/gen_pts_discontinuity.ts", 150, 6.0),
        ("odd/gen_pts_wraparound.ts", 125, 5.0),
        ("odd/gen_truncated_faststart.mp4", 72, 2.88),
        ("odd/gen_vfr.mp4", 82, 4.8),
        ("odd/gizmo_av1_10bit_420.webm", 30, 1.0),
        ("odd/gizmo_hevc_10bit_420.mp4", 30, 1.0),
        ("odd/mma_demo_corrupt.mp4", 280, 10.0),
        ("odd/newtonscradle.gif", 36, 0.82),
        ("odd/resolution-change.webm", 197, 6.57),
        ("odd/vp9cake.webm", 240, 8.0),
        ("shots/Megamind.avi", 270, 11.26),
        ("single/mma_makeup_test.avi", 164, 6.56),
        ("single/trailer.ogv", 1340, 64.54),
    ],
)
def test_real_odd_files_give_every_frame_at_its_time(shared_media: Path, name: str, frames: int, seconds: float) -> None:
    source, frames_read, _, _ = read(shared_media / name)
    assert len(frames_read) == frames
    base = source.info.video.time_base
    assert (frames_read[-1].pts + frames_read[-1].duration - frames_read[0].pts) * base == pytest.approx(seconds, abs=0.02)
