"""Where the files of tracks are."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from streamtags.core.errors import NotInStore
from streamtags.core.stores import Store
from streamtags.export.base import MusicFile
from streamtags.run.library_files import audio_file
from streamtags.store.opening import open_music_libraries

__all__ = ["music_file", "music_files"]


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
