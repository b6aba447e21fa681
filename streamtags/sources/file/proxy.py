"""A proxy between FFmpeg and the network: the address that was checked is the address that is connected to.

FFmpeg resolves a host's name itself, and again whenever it connects. Who controls the name can answer with a public address while it is
checked and with an inner one a moment later (DNS rebinding). So where only public addresses may be reached, FFmpeg is told to ask here,
for `http` as a proxy does and for `https` through a tunnel; here a name is resolved once, checked, and connected to as it was checked.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit

from streamtags.core.errors import SourceError
from streamtags.sources.file.addresses import public_addresses

__all__ = ["CheckingProxy"]

_HEAD_BYTES = 65_536
_CONNECT_SECONDS = 10.0
_CHUNK = 65_536

Addresses = Callable[[str, int], list[tuple[str, int]]]


class CheckingProxy:
    """The proxy, on loopback, for as long as the context lasts; `url` is where.

    Each connection is one request and two threads. It bounds nothing: whoever starts it bounds what FFmpeg opens.

    Args:
        addresses: what a host and port may be connected to as; raises `SourceError` if to nothing.
    """

    def __init__(self, addresses: Addresses = public_addresses) -> None:
        class Handler(_Handler):
            resolve = staticmethod(addresses)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> CheckingProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.socket.close()


class _Handler(socketserver.BaseRequestHandler):
    request: socket.socket
    resolve: Addresses

    def handle(self) -> None:
        """One request: connect, then carry bytes both ways until either side is done."""
        self.request.settimeout(_CONNECT_SECONDS)
        with suppress(OSError):  # either side went: the other is told by the end of its connection
            try:
                host, port, ahead, answer = _asked(_head(self.request))
                addresses = self.resolve(host, port)
            except (SourceError, ValueError):
                self.request.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            try:
                far = _connected(addresses)
            except OSError:
                self.request.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            with far:
                far.sendall(ahead)
                self.request.sendall(answer)
                _carry(self.request, far)


def _head(near: socket.socket) -> bytes:
    head = bytearray()
    while b"\r\n\r\n" not in head:
        data = near.recv(_CHUNK)
        if not data or len(head) + len(data) > _HEAD_BYTES:
            raise ValueError("no request")
        head += data
    return bytes(head)


def _asked(head: bytes) -> tuple[str, int, bytes, bytes]:
    """The host and port to connect to, what to send there first, and what to answer."""
    line, _, rest = head.partition(b"\r\n")
    method, target, version = line.decode("ascii").split(" ")
    parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
    if not parts.hostname or (method == "CONNECT" and parts.port is None) or parts.scheme not in ("", "http"):
        raise ValueError("not a request to a proxy")
    if method == "CONNECT":
        return parts.hostname, parts.port or 443, rest.partition(b"\r\n\r\n")[2], b"HTTP/1.1 200 Connection established\r\n\r\n"
    path = parts._replace(scheme="", netloc="").geturl() or "/"
    return parts.hostname, parts.port or 80, f"{method} {path} {version}\r\n".encode() + rest, b""


def _connected(addresses: list[tuple[str, int]]) -> socket.socket:
    failed = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection(address, timeout=_CONNECT_SECONDS)
        except OSError as error:
            failed = error
    raise failed


def _carry(near: socket.socket, far: socket.socket) -> None:
    near.settimeout(None)  # FFmpeg has its own patience, and closes when that is at its end
    far.settimeout(None)
    upwards = threading.Thread(target=_copy, args=(near, far), daemon=True)
    upwards.start()
    _copy(far, near)
    upwards.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    for end in (target, source):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
