"""The audio files of music libraries. Ids and paths of tracks come from catalogs, which may come from anywhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from streamtags.core.errors import NotInStore
from streamtags.core.music import Library, Track
from streamtags.core.stores import Store
from streamtags.export.base import MusicFile
from streamtags.sources.audio.tags import AUDIO_SUFFIXES
from streamtags.store.opening import open_music_libraries

__all__ = ["audio_file", "file_below", "music_file", "music_files"]


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


def music_file(store: Store, library: str, track: str) -> Path | None:
    """Return the audio file of a track; None if the library or track is gone, or the track has no file below the library's folder.

    Raises:
        StoreError: the libraries cannot be read.
    """
    with closing(open_music_libraries(store)) as libraries:
        try:
            known = libraries.library(library)
        except NotInStore:
            return None
        tracks = libraries.some(library, [track])
    return audio_file(known, tracks[0]) if tracks else None


def music_files(store: Store) -> MusicFile:
    """Return a function from the names of a library and a track to the path of its file."""

    def find(library: str, track: str) -> str | None:
        path = music_file(store, library, track)
        return str(path) if path is not None else None

    return find
