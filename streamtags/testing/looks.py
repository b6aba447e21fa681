"""Looks: procedural pictures rich enough for real detectors - texture, grain, camera and objects that move.

A look is a function from a `Stage` to a function from a frame number (0 is the shot's first frame; transitions ask for frames before it
and after its last) to a BGR picture. `ShotSpec.look` takes the name of one of `LOOKS` or a look of your own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import pi, sin
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import Picture

__all__ = ["LOOKS", "Camera", "Draw", "Look", "LookName", "Stage", "clouds", "grained", "shaded", "viewed", "with_objects"]

Camera = Literal["static", "pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out", "handheld"]
LookName = Literal["texture", "gradient", "blocks", "stripes", "lights", "plain"]

# Looks are painted on a canvas this much larger than the picture, so that a camera can move over it.
_MARGIN = 1.5
_GRAINS = 4


@dataclass(frozen=True, slots=True)
class Stage:
    """What a look has to know.

    Attributes:
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        rate: frames a second.
        frames: how many frames the shot has.
        color: what the look should be tinted with, RGB.
        seed: two stages that differ in it alone look like two places of the same kind.
    """

    width: int
    height: int
    rate: Fraction
    frames: int
    color: tuple[int, int, int]
    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """A fresh generator of random numbers; the same ones each time."""
        return np.random.default_rng(self.seed)

    @property
    def bgr(self) -> NDArray[np.float32]:
        """The color in OpenCV's order, float32 [3]."""
        return np.array(self.color[::-1], np.float32)


Draw: TypeAlias = Callable[[int], Picture]
Look: TypeAlias = Callable[[Stage], Draw]


def clouds(
    rng: np.random.Generator, width: int, height: int, *, cells: int = 4, octaves: int = 5, fade: float = 0.55
) -> NDArray[np.float32]:
    """Fractal value noise, float32 [height, width] in 0..1.

    Args:
        rng: where chance comes from.
        width: in pixels.
        height: in pixels.
        cells: blobs across the width in the coarsest octave; each further octave has twice as many.
        octaves: how many are summed.
        fade: how much weaker each octave is than the one before.
    """
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for octave in range(octaves):
        across = min(width, cells << octave)
        down = min(height, max(2, round(across * height / width)))
        layer = rng.random((down, across), np.float32)
        total += weight * cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
        weight *= fade
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def shaded(values: NDArray[np.float32], *stops: tuple[float, float, float]) -> Picture:
    """`values` in 0..1 as colors: BGR uint8 [..., 3] from evenly placed RGB `stops`."""
    table = np.array(stops, np.float32)[:, ::-1]
    places = np.linspace(0, 1, len(stops))
    lookup = np.stack([np.interp(np.linspace(0, 1, 256), places, table[:, c]) for c in range(3)], axis=1)
    return np.clip(lookup, 0, 255).astype(np.uint8)[np.clip(values * 255, 0, 255).astype(np.uint8)]


def grained(stage: Stage, draw: Draw, strength: float) -> Draw:
    """`draw` with film grain of a standard deviation of `strength` code values, different in every frame."""
    if strength <= 0:
        return draw
    rng = np.random.default_rng(stage.seed + 1)
    noise = rng.normal(128, strength, (_GRAINS, stage.height + 32, stage.width + 32, 1)).clip(0, 255).astype(np.uint8)
    tiles = [np.repeat(tile, 3, axis=2) for tile in noise]

    def drawn(frame: int) -> Picture:
        picture = draw(frame)
        left, top = (frame * 13) % 32, (frame * 7) % 32
        tile = tiles[frame % _GRAINS][top : top + picture.shape[0], left : left + picture.shape[1]]
        return _picture(cv2.addWeighted(picture, 1.0, tile, 1.0, -128))

    return drawn


def with_objects(stage: Stage, draw: Draw, count: int, speed: float) -> Draw:
    """`draw` with `count` discs that cross the picture at about `speed` picture widths a second, each its own way."""
    if count <= 0:
        return draw
    rng = np.random.default_rng(stage.seed + 2)
    start = rng.uniform(0, 1, (count, 2))
    course = rng.uniform(0, 2 * pi, count)
    pace = speed * rng.uniform(0.6, 1.4, count)
    size = rng.uniform(0.04, 0.12, count) * stage.height
    paints = rng.uniform(40, 255, (count, 3))

    def drawn(frame: int) -> Picture:
        picture = draw(frame).copy()
        seconds = float(frame / stage.rate)
        for disc in range(count):
            # The way wraps outside the picture, so that nothing pops up in view.
            x = (start[disc, 0] + pace[disc] * seconds * np.cos(course[disc])) % 1.0 * (stage.width + 4 * size[disc]) - 2 * size[disc]
            y = (start[disc, 1] + pace[disc] * seconds * np.sin(course[disc])) % 1.0 * (stage.height + 4 * size[disc]) - 2 * size[disc]
            at = (int(x * 16), int(y * 16))
            cv2.circle(picture, at, int(size[disc] * 16), tuple(paints[disc].tolist()), -1, cv2.LINE_AA, 4)
            cv2.circle(picture, at, int(size[disc] * 8), tuple((paints[disc] * 0.5).tolist()), -1, cv2.LINE_AA, 4)
        return picture

    return drawn


