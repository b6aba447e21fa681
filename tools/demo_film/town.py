"""Scenes in town after sunset: a skyline over a river, a fast road, a tunnel."""

from __future__ import annotations

from math import pi, sin

import cv2
import numpy as np

from streamtags.core.model import Picture
from streamtags.testing.looks import Draw, Stage
from tools.demo_film.paint import Glow, as_picture, bloomed, profile, ridge, sky

__all__ = ["city", "road", "tunnel"]

_WINDOWS = ((96, 190, 255), (120, 214, 255), (150, 226, 250), (236, 214, 170), (90, 160, 240))  # BGR


class _Skyline:
    """A row of houses with lit windows; `pace` is how many pixels it slides each frame."""

    def __init__(
        self, rng: np.random.Generator, width: int, height: int, low: float, high: float, body: tuple[int, int, int], lit: float
    ) -> None:
        self.picture = np.zeros((height, width, 3), np.uint8)
        self.shape = np.zeros((height, width), np.uint8)
        self.windows: list[tuple[int, int, int, int]] = []
        unit = max(2, round(height / 90))
        x = 0
        while x < width:
            wide = int(rng.integers(9, 18)) * unit
            top = round(height * (1 - rng.uniform(low, high)))
            shade = rng.uniform(0.75, 1.25)
            paint = tuple(part * shade for part in body)
            cv2.rectangle(self.picture, (x, top), (x + wide - unit, height), paint, -1)
            cv2.rectangle(self.shape, (x, top), (x + wide - unit, height), (255,), -1)
            if rng.random() < 0.35:
                cv2.line(self.picture, (x + wide // 2, top - 9 * unit), (x + wide // 2, top), paint, max(1, unit // 2))
                cv2.line(self.shape, (x + wide // 2, top - 9 * unit), (x + wide // 2, top), (255,), max(1, unit // 2))
                cv2.circle(self.picture, (x + wide // 2, top - 9 * unit), unit // 2 + 1, (60, 60, 255), -1)
                cv2.circle(self.shape, (x + wide // 2, top - 9 * unit), unit // 2 + 1, (255,), -1)
            self._light(rng, range(x + unit, x + wide - 2 * unit, 2 * unit), range(top + 2 * unit, height - 2 * unit, 3 * unit), unit, lit)
            x += wide

    def _light(self, rng: np.random.Generator, across: range, down: range, unit: int, lit: float) -> None:
        for y in down:
            warm = _WINDOWS[int(rng.integers(len(_WINDOWS)))]
            for x in across:
                if rng.random() < lit:
                    strength = rng.uniform(0.55, 1.0)
                    paint = tuple(part * strength for part in warm)
                    cv2.rectangle(self.picture, (x, y), (x + unit - 1, y + unit), paint, -1)
                    self.windows.append((x, y, unit, int(rng.integers(20, 200))))

    def stand(self, picture: Picture, offset: int, frame: int, body: tuple[int, int, int]) -> None:
        """Put the row at the foot of `picture`, `offset` pixels to the left; now and then a window goes dark."""
        height, width = picture.shape[:2]
        view = self.picture[:, offset : offset + width].copy()
        for x, y, unit, turn in self.windows[::9]:
            if (frame // turn) % 2 and offset <= x < offset + width:
                cv2.rectangle(view, (x - offset, y), (x - offset + unit - 1, y + unit), body, -1)
        cv2.copyTo(view, self.shape[:, offset : offset + width], picture[height - view.shape[0] :])


def city(stage: Stage) -> Draw:
    """Lit windows over a river under the moon; the camera drifts along the bank."""
    w, h, rng = stage.width, stage.height, stage.rng
    bank = round(h * 0.78)
    heaven = sky(w, bank, (0, (10, 12, 38)), (0.55, (32, 30, 74)), (1, (92, 60, 104)))
    for _ in range(120):
        heaven[int(rng.integers(round(bank * 0.6))), int(rng.integers(w))] = int(rng.integers(90, 230))
    bodies = ((66, 40, 52), (46, 26, 34), (26, 14, 18))
    rows = [
        _Skyline(rng, w * 3, round(bank * 0.86), 0.35, 0.75, bodies[0], 0.22),
        _Skyline(rng, w * 3, round(bank * 0.74), 0.3, 0.85, bodies[1], 0.34),
        _Skyline(rng, w * 3, round(bank * 0.52), 0.25, 0.8, bodies[2], 0.42),
    ]
    halo, moon = Glow(round(h * 0.4), (90, 100, 150)), Glow(round(h * 0.062), (255, 250, 230), core=0.8)
    y, x = np.mgrid[0 : h - bank, 0:w].astype(np.float32)
    deep = y / (h - bank)

    def draw(frame: int) -> Picture:
        seconds = float(frame / stage.rate)
        above = heaven.copy()
        halo.shine(above, w * 0.76, h * 0.17, 0.8)
        moon.shine(above, w * 0.76, h * 0.17)
        for layer, row in enumerate(rows):
            row.stand(above, max(0, (frame + 30) * (layer + 1) * w // 960), frame, bodies[layer])
        above = bloomed(above, 0.55, 120)
        ripple = (
            np.sin(y * 1.1 - np.float32(seconds * 5)) * (1 + 5 * deep) + np.sin(x * 0.03 + y * 0.5 + np.float32(seconds * 2)) * 2 * deep
        )
        mirrored = cv2.remap(above, x + ripple.astype(np.float32), bank - 1 - y * 2.4, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        water = cv2.addWeighted(cv2.GaussianBlur(mirrored, (0, 0), sigmaX=0.8, sigmaY=h / 120), 0.62, mirrored, 0.08, 4)
        return np.concatenate([above, as_picture(water)])

    return draw


def road(stage: Stage) -> Draw:
    """Driving fast at dusk: dashes, lamps and headlights come at the camera."""
    w, h, rng = stage.width, stage.height, stage.rng
    horizon = h * 0.45
    dusk = ((0, (24, 26, 74)), (0.22, (74, 48, 116)), (0.38, (206, 92, 96)), (0.445, (255, 168, 96)))
    ground = sky(w, h, *dusk, (0.452, (34, 32, 40)), (1, (60, 58, 66)))
    ridge(ground[: round(horizon) + 2], profile(rng, w + 8, peaks=12, roughness=0.7), 0, h * 0.4, h * 0.05, (14, 14, 24))
    lamp = [Glow(max(2, round(h * size)), (255, 190, 110), core=0.15) for size in (0.02, 0.045, 0.1, 0.2)]
    front = [Glow(max(2, round(h * size)), (226, 236, 255), core=0.25) for size in (0.015, 0.04, 0.1, 0.2)]
    rear = [Glow(max(2, round(h * size)), (255, 40, 30), core=0.2) for size in (0.012, 0.03, 0.06, 0.1)]
    bend_phase = rng.uniform(0, 2 * pi)

    def place(across: float, up: float, z: float, bend: float) -> tuple[float, float]:
        return w / 2 + (across / z + bend * (z / 12) ** 2) * h * 0.5, horizon + (1.1 - up) / z * h * 0.5

    def draw(frame: int) -> Picture:
        seconds = float(frame / stage.rate)
        bend = 0.22 * sin(seconds * 0.9 + bend_phase)
        way = seconds * 21
        picture = ground.copy()
        for kerb in (-2.6, 2.6):
            line = [place(kerb, 0, z, bend) for z in np.geomspace(0.5, 30, 24)]
            cv2.polylines(
                picture, [np.round(np.array(line) * 16).astype(np.int32)], False, (120, 130, 136), max(1, h // 180), cv2.LINE_AA, 4
            )
        for step in range(12):
            near = step * 2.4 - way % 2.4 + 0.45
            corners = [(-0.07, near), (0.07, near), (0.07, near + 1.1), (-0.07, near + 1.1)]
            quad = [place(across, 0, max(0.4, z), bend) for across, z in corners]
            cv2.fillPoly(picture, [np.round(np.array(quad) * 16).astype(np.int32)], (214, 232, 236), cv2.LINE_AA, 4)
        for step in range(9, -1, -1):
            z = step * 3.2 - (way * 0.98) % 3.2 + 3.2
            for side in (-3.3, 3.3):
                head, foot = place(side * 0.93, 2.6, z, bend), place(side, 0, z, bend)
                ends = [tuple(int(v * 16) for v in end) for end in (foot, head)]
                cv2.line(
                    picture, (ends[0][0], ends[0][1]), (ends[1][0], ends[1][1]), (30, 32, 38), max(1, round(h * 0.012 / z)), cv2.LINE_AA, 4
                )
                lamp[0 if z > 9 else 1 if z > 4 else 2 if z > 1.6 else 3].shine(picture, *head)
        for car in range(3):
            z = (car * 9.1 + 26 - way * 1.7) % 27 + 0.6
            size = 0 if z > 9 else 1 if z > 4 else 2 if z > 1.6 else 3
            for side in (-1.75, -1.05):
                front[size].shine(picture, *place(side, 0.35, z, bend))
        z = 3.6 + 1.1 * sin(seconds * 0.8)
        left, right = place(0.75, 0.72, z, bend), place(1.65, 0.14, z, bend)
        cv2.rectangle(picture, (round(left[0]), round(left[1])), (round(right[0]), round(right[1])), (26, 22, 20), -1)
        for side in (0.85, 1.55):
            rear[2 if z < 3.4 else 1].shine(picture, *place(side, 0.42, z, bend))
        return bloomed(picture, 0.5, 120)

    return draw


def tunnel(stage: Stage) -> Draw:
    """Stripes of light rush past in a twisting tunnel."""
    w, h, rng = stage.width, stage.height, stage.rng
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    x, y = (x - w / 2) / h, (y - h * 0.5) / h
    away, angle = np.hypot(x, y) + 0.02, np.arctan2(y, x)
    depth = 60 / away
    twist = (depth + angle * 256 / (2 * pi) * 3).astype(np.int64).astype(np.uint8)
    ribs = (depth * 1.5).astype(np.int64).astype(np.uint8)
    dim = cv2.merge([np.clip(away * 2.4 - 0.08, 0, 1) ** 0.8] * 3)
    step = np.arange(256)
    hue = float(rng.uniform(0, 1))
    edge = np.clip(np.cos(step * 2 * pi / 64) * 3 - 0.9, 0, 1)[:, None]
    warm = np.array([[60 + 150 * hue, 70, 255 - 90 * hue]])
    cool = np.array([[250 - 60 * hue, 130, 40 + 150 * hue]])
    blend = (0.5 + 0.5 * np.cos(step * 2 * pi / 256))[:, None]
    bands = ((0.08 + 0.92 * edge) * (warm * blend + cool * (1 - blend))).clip(0, 255).astype(np.uint8).reshape(256, 1, 3)
    rib = (np.clip(np.cos(step * 2 * pi / 256) * 6 - 5.1, 0, 1) * 110).astype(np.uint8).reshape(256, 1)

    def draw(frame: int) -> Picture:
        rush = int(float(frame / stage.rate) * 190) % 256
        stripes = cv2.LUT(cv2.merge([twist + np.uint8(rush)] * 3), bands)
        rings = cv2.LUT(ribs + np.uint8(rush * 2 % 256), rib)
        lit = cv2.add(stripes, cv2.merge([rings, cv2.convertScaleAbs(rings, alpha=0.8), cv2.convertScaleAbs(rings, alpha=0.7)]))
        return bloomed(as_picture(cv2.multiply(lit, dim, dtype=cv2.CV_8U)), 0.5, 110)

    return draw
