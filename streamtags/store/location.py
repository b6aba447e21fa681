"""Where the store is: `sqlite:///PATH` to a path."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from streamtags.core.errors import ConfigError

__all__ = ["store_path"]

_SCHEME = "sqlite:///"


def store_path(url: str | None) -> Path:
    """The file that `url` names: `sqlite:///relative.db`, `sqlite:////absolute.db`, or None for the one in the user's data folder.

    The path is taken as it stands: nothing in it is decoded.

    Raises:
        ConfigError: another scheme, no path, or `:memory:`, which readers in other threads and processes could not see.
    """
    if url is None:
        return Path(platformdirs.user_data_dir("streamtags", appauthor=False)) / "streamtags.db"
    path = url.removeprefix(_SCHEME)
    if path == url:
        raise ConfigError(
            "is not a store",
            where=url,
            hint="write sqlite:///PATH (an absolute path gives four slashes) or postgresql://USER@HOST/DATABASE",
        )
    if not path or path == ":memory:":
        raise ConfigError("names no file", where=url, hint="write sqlite:///PATH; a store is always a file")
    return Path(path)
