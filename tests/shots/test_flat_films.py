"""Films of flat pictures: animation, titles, slides, charts. Every cut is seen, and what moves on a flat ground is no cut."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode, Timecode

from streamtags.config.settings import load_settings
from streamtags.run.analyze import analyze
from streamtags.shots.detector import StreamtagsDetector
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.mux import Encoding, write_media
from streamtags.testing.shapes import clip

Picture = NDArray[np.uint8]
Color = tuple[int, int, int]
Shot = list[Picture]
RATE = Fraction(25)
FRAMES, SHOTS = 30, 12
HEIGHT, WIDTH = 144, 256

# neighbors differ in hue, in luminance, or in both; teal and red, and ocher and pink, are equally bright
CARDS: list[Color] = [
    (10, 10, 10), (128, 128, 128), (245, 245, 245), (30, 70, 110), (200, 120, 40), (128, 128, 0), (60, 80, 180),
    (40, 120, 130), (190, 90, 130), (215, 240, 255), (120, 200, 120), (90, 20, 40),
]  # fmt: skip


def card(color: Color) -> Picture:
    return np.full((HEIGHT, WIDTH, 3), color, np.uint8)


def write(picture: Picture, text: str, place: tuple[int, int], color: Color, scale: float = 0.8) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_DUPLEX, scale, color, 1 if scale < 0.7 else 2, cv2.LINE_AA)


def contrasting(color: Color) -> Color:
    return (20, 20, 20) if sum(color) > 380 else (240, 240, 240)


def colors(rng: np.random.Generator, among: list[Color] = CARDS) -> Iterator[Color]:
    """Colors at random, never the same twice in a row."""
    last = None
    while True:
        color = among[int(rng.integers(len(among)))]
        if color != last:
            yield color
            last = color


def shapes(seed: int) -> list[Shot]:
    """One shape moves on a ground of another color than the shot before."""
    shots, last, number = [], "", 1000 * seed
    while len(shots) < SHOTS:
        made = clip(number, frames=FRAMES)
        number += 1
        if made.background != last:
            shots.append([frame[:, :, ::-1].copy() for frame in made.frames])
            last = made.background
    return shots


def wide_shapes(seed: int) -> list[Shot]:
    """Discs and boxes move over wide grounds of many hues."""
    rng = np.random.default_rng(seed)
    shots = []
    for ground in itertools.islice(colors(rng), SHOTS):
        shape, start, way = rng.uniform(0, 255, 3), rng.uniform(40, 100, 2), rng.uniform(-2, 2, 2)
        size, boxed, shot = int(rng.integers(14, 34)), rng.random() < 0.5, []
        for i in range(FRAMES):
            picture, (x, y) = card(ground), (start + way * i).astype(int).tolist()
            if boxed:
                cv2.rectangle(picture, (x - size, y - size), (x + size, y + size), shape.tolist(), -1, cv2.LINE_AA)
            else:
                cv2.circle(picture, (x, y), size, shape.tolist(), -1, cv2.LINE_AA)
            shot.append(picture)
        shots.append(shot)
    return shots


def titles(seed: int) -> list[Shot]:
    """Lines of text stand on cards."""
    rng = np.random.default_rng(seed)
    words = ["THE LAST RIVER", "Part Two", "Directed by", "Ten years later", "an island film", "The End", "COMING SOON", "Chapter 3"]
    shots = []
    for ground in itertools.islice(colors(rng), SHOTS):
        picture = card(ground)
        for line in range(int(rng.integers(1, 3))):
            write(picture, words[int(rng.integers(len(words)))], (int(rng.integers(6, 70)), 60 + 34 * line), contrasting(ground))
        shots.append([picture] * FRAMES)
    return shots


def pale_titles(seed: int) -> list[Shot]:
    """Text on cards of pale grey and white by turns."""
    rng = np.random.default_rng(seed)
    shots = []
    for number in range(SHOTS):
        level = 255 if number % 2 else int(rng.integers(205, 240))
        picture = card((level, level, level))
        write(picture, f"{int(rng.integers(1900, 2030))}", (int(rng.integers(6, 150)), int(rng.integers(40, 130))), (40, 40, 40), 1.2)
        shots.append([picture] * FRAMES)
    return shots


def slides(seed: int) -> list[Shot]:
    """Slides of a talk: grounds by section, a heading, and bullets, a chart or a picture."""
    rng = np.random.default_rng(seed)
    shots = []
    for number, ground in enumerate(itertools.islice(colors(rng, [(255, 255, 255), (235, 235, 225), (70, 40, 25), (60, 110, 200)]), SHOTS)):
        picture, ink = card(ground), contrasting(ground)
        write(picture, f"{number + 1}. {('Results', 'Method', 'Outlook', 'Background')[number % 4]}", (10, 24), ink, 0.7)
        kind = number % 3
        for line in range(4):
            y, length = 50 + 22 * line, int(rng.integers(60, 230))
            if kind == 0:
                cv2.rectangle(picture, (14, y), (14 + length, y + 4), ink, -1)
            elif kind == 1:
                cv2.rectangle(picture, (30 + 50 * line, 134 - length // 3), (60 + 50 * line, 134), rng.uniform(0, 255, 3).tolist(), -1)
        if kind == 2:
            cv2.rectangle(picture, (60, 36), (220, 134), rng.uniform(0, 255, 3).tolist(), -1)
        shots.append([picture] * FRAMES)
    return shots


def cartoons(seed: int) -> list[Shot]:
    """Sky, ground, a house, and a figure that walks, all in flat colors."""
    rng = np.random.default_rng(seed)
    shots = []
    for sky in itertools.islice(colors(rng), SHOTS):
        ground, wall, coat = (rng.uniform(20, 235, 3).tolist() for _ in range(3))
        horizon, house, speed = int(rng.integers(60, 120)), int(rng.integers(0, 200)), rng.uniform(-3, 3)
        shot = []
        for i in range(FRAMES):
            picture = card(sky)
            picture[horizon:] = ground
            cv2.rectangle(picture, (house, horizon - 40), (house + 50, horizon + 8), wall, -1)
            x = round(128 + speed * (i - 15))
            cv2.ellipse(picture, (x, horizon), (12, 26), 0, 0, 360, coat, -1, cv2.LINE_AA)
            cv2.circle(picture, (x, horizon - 32), 10, (150, 190, 230), -1, cv2.LINE_AA)
            shot.append(picture)
        shots.append(shot)
    return shots


def graphics(seed: int) -> list[Shot]:
    """Motion graphics: a bar grows, a disc turns around, on a ground with a stripe."""
    rng = np.random.default_rng(seed)
    shots = []
    for ground in itertools.islice(colors(rng), SHOTS):
        stripe, bar = (rng.uniform(0, 255, 3).tolist() for _ in range(2))
        side, shot = int(rng.integers(0, 190)), []
        for i in range(FRAMES):
            picture = card(ground)
            picture[:, side : side + 50] = stripe
            cv2.rectangle(picture, (20, 110), (20 + 6 * i, 124), bar, -1)
            turn = i / 8
            cv2.circle(picture, (round(128 + 60 * np.cos(turn)), round(60 + 30 * np.sin(turn))), 14, bar, -1, cv2.LINE_AA)
            shot.append(picture)
        shots.append(shot)
    return shots


@functools.cache
def drawn(painted: Callable[[int], list[Shot]]) -> list[Shot]:
    return painted(1)


def as_drawn(shots: list[Shot]) -> list[Shot]:
    return shots


def swapped(shots: list[Shot]) -> list[Shot]:
    """Red for blue."""
    return [[np.ascontiguousarray(picture[:, :, ::-1]) for picture in shot] for shot in shots]


def backwards(shots: list[Shot]) -> list[Shot]:
    return [shot[::-1] for shot in shots[::-1]]


def noisy(shots: list[Shot]) -> list[Shot]:
    """With the noise of compression."""
    noise = np.random.default_rng(1).normal(0, 1.5, (5, *shots[0][0].shape))
    return [[np.clip(p + noise[i % 5], 0, 255).astype(np.uint8) for i, p in enumerate(shot)] for shot in shots]


@pytest.mark.parametrize("shown", [as_drawn, swapped, backwards, noisy])
@pytest.mark.parametrize("painted", [shapes, wide_shapes, titles, pale_titles, slides, cartoons, graphics])
def test_every_cut_between_flat_pictures_is_detected(
    painted: Callable[[int], list[Shot]], shown: Callable[[list[Shot]], list[Shot]]
) -> None:
    shots = shown(drawn(painted))
    detector = StreamtagsDetector()
    for number, picture in enumerate(itertools.chain(*shots)):
        detector.process_frame(FrameTimecode(Timecode(number, 1 / RATE), fps=RATE), picture)
    detector.post_process(FrameTimecode(Timecode(FRAMES * len(shots), 1 / RATE), fps=RATE))
    assert [(event.timecode.pts, event.kind) for event in detector.events] == [(FRAMES * shot, "cut") for shot in range(1, len(shots))]


async def test_the_shots_of_an_encoded_drawn_film_are_its_segments(tmp_path: Path) -> None:
    shots = drawn(shapes)
    times, encoding = range(FRAMES * len(shots)), Encoding(crf=8, pix_fmt="yuv444p")
    film = tmp_path / "drawn.mp4"
    write_media(
        film, [*itertools.chain(*shots)], size=(128, 128), rate=RATE, times=times, time_base=1 / RATE, sound=None, encoding=encoding
    )
    with SqliteStore(tmp_path / "tags.db") as store:
        state = await analyze(str(film), load_settings({"profile": "embedded"}), store, publish=lambda _: None)
    assert [segment.start.frame for segment in state.segments] == [FRAMES * number for number in range(len(shots))]
