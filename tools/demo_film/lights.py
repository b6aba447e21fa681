"""Scenes of small lights in the dark: a fire, lanterns over a lake, stars."""

from __future__ import annotations

from math import pi, sin

import cv2
import numpy as np

from streamtags.core.model import Picture
from streamtags.testing.looks import Draw, Stage, clouds, shaded
from tools.demo_film.paint import Glow, as_picture, bloomed, faded, profile, ridge, sky

__all__ = ["fire", "lanterns", "stars"]


def fire(stage: Stage) -> Draw:
    """A camp fire that flickers, sparks going up."""
    w, h, rng = stage.width, stage.height, stage.rng
    small_w, small_h = w // 2, h // 2
    tiles = [clouds(rng, small_w, small_h * 2, cells=cells, octaves=4, fade=0.6) for cells in (9, 16)]
    tiles = [np.concatenate([tile, tile[::-1]]) for tile in tiles]
    y, x = np.mgrid[0:small_h, 0:small_w].astype(np.float32)
    x, y = (x / small_w - 0.5) * w / h, 1 - y / small_h  # y goes up
    lean = np.exp(-((x / (0.30 - 0.16 * np.clip(y, 0, 1))) ** 2))
    body = (lean * np.clip(1.22 - y * 1.25, 0, 1) * np.clip(y * 12 - 0.3, 0, 1)).astype(np.float32)
    night = sky(w, h, (0, (6, 6, 14)), (0.7, (14, 10, 14)), (1, (30, 18, 12)))
    trees = profile(rng, w + 8, peaks=40, roughness=0.9)
    ridge(night, trees, 0, h * 0.36, h * 0.3, (12, 14, 17))
    ridge(night, profile(rng, w + 8, peaks=3), 0, h * 0.86, h * 0.04, (24, 16, 12))
    warm = Glow(round(h * 0.95), (196, 92, 30))
    spark = Glow(max(2, h // 110), (255, 190, 90), core=0.3)
    sparks = [(rng.uniform(-0.12, 0.12), rng.random(), rng.uniform(0.35, 0.8), rng.uniform(0, 2 * pi)) for _ in range(34)]
    logs = [((0.31, 0.93), (0.66, 0.86)), ((0.34, 0.85), (0.69, 0.94)), ((0.38, 0.95), (0.62, 0.95))]

    def draw(frame: int) -> Picture:
        seconds = float(frame / stage.rate)
        flicker = 0.82 + 0.1 * sin(seconds * 13) + 0.08 * sin(seconds * 29.3 + 1) + 0.06 * sin(seconds * 47)
        picture = night.copy()
        warm.shine(picture, w / 2, h * 0.78, flicker)
        rise = [round(seconds * small_h * pace) % (small_h * 3) for pace in (1.1, 1.9)]
        noise = sum(tile[at : at + small_h] for tile, at in zip(tiles, rise, strict=True))
        flame = cv2.resize(
            np.clip(body * (noise * 1.05 - 0.1) * (0.9 + 0.25 * flicker) - 0.34, 0, 1) * 1.25, (w, h), interpolation=cv2.INTER_LINEAR
        )
        paint = shaded(flame.astype(np.float32), (0, 0, 0), (150, 22, 4), (240, 90, 12), (255, 176, 40), (255, 240, 170))
        picture = as_picture(cv2.add(picture, paint))
        for (x0, y0), (x1, y1) in logs:
            ends = (round(x0 * w), round(y0 * h)), (round(x1 * w), round(y1 * h))
            cv2.line(picture, *ends, (14, 22, 36), max(3, h // 22), cv2.LINE_AA)
            cv2.line(picture, *ends, (20, 50 + 30 * flicker, 120 + 90 * flicker), max(1, h // 120), cv2.LINE_AA)
        for across, start, pace, phase in sparks:
            up = (start + seconds * pace * 0.7) % 1.0
            sway = 0.05 * sin(seconds * 3 + phase) * up
            spark.shine(picture, w * (0.5 + (across + sway) * (0.6 + up)), h * (0.84 - 0.8 * up), (1 - up) ** 0.7)
        return bloomed(picture, 0.3, 160)

    return draw


def lanterns(stage: Stage) -> Draw:
    """Paper lanterns rise from a lake at dusk."""
    w, h, rng = stage.width, stage.height, stage.rng
    shore = round(h * 0.66)
    heaven = sky(w, shore, (0, (16, 22, 62)), (0.5, (52, 44, 104)), (0.8, (134, 76, 116)), (1, (214, 128, 108)))
    for layer, paint in enumerate(((70, 48, 88), (36, 28, 58))):
        ridge(heaven, profile(rng, w + 8, peaks=5 + 3 * layer), 0, shore - h * (0.17 - 0.07 * layer), h * 0.12, paint)
    many = 40
    places = sorted(
        ((rng.uniform(0.02, 0.98), rng.uniform(-0.05, 1.25), rng.uniform(0.25, 1.0), rng.uniform(0, 2 * pi)) for _ in range(many)),
        key=lambda lantern: lantern[2],
    )
    glows = {size: Glow(max(3, round(h * 0.1 * size)), (190, 104, 36)) for size in (0.3, 0.5, 0.8, 1.0)}
    paper = np.array([(-0.72, 1), (0.72, 1), (1, -0.6), (0.5, -1), (-0.5, -1), (-1, -0.6)])
    y, x = np.mgrid[0 : h - shore, 0:w].astype(np.float32)
    deep = y / (h - shore)

    def draw(frame: int) -> Picture:
        seconds = float(frame / stage.rate)
        above = heaven.copy()
        for across, start, near, phase in places:
            height = start - 0.1 + seconds * (0.018 + 0.045 * near)
            at_x = w * (across + 0.012 * sin(seconds * 0.7 + phase)) + seconds * w * 0.006 * near
            at_y = shore - h * 0.62 * height
            if not -0.1 * h < at_y < shore:
                continue
            burn = 0.8 + 0.14 * sin(seconds * 5 + phase) + 0.06 * sin(seconds * 11 + 2 * phase)
            glows[min(glows, key=lambda size: abs(size - near))].shine(above, at_x, at_y, burn)
            half, tall = h * 0.017 * (0.35 + near), h * 0.028 * (0.35 + near)
            points = [np.round((paper * (half, tall) + np.array((at_x, at_y))) * 16).astype(np.int32)]
            cv2.fillPoly(above, points, (72 * burn, 160 * burn, 252 * burn), cv2.LINE_AA, 4)
            middle = (int(at_x * 16), int((at_y + tall * 0.4) * 16))
            cv2.ellipse(above, middle, (int(half * 9), int(tall * 8)), 0, 0, 360, (170 * burn, 232 * burn, 255 * burn), -1, cv2.LINE_AA, 4)
        above = bloomed(above, 0.5, 150)
        ripple = np.sin(y * 0.9 - np.float32(seconds * 3)) * (0.6 + 4 * deep) + np.sin(x * 0.04 + np.float32(seconds)) * deep * 2
        mirrored = cv2.remap(above, x + ripple.astype(np.float32), shore - 1 - y * 1.75, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        water = cv2.addWeighted(cv2.GaussianBlur(mirrored, (0, 0), sigmaX=0.8, sigmaY=h / 100), 0.7, mirrored, 0.0, 2)
        return np.concatenate([above, as_picture(water)])

    return draw


def stars(stage: Stage) -> Draw:
    """The sky turns over a mountain, a star falls, the picture goes dark; the shot's title stands over it."""
    w, h, rng = stage.width, stage.height, stage.rng
    reach = round(np.hypot(w, h) * 1.25)
    milky = clouds(rng, reach, reach, cells=5, octaves=6)
    y, x = np.mgrid[0:reach, 0:reach].astype(np.float32) / reach - 0.5
    band = np.exp(-(((x * 0.8 + y * 0.6 + 0.06) / 0.09) ** 2)) * (0.35 + 0.65 * milky)
    heaven = shaded(
        np.clip(0.16 + 0.62 * band, 0, 1).astype(np.float32), (4, 6, 18), (22, 26, 62), (74, 66, 116), (176, 150, 176), (240, 226, 226)
    )
    for _ in range(1500):
        at = (int(rng.integers(reach) * 16), int(rng.integers(reach) * 16))
        bright, warm = 90 + 165 * rng.random() ** 2, rng.uniform(0.8, 1.0)
        cv2.circle(heaven, at, int(h / 360 * (6 + 14 * rng.random() ** 5)), (bright, bright * 0.97, bright * warm), -1, cv2.LINE_AA, 4)
    ridges = [profile(rng, w + 8, peaks=4 + 2 * i, roughness=0.55) for i in range(2)]

    def draw(frame: int) -> Picture:
        seconds = float(frame / stage.rate)
        turn = cv2.getRotationMatrix2D((reach / 2, reach / 2), seconds * 1.6, 1.0)
        turn[:, 2] += (w * 0.56 - reach / 2, h * 0.6 - reach / 2)
        picture = as_picture(cv2.warpAffine(heaven, turn, (w, h), flags=cv2.INTER_LINEAR))
        fall = (seconds - 1.2) / 0.6
        if 0 < fall < 1:
            head = (w * (0.2 + 0.26 * fall), h * (0.12 + 0.16 * fall))
            shine = 1 - abs(2 * fall - 1) ** 3
            for part in range(10):
                front, back = ((int((head[0] - w * 0.012 * at) * 16), int((head[1] - h * 0.0125 * at) * 16)) for at in (part, part + 1))
                shade = 255 * (1 - part / 10) * shine
                cv2.line(picture, front, back, (shade, shade, shade), max(1, round(h / 300)), cv2.LINE_AA, 4)
        ridge(picture, ridges[0], 0, h * 0.66, h * 0.24, (16, 18, 34))
        ridge(picture, ridges[1], 0, h * 0.84, h * 0.12, (7, 8, 16))
        left = (stage.frames - frame) / float(stage.rate)
        return faded(bloomed(picture, 0.35, 140), min(1.0, left / 1.5))

    return draw
