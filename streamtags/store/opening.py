"""Opening a store by its URL, and the search index and music libraries beside it."""

from __future__ import annotations

from streamtags.core.errors import ConfigError
from streamtags.core.music import MusicLibraries
from streamtags.core.search import SearchIndex
from streamtags.core.stores import Store
from streamtags.store.location import store_path

__all__ = ["is_postgres", "open_music_libraries", "open_search_index", "open_store", "shown_url"]

_POSTGRES = ("postgresql://", "postgres://")


def is_postgres(url: str) -> bool:
    """Return whether `url` names a PostgreSQL store."""
    return url.startswith(_POSTGRES)


def open_store(url: str | None = None, *, retry_seconds: float = 10.0) -> Store:
    """Open the store at `url`, or the one in the user's data folder.

    Args:
        url: `sqlite:///PATH`, or `postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE`, which needs the extra `postgres`.
        retry_seconds: for how long a call waits for a database server that cannot be reached, such as one that is restarted.

    Raises:
        ConfigError: `url` is not the URL of a store, or the extra is missing.
        StoreError: the store cannot be opened.
    """
    if url is not None and is_postgres(url):
        try:
            from streamtags.store.postgres.store import PostgresStore
        except ModuleNotFoundError as error:
            hint = "pip install 'streamtags[postgres]'"
            raise ConfigError(f"a PostgreSQL store needs {error.name}", where="store", hint=hint) from error
        return PostgresStore(url, retry_seconds=retry_seconds)
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


def shown_url(url: str) -> str:
    """Return the URL of a store without its password, for messages."""
    scheme, separator, rest = url.partition("://")
    place, at, path = rest.rpartition("@")
    return f"{scheme}{separator}{place.partition(':')[0]}{at}{path.partition('?')[0]}" if is_postgres(url) else url
