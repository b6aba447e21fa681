"""Generated edits: consecutive shots with their transitions, flashes, titles and sounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from streamtags.core.model import Picture
from streamtags.testing.looks import LOOKS, Camera, Draw, Look, LookName, Stage, grained, viewed, with_objects
from streamtags.testing.mux import SOUND_RATE
from streamtags.testing.sounds import SOUNDS, Samples, SoundMaker, SoundName, at_level, clicks
from streamtags.testing.truth import Distraction, Into, TrueBoundary, TrueSound

__all__ = ["Edit", "ShotSpec", "lay_out", "render_shots", "render_sound"]

# Hues a third of a turn and a bit apart, so that neighbors differ: from sand to teal to plum and on.
_COLORS = ((196, 164, 112), (52, 120, 128), (128, 60, 92), (92, 140, 60), (60, 72, 140), (200, 120, 60), (150, 150, 160), (40, 60, 50))
_EDGE_SECONDS = 0.01
_SOUND_CHUNK = 4800


@dataclass(frozen=True, slots=True)
class ShotSpec:
    """One shot of a generated video.

    Attributes:
        frames: how many; a transition takes its frames from the shots on either side.
        look: what is to be seen: a name, or a function (see `streamtags.testing.looks`).
        color: tint, RGB; another one for each shot unless given.
        camera: how it moves.
        speed: of the camera: widths, heights or growth a second.
        moving: discs that cross the picture.
        moving_speed: of the discs, picture widths a second.
        grain: standard deviation of the noise, in code values.
        into: how the shot before becomes this one: a cut, a dissolve, or a fade through black or white.
        over: frames that a dissolve or fade takes, half of them before this shot's first frame.
        flashes: frames of this shot at which a photo flash goes off; it lasts `flash_frames`.
        flash_frames: how long each flash takes to fade.
        title: a text that appears in the picture, at `title_at` for `title_frames`.
        title_at: the first frame with the title.
        title_frames: how many frames have it; None until the end of the shot.
        sound: a name, or a function (see `streamtags.testing.sounds`).
        sound_level: root mean square, in decibels below full scale (negative).
        bpm: tempo of `clicks`, beats a minute.
        seed: chance; two shots with the same look and seed show the same place. The shot's number unless given.
    """

    frames: int
    look: LookName | Look = "texture"
    color: tuple[int, int, int] | None = None
    camera: Camera = "static"
    speed: float = 0.15
    moving: int = 0
    moving_speed: float = 0.3
    grain: float = 2.0
    into: Into = "cut"
    over: int = 0
    flashes: tuple[int, ...] = ()
    flash_frames: int = 2
    title: str = ""
    title_at: int = 0
    title_frames: int | None = None
    sound: SoundName | SoundMaker = "silence"
    sound_level: float = -20.0
    bpm: float = 120.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Consecutive shots.

    Attributes:
        shots: in order.
        stages: the arguments of each shot's look.
        starts: first frame of each shot.
        boundaries: where shots begin, except the first.
        frames: total number of frames.
    """

    shots: tuple[ShotSpec, ...]
    stages: tuple[Stage, ...]
    starts: tuple[int, ...]
    boundaries: tuple[TrueBoundary, ...]
    frames: int

    @property
    def distractions(self) -> tuple[Distraction, ...]:
        """Flashes and titles, in order."""
        distractions: list[Distraction] = []
        for shot, start in zip(self.shots, self.starts, strict=True):
            distractions += [Distraction("flash", start + at, start + at + shot.flash_frames - 1) for at in shot.flashes]
            if shot.title:
                until = shot.frames if shot.title_frames is None else min(shot.frames, shot.title_at + shot.title_frames)
                distractions.append(Distraction("title", start + shot.title_at, start + until - 1))
        return tuple(sorted(distractions, key=lambda item: item.first))

    @property
    def sounds(self) -> tuple[TrueSound, ...]:
        """The sound of each shot."""
        rate = self.stages[0].rate
        return tuple(
            TrueSound(
                start=float(start / rate),
                end=float((start + shot.frames) / rate),
                kind=shot.sound if isinstance(shot.sound, str) else "other",
                level=shot.sound_level,
                bpm=shot.bpm if shot.sound == "clicks" else None,
            )
            for shot, start in zip(self.shots, self.starts, strict=True)
        )


def lay_out(shots: Sequence[ShotSpec], rate: Fraction, size: tuple[int, int], seed: int) -> Edit:
    """Lay `shots` end to end.

    Raises:
        ValueError: a shot without frames, or transitions that overlap.
    """
    if not shots or any(shot.frames < 1 for shot in shots):
        raise ValueError("a video needs at least one shot, and each shot at least one frame")
    if shots[0].into != "cut":
        raise ValueError("nothing comes before the first shot, so there is no transition into it")
    stages = tuple(
        Stage(size[0], size[1], rate, shot.frames, shot.color or _COLORS[i % len(_COLORS)], seed + i if shot.seed is None else shot.seed)
        for i, shot in enumerate(shots)
    )
    starts = [0]
    for shot in shots:
        starts.append(starts[-1] + shot.frames)
    boundaries: list[TrueBoundary] = []
    for shot, start in zip(shots[1:], starts[1:], strict=False):
        over = 0 if shot.into == "cut" else shot.over
        if shot.into != "cut" and over < 2:
            raise ValueError(f"a {shot.into} takes at least 2 frames, not {over}")
        first = start - over // 2
        last = max(first, first + over - 1)
        if (boundaries and first <= boundaries[-1].last) or first < 1 or last >= starts[-1]:
            raise ValueError(f"the transition over frames {first} to {last} does not fit between its neighbors")
        boundaries.append(TrueBoundary(start, shot.into, first, last))
    return Edit(tuple(shots), stages, tuple(starts[:-1]), tuple(boundaries), starts[-1])


