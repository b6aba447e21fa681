"""Browsing the folders whose files may be analyzed. Nothing outside of them is ever listed."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streamtags.core.errors import NotInStore, SourceRefused
from streamtags.sources.audio.tags import AUDIO_SUFFIXES
from streamtags.sources.edit.media import VIDEO_SUFFIXES
from streamtags.sources.edit.read import EDIT_SUFFIXES

__all__ = ["FolderEntry", "FolderPage", "MediaFolders"]

MAX_ENTRIES = 2000
_BUNDLE = ".fcpxmld"  # a folder that is one edit

_LISTED = VIDEO_SUFFIXES | AUDIO_SUFFIXES | EDIT_SUFFIXES


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A folder, or a file that can be analyzed.

    Attributes:
        name: the last part of its path.
        path: absolute; what to browse or to analyze.
        is_folder: whether it is a folder.
        size: bytes of a file; None for a folder.
        modified_at: when a file was last changed; None for a folder.
    """

    name: str
    path: str
    is_folder: bool
    size: int | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FolderPage:
    """What is in a folder.

    Attributes:
        path: the folder; "" for the list of roots.
        parent: the folder above it; "" for the list of roots, None for that list itself.
        entries: folders first, then files, each by name.
        truncated: whether there are more entries than are listed.
    """

    path: str
    parent: str | None
    entries: tuple[FolderEntry, ...]
    truncated: bool


class MediaFolders:
    """Lists folders and media below the media roots.

    Hidden entries, links that lead out of the roots, and files that are neither videos nor edits are left out. A folder is addressed by
    its absolute path; one that is hidden, or lies outside the roots, is refused whether or not it exists.

    Args:
        roots: the media roots.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(root.resolve() for root in roots)

    def browse(self, path: str) -> FolderPage:
        """Return what is in the folder `path`; the roots themselves if it is "".

        Raises:
            SourceRefused: it lies outside the roots, or is hidden.
            NotInStore: there is no such folder, or it cannot be read.
        """
        if not path:
            return FolderPage(
                "", None, tuple(FolderEntry(root.name or str(root), str(root), is_folder=True) for root in self._roots), False
            )
        folder, root = self._folder(path)
        try:
            # One more than is listed shows whether there are more. A heap keeps memory bounded in a folder of a million files.
            listed = heapq.nsmallest(MAX_ENTRIES + 1, self._entries(folder), key=_order)
        except OSError as error:
            raise NotInStore(f"cannot be read: {error.strerror}", where=path) from error
        parent = "" if folder == root else str(folder.parent)
        return FolderPage(str(folder), parent, tuple(listed[:MAX_ENTRIES]), len(listed) > MAX_ENTRIES)

    def _folder(self, path: str) -> tuple[Path, Path]:
        """Return the folder that may be listed, and its root."""
        try:
            folder = Path(path).resolve()
            root = self._root_of(folder) if Path(path).is_absolute() else None
        except (OSError, RuntimeError, ValueError):  # a NUL, a loop of links
            root = None
        if root is None:
            raise SourceRefused("lies outside the folders that may be read, or is hidden", where=path, hint="browse from a media root")
        if not folder.is_dir():
            raise NotInStore("there is no such folder", where=path)
        return folder, root

    def _root_of(self, real: Path) -> Path | None:
        """Return the root that `real` lies under without a hidden folder on the way; None if there is none."""
        for root in self._roots:
            if real.is_relative_to(root) and not any(part.startswith(".") for part in real.relative_to(root).parts):
                return root
        return None

    def _entries(self, folder: Path) -> Iterator[FolderEntry]:
        with os.scandir(folder) as scan:
            for scanned in scan:
                entry = self._entry(scanned)
                if entry is not None:
                    yield entry

    def _entry(self, scanned: os.DirEntry[str]) -> FolderEntry | None:
        """Return what is listed of `scanned`; None if nothing is."""
        try:
            scanned.name.encode()
            if scanned.name.startswith(".") or (scanned.is_symlink() and self._root_of(Path(scanned.path).resolve(strict=True)) is None):
                return None
            suffix = Path(scanned.name).suffix.casefold()
            if scanned.is_dir() and suffix != _BUNDLE:
                return FolderEntry(scanned.name, scanned.path, is_folder=True)
            if suffix not in _LISTED or not (scanned.is_file() or suffix == _BUNDLE):
                return None
            status = scanned.stat()
        except (OSError, RuntimeError, ValueError):  # gone since, unreadable, a loop of links, a name that is no text
            return None
        modified_at = datetime.fromtimestamp(int(status.st_mtime), UTC)
        return FolderEntry(scanned.name, scanned.path, is_folder=False, size=status.st_size, modified_at=modified_at)


def _order(entry: FolderEntry) -> tuple[bool, str, str]:
    return not entry.is_folder, entry.name.casefold(), entry.name
