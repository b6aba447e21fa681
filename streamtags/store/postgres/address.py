"""The URL of a PostgreSQL store: what goes to the driver, what may be shown, and where files of the store are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import platformdirs

from streamtags.core.errors import ConfigError

__all__ = ["PostgresAddress"]

_SCHEMES = ("postgresql", "postgres")
_FILES, _THUMBNAILS = "files", "thumbnails"


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A URL taken apart.

    Attributes:
        url: the URL as it was given; it may contain a password.
        connection: the URL for libpq, without parameters of this project.
        shown: the URL without password and parameters, for messages.
        folder: where files that belong to the store are, such as uploads.
        thumbnails: URL of the place for thumbnails; "" for the database.
    """

    url: str
    connection: str
    shown: str
    folder: Path
    thumbnails: str = ""

    @classmethod
    def parse(cls, url: str) -> PostgresAddress:
        """Take `url` apart: `postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE[?PARAMETERS]`.

        The parameter `files=FOLDER` names the folder for files, which several servers must share, and `thumbnails=URL` the place for
        thumbnails if that is not the database; the others are libpq's
        (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS).

        Raises:
            ConfigError: it is not such a URL.
        """
        try:
            parts = urlsplit(url)
            database = parts.path.removeprefix("/")
            parameters = parse_qsl(parts.query, keep_blank_values=True)
        except ValueError as error:
            raise ConfigError(f"is not a URL: {error}", where="store", hint="write postgresql://USER@HOST/DATABASE") from error
        if parts.scheme not in _SCHEMES or not database:
            raise ConfigError("names no database", where="store", hint="write postgresql://USER@HOST/DATABASE")
        others = [(name, value) for name, value in parameters if name not in (_FILES, _THUMBNAILS)]
        host = parts.netloc.rpartition("@")[2]
        user = parts.netloc.rpartition("@")[0].partition(":")[0]
        shown = urlunsplit(("postgresql", f"{user}@{host}" if user else host, parts.path, "", ""))
        files = next((value for name, value in parameters if name == _FILES), "")
        if files and not Path(files).is_absolute():
            raise ConfigError("files= is not an absolute path", where=shown, hint="write files=/srv/streamtags")
        return cls(
            url=url,
            connection=urlunsplit(parts._replace(scheme="postgresql", query=urlencode(others), fragment="")),
            shown=shown,
            folder=Path(files) if files else _default_folder(shown, dict(others)),
            thumbnails=next((value for name, value in parameters if name == _THUMBNAILS), ""),
        )


def _default_folder(shown: str, parameters: dict[str, str]) -> Path:
    """Return a folder of this machine's user that belongs to this database alone."""
    place = "|".join((shown.rpartition("@")[2], parameters.get("host", ""), parameters.get("port", "")))
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    return Path(platformdirs.user_data_dir("streamtags", appauthor=False)) / "postgresql" / digest