def render_shots(
    shots: Sequence[ShotSpec], *, rate: Fraction | int = 25, size: tuple[int, int] = (640, 360), seed: int = 0
) -> Iterator[Picture]:
    """The pictures of an edit, BGR uint8 [height, width, 3], one at a time: for `FakeSource` or a file of your own.

    Raises:
        ValueError: a shot without frames, or transitions that overlap.
    """
    edit = lay_out(shots, Fraction(rate), size, seed)
    draws: dict[int, Draw] = {}

    def drawn(shot: int, frame: int) -> Picture:
        if shot not in draws:
            for gone in [old for old in draws if old < shot - 1]:
                del draws[gone]
            draws[shot] = _draw(edit.shots[shot], edit.stages[shot])
        inside = frame - edit.starts[shot]
        return _with_flash(draws[shot](inside), edit.shots[shot], inside)

    shot = 0
    for frame in range(edit.frames):
        if shot + 1 < len(edit.shots) and frame >= edit.starts[shot + 1]:
            shot += 1
        mixed = next((i for i in (shot - 1, shot) if 0 <= i < len(edit.boundaries) and _within(edit.boundaries[i], frame)), None)
        yield drawn(shot, frame) if mixed is None else _mixed(edit.boundaries[mixed], mixed, frame, drawn)


def _within(boundary: TrueBoundary, frame: int) -> bool:
    return boundary.kind != "cut" and boundary.first <= frame <= boundary.last


def _mixed(boundary: TrueBoundary, before: int, frame: int, drawn: Callable[[int, int], Picture]) -> Picture:
    way = (frame - boundary.first + 1) / (boundary.last - boundary.first + 2)
    if boundary.kind == "dissolve":
        return np.asarray(cv2.addWeighted(drawn(before, frame), 1 - way, drawn(before + 1, frame), way, 0), np.uint8)
    picture = drawn(before if frame < boundary.frame else before + 1, frame)
    strength = abs(1 - 2 * way)
    return np.asarray(cv2.convertScaleAbs(picture, alpha=strength, beta=(1 - strength) * 255 * (boundary.kind == "white")), np.uint8)


def _draw(shot: ShotSpec, stage: Stage) -> Draw:
    draw = shot.look(stage) if callable(shot.look) else viewed(stage, LOOKS[shot.look](stage), shot.camera, shot.speed)
    draw = with_objects(stage, draw, shot.moving, shot.moving_speed)
    if shot.title:
        draw = _titled(draw, shot, stage)
    return grained(stage, draw, shot.grain)


def _titled(draw: Draw, shot: ShotSpec, stage: Stage) -> Draw:
    until = shot.frames if shot.title_frames is None else shot.title_at + shot.title_frames
    size = stage.height / 300
    at = (round(stage.width * 0.08), round(stage.height * 0.88))

    def drawn(frame: int) -> Picture:
        picture = draw(frame)
        if shot.title_at <= frame < until:
            picture = picture.copy()
            for paint, thick in ((0, 5), (255, 2)):
                cv2.putText(picture, shot.title, at, cv2.FONT_HERSHEY_DUPLEX, size, (paint,) * 3, max(1, round(thick * size)), cv2.LINE_AA)
        return picture

    return drawn


def _with_flash(picture: Picture, shot: ShotSpec, frame: int) -> Picture:
    for flash in shot.flashes:
        if flash <= frame < flash + shot.flash_frames:
            white = 0.9 * (1 - (frame - flash) / shot.flash_frames)
            return np.asarray(cv2.convertScaleAbs(picture, alpha=1 - white, beta=255 * white), np.uint8)
    return picture


def render_sound(
    shots: Sequence[ShotSpec], *, rate: Fraction | int = 25, seed: int = 0, fade_seconds: float = _EDGE_SECONDS
) -> Iterator[Samples]:
    """The sound of an edit at 48 kHz, float32 [1, n], a tenth of a second at a time.

    Each shot's sound fades in and out over `fade_seconds`, so that nothing clicks where nothing should.
    """
    frames = 0
    written = 0
    for index, shot in enumerate(shots):
        frames += shot.frames
        count = round(frames * SOUND_RATE / Fraction(rate)) - written
        written += count
        moments = np.arange(count) / SOUND_RATE
        make = clicks(shot.bpm) if shot.sound == "clicks" else shot.sound if callable(shot.sound) else SOUNDS[shot.sound]
        samples = at_level(make(moments, np.random.default_rng(seed + index if shot.seed is None else shot.seed)), shot.sound_level)
        edge = np.minimum(1.0, np.minimum(moments, moments[::-1]) / fade_seconds)
        samples = (samples * edge).astype(np.float32)[None]
        for start in range(0, count, _SOUND_CHUNK):
            yield samples[:, start : start + _SOUND_CHUNK]
