"""Installs a plugin package of the tests, without a build backend and without the network."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path


def install_plugin(package: Path, target: Path) -> None:
    """Copy the modules of `package` to the folder `target` and write the metadata of a wheel beside them.

    A process that has `target` on its path then sees the entry points of the package.
    """
    project = tomllib.loads((package / "pyproject.toml").read_text("utf-8"))["project"]
    shutil.copytree(package, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("pyproject.toml", "__pycache__"))
    info = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project.get("entry-points", {}).items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))
