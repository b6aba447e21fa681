"""Names of sources that stay the same as long as the source does."""

from __future__ import annotations

import hashlib
import os
import uuid

from streamtags.core.errors import SourceError
from streamtags.sources.file.access import Access, locate

__all__ = ["source_identity"]

_BLOCK_BYTES, _BLOCKS = 65_536, 16  # size and number of the blocks of a file that identify it


def source_identity(uri: str) -> str:
    """Return a name that stays the same as long as the source does.

    A file: its absolute path, its size and a hash of 16 blocks spread over it (not its times, which copying changes). A URL: itself,
    without a password. Standard input: unique.

    Raises:
        SourceError: there is no such file, or it cannot be read.
    """
    place = locate(uri, Access())
    if place.path is None:
        return f"stdin:{uuid.uuid4()}" if place.kind == "stdin" else place.uri
    digest = hashlib.blake2b(digest_size=16)
    try:
        with place.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            for i in range(_BLOCKS):
                file.seek(max(0, size - _BLOCK_BYTES) * i // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK_BYTES))
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=uri, hint="check its permissions", code="source.denied") from error
    # A path may be bytes that are no text, which Python represents by surrogates that no store accepts.
    path = str(place.path).encode("utf-8", "backslashreplace").decode()
    return f"file:{path}:{size}:{digest.hexdigest()}"
