"""Opening a store by its URL."""

from __future__ import annotations

from streamtags.core.stores import Store
from streamtags.store.location import store_path

__all__ = ["open_store"]


def open_store(url: str | None = None) -> Store:
    """Open the store at `url` (`sqlite:///PATH`), or the one in the user's data folder.

    Raises:
        ConfigError: `url` is not the URL of a store.
        StoreError: the store cannot be opened.
    """
    from streamtags.store.sqlite.store import SqliteStore

    return SqliteStore(store_path(url))
