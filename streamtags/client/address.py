"""The address of a server."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from streamtags.core.errors import UsageError
from streamtags.core.protocol import PATH

__all__ = ["is_loopback", "stream_url"]

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


def stream_url(url: str) -> str:
    """Return the WebSocket address for the address of a server as a person writes it.

    `http://host:8710`, `ws://host:8710/v1/stream` and `host:8710` are the same.

    Raises:
        UsageError: not an address.
    """
    hint = "for example ws://127.0.0.1:8710"
    try:
        parts = urlsplit(url if "://" in url else f"ws://{url}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise UsageError(f"not an address: {error}", where=url, hint=hint) from error
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise UsageError("not the address of a server", where=url, hint=hint)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("an address has no user name, query or fragment", where=parts.hostname, hint="put a token into a file")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/")
    return f"{_SCHEMES[parts.scheme]}://{host}{port}{path if path.endswith(PATH) else path + PATH}"


def is_loopback(url: str) -> bool:
    """Return whether `url` is an address of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
