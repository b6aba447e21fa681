"""Who may: tokens, sessions, the names the server answers to, and the sites whose pages may use it.

Any web page may open a socket to 127.0.0.1, and any name may be made to point there, so being local is not enough: `Origin` and `Host`
are checked on every request (https://owasp.org/www-community/attacks/csrf, RFC 6455 10.2).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamtags.config.settings import ServerSettings
from streamtags.core.errors import ConfigError
from streamtags.core.protocol import SUBPROTOCOL, CloseCode, Role
from streamtags_server.http.problems import BadRequestError, problem_of, told
from streamtags_server.metrics import Metrics

__all__ = ["COOKIE", "HEADERS", "Gate", "OpenSession", "Tokens", "check_listening", "is_local", "is_loopback", "new_token", "turn_away"]

COOKIE = "streamtags_session"
_SESSION_SECONDS = 12 * 3600
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""What every answer says, so that a browser is strict with it."""


class OpenSession(BaseModel):
    """The token to trade for a cookie; where none is asked for, any will do."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=1000)


def new_token(role: Role) -> tuple[str, str]:
    """A token of 256 random bits, and the line that goes into the token file; the token itself is kept nowhere.

    A plain SHA-256 is enough for what nobody can guess (NIST SP 800-63B, 5.1.2.2, look-up secrets of more than 112 bits).
    """
    token = f"st_{secrets.token_urlsafe(32)}"
    return token, f"{role} sha256:{_digest(token)}"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """The tokens of a file: one a line, `ROLE sha256:HEX`, anything after `#` a note.

    Raises:
        ConfigError: the file cannot be read, has no token, or a line that is none.
    """

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"cannot be read: {error}", where=str(path), hint="`streamtags serve --new-token editor` makes a line for it"
            ) from error
        self._held: list[tuple[str, Role]] = [
            held for line, content in enumerate(text.splitlines(), 1) if (held := _parsed(path, line, content))
        ]
        if not self._held:
            raise ConfigError("holds no token", where=str(path), hint="`streamtags serve --new-token editor` makes a line for it")
        self._key = hashlib.sha256(b"session" + text.encode()).digest()

    def role_of(self, token: str | None) -> Role | None:
        """The role of a token, None for a wrong one. Takes as long whichever it is."""
        given, found = _digest(token or ""), None
        for digest, role in self._held:
            if hmac.compare_digest(given, digest):
                found = role
        return found

    def session(self, role: Role) -> str:
        """A cookie value that says the role for some hours; it ends with any change of the token file."""
        said = f"{role}.{int(time.time()) + _SESSION_SECONDS}"
        return f"{said}.{self._sign(said)}"

    def role_of_session(self, value: str) -> Role | None:
        """The role of a session, None if it is not one or is over."""
        said, _, signature = value.rpartition(".")
        if not hmac.compare_digest(self._sign(said).encode(), signature.encode()):
            return None
        role, _, until = said.partition(".")
        return next((known for known in get_args(Role) if known == role), None) if int(until) > time.time() else None

    def _sign(self, said: str) -> str:
        return hmac.new(self._key, said.encode(), "sha256").hexdigest()


def _parsed(path: Path, line: int, content: str) -> tuple[str, Role] | None:
    words = content.partition("#")[0].split()
    if not words:
        return None
    role = next((known for known in get_args(Role) if known == words[0]), None)
    kind, _, digest = words[-1].partition(":")
    if len(words) != 2 or role is None or kind != "sha256" or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ConfigError(f"line {line} is not `ROLE sha256:HEX`", where=str(path), hint="`streamtags serve --new-token editor` makes one")
    return digest, role


def is_loopback(host: str) -> bool:
    """Whether an address or name to listen on is reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_local(scope: Scope) -> bool:
    """Whether a request was made on the server's own machine: it came over loopback, and to a name that means loopback anywhere.

    What a proxy there passes on came over loopback too, but to the name that the proxy goes by.
    """
    client, name = scope.get("client"), _name(Headers(scope=scope).get("host", ""))
    return client is not None and is_loopback(client[0]) and is_loopback(name)


