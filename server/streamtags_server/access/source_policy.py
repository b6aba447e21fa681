"""Which sources clients may name: files under the media roots, and public addresses."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from streamtags.core.errors import NotInStore, SourceError, SourceRefused, StreamtagsError
from streamtags.core.state import TimelineState
from streamtags.sources.file.access import Access, Place, is_url, locate, without_password

__all__ = ["MediaRootPolicy"]


class MediaRootPolicy:
    """Finds what a client names, if it may be read; implements `streamtags.operations.services.SourcePolicy`.

    Args:
        access: what may be read; relative names are resolved under its roots, of which there is at least one.
        discard: deletes a file if it was uploaded.
    """

    def __init__(self, access: Access, discard: Callable[[str], None] = lambda _: None) -> None:
        self.access = access
        self.discard = discard

    def allowed(self, requested: str) -> str:
        """Return `requested` as a URL, or as the path of a file under a media root.

        Raises:
            SourceRefused: it may not be read; the message does not depend on whether it exists.
            SourceError: there is no such file, or it cannot be read.
        """
        place = self._place(requested)
        return str(place.path or place.target)

    def file_of(self, state: TimelineState) -> Path:
        """Return the file a timeline was made from.

        Raises:
            NotInStore: it was not made from a file, or the file may not be read, is gone or has changed.
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

    def _place(self, requested: str) -> Place:
        try:
            uri = unquote(urlsplit(requested).path) if requested.lower().startswith("file://") else requested
            return locate(uri if is_url(uri) else self._path(uri), self.access)
        except (OSError, RuntimeError, ValueError) as error:  # a NUL, a loop of links, brackets that are no address
            raise SourceError("is neither a path nor a URL", where=without_password(requested), hint="check it") from error
        except SourceError as error:
            error.where = without_password(requested)
            if error.code == "source.missing":
                error.hint = "name a file under --media-root, or upload it"
            elif isinstance(error, SourceRefused) and is_url(uri) and not self.access.allow_private:
                locate(uri, replace(self.access, allow_private=True))  # raises if it is refused in any case
                error.hint = "to allow it, start the server with --set server.allow_private=true"
            raise

    def _path(self, name: str) -> str:
        """Return the path of `name`, which is relative to a media root or lies under one; refuse any other, whether or not it exists."""
        roots = self.access.roots
        root = next((root for root in roots if os.path.lexists(root / name)), roots[0])
        path = (root / name).resolve()
        if not any(path.is_relative_to(root) for root in roots):
            what, hint = "lies outside the folders that may be read", "start the server with --media-root, or upload it"
            raise SourceRefused(what, where=name, hint=hint)
        return str(path)
