"""Opening a store by its URL, and the search index and music libraries beside it."""

from __future__ import annotations

from streamtags.core.music import MusicLibraries
from streamtags.core.search import SearchIndex
from streamtags.core.stores import Store
from streamtags.store.location import store_path

__all__ = ["open_music_libraries", "open_search_index", "open_store"]


def open_store(url: str | None = None) -> Store:
    """Open the store at `url` (`sqlite:///PATH`), or the one in the user's data folder.

    Raises:
        ConfigError: `url` is not the URL of a store.
        StoreError: the store cannot be opened.
    """
    from streamtags.store.sqlite.store import SqliteStore

    return SqliteStore(store_path(url))


def open_search_index(store: Store, name: str) -> SearchIndex:
    """Open the search index called `name` of a store; it is created if missing.

    Raises:
        StoreError: the index cannot be opened.
    """
    from streamtags.store.sqlite.search_index import SqliteSearchIndex

    return SqliteSearchIndex(store.folder / "search" / f"{name}.db")


def open_music_libraries(store: Store) -> MusicLibraries:
    """Open the music libraries of a store; their file is created if missing.

    Raises:
        StoreError: it cannot be opened.
    """
    from streamtags.store.sqlite.music_libraries import SqliteMusicLibraries

    return SqliteMusicLibraries(store.folder / "music" / "libraries.db")
