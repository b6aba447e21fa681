"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replacing", "write_atomically"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a new name beside `path`; what the block writes there takes the place of `path` when the block ends.

    If the block raises, `path` stays as it is and the new file is deleted. Readers see the old content or the new, never a part. The new
    name has the suffix of `path`.

    Raises:
        OSError: the file cannot be renamed.
    """
    partial = path.with_name(f".{path.stem[:100]}.{os.getpid()}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all.

    Raises:
        OSError: the file cannot be written; `path` is as it was.
    """
    with replacing(path) as partial:
        partial.write_bytes(data)
