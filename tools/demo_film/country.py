"""Scenes by day and in weather: sunrise, sea, gulls, storm, snow."""

from __future__ import annotations

from math import pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import Picture
from streamtags.testing.looks import Draw, Stage, clouds
from tools.demo_film.paint import Glow, as_picture, bloomed, profile, ridge, sky

__all__ = ["gulls", "sea", "snow", "storm", "sunrise"]


def sunrise(stage: Stage) -> Draw:
    """The sun comes up behind five ridges; the camera slides past them."""
    w, h, rng = stage.width, stage.height, stage.rng
    before = sky(w, h, (0, (22, 24, 62)), (0.35, (72, 50, 104)), (0.6, (196, 92, 88)), (0.75, (250, 150, 80)), (1, (255, 190, 110)))
    after = sky(w, h, (0, (84, 140, 208)), (0.35, (168, 184, 214)), (0.6, (255, 206, 150)), (0.75, (255, 224, 160)), (1, (255, 236, 190)))
    halo, disc = Glow(round(h * 0.75), (255, 170, 90)), Glow(round(h * 0.11), (255, 246, 200), core=0.62)
    lines = [profile(rng, w * 2, peaks=6 + 2 * layer, roughness=0.42) for layer in range(5)]
    dark = [(150, 96, 112), (112, 70, 100), (78, 50, 84), (48, 34, 64), (20, 18, 38)]
    lit = [(236, 176, 150), (196, 140, 136), (140, 104, 116), (84, 70, 88), (34, 34, 48)]

    def draw(frame: int) -> Picture:
        way = min(max(frame / stage.frames, -0.1), 1.1)
        light = 0.2 + 0.6 * way
        picture = as_picture(cv2.addWeighted(before, 1 - light, after, light, 0))
        sun_x, sun_y = w * (0.62 - 0.04 * way), h * (0.68 - 0.4 * way)
        halo.shine(picture, sun_x, sun_y, 0.35 + 0.5 * way)
        disc.shine(picture, sun_x, sun_y)
        for layer, line in enumerate(lines):
            color = tuple(a + (b - a) * way for a, b in zip(dark[layer], lit[layer], strict=True))
            slide = (frame + 20) * w / 640 * (0.15 + 0.16 * layer**1.5)
            ridge(picture, line, slide, h * (0.50 + 0.085 * layer), h * (0.2 - 0.015 * layer), (color[0], color[1], color[2]))
        return picture

    return draw


class _Waves:
    """Water in perspective from `horizon` down, with the sky's light glinting on it."""

    def __init__(self, stage: Stage, horizon: int, path: float) -> None:
        w, h, rng = stage.width, stage.height, stage.rng
        size = 512
        self._fine = _seamless((clouds(rng, size, size, cells=24, octaves=4, fade=0.7) * 255).astype(np.uint8))
        self._broad = _seamless((clouds(rng, size, size, cells=10, octaves=4, fade=0.6) * 255).astype(np.uint8))
        y, x = np.mgrid[0 : h - horizon, 0:w].astype(np.float32)
        depth = 1.0 / (y / h + 0.035)
        self._x = (x - w / 2) / w * depth * 34 + 4 * size
        self._y = depth * 70 + 4 * size
        across = np.abs(x / w - path) / (0.06 + 0.28 * y / (h - horizon))
        self._path = np.clip(1.25 - across, 0.12, 1).astype(np.float32)
        self._near = (0.25 + 0.75 * y / (h - horizon)).astype(np.float32)

    def paint(self, water: Picture, seconds: float, light: tuple[float, float, float], strength: float = 1.0) -> Picture:
        drift = np.float32(seconds)
        fine = _wrapped(self._fine, self._x + drift * 11, self._y + drift * 26)
        broad = _wrapped(self._broad, self._x * 0.6 - drift * 8, self._y * 0.6 + drift * 17)
        swell = (fine * 0.45 + broad * 0.55 - 128) * self._near
        glint = np.clip(fine * 0.6 + broad * 0.5 - 150, 0, 255) * self._path * (2.6 * strength)
        shine = np.array(light[::-1], np.float32) / 255
        return as_picture(np.clip(water + swell[..., None] * 0.55 + glint[..., None] * shine, 0, 255))


