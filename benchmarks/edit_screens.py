"""Painted pictures for hard edits: pages of a screen recording, title cards, logos, and a person before a wall."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.edit_stock import SIZE, Picture

__all__ = ["logo", "page", "title", "wall_person"]

_PAGE_HEIGHT = 900


def page(theme: int, state: int, *, scroll: int, typed: int) -> Picture:
    """One frame of a screen recording: a bar and a menu that stay, a page that differs by `state`, scrolled by `scroll` pixels.

    Args:
        theme: seed of the colors and of what stays.
        state: which page is open; odd ones open a dialog or another column over the page before.
        scroll: pixels scrolled down.
        typed: letters in the field that a person types into.
    """
    rng = np.random.default_rng(theme)
    light = rng.random() < 0.7
    paper, ink = (np.full(3, rng.integers(235, 256)), 40) if light else (np.full(3, rng.integers(20, 50)), 210)
    accent = tuple(int(c) for c in rng.integers(30, 220, 3))
    canvas = np.empty((_PAGE_HEIGHT, SIZE[0], 3), np.uint8)
    canvas[:] = paper
    content = np.random.default_rng(theme + 1 + state // 2)
    for y in range(34, _PAGE_HEIGHT - 30, 12):
        if content.random() < 0.06:
            cv2.rectangle(
                canvas, (80, y), (80 + int(content.integers(60, 200)), y + 30), tuple(int(c) for c in content.integers(0, 255, 3)), -1
            )
        elif content.random() < 0.8:
            cv2.rectangle(canvas, (80, y), (80 + int(content.integers(40, 220)), y + 4), (ink, ink, ink), -1)
    shown = canvas[scroll : scroll + SIZE[1]].copy()
    shown[:22], shown[22:, :64] = accent, paper * 0.9
    for y in range(34, 170, 14):
        cv2.rectangle(shown, (8, y), (8 + int(rng.integers(20, 50)), y + 4), (ink, ink, ink), -1)
    if state % 2:
        box = np.random.default_rng(theme + 50 + state)
        x, width = int(box.integers(90, 150)), int(box.integers(110, 160))
        cv2.rectangle(shown, (x, 50), (x + width, 150), tuple(int(c) for c in box.integers(60, 256, 3)), -1)
        cv2.putText(shown, "Save changes?", (x + 8, 90), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (10, 10, 10), 1)
    cv2.putText(shown, "x" * typed, (70, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
    return shown


def title(picture: Picture, words: str) -> Picture:
    """Words in the middle of a picture."""
    shown = picture.copy()
    size, _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_DUPLEX, 0.8, 2)
    cv2.putText(shown, words, ((SIZE[0] - size[0]) // 2, SIZE[1] // 2 + 6), cv2.FONT_HERSHEY_DUPLEX, 0.8, (240, 240, 240), 2)
    return shown


def logo(theme: int, *, empty: bool = False) -> Picture:
    """A logo on a background of one color or gradient; `empty` leaves the logo out."""
    rng = np.random.default_rng(theme)
    tint = rng.uniform(0, 90, 3)
    shade = np.linspace(1.0, rng.uniform(0.4, 1.0), SIZE[1])[:, None, None]
    picture = np.ascontiguousarray(np.broadcast_to(tint * shade, (SIZE[1], SIZE[0], 3)), np.uint8)
    if empty:
        return picture
    color, middle = tuple(int(c) for c in rng.integers(120, 256, 3)), (SIZE[0] // 2, SIZE[1] // 2 - 8)
    if rng.random() < 0.5:
        cv2.circle(picture, middle, int(rng.integers(30, 55)), color, -1)
        cv2.circle(picture, middle, int(rng.integers(12, 26)), (20, 20, 20), -1)
    else:
        half = int(rng.integers(28, 50))
        corners = np.array(
            [(middle[0] - half, middle[1] + half), (middle[0] + half, middle[1] + half), (middle[0], middle[1] - half)], np.int32
        )
        cv2.fillPoly(picture, [corners], color)
    cv2.putText(picture, "STUDIO", (middle[0] - 44, SIZE[1] - 20), cv2.FONT_HERSHEY_DUPLEX, 0.8, color, 1)
    return picture


def wall_person(theme: int, person: Picture, side: float, size: float) -> Picture:
    """The middle of a picture, where a person is, in an oval on a wall that is the same for every `theme`.

    Args:
        theme: seed of the wall.
        person: the picture.
        side: middle of the oval across the wall, 0 to 1.
        size: half width of the oval as a share of the wall's.
    """
    rng = np.random.default_rng(theme)
    tint = rng.uniform(60, 220, 3)
    relief = cv2.resize(rng.normal(0, 6, (7, 12)).astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC)
    lit = np.linspace(0.8, 1.1, SIZE[0])[None, :, None]
    wall = np.clip(tint * lit + relief[..., None], 0, 255)
    x, y = np.meshgrid(np.arange(SIZE[0]) / SIZE[0], np.arange(SIZE[1]) / SIZE[1])
    inside = np.clip((1 - np.hypot((x - side) / size, (y - 0.62) / 0.6)) / 0.06 + 0.5, 0, 1)[..., None]
    moved = np.roll(person, round((side - 0.5) * SIZE[0]), axis=1)
    return np.asarray(wall * (1 - inside) + moved * inside, np.uint8)
