"""Finding the media files that a person means: by name, pattern, folder or list."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from streamtags.core.errors import SourceError
from streamtags.sources.edit.read import is_bundle
from streamtags.sources.file.access import is_url

__all__ = ["MEDIA_SUFFIXES", "expand_sources", "is_media_name", "media_files"]

MEDIA_SUFFIXES = frozenset(
    {
        ".3g2", ".3gp", ".asf", ".avi", ".dv", ".f4v", ".flv", ".m2t", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov",
        ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".qt", ".ts", ".vob", ".webm", ".wmv",
    }
)  # fmt: skip
"""Endings of files that are taken from a folder. A file that is named by itself may have any ending."""


def is_media_name(name: str) -> bool:
    """Return whether a file of this name is taken from a folder: it has an ending of media, and is not hidden."""
    return not name.startswith(".") and Path(name).suffix.lower() in MEDIA_SUFFIXES


def media_files(folder: str, *, recursive: bool) -> Iterator[str]:
    """Yield the paths of the media files in `folder`, sorted within each folder. Links to folders are not followed.

    Raises:
        SourceError: the folder, or one in it, cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(error.filename), hint="check its permissions") from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        yield from (str(Path(parent, name)) for name in sorted(names) if is_media_name(name))


def expand_sources(arguments: Iterable[str], *, recursive: bool, refuse: Callable[[SourceError], None]) -> list[str]:
    """Return the sources that the arguments stand for, in order and each once.

    A folder stands for the media files in it, unless it is one edit; a pattern with `*`, `?` or `[` for the files that match it (`**` for
    any folders), and anything else for itself: whether it can be read shows when it is analyzed.

    Args:
        arguments: names, URLs, folders and patterns.
        recursive: of a folder, take the files in its folders, too.
        refuse: called for an argument that stands for nothing: a folder without media files, a pattern that nothing matches.
    """
    by_place: dict[str, str] = {}
    for argument in arguments:
        try:
            sources = _expanded(argument, recursive=recursive)
        except SourceError as error:
            refuse(error)
            continue
        for source in sources:
            by_place.setdefault(source if source == "-" or is_url(source) else str(Path(source).absolute()), source)
    return list(by_place.values())


def _expanded(argument: str, *, recursive: bool) -> list[str]:
    if argument == "-" or is_url(argument):
        return [argument]
    if Path(argument).is_dir() and not is_bundle(argument):
        files = list(media_files(argument, recursive=recursive))
        if not files:
            hint = "name the files, or give another folder" if recursive else "add --recursive to look into its folders"
            raise SourceError("no media files in this folder", where=argument, hint=hint)
        return files
    if not glob.has_magic(argument) or Path(argument).exists():
        return [argument]
    matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - takes absolute patterns, which Path.glob refuses
    files = [file for match in matches for file in (media_files(match, recursive=recursive) if Path(match).is_dir() else [match])]
    if not files:
        hint = "check it; quote a pattern to keep the shell from expanding it"
        raise SourceError("no such file, and nothing matches it as a pattern", where=argument, hint=hint)
    return files
