"""A proxy between FFmpeg and the network: it connects to the address that was checked.

FFmpeg resolves host names itself, and again for each connection. The owner of a name can answer with a public address while it is checked
and with an inner one a moment later (DNS rebinding). Where only public addresses may be reached, FFmpeg therefore sends its requests
through this proxy: `http` directly, `https` through a tunnel. The proxy resolves a name once, checks the address and connects to it.
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

__all__ = ["CheckingProxy", "read_request"]

_HEAD_BYTES = 65_536
_CONNECT_SECONDS = 10.0
_CHUNK = 65_536

Addresses = Callable[[str, int], list[tuple[str, int]]]


class CheckingProxy:
    """A context manager that runs the proxy on loopback; its address is `url`.

    Each connection is one request and two threads. Their number is not limited here: it is that of the connections FFmpeg opens.

    Args:
        addresses: returns the addresses that may be connected to for a host and port; raises `SourceError` if there are none.
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
        """Serve one request: connect, then copy bytes both ways until either side closes."""
        self.request.settimeout(_CONNECT_SECONDS)
        with suppress(OSError):  # a side that closes its connection ends the other one too
            try:
                host, port, ahead, answer = read_request(_head(self.request))
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


def read_request(head: bytes) -> tuple[str, int, bytes, bytes]:
    """Return the host and port to connect to, the bytes to send there first, and the answer to the client.

    Raises:
        ValueError: not a request to a proxy.
    """
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
    near.settimeout(None)  # FFmpeg has timeouts of its own, and closes the connection after them
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
