"""The checks every request passes first: the name of the server, the site that a page comes from, and the role of the client.

Any web page may open a socket to 127.0.0.1, and any name may be made to point there, so being local is not enough: `Origin` and `Host`
are checked on every request (https://owasp.org/www-community/attacks/csrf, RFC 6455 10.2). What a role may do is decided by
`streamtags.operations.operation.authorize`, where a request meets its operation.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamtags.config.settings import ServerSettings
from streamtags.core.errors import ConfigError
from streamtags.core.protocol import SUBPROTOCOL, CloseCode
from streamtags.operations.services import Caller
from streamtags_server.access.holder import Holder
from streamtags_server.access.sessions import COOKIE
from streamtags_server.access.tokens import Tokens
from streamtags_server.http.problems import BadRequestError, problem_of, public_text
from streamtags_server.metrics import Metrics

__all__ = ["HEADERS", "Gate", "caller_of", "check_listening", "close_with_reason", "is_local", "is_loopback"]

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Headers of every response, so that a browser is strict with it."""


def is_loopback(host: str) -> bool:
    """Return whether an address or name to listen on is reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_local(scope: Scope) -> bool:
    """Return whether a request was made on the server's own machine: over loopback, and to a name that always means loopback.

    A request that a proxy on the same machine forwards also comes over loopback, but to the name of the proxy.
    """
    client, name = scope.get("client"), _host_name(Headers(scope=scope).get("host", ""))
    return client is not None and is_loopback(client[0]) and is_loopback(name)


def caller_of(scope: Scope) -> Caller:
    """Return who calls an operation by a request that the gate has let through."""
    holder: Holder | None = scope.get("streamtags.holder")
    return Caller(None) if holder is None else Caller(holder.role, holder.role, holder.user)


async def close_with_reason(scope: Scope, receive: Receive, send: Send, code: CloseCode, reason: str) -> None:
    """Close a WebSocket before `hello`. It is accepted first, because browsers do not report why a handshake fails."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if SUBPROTOCOL in scope["subprotocols"] else None})
    await send({"type": "websocket.close", "code": code.value, "reason": reason})


class Gate:
    """Checks host and origin of every request, finds out who sends it, and adds the headers that keep a browser strict.

    Attributes:
        metrics: where responses are counted.
        draining: called when the server is to stop and still answers for a while.
        stopping: called when the server is about to stop.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings, tokens: Tokens | None, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._tokens = tokens
        self.metrics = metrics
        self.draining: Callable[[], None] = lambda: None
        self.stopping: Callable[[], None] = lambda: None

    def holder_of(self, token: str | None) -> Holder | None:
        """Return who sends that token; without a token file every client is an editor."""
        return Holder("editor") if self._tokens is None else self._tokens.holder_of(token) if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["streamtags.holder"] = self._holder(headers)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
                self.metrics.add("streamtags_http_responses_total", label=f'code="{message["status"]}"')
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
        elif scope["type"] == "websocket":
            self.metrics.add("streamtags_closed_total", label=f'code="{CloseCode.NOT_ALLOWED.value}"')
            await close_with_reason(scope, receive, send, CloseCode.NOT_ALLOWED, public_text(refusal, local=is_local(scope)))
        else:
            await problem_of(refusal, local=is_local(scope))(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> BadRequestError | None:
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if not self._is_known_name(headers.get("host", "")):
            hint = "add it with --set server.allow_hosts"
            return BadRequestError("this server is not known by that name", status=403, code="host", hint=hint)
        if changes and not self._is_allowed_origin(headers.get("origin"), headers.get("host", "")):
            hint = "allow it with --set server.allow_origins"
            return BadRequestError("pages of that site may not use this server", status=403, code="origin", hint=hint)
        return None

    def _holder(self, headers: Headers) -> Holder | None:
        if self._tokens is None:
            return Holder("editor")
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return self._tokens.holder_of(token.strip())
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        return self._tokens.sessions.holder_of(cookie.value) if cookie else None

    def _is_known_name(self, host: str) -> bool:
        name = _host_name(host)
        if name in {"localhost", "127.0.0.1", "::1", self._settings.host, *self._settings.allow_hosts}:
            return True
        # Beyond loopback every request carries a token, which a page on a rebound name does not have.
        return not is_loopback(self._settings.host) and not self._settings.allow_hosts and bool(name)

    def _is_allowed_origin(self, origin: str | None, host: str) -> bool:
        if origin is None:
            return True  # not a browser
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return (parts.scheme in ("http", "https") and parts.netloc == host) or origin in self._settings.allow_origins


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def check_listening(settings: ServerSettings, tokens: Tokens | None) -> None:
    """Refuse to listen beyond loopback without tokens.

    Raises:
        ConfigError: every client in the network could use the server.
    """
    if tokens is None and not is_loopback(settings.host):
        raise ConfigError(
            "without tokens every client in the network could use the server",
            where=f"--host {settings.host}",
            hint="`streamtags serve --new-token editor` makes a line for a file; give it with --token-file",
        )
