"""The films that benchmarks read: a 720p edit of two minutes, and one of twenty, made once and kept in `.cache/bench`.

Shots of 1.5 to 6 s from the development clips in turn, where those are, else made by `streamtags.testing`; H.264 by x264 at 3.5 Mbit/s
with B-frames as its preset `medium` sets them, cuts not on keyframes, music or tones as AAC.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.codec.context import ThreadType

from streamtags.testing import Encoding, ShotSpec, make_video

__all__ = ["CACHE", "long_film", "short_film"]

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "bench"
SHARED = ROOT.parent / "shared" / "media"
CLIPS = (
    "shots/sintel_trailer-720p.mp4",
    "shots/testvideo.mp4",
    "single/test_video.mp4",
    "single/demo_skeleton.mp4",
    "shots/issue-236-split-copy.mkv",
    "single/world.mp4",
    "single/cockatoo.mp4",
    "single/cup.mp4",
)
MUSIC = ("music/battle-epic.ogg", "music/sad.ogg", "music/3436-172162-0000.ogg")
WIDTH, HEIGHT, RATE, SECONDS, BITS_PER_SECOND = 1280, 720, 24, 120, 3_500_000
SOUND_RATE = 48_000
REPEATS = 10


def short_film() -> Path:
    """The two minutes."""
    path = CACHE / "edit-720p-2min.mp4"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"partial-{path.name}")
        print(f"making {path} ...", flush=True)
        if all((SHARED / clip).is_file() for clip in CLIPS + MUSIC):
            _edit_clips(partial)
        else:
            _make(partial)
        partial.replace(path)
    return path


def long_film() -> Path:
    """Twenty minutes: the short film ten times over, a second apart, without encoding again."""
    path = CACHE / "edit-720p-20min.mp4"
    if not path.exists():
        once = short_film()
        partial = path.with_name(f"partial-{path.name}")
        _repeat(once, partial)
        partial.replace(path)
    return path


def _pictures() -> Iterator[av.VideoFrame]:
    """Frames of the clips at the film's size, some seconds of one and then of the next, each clip going on where it was left."""
    chance = random.Random(7)
    readers = [_forever(SHARED / clip) for clip in CLIPS]
    made = 0
    for reader in cycle(readers):
        for _ in range(chance.randint(RATE * 3 // 2, RATE * 6)):
            if made == SECONDS * RATE:
                return
            yield next(reader)
            made += 1


def _forever(path: Path) -> Iterator[av.VideoFrame]:
    while True:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                yield frame.reformat(WIDTH, HEIGHT, "yuv420p")


def _music() -> Iterator[av.AudioFrame]:
    while True:
        for name in MUSIC:
            resampler = AudioResampler("fltp", "stereo", SOUND_RATE)
            with av.open(str(SHARED / name)) as container:
                for frame in container.decode(audio=0):
                    yield from resampler.resample(frame)


def _edit_clips(path: Path) -> None:
    options = {"preset": "medium", "g": "250", "sc_threshold": "0"}
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=RATE, options=options)
        video.width, video.height, video.pix_fmt, video.bit_rate = WIDTH, HEIGHT, "yuv420p", BITS_PER_SECOND
        video.codec_context.thread_type = ThreadType.FRAME  # one slice a picture, as every encoder's command line makes them
        sound = out.add_stream("aac", rate=SOUND_RATE)
        sound.layout = "stereo"
        music, heard = _music(), 0
        for index, picture in enumerate(_pictures()):
            picture.pts, picture.time_base = index, Fraction(1, RATE)
            picture.pict_type = av.video.frame.PictureType.NONE
            out.mux(video.encode(picture))
            while heard < (index + 1) * SOUND_RATE // RATE:
                samples = next(music)
                samples.pts, samples.time_base = heard, Fraction(1, SOUND_RATE)
                heard += samples.samples
                out.mux(sound.encode(samples))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))


def _make(path: Path) -> None:
    chance = np.random.default_rng(7)
    looks = ("texture", "stripes", "lights", "blocks", "gradient")
    cameras = ("static", "pan_left", "zoom_in", "handheld")
    sounds = ("chords", "noise", "clicks", "speech")
    shots: list[ShotSpec] = []
    left = SECONDS * RATE
    while left > 0:
        number, frames = len(shots), min(left, int(chance.integers(RATE * 3 // 2, RATE * 6)))
        shots.append(ShotSpec(frames, looks[number % 5], camera=cameras[number % 4], moving=number % 3, grain=4, sound=sounds[number % 4]))  # type: ignore[arg-type]  # names from the lists above
        left -= frames
    encoding = Encoding(crf=None, bitrate=BITS_PER_SECOND, gop=250, codec_options={"preset": "medium", "sc_threshold": "0"})
    make_video(path, shots, rate=RATE, size=(WIDTH, HEIGHT), encoding=encoding)


def _repeat(once: Path, path: Path) -> None:
    with av.open(str(path), "w") as out:
        streams: list[av.VideoStream | av.AudioStream] = []
        for turn in range(REPEATS):
            with av.open(str(once)) as container:
                if not streams:  # all of them before the first packet, which writes the header
                    streams = [out.add_stream_from_template(stream) for stream in (container.streams.video[0], container.streams.audio[0])]
                for packet in container.demux(video=0, audio=0):
                    if packet.dts is None or packet.pts is None:
                        continue
                    stream = packet.stream
                    shift = int(turn * (SECONDS + 1) / Fraction(stream.time_base or 1))
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[0 if stream.type == "video" else 1]
                    out.mux(packet)
