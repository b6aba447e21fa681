"""Weights of models in the cache, complete and checked: each model at one commit, in a folder of its own.

A folder counts only when it has a record, which is written last. `model pull` fills it; nothing else downloads into it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from streamtags.core.errors import ModelError
from streamtags.core.files import write_atomically
from streamtags.stages.caption.hub import HubModel, download

__all__ = ["PulledModel", "cache_folder", "pull", "pulled_model"]

_RECORD = "streamtags.json"
_SPARE_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class PulledModel:
    """A model in the cache: its id at the hub, its commit, the folder with its files, and when it was pulled, in seconds since 1970."""

    id: str
    revision: str
    folder: Path
    pulled_at: float


def cache_folder() -> Path:
    """Return the folder that has one folder per model."""
    return Path(platformdirs.user_cache_dir("streamtags", appauthor=False)) / "models"


def pulled_model(name: str, revision: str | None = None) -> PulledModel | None:
    """Return a model of the cache; None if it is not there or not complete.

    Args:
        name: its id at the hub.
        revision: a commit; None takes the one pulled last.
    """
    folders = [folder for folder in _model_folder(name).glob(revision or "*") if (folder / _RECORD).is_file()]
    for folder in sorted(folders, key=lambda one: (one / _RECORD).stat().st_mtime, reverse=True):
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            if all((folder / file["name"]).stat().st_size == file["size"] for file in record["files"]):
                return PulledModel(name, folder.name, folder, (folder / _RECORD).stat().st_mtime)
        except (OSError, ValueError, KeyError, TypeError):  # incomplete: as if it were not there
            continue
    return None


def pull(model: HubModel, progress: Callable[[int], None] = lambda _: None) -> PulledModel:
    """Download the files of a model that the cache lacks, check them, and return it; blocks.

    Raises:
        ModelError: there is too little space, the hub cannot be reached, or a digest is wrong. What is complete is kept for the next time.
    """
    folder = _model_folder(model.id) / model.revision
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = model.size - sum(path.stat().st_size for path in folder.iterdir() if path.name != _RECORD)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ModelError(f"cannot be written: {error.strerror}", where=str(folder), code="model.disk", hint="set XDG_CACHE_HOME") from error
    if missing + _SPARE_BYTES > free:
        hint = "free some space, or set XDG_CACHE_HOME to a folder on a larger disk"
        raise ModelError(f"needs {missing / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free", where=str(folder), code="model.disk", hint=hint)
    for file in model.files:
        download(model, file, folder, progress)
    record = {"id": model.id, "revision": model.revision, "license": model.license, "files": [asdict(file) for file in model.files]}
    write_atomically(folder / _RECORD, json.dumps(record, indent=1).encode())
    return PulledModel(model.id, model.revision, folder, (folder / _RECORD).stat().st_mtime)


def _model_folder(name: str) -> Path:
    return cache_folder() / name.replace("/", "--")
