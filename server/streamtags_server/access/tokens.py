"""Tokens: made at random, kept as hashes in a file, looked up in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import get_args

from streamtags.core.errors import ConfigError
from streamtags.core.protocol import Role
from streamtags_server.access.holder import Holder
from streamtags_server.access.sessions import Sessions

__all__ = ["Tokens", "new_token"]

# A user is named by the first characters of the digest of the token, as they are in the token file.
_USER_CHARACTERS = 12
_HINT = "`streamtags serve --new-token editor` makes a line for it"


def new_token(role: Role) -> tuple[str, str]:
    """Return a token of 256 random bits, and the line for the token file. The token itself is stored nowhere.

    A plain SHA-256 is enough for a value that cannot be guessed (NIST SP 800-63B, 5.1.2.2, look-up secrets of more than 112 bits).
    """
    token = f"st_{secrets.token_urlsafe(32)}"
    return token, f"{role} sha256:{_digest(token)}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """The tokens of a file: one a line, `ROLE sha256:HEX`; what follows `#` is a comment.

    Args:
        path: the token file.
        revoked: file that keeps the sessions that were closed before they expired; None keeps them in memory.

    Raises:
        ConfigError: the file cannot be read, has no token, or has a malformed line.
    """

    def __init__(self, path: Path, revoked: Path | None = None) -> None:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint=_HINT) from error
        except UnicodeDecodeError as error:
            raise ConfigError("cannot be read: it is no text", where=str(path), hint=_HINT) from error
        entries = [_parse_line(path, number, line) for number, line in enumerate(text.splitlines(), 1)]
        self._roles: list[tuple[str, Role]] = [entry for entry in entries if entry is not None]
        if not self._roles:
            raise ConfigError("has no token", where=str(path), hint=_HINT)
        self.sessions = Sessions(hashlib.sha256(b"session" + text.encode()).digest(), revoked)

    def holder_of(self, token: str | None) -> Holder | None:
        """Return who holds a token, None for a wrong one. Takes the same time for every token."""
        given, holder = _digest(token or ""), None
        for digest, role in self._roles:
            if hmac.compare_digest(given, digest):
                holder = Holder(role, digest[:_USER_CHARACTERS])
        return holder


def _parse_line(path: Path, number: int, line: str) -> tuple[str, Role] | None:
    words = line.partition("#")[0].split()
    if not words:
        return None
    role = next((known for known in get_args(Role) if known == words[0]), None)
    kind, _, digest = words[-1].partition(":")
    if len(words) != 2 or role is None or kind != "sha256" or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ConfigError(
            f"line {number} is not `ROLE sha256:HEX`", where=str(path), hint="`streamtags serve --new-token editor` makes one"
        )
    return digest, role
