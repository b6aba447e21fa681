"""Face detectors: a picture in, boxes out. `FaceDetector` is the seam; `BlazeFaceDetector` ships.

A detector finds faces, not whose they are. Its weights are fetched by `streamtags model pull faces`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np

from streamtags.core.errors import ConfigError
from streamtags.core.model import Picture

__all__ = ["BlazeFaceDetector", "Face", "FaceDetector"]

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Face:
    """A face in a picture; `box` is x, y, width and height in shares of the picture, `confidence` is 0..1."""

    box: Box
    confidence: float


class FaceDetector(Protocol):
    """Finds the faces in a picture."""

    @property
    def model(self) -> str:
        """Names the detector and its model."""
        ...

    def detect(self, picture: Picture) -> Sequence[Face]:
        """Return the faces in `picture` (RGB uint8), the largest first. Blocks; called from one thread at a time."""
        ...


class BlazeFaceDetector:
    """Detects with BlazeFace for faces within five meters (Bazarevsky et al. 2019, https://arxiv.org/abs/1907.05047), run by OpenCV.

    A picture is looked at as a whole, and again in two overlapping squares, where small faces are larger.

    Args:
        weights: the file `face_detection_full_range.tflite` of MediaPipe.
        min_confidence: faces below it are left out.

    Raises:
        ConfigError: the file is missing or cannot be loaded.
    """

    model = "blazeface/full-range"

    _SIDE: Final = 192
    _CELLS: Final = 48  # one box for each cell of a grid
    _OUTPUTS: Final = ("reshaped_classifier_face_4", "reshaped_regressor_face_4")
    _TALLEST_SQUARE: Final = 1.2  # pictures nearer to a square than this are looked at once

    def __init__(self, weights: Path, min_confidence: float) -> None:
        self._net = _loaded(weights)
        self._least = min_confidence
        centers = (np.arange(self._CELLS) + 0.5) / self._CELLS
        self._centers = np.stack(np.meshgrid(centers, centers), axis=-1).reshape(-1, 2)

    def detect(self, picture: Picture) -> Sequence[Face]:
        """Return the faces, the largest first."""
        height, width = picture.shape[:2]
        places = [(0, 0, width, height)]
        side = min(width, height)
        if max(width, height) > self._TALLEST_SQUARE * side:
            places += [(0, 0, side, side), (width - side, height - side, side, side)]
        boxes: list[Box] = []
        scores: list[float] = []
        for x, y, wide, high in places:
            for (left, top, box_width, box_height), score in self._look(picture[y : y + high, x : x + wide]):
                boxes.append((left + x, top + y, box_width, box_height))
                scores.append(score)
        return _as_faces(boxes, scores, self._least, width, height)

    def _look(self, picture: Picture) -> list[tuple[Box, float]]:
        """Return boxes in pixels of `picture`, and their confidence."""
        height, width = picture.shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        square = np.zeros((side, side, 3), np.uint8)
        square[top : top + height, left : left + width] = picture
        self._net.setInput(cv2.dnn.blobFromImage(square, 1 / 127.5, (self._SIDE, self._SIDE), (127.5, 127.5, 127.5)))
        logits, raw = self._net.forward(list(self._OUTPUTS))
        scores = 1 / (1 + np.exp(-np.clip(logits.reshape(-1), -80, 80)))
        sure = scores >= self._least
        corner_and_size = raw.reshape(-1, 16)[sure, :4].astype(np.float64) / self._SIDE
        middles, sizes = corner_and_size[:, :2] + self._centers[sure], corner_and_size[:, 2:]
        corners = (middles - sizes / 2) * side - (left, top)
        rows = np.concatenate([corners, sizes * side], axis=1).tolist()
        return [((a, b, c, d), score) for (a, b, c, d), score in zip(rows, scores[sure].tolist(), strict=True)]


def _loaded(weights: Path) -> Any:
    hint = "fetch it again: `streamtags model pull faces`"
    if not weights.is_file():
        raise ConfigError("the weights of the face detector are not there", where=str(weights), hint=hint)
    # OpenCV 5 has a second engine, which gives one output only.
    engine = [cv2.dnn.ENGINE_CLASSIC] if hasattr(cv2.dnn, "ENGINE_CLASSIC") else []
    try:
        return cv2.dnn.readNetFromTFLite(str(weights), *engine)
    except (cv2.error, RuntimeError) as error:
        raise ConfigError("is not a TensorFlow Lite model", where=str(weights), hint=hint) from error


def _as_faces(boxes: Sequence[Box], scores: Sequence[float], least: float, width: int, height: int) -> list[Face]:
    """Return each face once, cut to the picture."""
    if not boxes:
        return []
    kept = np.asarray(cv2.dnn.NMSBoxes(list(boxes), list(scores), least, 0.3), np.intp).reshape(-1).tolist()
    faces = [Face(_shares(boxes[at], width, height), min(1.0, round(scores[at], 4))) for at in kept]
    return sorted((face for face in faces if face.box[2] and face.box[3]), key=lambda face: -face.box[3])


def _shares(box: Box, width: int, height: int) -> Box:
    x, y, wide, high = box
    left, top = min(max(x / width, 0.0), 1.0), min(max(y / height, 0.0), 1.0)
    right, bottom = min(max((x + wide) / width, 0.0), 1.0), min(max((y + high) / height, 0.0), 1.0)
    return round(left, 4), round(top, 4), round(right - left, 4), round(bottom - top, 4)