def viewed(stage: Stage, canvas: Picture, camera: Camera, speed: float) -> Draw:
    """A camera over `canvas`, which is at least as large as the picture.

    Args:
        stage: the picture's size and rate.
        canvas: BGR uint8 [height, width, 3].
        camera: how it moves; it turns back at the edge of the canvas.
        speed: of a pan, picture widths a second; of a tilt, heights a second; of a zoom, the share by which it grows a second; of a
            handheld camera, how far it strays, in picture widths.
    """
    height, width = canvas.shape[:2]
    room_x, room_y = width - stage.width, height - stage.height
    if camera == "static":
        top, left = room_y // 2, room_x // 2
        still = np.ascontiguousarray(canvas[top : top + stage.height, left : left + stage.width])
        return lambda _: still

    def drawn(frame: int) -> Picture:
        seconds = float(frame / stage.rate)
        x, y, scale = room_x / 2, room_y / 2, 1.0
        match camera:
            case "pan_right" | "pan_left":
                x = _there_and_back(speed * seconds * stage.width, room_x)
                x = x if camera == "pan_right" else room_x - x
            case "tilt_up" | "tilt_down":
                y = _there_and_back(speed * seconds * stage.height, room_y)
                y = y if camera == "tilt_down" else room_y - y
            case "zoom_in" | "zoom_out":
                growth = (1 + speed) ** seconds
                scale = 1 / growth if camera == "zoom_in" else min(growth, width / stage.width, height / stage.height)
            case "handheld":
                x += speed * stage.width * (sin(5.1 * seconds) + 0.6 * sin(11.3 * seconds + 1)) / 1.6
                y += speed * stage.width * (sin(4.3 * seconds + 2) + 0.6 * sin(9.7 * seconds)) / 1.6
        if camera in ("zoom_in", "zoom_out"):
            x += stage.width * (1 - scale) / 2
            y += stage.height * (1 - scale) / 2
        matrix = np.array([[scale, 0, x], [0, scale, y]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return _picture(cv2.warpAffine(canvas, matrix, (stage.width, stage.height), flags=flags, borderMode=cv2.BORDER_REFLECT))

    return drawn


def _there_and_back(way: float, room: int) -> float:
    if room <= 0:
        return 0.0
    along = way % (2 * room)
    return along if along <= room else 2 * room - along


def _picture(array: NDArray[np.generic] | cv2.typing.MatLike) -> Picture:
    return np.asarray(array, np.uint8)


def _canvas_size(stage: Stage) -> tuple[int, int]:
    return round(stage.width * _MARGIN), round(stage.height * _MARGIN)


def _tint(stage: Stage, dark: float, light: float) -> tuple[tuple[float, float, float], ...]:
    red, green, blue = stage.color
    lit = (255 - (255 - red) * light, 255 - (255 - green) * light, 255 - (255 - blue) * light)
    return (red * dark, green * dark, blue * dark), (float(red), float(green), float(blue)), lit


def _texture(stage: Stage) -> Picture:
    width, height = _canvas_size(stage)
    rng = stage.rng
    ground = clouds(rng, width, height, cells=5)
    canvas = shaded(ground, *_tint(stage, 0.15, 0.35))
    for _ in range(12):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(stage.width // 40, stage.width // 9)), int(rng.integers(stage.height // 40, stage.height // 6)))
        paint = tuple(float(v) for v in np.clip(stage.bgr * rng.uniform(0.3, 1.6) + rng.normal(0, 30, 3), 0, 255))
        cv2.ellipse(canvas, center, axes, float(rng.uniform(0, 180)), 0, 360, paint, -1, cv2.LINE_AA)
    return canvas


def _gradient(stage: Stage) -> Picture:
    width, height = _canvas_size(stage)
    angle = stage.rng.uniform(0, pi)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    along = np.cos(angle) * x / width + np.sin(angle) * y / height
    along = (along - along.min()) / (along.max() - along.min())
    return shaded(along.astype(np.float32), *_tint(stage, 0.4, 0.4))


def _blocks(stage: Stage) -> Picture:
    width, height = _canvas_size(stage)
    rng = stage.rng
    canvas = np.full((height, width, 3), np.clip(stage.bgr * 0.4, 0, 255), np.uint8)
    for _ in range(90):
        x, y = int(rng.integers(-stage.width // 10, width)), int(rng.integers(-stage.height // 10, height))
        far = (x + int(rng.integers(10, stage.width // 4)), y + int(rng.integers(10, stage.height // 3)))
        paint = tuple(float(v) for v in np.clip(stage.bgr * rng.uniform(0.2, 1.8) + rng.normal(0, 25, 3), 0, 255))
        cv2.rectangle(canvas, (x, y), far, paint, -1)
    return canvas


def _stripes(stage: Stage) -> Picture:
    width, height = _canvas_size(stage)
    rng = stage.rng
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0, pi)
    period = stage.width / rng.uniform(6, 12)
    wave = 0.5 + 0.5 * np.sin(2 * pi * (np.cos(angle) * x + np.sin(angle) * y) / period)
    return shaded((wave * 0.9 + 0.1 * clouds(rng, width, height)).astype(np.float32), *_tint(stage, 0.2, 0.3))


def _lights(stage: Stage) -> Picture:
    width, height = _canvas_size(stage)
    rng = stage.rng
    canvas = shaded(clouds(rng, width, height, cells=3) * 0.5, (4, 5, 12), (12, 14, 30), (20, 22, 44))
    for _ in range(160):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        paint = tuple(float(v) for v in np.clip(stage.bgr * rng.uniform(0.5, 1.5), 0, 255))
        cv2.circle(canvas, center, int(rng.integers(1, max(2, stage.width // 120))), paint, -1, cv2.LINE_AA)
    return canvas


def _plain(stage: Stage) -> Picture:
    width, height = _canvas_size(stage)
    return np.full((height, width, 3), stage.bgr, np.uint8)


LOOKS: dict[LookName, Callable[[Stage], Picture]] = {
    "texture": _texture,
    "gradient": _gradient,
    "blocks": _blocks,
    "stripes": _stripes,
    "lights": _lights,
    "plain": _plain,
}
