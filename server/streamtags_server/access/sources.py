"""What clients name to have it analyzed: files under the media roots, and addresses."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from streamtags.core.errors import NotInStore, SourceError, SourceRefused, StreamtagsError
from streamtags.core.state import TimelineState
from streamtags.sources.file.access import Access, Place, locate, without_password

__all__ = ["Sources"]


class Sources:
    """Finds what a client names, if it may be read here.

    Args:
        access: what may be read; relative names are looked for under its roots, of which there is one at least.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def allowed(self, asked: str) -> str:
        """`asked` as a URL, or as the path of a file under a media root.

        Raises:
            SourceRefused: it may not be read here; nothing is said about what else there is.
            SourceError: there is no such file, or it cannot be read.
        """
        place = self._place(asked)
        return str(place.path or place.target)

    def file_of(self, state: TimelineState) -> Path:
        """The file a timeline was made from.

        Raises:
            NotInStore: it was no file, or the file may not be read here, is gone or is another one now.
        """
        if state.source is None:
            raise NotInStore("its source is not known yet", where=state.id)
        try:
            path = self._place(state.source.uri).path
        except StreamtagsError as error:
            raise NotInStore("its file is not there, or not under --media-root", where=state.id) from error
        if path is None:
            raise NotInStore("was not made from a file", where=state.id)
        if state.source.size is not None and path.stat().st_size != state.source.size:
            raise NotInStore("its file has changed since", where=state.id)
        return path

    def _place(self, asked: str) -> Place:
        try:
            uri = unquote(urlsplit(asked).path) if asked.lower().startswith("file://") else asked
            return locate(uri if "://" in uri else self._path(uri), self._access)
        except (OSError, RuntimeError, ValueError) as error:  # a NUL in it, a loop of links, brackets that are no address
            raise SourceError("is neither a path nor a URL", where=without_password(asked), hint="check it") from error
        except SourceError as error:
            error.where = without_password(asked)
            if error.code == "source.missing":
                error.hint = "name a file under --media-root, or upload it"
            elif isinstance(error, SourceRefused) and "://" in uri and not self._access.allow_private:
                locate(uri, replace(self._access, allow_private=True))  # what is refused in any case says so
                error.hint = "to allow it, start the server with --set server.allow_private=true"
            raise

    def _path(self, name: str) -> str:
        """The path of `name`, which is relative to a media root or lies under one; else it is refused, whether or not it is there."""
        roots = self._access.roots
        root = next((root for root in roots if os.path.lexists(root / name)), roots[0])
        path = (root / name).resolve()
        if not any(path.is_relative_to(root) for root in roots):
            what, hint = "lies outside the folders that may be read", "start the server with --media-root, or upload it"
            raise SourceRefused(what, where=name, hint=hint)
        return str(path)
