"""How much the picture of a segment moves, and how its camera moves.

Every 0.4 s, corners (Shi & Tomasi, CVPR 1994) of the small picture are followed into the picture 0.2 s later with sparse
pyramidal Lucas-Kanade (Bouguet, 2001), and a similarity transform (shift, zoom, roll) is fitted to them with RANSAC (Fischler & Bolles,
CACM 1981). Corners that agree with the transform are background; the opposite of their movement is the camera's. Speeds are percent of the
picture's longer side a second unless their name says otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import hypot, inf, isnan, log, nan
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.core.batch import Batch
from streamtags.core.model import EvidenceValue, Frame, Picture
from streamtags.stages.measure.bars import BarFinder

__all__ = ["CAMERA_MOVES", "MotionMeter"]

_Points = NDArray[np.float64]

CAMERA_MOVES = ("static", "pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out", "handheld")

_DIRECTIONS = (("pan_left", "pan_right"), ("tilt_down", "tilt_up"), ("zoom_out", "zoom_in"))
# Between the pictures of a pair: a creeping zoom moves a tenth of a pixel in that time, and a fast pan still overlaps.
_GAP_SECONDS = 0.2
# From the first picture of a pair to that of the next: what a camera does changes slowly.
_EVERY_SECONDS = 0.4
# Pairs compared at a time.
_BATCH = 8
# Tolerance for pts that were rounded to a coarse time base, in seconds.
_ROUNDING = 0.001
# Longer side of the picture that is tracked, in pixels.
_SIDE = 128
# A wide spacing and a low quality: corners must cover the whole picture, or a busy object in front of a plain ground counts as ground.
_CORNERS, _QUALITY, _SPACING = 70, 0.0005, 12
_TRACKER: dict[str, Any] = {
    "winSize": (11, 11),
    "maxLevel": 3,
    "criteria": (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 15, 0.03),
}
_FEWEST_CORNERS = 8
# Mean difference of grey levels, 0..255, around a followed corner above which it was lost.
_LOST = 18.0
# Corners this near to a black bar, in pixels, may lie on its edge, which stands still whatever the camera does.
_BAR_EDGE = 2
# A corner that moves less than this, in pixels, between the pictures of a pair stands still: tripod clips show 0.01 to 0.1.
_STILL_PIXELS = 0.2
# Share of corners standing still from which the camera rests, however large the object that moves in front of it.
_STILL_SHARE = 0.35
# Share of the picture that the background must span: a single object turning on a blank ground is no camera move.
_SPAN = 0.25
# The largest shift in one gap, in pixels, and the largest zoom that can be followed; more is a wrong fit.
_FURTHEST, _FURTHEST_ZOOM = 0.5 * _SIDE, 1.5
_CELLS_X, _CELLS_Y = 8, 5
# Speed below which a camera rests. Real tripod clips stay below 0.4, hand-held ones lie above 2.
_MOVE = 1.2
# Share of its speed that a camera keeps in one direction while it pans, tilts or zooms.
_STEADY = 0.6


class _Shown(NamedTuple):
    """A grey picture of a pair, and the time at which it is shown, in seconds."""

    grey: Picture
    seconds: float


@dataclass(frozen=True, slots=True)
class _Pair:
    """What happened between the pictures shown at `first` and `second` seconds.

    `amount` is the speed of the picture, `subject` its speed relative to the camera's (nan: too fast or too different to follow);
    `camera` is the camera's speed to the right, upwards and inwards, the last measured at the ends of the longer side; `agreement` is
    the share of corners that follow it, 0 if that is unknown.
    """

    first: float
    second: float
    amount: float
    subject: float
    camera: tuple[float, float, float] = (0.0, 0.0, 0.0)
    agreement: float = 0.0


class MotionMeter:
    """Measures movement over segments. Keeps a few small grey pictures, and a few numbers for each 0.4 s since the last measurement."""

    def __init__(self) -> None:
        self._anchor: _Shown | None = None  # the first picture of a pair; None between pairs
        self._due = -inf
        self._mask: Picture | None = None
        self._waiting: Batch[tuple[_Shown, _Shown, Picture | None]] = Batch(_BATCH)  # pairs, and a mask of where corners may lie
        self._bars = BarFinder()
        self._sides = (1.0, 1.0)
        self._pairs: deque[_Pair] = deque()

    def push(self, frame: Frame, seconds: float) -> None:
        """Take the next frame, shown at `seconds`; most are not used."""
        if seconds < self._due:
            return
        height, width = frame.bgr.shape[:2]
        scale = _SIDE / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(frame.bgr, size, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        shown, anchor = _Shown(grey, seconds), self._anchor
        if anchor is not None and anchor.grey.shape == grey.shape:
            self._compare_all(self._waiting.add((anchor, shown, self._mask)))
            self._anchor, self._due = None, anchor.seconds + _EVERY_SECONDS - _ROUNDING
            if seconds < self._due:
                return
        self._anchor, self._due = shown, seconds + _GAP_SECONDS - _ROUNDING
        self._mask = _mask(grey.shape, *self._bars.inside(grey))
        self._sides = (size[0] / _SIDE, size[1] / _SIDE)

    def measure(self, start: float, end: float) -> dict[str, EvidenceValue]:
        """Return the measures of the segment [start, end), in seconds, and forget everything before `start`.

        Only pairs of pictures that both lie in the segment count. A measure is None if the segment is too short for a pair, or if
        nothing in it can be followed.
        """
        self._compare_all(self._waiting.take())
        while self._pairs and self._pairs[0].first < start:
            self._pairs.popleft()
        pairs = [pair for pair in self._pairs if pair.second < end]
        followed = [pair for pair in pairs if not isnan(pair.amount)]
        seen = [pair for pair in pairs if pair.agreement > 0]
        evidence: dict[str, EvidenceValue] = {
            "motion_percent_per_second": _mean(pair.amount for pair in followed),
            "subject_motion_percent_per_second": _mean(pair.subject for pair in followed),
            "camera": None,
            "camera_confidence": 0.0,
            "pan_percent_width_per_second": None,
            "tilt_percent_height_per_second": None,
            "zoom_percent_per_second": None,
            "shake_percent_per_second": None,
        }
        if seen:
            speeds = np.array([pair.camera for pair in seen])
            camera, steadiness, shake = _judge(speeds)
            right, up, inwards = np.median(speeds, axis=0).tolist()
            evidence["camera"] = camera
            evidence["camera_confidence"] = round(steadiness * sum(pair.agreement for pair in seen) / len(pairs), 3)
            evidence["pan_percent_width_per_second"] = _tidy(right / self._sides[0])
            evidence["tilt_percent_height_per_second"] = _tidy(up / self._sides[1])
            evidence["zoom_percent_per_second"] = _tidy(inwards * 2)
            evidence["shake_percent_per_second"] = _tidy(shake)
        return evidence

    def _compare_all(self, pairs: Sequence[tuple[_Shown, _Shown, Picture | None]]) -> None:
        self._pairs += [_compare(*pair) for pair in pairs]


def _mean(values: Iterable[float]) -> float | None:
    kept = list(values)
    return _tidy(sum(kept) / len(kept)) if kept else None


def _tidy(value: float) -> float:
    return round(value, 2) + 0.0  # -0.0 becomes 0.0


def _judge(speeds: _Points) -> tuple[str, float, float]:
    """The camera's move, how clear that is (0..1), and its shake, from `speeds` [pairs, 3].

    Medians, so that the move is what the camera does most of the time and no wrong fit counts. Shake is the median change of speed from
    one pair to the next.
    """
    speed = float(np.median(np.linalg.norm(speeds, axis=1)))
    shake = float(np.median(np.linalg.norm(np.diff(speeds, axis=0), axis=1))) / 2**0.5 if len(speeds) > 1 else 0.0
    if speed < _MOVE:
        return "static", 1 - 0.5 * speed / _MOVE, shake
    typical = np.median(speeds, axis=0)
    axis = int(np.argmax(np.abs(typical)))
    steadiness = min(1.0, abs(float(typical[axis])) / speed)
    if steadiness < _STEADY and shake > _MOVE / 2:
        return "handheld", 1 - 0.5 * steadiness, shake
    return _DIRECTIONS[axis][int(typical[axis] > 0)], steadiness, shake


def _compare(one: _Shown, other: _Shown, mask: Picture | None) -> _Pair:
    (before, first), (after, second) = one, other
    corners = cv2.goodFeaturesToTrack(before, _CORNERS, _QUALITY, _SPACING, mask=mask)
    if corners is None or len(corners) < _FEWEST_CORNERS:
        return _Pair(first, second, 0.0, 0.0)
    moved, status, error = cv2.calcOpticalFlowPyrLK(before, after, corners, np.empty_like(corners), **_TRACKER)
    kept = (status.ravel() > 0) & (error.ravel() < _LOST)
    old, shift = np.asarray(corners[kept, 0], np.float64), np.asarray((moved - corners)[kept, 0], np.float64)
    height, width = before.shape
    fit = _fit_camera(old, shift, width, height)
    if fit is None:
        return _Pair(first, second, nan, nan)
    camera_shift, agreement = fit
    amount, subject = _speeds(old, shift, camera_shift, width, height)
    right, down = _displacement(camera_shift, np.array([[width / 2, height / 2]]))[0].tolist()
    per_second = 100 / (_SIDE * (second - first))
    return _Pair(
        first,
        second,
        amount=amount * per_second,
        subject=subject * per_second,
        camera=(-right * per_second, down * per_second, 50 * log(_growth(camera_shift)) / (second - first)),
        agreement=agreement * len(old) / len(corners),
    )


def _fit_camera(old: _Points, shift: _Points, width: int, height: int) -> tuple[_Points, float] | None:
    """The transform of the background as identity + [2, 3], and the share of corners that follow it; None if there is no certain one."""
    if len(old) < _FEWEST_CORNERS:
        return None
    length = _lengths(shift)
    # Parallax and rolling shutters bend a fast move, so the fit may be the looser the faster it is.
    transform, inliers = cv2.estimateAffinePartial2D(old, old + shift, ransacReprojThreshold=0.4 + 0.1 * float(np.median(length)))
    if transform is None:
        return None  # type: ignore[unreachable]  # the stubs leave out that there may be no fit
    camera_shift = np.asarray(transform, np.float64) - np.eye(2, 3)
    travel = float(_lengths(_displacement(camera_shift, _centers(width, height))).mean())
    if not (travel <= _FURTHEST and 1 / _FURTHEST_ZOOM <= _growth(camera_shift) <= _FURTHEST_ZOOM):
        return None
    background, still = inliers.ravel() > 0, length < _STILL_PIXELS
    if travel <= 2 * _STILL_PIXELS:
        return camera_shift, float(background.mean())
    if still.mean() >= _STILL_SHARE:
        return np.zeros((2, 3)), float(still.mean())
    # Corners strewn evenly over the picture have a standard deviation of side / sqrt(12) each way.
    span = 12 * float(np.prod(old[background].std(axis=0))) / (width * height)
    return (camera_shift, float(background.mean())) if span >= _SPAN else (np.zeros((2, 3)), span)


def _speeds(old: _Points, shift: _Points, camera_shift: _Points, width: int, height: int) -> tuple[float, float]:
    """Mean shift over the picture, in pixels: absolute, and relative to the camera."""
    camera = _displacement(camera_shift, old)
    goal = old + camera
    # Points that leave the picture with the camera cannot be followed: their shifts are wrong.
    stays = np.all((goal >= 0) & (goal < (width, height)), axis=1)
    old, shift, camera = old[stays], shift[stays], camera[stays]
    cell = (old[:, 0] * _CELLS_X / width).astype(np.intp) * _CELLS_Y + (old[:, 1] * _CELLS_Y / height).astype(np.intp)
    # A cell without corners moves as the camera does: smooth sky pans too.
    amounts = _lengths(_displacement(camera_shift, _centers(width, height)))
    corners = np.bincount(cell, minlength=len(amounts))
    filled = corners > 0
    amounts[filled] = np.bincount(cell, _lengths(shift), len(amounts))[filled] / corners[filled]
    beside = np.bincount(cell, _lengths(shift - camera), len(amounts))[filled] / corners[filled]
    return float(amounts.mean()), float(beside.sum()) / len(amounts)


@cache
def _centers(width: int, height: int) -> _Points:
    return np.mgrid[0.5:_CELLS_X, 0.5:_CELLS_Y].reshape(2, -1).T * (width / _CELLS_X, height / _CELLS_Y)


def _growth(shift: _Points) -> float:
    return hypot(1 + float(shift[0, 0]), float(shift[1, 0]))


def _displacement(shift: _Points, points: _Points) -> _Points:
    """How far the affine map identity + `shift` [2, 3] moves each of `points` [n, 2]."""
    return points @ shift[:, :2].T + shift[:, 2]


def _lengths(vectors: _Points) -> _Points:
    return np.hypot(vectors[:, 0], vectors[:, 1])


def _mask(shape: tuple[int, ...], rows: slice, columns: slice) -> Picture | None:
    """Where corners may be looked for; None is everywhere."""
    height, width = shape
    top, left = rows.start, columns.start
    if not top and not left:
        return None
    mask = np.zeros(shape, np.uint8)
    row_edge, column_edge = (_BAR_EDGE * (margin > 0) for margin in (top, left))
    mask[top + row_edge : height - top - row_edge, left + column_edge : width - left - column_edge] = 255
    return mask
