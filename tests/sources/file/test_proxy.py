"""FFmpeg behind the proxy that checks: where it may go, and where a name may not lead it."""

from __future__ import annotations

import functools
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from streamtags.config.settings import IngestSettings
from streamtags.core.errors import SourceError, SourceRefused
from streamtags.core.model import Frame
from streamtags.sources.file.access import Access
from streamtags.sources.file.addresses import public_addresses
from streamtags.sources.file.proxy import CheckingProxy
from streamtags.sources.file.source import open_source
from streamtags.testing import ShotSpec, make_video

SETTINGS = IngestSettings(timeout_seconds=5)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Films(http.server.ThreadingHTTPServer):
    connections = 0

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]


@pytest.fixture(params=["http", "https"])
def films(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, _Films]]:
    """A server of one film on loopback, and the URL of the film under a name that no resolver knows."""
    make_video(tmp_path / "film.mp4", [ShotSpec(20)], size=(64, 64))
    with _Films(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(tmp_path))) as server:
        if request.param == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            trustme.CA().issue_cert("film.invalid").configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{request.param}://film.invalid:{server.server_address[1]}/film.mp4", server
        server.shutdown()


def frames(url: str, proxy: CheckingProxy) -> int:
    source = open_source(url, SETTINGS, access=Access(proxy=proxy.url))
    try:
        return sum(isinstance(item, Frame) for item in source.read())
    finally:
        source.close()


def test_a_film_is_read_from_the_address_that_the_proxy_resolved(films: tuple[str, _Films]) -> None:
    url, _ = films
    with CheckingProxy(lambda host, port: [("127.0.0.1", port)] if host == "film.invalid" else []) as proxy:
        assert frames(url, proxy) == 20


def test_a_name_that_turns_to_an_inner_address_leads_nowhere(films: tuple[str, _Films], monkeypatch: pytest.MonkeyPatch) -> None:
    url, server = films
    answers = iter(["93.184.215.14", *["127.0.0.1"] * 50])  # public the first time, and never again

    def rebound(host: str, port: int, **_: object) -> object:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr("streamtags.sources.file.addresses.socket.getaddrinfo", rebound)
    with CheckingProxy() as proxy, pytest.raises(SourceError):
        open_source(url, SETTINGS, access=Access(allow_private=False, proxy=proxy.url))
    assert server.connections == 0


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n",
        b"CONNECT localhost HTTP/1.1\r\n\r\n",
        b"GET http://[::ffff:127.0.0.1]/ HTTP/1.1\r\n\r\n",
        b"GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\n\r\n",
        b"GET ftp://93.184.215.14/ HTTP/1.1\r\n\r\n",
        b"GET http://[/ HTTP/1.1\r\n\r\n",
        b"\xff\xff\r\n\r\n",
        b"x" * 70_000,
    ],
)
def test_malformed_requests_are_refused(sent: bytes) -> None:
    with CheckingProxy() as proxy, socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2])), timeout=60) as client:
        client.sendall(sent)
        assert client.recv(1000).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "10.0.0.1", "192.168.0.1", "169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "::ffff:10.0.0.1"]
)
def test_addresses_that_are_not_public_are_refused(host: str) -> None:
    with pytest.raises(SourceRefused, match="private"):
        public_addresses(host, 80)