def _wrapped(tile: Picture, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Points in sixteenths of a pixel, as OpenCV's `shift=4` takes them."""
    return np.asarray(np.round(points * 16), np.int32)


def _seamless(tile: Picture) -> Picture:
    """`tile` with its mirror images, so that it repeats without an edge."""
    row = np.concatenate([tile, tile[:, ::-1]], axis=1)
    return as_picture(np.concatenate([row, row[::-1]]))


def _sail(picture: Picture, x: float, y: float, size: float, tilt: float) -> None:
    def turned(points: list[tuple[float, float]]) -> NDArray[np.int32]:
        around = np.array(points) * size @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
        return _fixed(around + np.array((x, y)))

    cv2.fillPoly(picture, [turned([(0.05, -1.9), (0.05, -0.2), (0.85, -0.2)])], (236, 246, 252), cv2.LINE_AA, 4)
    cv2.fillPoly(picture, [turned([(-0.03, -1.7), (-0.03, -0.2), (-0.6, -0.2)])], (120, 150, 232), cv2.LINE_AA, 4)
    cv2.fillPoly(picture, [turned([(-0.85, -0.1), (0.95, -0.1), (0.65, 0.2), (-0.6, 0.2)])], (46, 44, 110), cv2.LINE_AA, 4)


def _cover(rng: np.random.Generator, width: int, height: int, low: float, high: float) -> Picture:
    """Clouds as an opacity, uint8 [height, width]."""
    shape = clouds(rng, width, height, cells=5, octaves=6, fade=0.5)
    return as_picture((np.clip((shape - low) / (high - low), 0, 1) * 255).astype(np.uint8))


def _clouded(picture: Picture, cover: Picture, offset: float, paint: int) -> Picture:
    """`picture` with `cover` drifting over it; the cover is wider than the picture and slides by `offset` pixels."""
    height, width = picture.shape[:2]
    shift = np.array([[1, 0, offset % (cover.shape[1] - width)], [0, 1, 0]], np.float64)
    veil = cv2.warpAffine(cover, shift, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    thick = cv2.merge([veil, veil, veil])
    gone = cv2.multiply(picture, cv2.bitwise_not(thick), scale=1 / 255)
    return as_picture(cv2.add(gone, cv2.convertScaleAbs(thick, alpha=paint / 255)))


def sea(stage: Stage) -> Draw:
    """A bright sea at noon, a sail going by."""
    w, h = stage.width, stage.height
    horizon = round(h * 0.46)
    heaven = sky(w, horizon, (0, (52, 128, 214)), (0.6, (128, 192, 236)), (1, (214, 234, 242)))
    cover = _cover(stage.rng, w * 2, horizon, 0.5, 0.95)
    fade = np.linspace(1, 0.25, horizon)[:, None]
    cover = (cover * fade).astype(np.uint8)
    water = sky(w, h - horizon, (0, (96, 180, 206)), (0.25, (36, 128, 176)), (1, (8, 66, 116)))
    waves = _Waves(stage, horizon, 0.66)
    sun = Glow(round(h * 0.7), (150, 140, 100))

    def draw(frame: int) -> Picture:
        seconds = float(frame / stage.rate)
        above = _clouded(heaven, cover, 40 + seconds * w * 0.012, 252)
        sun.shine(above, w * 0.66, -h * 0.05)
        picture = np.concatenate([above, waves.paint(water, seconds, (255, 252, 232))])
        _sail(picture, w * (0.2 + 0.032 * seconds), horizon + h * (0.05 + 0.006 * sin(seconds * 1.9)), h * 0.115, 0.05 * sin(seconds * 1.4))
        _sail(picture, w * (0.86 - 0.008 * seconds), horizon + h * 0.008, h * 0.03, 0.0)
        return picture

    return draw


def gulls(stage: Stage) -> Draw:
    """A flock against big clouds; the camera follows."""
    w, h, rng = stage.width, stage.height, stage.rng
    heaven = sky(w, h, (0, (58, 124, 204)), (0.7, (140, 190, 232)), (1, (206, 222, 232)))
    cover = _cover(rng, w * 2, h, 0.42, 0.8)
    flock = [(rng.uniform(0.15, 0.85), rng.uniform(0.2, 0.75), rng.uniform(0.5, 1.5), rng.uniform(0, 2 * pi)) for _ in range(9)]
    cliff = profile(rng, w * 3, peaks=9, roughness=0.55)

    def draw(frame: int) -> Picture:
        seconds, way = float(frame / stage.rate), frame / stage.frames + 0.2
        picture = _clouded(heaven, cover, w * 0.6 * way, 250)
        ridge(picture, cliff, w * 1.3 * way, h * 0.83, h * 0.14, (62, 92, 70))
        for x, y, size, phase in sorted(flock, key=lambda bird: bird[2]):
            reach = size * h * 0.075
            center = (w * (x + 0.03 * sin(seconds * 0.9 + phase)), h * (y + 0.025 * sin(seconds * 1.3 + 2 * phase)))
            flap = sin(seconds * 2 * pi * (2.6 - 0.7 * size) + phase)
            wing = [
                (-1.0, -0.10 - 0.42 * flap),
                (-0.5, -0.26 - 0.12 * flap),
                (0, 0),
                (0.5, -0.26 - 0.12 * flap),
                (1.0, -0.10 - 0.42 * flap),
            ]
            points = np.round((np.array(wing) * reach + center) * 16).astype(np.int32)
            cv2.polylines(picture, [points], False, (70, 62, 58), max(1, round(size * h / 150)), cv2.LINE_AA, 4)
            body = (int(center[0] * 16), int(center[1] * 16))
            cv2.ellipse(picture, body, (int(reach * 4.4), int(reach * 1.9)), 0, 0, 360, (244, 244, 240), -1, cv2.LINE_AA, 4)
        return picture

    return draw


def storm(stage: Stage) -> Draw:
    """Rain over dark hills, one lit window, lightning twice."""
    w, h, rng = stage.width, stage.height, stage.rng
    heaven = sky(w, h, (0, (14, 18, 32)), (0.6, (34, 42, 62)), (1, (44, 52, 70)))
    cover = _cover(rng, w * 2, h, 0.35, 0.9)
    hills = [profile(rng, w + 40, peaks=5 + 3 * i) for i in range(2)]
    sheets: list[Picture] = []
    for density, length in ((0.0011, 0.05), (0.0005, 0.1)):
        drops = (rng.random((h * 2, w * 2)) < density).astype(np.uint8) * 255
        reach = max(3, round(h * length))
        kernel = np.zeros((reach, reach), np.float32)
        cv2.line(kernel, (round(reach * 0.62), 0), (round(reach * 0.38), reach - 1), (1.0,), 1, cv2.LINE_AA)
        sheets.append(as_picture(cv2.filter2D(drops, -1, kernel * 0.3)))
    strikes = (round(stage.frames * 0.3), round(stage.frames * 0.72))
    bolts = [_bolt(rng, w * x, h * 0.62, h) for x in (0.28, 0.7)]
    window, house = Glow(round(h * 0.16), (255, 190, 90)), (w * 0.44, h * 0.705)

    def draw(frame: int) -> Picture:
        seconds = float(frame / stage.rate)
        picture = _clouded(heaven, cover, w * 0.05 * (seconds + 1), 74)
        for strike, bolt in zip(strikes, bolts, strict=True):
            since = frame - strike
            if 0 <= since < 3 or since == 5:
                picture = as_picture(cv2.convertScaleAbs(picture, alpha=2.6 if since < 2 else 1.8, beta=60 if since < 2 else 24))
                cv2.polylines(picture, [bolt], False, (255, 246, 236), max(1, h // 150), cv2.LINE_AA, 4)
        ridge(picture, hills[0], 10, h * 0.64, h * 0.12, (16, 22, 30))
        x, y = house
        walls = np.array([(-24, 0), (-24, -16), (0, -32), (24, -16), (24, 0)]) * (h / 360) + np.array(house)
        cv2.fillPoly(picture, [_fixed(walls)], (14, 12, 10), cv2.LINE_AA, 4)
        cv2.rectangle(picture, (round(x - h / 50), round(y - h / 26)), (round(x + h / 70), round(y - h / 72)), (110, 210, 255), -1)
        window.shine(picture, x, y - 9, 0.75 + 0.08 * sin(seconds * 9))
        ridge(picture, hills[1], 20, h * 0.74, h * 0.14, (8, 12, 16))
        for layer, sheet in enumerate(sheets):
            fall, blow = round(frame * h * (0.055 + 0.03 * layer)) % h, round(frame * w * 0.006 * (1 + layer)) % w
            rain = sheet[h - fall : 2 * h - fall, w - blow if blow else 0 :][:, :w]
            picture = as_picture(cv2.add(picture, cv2.merge([rain, rain, cv2.convertScaleAbs(rain, alpha=0.86)])))
        return picture

    return draw


def _bolt(rng: np.random.Generator, x: float, bottom: float, height: int) -> NDArray[np.int32]:
    y = np.linspace(0, bottom, 14)
    way = np.cumsum(rng.normal(0, height * 0.022, 14)) + x
    return _fixed(np.stack([way, y], axis=1))


def snow(stage: Stage) -> Draw:
    """Pines in mist and slow snow; the camera draws back."""
    w, h, rng = stage.width, stage.height, stage.rng
    wide, tall = round(w * 1.3), round(h * 1.3)
    canvas = sky(wide, tall, (0, (176, 192, 208)), (0.5, (206, 216, 224)), (1, (232, 236, 240)))
    for layer in range(4):
        near = layer / 3
        paint = tuple(round(a + (b - a) * near) for a, b in zip((168, 182, 194), (30, 50, 56), strict=True))
        base = tall * (0.6 + 0.1 * layer)
        for _ in range(26 - 5 * layer):
            _pine(canvas, rng, rng.uniform(0, wide), base + rng.uniform(-0.02, 0.03) * tall, tall * (0.16 + 0.15 * near), paint)
        ground = profile(rng, wide + 8, peaks=4 + layer)
        lit = tuple(round(a + (b - a) * near) for a, b in zip((206, 216, 224), (240, 244, 250), strict=True))
        ridge(canvas, ground, 0, base - tall * 0.03, tall * 0.06, (lit[0], lit[1], lit[2]))
        mist = cv2.GaussianBlur(canvas, (0, 0), w / 900 * (4 - layer))
        canvas = as_picture(mist)
    flakes = [(rng.random(), rng.random(), rng.uniform(0.25, 1.0) ** 2, rng.uniform(0, 2 * pi)) for _ in range(230)]

    def draw(frame: int) -> Picture:
        seconds = float(frame / stage.rate)
        zoom = 1.0 + 0.16 * min(1.2, max(0.0, frame / stage.frames + 0.1))
        x, y = (wide - w * zoom) / 2, (tall - h * zoom) * 0.62
        matrix = np.array([[zoom, 0, x], [0, zoom, y]], np.float64)
        picture = as_picture(
            cv2.warpAffine(canvas, matrix, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT)
        )
        for left, top, near, phase in flakes:
            at_x = (left + 0.02 * sin(seconds * 1.1 + phase) * (0.4 + near) + seconds * 0.03 * near) % 1.0 * w
            at_y = (top + seconds * (0.05 + 0.16 * near)) % 1.08 * h - 0.04 * h
            cv2.circle(
                picture, (int(at_x * 16), int(at_y * 16)), int(h / 360 * (0.9 + 2.6 * near) * 16), (255, 255, 255), -1, cv2.LINE_AA, 4
            )
        return bloomed(picture, 0.15, 215)

    return draw


def _pine(canvas: Picture, rng: np.random.Generator, x: float, base: float, tall: float, paint: tuple[int, ...]) -> None:
    tall *= rng.uniform(0.7, 1.2)
    shade = rng.uniform(0.9, 1.1)
    color = tuple(min(255.0, part * shade) for part in paint[::-1])
    for tier in range(5):
        top = base - tall * (1 - tier * 0.17)
        half = tall * (0.07 + 0.045 * tier)
        low = top + tall * (0.2 + 0.03 * tier)
        points = [
            (x, top),
            (x + half, low),
            (x + half * 0.35, low - tall * 0.02),
            (x, low),
            (x - half * 0.35, low - tall * 0.02),
            (x - half, low),
        ]
        cv2.fillPoly(canvas, [np.round(np.array(points) * 16).astype(np.int32)], color, cv2.LINE_AA, 4)
    cv2.rectangle(canvas, (round(x - tall * 0.015), round(base - tall * 0.05)), (round(x + tall * 0.015), round(base)), color, -1)
