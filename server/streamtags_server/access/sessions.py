"""Sessions of web pages: a signed cookie that says role and user for some hours, and a list of those that were closed early."""

from __future__ import annotations

import hmac
import secrets
import time
from pathlib import Path
from typing import get_args

from streamtags.core.protocol import Role
from streamtags_server.access.holder import Holder

__all__ = ["COOKIE", "Sessions"]

COOKIE = "streamtags_session"

_SESSION_SECONDS = 12 * 3600


class Sessions:
    """Opens, checks and closes sessions. A cookie value is `ROLE.USER.EXPIRY.ID.SIGNATURE`.

    Args:
        key: signs cookies; made from the token file, so that every session ends when the file changes.
        revoked: file of the sessions that were closed before they expired, `ID EXPIRY` a line; every server of a store reads the same
            file. None keeps them in memory.
    """

    def __init__(self, key: bytes, revoked: Path | None) -> None:
        self._key, self._path = key, revoked
        self._revoked: dict[str, int] = {}
        self._read: tuple[int, int] | None = None

    def open(self, holder: Holder) -> str:
        """Return the cookie value of a new session."""
        content = f"{holder.role}.{holder.user}.{int(time.time()) + _SESSION_SECONDS}.{secrets.token_hex(8)}"
        return f"{content}.{self._sign(content)}"

    def holder_of(self, value: str) -> Holder | None:
        """Return who opened a session; None if the value is not genuine, or the session has expired or was closed."""
        parsed = self._parse(value)
        if parsed is None:
            return None
        holder, _, session = parsed
        self._reload()
        return None if session in self._revoked else holder

    def close(self, value: str) -> None:
        """End a session now; do nothing if the value is not that of an open session.

        Raises:
            OSError: the list of closed sessions cannot be written; the session is closed for this process only.
        """
        parsed = self._parse(value)
        if parsed is None:
            return
        _, expiry, session = parsed
        self._reload()
        now = time.time()
        self._revoked = {name: until for name, until in self._revoked.items() if until > now}
        self._revoked[session] = expiry
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="ascii") as file:
                file.write(f"{session} {expiry}\n")

    def _parse(self, value: str) -> tuple[Holder, int, str] | None:
        content, _, signature = value.rpartition(".")
        if not hmac.compare_digest(self._sign(content).encode(), signature.encode()):
            return None
        parts = content.split(".")
        if len(parts) != 4:
            return None
        name, user, expiry, session = parts
        role = next((known for known in get_args(Role) if known == name), None)
        return (Holder(role, user), int(expiry), session) if role is not None and int(expiry) > time.time() else None

    def _reload(self) -> None:
        """Read the file again if another process has changed it."""
        if self._path is None:
            return
        try:
            status = self._path.stat()
            if self._read == (status.st_mtime_ns, status.st_size):
                return
            self._read = (status.st_mtime_ns, status.st_size)
            lines = self._path.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return
        now = time.time()
        pairs = (line.split() for line in lines)
        self._revoked |= {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit() and int(pair[1]) > now}

    def _sign(self, content: str) -> str:
        return hmac.new(self._key, content.encode(), "sha256").hexdigest()
