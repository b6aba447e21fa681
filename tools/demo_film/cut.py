"""The demo film: thirteen shots with cuts, dissolves and fades, motion, light of every kind, sound and subtitles."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from streamtags.core.model import Subtitle
from streamtags.testing.edit import ShotSpec
from streamtags.testing.mux import Encoding
from streamtags.testing.truth import Truth
from streamtags.testing.video import make_video
from tools.demo_film.country import gulls, sea, snow, storm, sunrise
from tools.demo_film.lights import fire, lanterns, stars
from tools.demo_film.score import bells, birds, crackle, drums, engine, layered, pads, rain, surf, wind
from tools.demo_film.town import city, road, tunnel

__all__ = ["DEMO_SUBTITLES", "demo_shots", "make_demo_film"]

_RATE = 24
_BPM = 120.0  # twelve frames a beat: every cut of the chase falls on one

_MORNING = pads((220.0, 261.63, 329.63), (174.61, 220.0, 261.63), (130.81, 196.0, 261.63), (196.0, 246.94, 293.66))  # Am F C G
_NIGHT = pads((146.83, 174.61, 220.0), (116.54, 174.61, 233.08))  # Dm Bb
_BEAT = drums(_BPM)
_CHASE = layered((1.0, _BEAT), (0.18, engine))

_SHOTS = (
    ShotSpec(168, sunrise, grain=1.2, sound=_MORNING, sound_level=-26, seed=3),
    ShotSpec(132, sea, grain=1.2, into="dissolve", over=24, sound=layered((1.0, surf), (0.02, _MORNING)), sound_level=-24, seed=3),
    ShotSpec(72, gulls, grain=1.2, sound=layered((1.0, surf), (0.12, birds)), sound_level=-23, seed=3),
    ShotSpec(120, city, grain=1.5, into="black", over=24, sound=layered((1.0, _BEAT), (0.04, _NIGHT)), sound_level=-20, seed=11),
    ShotSpec(72, road, grain=1.5, sound=_CHASE, sound_level=-17, seed=3),
    ShotSpec(36, tunnel, grain=1.5, sound=_CHASE, sound_level=-16, seed=3),
    ShotSpec(36, road, grain=1.5, sound=_CHASE, sound_level=-16, seed=8),
    ShotSpec(36, tunnel, grain=1.5, sound=_CHASE, sound_level=-15, seed=7),
    ShotSpec(120, fire, grain=1.2, sound=crackle, sound_level=-30, seed=3),
    ShotSpec(132, storm, grain=1.5, into="dissolve", over=18, sound=rain(2.1, 4.4), sound_level=-22, seed=3),
    ShotSpec(132, snow, grain=1.0, into="white", over=20, sound=wind, sound_level=-34, seed=3),
    ShotSpec(132, lanterns, grain=1.2, sound=bells(440.0, 523.25, 659.25, 587.33, 523.25, 392.0), sound_level=-27, seed=3),
    ShotSpec(108, stars, grain=1.2, into="dissolve", over=30, title="THE END", title_at=40, sound="silence", seed=3),
)

# Seconds into the full-length film.
DEMO_SUBTITLES = (
    Subtitle(1.5, 5.0, "We left before the sun came up."),
    Subtitle(7.8, 11.5, "The sea was calm that morning, and so were we."),
    Subtitle(16.2, 20.2, "Nobody ever sleeps in this city."),
    Subtitle(21.0, 23.6, "Faster! They are right behind us!"),
    Subtitle(28.5, 32.0, "Sit by the fire and tell me everything."),
    Subtitle(33.5, 37.0, "A storm like this one, I was so afraid."),
    Subtitle(39.2, 42.8, "Then the snow came, and it was quiet."),
    Subtitle(44.5, 48.5, "One light for each of those we miss."),
)


def demo_shots(seconds: float | None = None) -> tuple[ShotSpec, ...]:
    """The film's shots, all of them shortened or lengthened alike to make `seconds` in all (as they are, 54) where given.

    Raises:
        ValueError: so short that the transitions do not fit (they need about 15 s).
    """
    if seconds is None:
        return _SHOTS
    scale = seconds * _RATE / sum(shot.frames for shot in _SHOTS)
    return tuple(
        replace(shot, frames=max(1, round(shot.frames * scale)), title_at=round(shot.title_at * scale)) if shot.frames else shot
        for shot in _SHOTS
    )


def make_demo_film(
    path: Path,
    *,
    seconds: float | None = None,
    size: tuple[int, int] = (640, 360),
    rate: Fraction | int = _RATE,
    encoding: Encoding | None = None,
    subtitles: bool = True,
) -> Truth:
    """Write the demo film and return what is true of it.

    It has something of everything an analysis can meet: slow and fast motion, bright day, dark night, flicker, lightning that is no
    cut, dissolves, fades through black and white, a title, a beat of 120 a minute, noise, music and silence. The same arguments give
    the same film.

    Args:
        path: the file; a timecode track that begins at 01:00:00:00 is written to `.mp4` and `.mov`.
        seconds: its length; 54 unless given, at least about 15.
        size: width and height, in pixels.
        rate: frames a second.
        encoding: how it is written; H.264 at CRF 21 unless given.
        subtitles: write `path` with the suffix `.srt` beside it.
    """
    if encoding is None:
        timed = path.suffix in (".mp4", ".mov")
        encoding = Encoding(
            crf=21,
            start_timecode="01:00:00:00" if timed else None,
            container_options={"movflags": "+faststart"} if timed else {},
        )
    truth = make_video(path, demo_shots(seconds), rate=rate, size=size, encoding=encoding)
    if subtitles:
        path.with_suffix(".srt").write_text(_srt(truth.seconds * _RATE / sum(shot.frames for shot in _SHOTS)), encoding="utf-8")
    return truth


def _srt(scale: float) -> str:
    def stamp(seconds: float) -> str:
        whole, thousandths = divmod(round(seconds * 1000), 1000)
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"

    return "\n".join(
        f"{number}\n{stamp(line.start * scale)} --> {stamp(line.end * scale)}\n{line.text}\n"
        for number, line in enumerate(DEMO_SUBTITLES, 1)
    )
