"""A server of its own process, which can be killed, and a browser that looks at it."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.events import TimelineOpened
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.log import make_payloads

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


class Server:
    """`streamtags serve` on a port that stays the same when it is started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "streamtags.db"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        command = [sys.executable, "-c", "import sys; from streamtags.cli import main; sys.exit(main())", "serve", "--port", str(self.port)]
        command += ["--store", f"sqlite:///{self.path}", "--media-root", str(self.folder), *options]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 90  # a busy machine takes its time to import everything
        while time.monotonic() < deadline:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.05)
            finally:
                connection.close()
        pytest.fail(f"the server does not come up: {(self.folder / 'server.log').read_text()}")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def fill(self, timeline: str, segments: int, *, container: str | None = None) -> str:
        vocabulary = load_vocabulary("music-library")
        payloads = make_payloads(segments, tags=[tag.name for tag in vocabulary.tags[::3]], vocabulary=vocabulary.ref)
        opening = payloads[0]
        if container is not None and isinstance(opening, TimelineOpened):
            source = opening.source.model_copy(update={"container": container})
            payloads[0] = opening.model_copy(update={"source": source})
        with SqliteStore(self.path) as store:
            store.save_vocabulary(vocabulary)
            store.open_timeline(timeline, TimelineIdentity(f"key of {timeline}"))
            store.append(timeline, payloads)
        return timeline


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Not started yet."""
    made = Server(tmp_path)
    yield made
    made.kill()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds with three shots, as a browser plays it."""
    path = tmp_path_factory.mktemp("film") / "three shots.mp4"
    make_video(path, [ShotSpec(48), ShotSpec(48, look="gradient"), ShotSpec(48, color=(200, 40, 40))], rate=24, size=(320, 180))
    return path


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Debian's Chromium; Playwright's own browsers are never used.

    A new one for each test: while Playwright runs, it holds this thread's event loop, and tests of coroutines need it.
    """
    if CHROMIUM is None:
        pytest.skip("no chromium here (apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright here (pip install playwright)")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page; a script error or a breach of the Content-Security-Policy fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark", accept_downloads=True)
    made = context.new_page()
    made.set_default_timeout(15_000)
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    yield made
    context.close()
    assert wrong == []
