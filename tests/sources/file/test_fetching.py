"""Short requests that explain a failure, against servers that do harm."""

from __future__ import annotations

import http.server
import threading
from typing import Any

import pytest

from streamtags.sources.file.access import Place
from streamtags.sources.file.fetching import FetchError, fetch
from tests.sources.media import serving


def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for() -> None:
    done = threading.Event()

    class Drips(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            while not done.wait(0.1):
                self.wfile.write(b"x")

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Drips) as url:
        address = f"{url}/film.ts"
        try:
            with pytest.raises(FetchError, match="too slowly"):
                fetch(address, Place("url", address, address, None, {}, live=False), 100_000, 0.5)
        finally:
            done.set()
