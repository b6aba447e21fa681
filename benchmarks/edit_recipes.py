"""Recipes of hard edits: one function for each difficulty adds shots to an edit until it is long enough.

What a recipe calls a cut is one that a person sees; the picture changes by a visible amount. What it calls no cut is one take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import cos, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.edit_screens import logo, page, title, wall_person
from benchmarks.edit_stock import SIZE, Edit, Picture, Stock, crop

__all__ = ["RECIPES"]

_FRAMES = 620
_VISIBLE = 7.0  # levels of mean difference between the pictures beside a jump cut


def _length(stock: Stock, low: int = 26, high: int = 60) -> int:
    return int(stock.rng.integers(low, high))


def _place(stock: Stock) -> tuple[float, float]:
    x, y = stock.rng.uniform(0, 1, 2)
    return float(x), float(y)


def _scaled(frames: Sequence[Picture], gains: Sequence[float] | NDArray[np.float64], offset: float = 0.0) -> list[Picture]:
    return [np.clip(f * np.float32(g) + np.float32(offset), 0, 255).astype(np.uint8) for f, g in zip(frames, gains, strict=True)]


def _difference(a: Picture, b: Picture) -> float:
    return float(np.abs(cv2.blur(a, (9, 9)).astype(np.int16) - cv2.blur(b, (9, 9))).mean())


def same_person(edit: Edit, stock: Stock) -> None:
    """Jump cuts in one take, some with a punch-in."""
    while len(edit.frames) < _FRAMES:
        shot = stock.choose(person=True)
        edit.cut(stock.take(shot, _length(stock)))
        for _ in range(3):
            zoom, place = (1.0, (0.5, 0.5)) if stock.rng.random() < 0.4 else (stock.rng.uniform(1.2, 1.7), (0.5, 0.3))
            frames = stock.take(shot, _length(stock), zoom=zoom, place=place)
            if _difference(edit.frames[-1], frames[0]) >= _VISIBLE:
                edit.cut(frames)


def same_set(edit: Edit, stock: Stock) -> None:
    """Two cameras in one place: parts of the same take, at different times."""
    while len(edit.frames) < _FRAMES:
        shot = stock.choose()
        for _ in range(4):
            frames = stock.take(shot, _length(stock), zoom=stock.rng.uniform(1.3, 2.2), place=_place(stock))
            if not edit.frames or _difference(edit.frames[-1], frames[0]) >= 2 * _VISIBLE:
                edit.cut(frames)


def dark(edit: Edit, stock: Stock) -> None:
    """Night: hard cuts and short dissolves between pictures of little light, with sensor noise."""
    while len(edit.frames) < _FRAMES:
        count = _length(stock)
        night = _scaled(stock.take(stock.choose(), count), np.full(count, stock.rng.uniform(0.06, 0.2)), 4.0)
        noise = stock.rng.normal(0, 1.5, (5, SIZE[1], SIZE[0], 1))
        night = [np.clip(f + noise[i % 5], 0, 255).astype(np.uint8) for i, f in enumerate(night)]
        if edit.frames and stock.rng.random() < 0.4:
            edit.dissolve(night, int(stock.rng.integers(4, 16)))
        else:
            edit.cut(night)


def slow_rate(edit: Edit, stock: Stock) -> None:
    """Fifteen frames a second: every second frame, so movement looks twice as fast, and shots of one to three seconds."""
    while len(edit.frames) < _FRAMES * 0.7:
        frames = stock.take(stock.choose(), 2 * _length(stock, 15, 42))[::2]
        if edit.frames and stock.rng.random() < 0.3:
            edit.dissolve(frames, int(stock.rng.integers(3, 13)))
        else:
            edit.cut(frames)


def passers(edit: Edit, stock: Stock) -> None:
    """A person walks past the lens: inside a shot, or just before a cut."""
    while len(edit.frames) < _FRAMES:
        frames = stock.take(stock.choose(), 60)
        count, at = int(stock.rng.integers(6, 18)), int(stock.rng.integers(8, 34))
        coat = stock.take(stock.choose(), 1, zoom=3.0, place=_place(stock))[0] // 3
        for i in range(count):
            frames[at + i] = _covered(frames[at + i], coat, (i + 0.5) / count)
        near = stock.rng.random() < 0.35
        edit.cut(frames[: at + count + 2] if near else frames)
        edit.distractors.append(
            {"type": "not_a_cut", "start": len(edit.frames) - 60 + at, "end": len(edit.frames) - 4, "what": "passer-by"}
        )


def _covered(picture: Picture, coat: Picture, progress: float) -> Picture:
    """A blurred figure as wide as two thirds of the picture, at its place between left (0) and right (1)."""
    x = (np.arange(SIZE[0]) / SIZE[0])[None, :, None]
    y = (np.arange(SIZE[1]) / SIZE[1])[:, None, None]
    middle = -0.35 + 1.7 * progress
    mask = np.clip((0.33 - np.abs(x - middle) - 0.05 * np.sin(7 * y)) / 0.06, 0, 1)
    shift = round(progress * SIZE[0])
    moved = np.roll(cv2.blur(coat, (9, 3)), shift, axis=1)
    return np.asarray(picture * (1 - mask) + moved * mask, np.uint8)


def swings(edit: Edit, stock: Stock) -> None:
    """A camera that whips and wobbles; a third of the cuts come while it moves."""
    while len(edit.frames) < _FRAMES:
        shot, count = stock.choose(), 64
        frames = stock.frames(shot)
        start = int(stock.rng.integers(max(1, len(frames) - count)))
        turn, at = int(stock.rng.integers(7, 16)), int(stock.rng.integers(10, 36))
        x0, x1 = (0.0, 1.0) if stock.rng.random() < 0.5 else (1.0, 0.0)
        taken = []
        for i in range(count):
            swing = np.clip((i - at) / turn, 0, 1)
            eased = x0 + (x1 - x0) * (1 - cos(pi * swing)) / 2
            wobble = 0.03 * sin(i * 0.9)
            wide = _mirrored(frames[min(start + i, len(frames) - 1)])
            picture = crop(wide, 2.4, (float(np.clip(eased + wobble, 0, 1)), 0.5 + 0.4 * wobble))
            speed = abs((1 - cos(pi * np.clip((i + 1 - at) / turn, 0, 1))) / 2 - (1 - cos(pi * swing)) / 2) * SIZE[0] * 1.4
            taken.append(np.asarray(cv2.blur(picture, (1 + round(speed * 0.5), 1)), np.uint8))
        edit.cut(taken[: at + turn - 2] if stock.rng.random() < 0.35 else taken)


def _mirrored(picture: Picture) -> Picture:
    """A picture twice as wide: what a camera that turns would see."""
    return np.asarray(np.hstack([picture, picture[:, ::-1]]), np.uint8)


def tilts(edit: Edit, stock: Stock) -> None:
    """Slow and fast pans and tilts over a still or moving place until nothing of the first picture is left; few cuts."""
    while len(edit.frames) < _FRAMES:
        frames = stock.frames(stock.choose())
        count, turn = 90, int(stock.rng.integers(14, 70))
        upright = stock.rng.random() < 0.5
        start, taken = int(stock.rng.integers(max(1, len(frames) - count))), []
        for i in range(count):
            eased = float((1 - cos(pi * np.clip((i - 10) / turn, 0, 1))) / 2)
            picture = frames[min(start + i, len(frames) - 1)]
            wide = np.vstack([picture, picture[::-1]]) if upright else _mirrored(picture)
            taken.append(_window(wide, eased, upright))
        edit.cut(taken)
        edit.no_cut(count - 10, "tilt" if upright else "pan")


def _window(wide: NDArray[np.generic], share: float, upright: bool) -> Picture:
    """A 16:9 window over a picture that is twice as high or wide, at `share` of the way."""
    height, width = wide.shape[:2]
    h, w = (height // 2, width) if upright else (height, width // 2)
    y, x = (round((height - h) * share), 0) if upright else (0, round((width - w) * share))
    return np.asarray(cv2.resize(wide[y : y + h, x : x + w], SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def screens(edit: Edit, stock: Stock) -> None:
    """Screen recordings: pages scroll, dialogs open, half of a page changes; a cut only to or from footage."""
    while len(edit.frames) < _FRAMES:
        edit.cut(stock.take(stock.choose(), _length(stock)))
        theme, recording = int(stock.rng.integers(1 << 30)), []
        for state in range(4):
            count = int(stock.rng.integers(18, 40))
            scroll = stock.rng.random() < 0.4
            recording += [page(theme, state, scroll=3 * i if scroll else 0, typed=i // 3) for i in range(count)]
        edit.cut(recording)
        edit.no_cut(len(recording) - 3, "screen recording")


def short_dissolves(edit: Edit, stock: Stock) -> None:
    """Dissolves of two to six mixed frames."""
    while len(edit.frames) < _FRAMES:
        frames = stock.take(stock.choose(), _length(stock))
        if edit.frames:
            edit.dissolve(frames, int(stock.rng.integers(2, 7)))
        else:
            edit.cut(frames)


def wipes(edit: Edit, stock: Stock) -> None:
    """Wipes from a side or a corner, irises, and slides, of 6 to 24 frames."""
    while len(edit.frames) < _FRAMES:
        frames = stock.take(stock.choose(), _length(stock, 40, 66))
        if not edit.frames:
            edit.cut(frames)
            continue
        length, angle, iris = int(stock.rng.integers(6, 25)), stock.rng.uniform(0, 2 * pi), stock.rng.random() < 0.3
        x, y = np.meshgrid(np.linspace(-1, 1, SIZE[0]), np.linspace(-1, 1, SIZE[1]))
        field = np.hypot(x, y) / 1.42 if iris else (x * cos(angle) + y * sin(angle)) / (abs(cos(angle)) + abs(sin(angle))) / 2 + 0.5
        masks = [np.clip(((i + 1) / (length + 1) - field) / 0.03 + 0.5, 0, 1)[..., None].astype(np.float32) for i in range(length)]
        edit.blend(frames, masks, "wipe")


def zooms(edit: Edit, stock: Stock) -> None:
    """Fast zooms in and out inside a shot."""
    while len(edit.frames) < _FRAMES:
        frames = stock.frames(stock.choose())
        count, turn, most = 60, int(stock.rng.integers(5, 30)), stock.rng.uniform(1.8, 3.2)
        inward, start, taken = stock.rng.random() < 0.5, int(stock.rng.integers(max(1, len(frames) - count))), []
        for i in range(count):
            share = float(np.clip((i - 15) / turn, 0, 1))
            zoom = most ** (share if inward else 1 - share)
            taken.append(crop(frames[min(start + i, len(frames) - 1)], zoom, (0.5, 0.5)))
        edit.cut(taken)
        edit.no_cut(count - 12, "zoom")


def lights(edit: Edit, stock: Stock) -> None:
    """Lights go on, off, and change color inside a shot."""
    while len(edit.frames) < _FRAMES:
        count, at, length = 60, int(stock.rng.integers(10, 36)), int(stock.rng.integers(1, 18))
        low, color = stock.rng.uniform(0.2, 0.55), stock.rng.uniform(0.6, 1.0, 3)
        share = np.clip((np.arange(count) - at) / length, 0, 1)
        share = share if stock.rng.random() < 0.5 else 1 - share
        frames = stock.take(stock.choose(), count)
        lit = [np.clip(f * ((1 - s) * low * color + s), 0, 255).astype(np.uint8) for f, s in zip(frames, share, strict=True)]
        edit.cut(lit)
        edit.no_cut(count - 6, "light")


def flashes(edit: Edit, stock: Stock) -> None:
    """Photo flashes inside shots and on cuts, and explosions that fade."""
    while len(edit.frames) < _FRAMES:
        frames = stock.take(stock.choose(), 46)
        at, length, tail = int(stock.rng.integers(10, 30)), int(stock.rng.integers(1, 4)), int(stock.rng.integers(0, 10))
        for i in range(length + tail):
            glow = 220.0 if i < length else 220.0 * (1 - (i - length + 1) / (tail + 1))
            frames[at + i] = np.clip(frames[at + i] + np.float32(glow), 0, 255).astype(np.uint8)
        if edit.frames and stock.rng.random() < 0.4:  # the flash hides the cut: its last frame already belongs to the new shot
            edit.frames[-1] = np.clip(edit.frames[-1] + np.float32(200), 0, 255).astype(np.uint8)
            frames[0] = np.clip(frames[0] + np.float32(200), 0, 255).astype(np.uint8)
        edit.cut(frames)


def titles(edit: Edit, stock: Stock) -> None:
    """Title to logo on one background, titles over a picture, and back to footage."""
    while len(edit.frames) < _FRAMES:
        frames = stock.take(stock.choose(), 50)
        edit.cut(frames[:22])
        edit.go_on([title(f, "A NIGHT IN " + str(len(edit.frames))) for f in frames[22:]])
        edit.no_cut(28, "title over the picture")
        theme = int(stock.rng.integers(1 << 30))
        edit.cut([title(logo(theme, empty=True), "The Company presents")] * _length(stock, 20, 36))
        edit.cut([logo(theme)] * _length(stock, 20, 36))


def same_wall(edit: Edit, stock: Stock) -> None:
    """Interviews: different people before the same wall."""
    while len(edit.frames) < _FRAMES:
        theme = int(stock.rng.integers(1 << 30))
        for _ in range(4):
            count, side, size = _length(stock), stock.rng.uniform(0.3, 0.7), stock.rng.uniform(0.22, 0.34)
            people = stock.take(stock.choose(person=True), count, zoom=1.2)
            edit.cut([wall_person(theme, f, side, size) for f in people])


def drifts(edit: Edit, stock: Stock) -> None:
    """Backgrounds that drift and change color slowly behind a title, and smoke; cuts to footage."""
    while len(edit.frames) < _FRAMES:
        edit.cut(stock.take(stock.choose(), _length(stock)))
        relief = cv2.resize(stock.rng.uniform(0, 1, (5, 9)).astype(np.float32), (3 * SIZE[0], 2 * SIZE[1]), interpolation=cv2.INTER_CUBIC)
        first, second = stock.rng.uniform(20, 235, (2, 3))
        speed, taken = stock.rng.uniform(2, 6), []
        for i in range(80):
            x = min(round(i * speed), 2 * SIZE[0])
            share = np.clip(relief[90 : 90 + SIZE[1], x : x + SIZE[0]] + 0.3 * sin(i / 15), 0, 1)[..., None]
            taken.append(title((first * (1 - share) + second * share).astype(np.uint8), "Seven Rivers"))
        edit.cut(taken)
        edit.no_cut(74, "drifting background")


RECIPES: Mapping[str, Callable[[Edit, Stock], None]] = {
    "same_person": same_person,
    "same_set": same_set,
    "same_wall": same_wall,
    "titles": titles,
    "dark": dark,
    "slow_rate": slow_rate,
    "passers": passers,
    "swings": swings,
    "tilts": tilts,
    "zooms": zooms,
    "screens": screens,
    "drifts": drifts,
    "lights": lights,
    "flashes": flashes,
    "short_dissolves": short_dissolves,
    "wipes": wipes,
}