async def turn_away(scope: Scope, receive: Receive, send: Send, code: CloseCode, reason: str) -> None:
    """Close a WebSocket before anything is said on it; accepted first, as a browser is not told why a handshake fails."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if SUBPROTOCOL in scope["subprotocols"] else None})
    await send({"type": "websocket.close", "code": code.value, "reason": reason})


class Gate:
    """Every request passes here first: host, origin, role; and every answer gets the headers that keep a browser strict.

    Reading needs the role viewer, anything else editor; what the application does not name under `/v1/` or as `/metrics` is open: the
    page, the references, the health checks.

    Attributes:
        metrics: where answers are counted.
        stopping: to be called when the server is about to stop.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings, tokens: Tokens | None, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._tokens = tokens
        self.metrics = metrics
        self.stopping: Callable[[], None] = lambda: None

    def role_of(self, token: str | None) -> Role | None:
        """The role of a client with that token; without a token file everybody may do everything."""
        return "editor" if self._tokens is None else self._tokens.role_of(token) if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or say why not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["streamtags.role"] = role = self._role(headers)

        async def outwards(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
                self.metrics.add("streamtags_http_responses_total", label=f'code="{message["status"]}"')
            await send(message)

        refused = self._refused(scope, headers, role)
        if refused is None:
            await self._app(scope, receive, outwards if scope["type"] == "http" else send)
        elif scope["type"] == "websocket":
            self.metrics.add("streamtags_closed_total", label=f'code="{CloseCode.NOT_ALLOWED.value}"')
            await turn_away(scope, receive, send, CloseCode.NOT_ALLOWED, told(refused, local=is_local(scope)))
        else:
            await problem_of(refused, local=is_local(scope))(scope, receive, outwards)

    def _refused(self, scope: Scope, headers: Headers, role: Role | None) -> BadRequestError | None:
        writes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if not self._is_our_name(headers.get("host", "")):
            hint = "add it with --set server.allow_hosts"
            return BadRequestError("this server is not known by that name", status=403, code="host", hint=hint)
        if writes and not self._is_our_page(headers.get("origin"), headers.get("host", "")):
            hint = "allow it with --set server.allow_origins"
            return BadRequestError("pages of that site may not use this server", status=403, code="origin", hint=hint)
        path = scope["path"]
        if scope["type"] == "websocket" or path == "/v1/session" or not (path.startswith("/v1/") or path == "/metrics"):
            return None
        if role is None:
            return BadRequestError("a token is needed: Authorization: Bearer TOKEN", status=401, code="unauthorized")
        if writes and role != "editor":
            return BadRequestError("this needs the role editor", status=403, code="forbidden")
        return None

    def _role(self, headers: Headers) -> Role | None:
        if self._tokens is None:
            return "editor"
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return self._tokens.role_of(token.strip())
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        return self._tokens.role_of_session(cookie.value) if cookie else None

    def _is_our_name(self, host: str) -> bool:
        name = _name(host)
        if name in {"localhost", "127.0.0.1", "::1", self._settings.host, *self._settings.allow_hosts}:
            return True
        # Beyond loopback every request carries a token, which a page on a rebound name does not have.
        return not is_loopback(self._settings.host) and not self._settings.allow_hosts and bool(name)

    def _is_our_page(self, origin: str | None, host: str) -> bool:
        if origin is None:
            return True  # not a browser
        parts = urlsplit(origin)
        return (parts.scheme in ("http", "https") and parts.netloc == host) or origin in self._settings.allow_origins


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def check_listening(settings: ServerSettings, tokens: Tokens | None) -> None:
    """Refuse to listen beyond loopback without tokens.

    Raises:
        ConfigError: it would let anybody in.
    """
    if tokens is None and not is_loopback(settings.host):
        raise ConfigError(
            "would let everybody in",
            where=f"--host {settings.host}",
            hint="`streamtags serve --new-token editor` makes a line for a file; give it with --token-file",
        )
