"""The audio files of music libraries. Ids and paths of tracks come from catalogs, which may come from anywhere."""

from __future__ import annotations

from pathlib import Path

from streamtags.core.music import Library, Track
from streamtags.sources.audio.tags import AUDIO_SUFFIXES

__all__ = ["audio_file", "file_below"]


def audio_file(library: Library, track: Track) -> Path | None:
    """Return the audio file of a track; None if the folder of its library holds none."""
    place = Path(library.path)
    if library.kind == "folder":
        return file_below(place, track.track)
    return file_below(place.parent, track.texts.get("path", ""))


def file_below(folder: Path, name: str) -> Path | None:
    """Return the audio file `name`, if it lies below `folder`, which is a resolved path; links that lead out of it are not followed."""
    if Path(name).suffix.lower() not in AUDIO_SUFFIXES:
        return None
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None
