"""Text readers: pictures in, lines out. `TextReader` is the seam; `RapidOcrReader` is the reader that ships.

RapidOCR runs PaddleOCR's models, which are inside its wheel, with ONNX Runtime; nothing is downloaded.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol

import cv2
import numpy as np

from streamtags.core.errors import ConfigError
from streamtags.core.model import Picture

__all__ = ["RapidOcrReader", "Reading", "TextReader", "is_installed"]

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """One line in a picture; `box` is x, y, width and height in shares of the picture."""

    text: str
    confidence: float
    box: Box


class TextReader(Protocol):
    """Reads the text in a picture."""

    @property
    def model(self) -> str:
        """Names the reader and its models."""
        ...

    def read(self, picture: Picture) -> Sequence[Reading]:
        """Return the lines in `picture` (RGB uint8), in any order. Blocks; called from one thread at a time."""
        ...


def is_installed() -> bool:
    """Whether the packages of `RapidOcrReader` are installed."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


class RapidOcrReader:
    """Reads by RapidOCR. The models are loaded at the first picture, once for the process.

    Raises:
        ConfigError: its packages are not installed.
    """

    model = "rapidocr/pp-ocr"

    def __init__(self) -> None:
        if not is_installed():
            raise ConfigError(
                "reading text on screen needs rapidocr and onnxruntime",
                where="read.enabled",
                hint="pip install 'streamtags[text]', or set read.enabled=off",
            )

    def read(self, picture: Picture) -> Sequence[Reading]:
        """Return the lines in `picture`."""
        height, width = picture.shape[:2]
        with _running:
            # Only upright text is expected in films, so the classifier of upside-down lines is not run.
            result = _engine()(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), use_cls=False)
        if result is None or result.boxes is None:
            return []
        return [
            Reading(str(text), float(score), _box(np.asarray(corners, dtype=np.float64), width, height))
            for corners, text, score in zip(result.boxes, result.txts, result.scores, strict=True)
        ]


_running = threading.Lock()


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",  # its logger writes to standard error
            "Det.limit_type": "max",  # otherwise small pictures are enlarged, which costs four times as much
            "Det.limit_side_len": 4096,
            "EngineConfig.onnxruntime.intra_op_num_threads": 2,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _box(corners: np.ndarray[Any, np.dtype[np.float64]], width: int, height: int) -> Box:
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    x, y = min(max(left / width, 0.0), 1.0), min(max(top / height, 0.0), 1.0)
    return round(x, 4), round(y, 4), round(min(right / width, 1.0) - x, 4), round(min(bottom / height, 1.0) - y, 4)
