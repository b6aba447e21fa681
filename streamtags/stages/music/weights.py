"""The weights of the music tagger in the cache: from the wheel of the PyPI package `musicnn`, which is never installed.

pip downloads the wheel by name, with its digest pinned, so that its settings (mirrors, proxies) hold; the checkpoints are taken out of it.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Final

from streamtags.stages.caption.weights import cache_folder
from streamtags.stages.music.musicnn import WEIGHT_FILES
from streamtags.stages.wheels import Wheel, download_wheel, unpack

__all__ = ["LICENSE", "PACKAGE", "WHEEL_BYTES", "WHEEL_SHA256", "pull_weights", "pulled_folder"]

PACKAGE: Final = "musicnn==0.1.0"
LICENSE: Final = "ISC (J. Pons, X. Serra)"
WHEEL_SHA256: Final = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
WHEEL_BYTES: Final = 29_292_476

_BY_HAND = f"python -m pip download --no-deps {PACKAGE}, unzip the wheel, and set hear.music.weights to its folder musicnn"


def pulled_folder() -> Path | None:
    """Return the folder with the weights; None if they were not pulled or are not complete."""
    folder = _folder()
    try:
        complete = all((folder / name).stat().st_size == size for name, (size, _) in WEIGHT_FILES.items())
    except OSError:
        return None
    return folder if complete else None


def pull_weights() -> Path:
    """Download the wheel, check it, and put its checkpoints into the cache; blocks. Returns their folder.

    Raises:
        ModelError: pip is missing or fails, a digest is wrong, or the cache cannot be written.
    """
    source = Wheel(PACKAGE, WHEEL_SHA256, WHEEL_BYTES, _BY_HAND)
    with tempfile.TemporaryDirectory(prefix="streamtags-") as scratch, zipfile.ZipFile(download_wheel(source, Path(scratch))) as archive:
        for name, (size, digest) in WEIGHT_FILES.items():
            unpack(archive, f"musicnn/{name}", _folder() / name, size, digest, PACKAGE)
    return _folder()


def _folder() -> Path:
    return cache_folder() / "musicnn-0.1.0"
