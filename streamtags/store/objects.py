"""Thumbnails in an object store or a shared folder, by URL, instead of in the database."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from streamtags.core.errors import ConfigError, StoreError

__all__ = ["ObjectFolder", "open_objects"]

_log = logging.getLogger(__name__)


class ObjectFolder:
    """A place with one object for each thumbnail: `URL/TIMELINE/SEGMENT.jpg`.

    Args:
        url: a URL that fsspec knows, such as `s3://bucket/thumbnails` or `file:///srv/thumbnails`.

    Raises:
        ConfigError: fsspec is not installed, or does not know the URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        options = {"auto_mkdir": True} if url.startswith("file:") else {}
        try:
            from fsspec import url_to_fs

            self._files, self._root = url_to_fs(url, **options)
        except ImportError as error:
            hint = f"pip install 'streamtags[objects]', and the package that fsspec needs for {url.partition(':')[0]}"
            raise ConfigError(f"thumbnails cannot be kept there: {error}", where=url, hint=hint) from error
        except ValueError as error:
            raise ConfigError(f"is not a place for thumbnails: {error}", where=url, hint="for example s3://BUCKET/FOLDER") from error

    def write(self, timeline: str, thumbnails: Mapping[str, bytes]) -> None:
        """Write the thumbnails of some segments, in place of earlier ones.

        Raises:
            StoreError: one could not be written.
        """
        if thumbnails:
            self._checked("written", lambda: self._files.pipe({self._path(timeline, name): data for name, data in thumbnails.items()}))

    def read(self, timeline: str, segment: str) -> bytes:
        """Return the thumbnail of a segment.

        Raises:
            StoreError: it cannot be read.
        """
        return bytes(self._checked("read", lambda: self._files.cat_file(self._path(timeline, segment))))

    def remove(self, timeline: str) -> None:
        """Delete the thumbnails of a timeline. What cannot be deleted is logged: no event refers to it any more."""
        try:
            self._files.rm(self._folder(timeline), recursive=True)
        except FileNotFoundError:
            return  # it had none
        except Exception as error:  # noqa: BLE001 - see `_checked`
            _log.warning("the thumbnails of %s at %s could not be deleted: %s", timeline, self._url, error)

    def _checked(self, what: str, call: Any) -> Any:
        try:
            return call()
        except Exception as error:
            raise StoreError(f"a thumbnail cannot be {what}: {error}", where=self._url, hint="check the URL and the credentials") from error

    def _folder(self, timeline: str) -> str:
        return f"{self._root.rstrip('/')}/{_quoted(timeline)}"

    def _path(self, timeline: str, segment: str) -> str:
        return f"{self._folder(timeline)}/{_quoted(segment)}.jpg"


def open_objects(url: str) -> ObjectFolder | None:
    """Return the place at `url`; None if it is empty.

    Raises:
        ConfigError: fsspec is not installed, or does not know the URL.
    """
    return ObjectFolder(url) if url else None


def _quoted(name: str) -> str:
    """Return a name as one part of a path, whatever it contains."""
    return quote(name, safe="").replace(".", "%2E")
