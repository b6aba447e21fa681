"""Pack the panel into a file that Creative Cloud installs: `python package.py [streamtags.ccx]`.

Needs `npm ci` in this folder once: UXP loads no ES modules, so esbuild joins them into one script. A .ccx file is a zip archive.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
FILES = ("manifest.json", "index.html", "style.css")
_ESBUILD = FOLDER / "node_modules" / ".bin" / "esbuild"


def bundle() -> bytes:
    """Return the panel's script.

    Raises:
        FileNotFoundError: esbuild is not installed.
        subprocess.CalledProcessError: a module does not parse.
    """
    if not _ESBUILD.exists():
        raise FileNotFoundError(f"no esbuild in {_ESBUILD.parent}: run `npm ci` in {FOLDER}")
    words = [str(_ESBUILD), "panel.js", "--bundle", "--format=iife", "--target=es2022", "--external:premierepro"]
    return subprocess.run(words, cwd=FOLDER, check=True, capture_output=True).stdout


def package(path: Path) -> None:
    """Write the archive. The same sources give the same bytes."""
    contents = {name: (FOLDER / name).read_bytes() for name in FILES} | {"index.js": bundle()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "streamtags.ccx")
    package(target)
    print("wrote", target)
