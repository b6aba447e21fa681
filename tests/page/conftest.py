"""A server of its own process, which can be killed, and a browser that looks at it."""

from __future__ import annotations

import http.client
import inspect
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.events import TimelineOpened
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.log import make_payloads

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

T = TypeVar("T")

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


# Each line is an environment and a command to start, or the process to kill; the answer is its id.
_WARM = """
import json, os, signal, sys
from streamtags.cli import main
import streamtags_server.app

children = set()
for line in sys.stdin:
    job = json.loads(line)
    if "kill" in job:
        child = job["kill"]
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        children.discard(child)
    else:
        child = os.fork()
        if child == 0:
            os.environ.clear()
            os.environ.update(job["env"])
            for number, name, flags in ((0, os.devnull, os.O_RDONLY), (1, job["log"], 1025), (2, job["log"], 1025)):
                os.dup2(os.open(name, flags | os.O_CREAT, 0o644), number)
            os._exit(main(job["words"]))
        children.add(child)
    print(child, flush=True)
for child in children:
    os.kill(child, signal.SIGKILL)
"""


class Warm:
    """A process that has imported the server: servers are forked from it, which takes a tenth of the time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", _WARM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, words: list[str], log: Path) -> int:
        """Start `streamtags` with these words; return the id of its process."""
        return self._send({"words": words, "log": str(log), "env": dict(os.environ)})

    def kill(self, process: int) -> None:
        """Kill a process and wait for its end."""
        self._send({"kill": process})

    def close(self) -> None:
        """End this process and all that it has started."""
        self._process.communicate()

    def _send(self, job: dict[str, object]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


class Server:
    """`streamtags serve` on a port that stays the same when it is started again."""

    def __init__(self, folder: Path, warm: Warm) -> None:
        self.folder = folder
        self._warm = warm
        self.path = folder / "streamtags.db"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._process: int | None = None

    def start(self, *options: str) -> None:
        words = ["serve", "--port", str(self.port), "--store", f"sqlite:///{self.path}", "--media-root", str(self.folder), *options]
        self._process = self._warm.start(words, self.folder / "server.log")
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
            self._warm.kill(self._process)
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


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """What servers are forked from."""
    made = Warm()
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path, warm: Warm) -> Iterator[Server]:
    """Not started yet."""
    made = Server(tmp_path, warm)
    yield made
    made.kill()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds with three shots, as a browser plays it."""
    path = tmp_path_factory.mktemp("film") / "three shots.mp4"
    make_video(path, [ShotSpec(48), ShotSpec(48, look="gradient"), ShotSpec(48, color=(200, 40, 40))], rate=24, size=(320, 180))
    return path


class BrowserThread:
    """Debian's Chromium, in a thread of its own. Playwright's own browsers are never used.

    While Playwright runs, it holds the event loop of its thread, and tests of coroutines need that of the main one.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1)
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def run(self, act: Callable[..., T], **arguments: object) -> T:
        """Call a function in the thread of the browser; what it raises is raised here."""
        return self._executor.submit(act, **arguments).result()

    def browser(self) -> Browser:
        """Return the browser, started again if it has crashed; call it in its thread."""
        from playwright.sync_api import sync_playwright

        if self._playwright is None:
            self._playwright = sync_playwright().start()
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        return self._browser

    def _stop(self) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()

    def close(self) -> None:
        """End the browser and its thread."""
        self.run(self._stop)
        self._executor.shutdown()


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[BrowserThread]:
    """One browser for all tests."""
    if CHROMIUM is None:
        pytest.skip("no chromium here (apt-get install chromium)")
    pytest.importorskip("playwright.sync_api", reason="no playwright here (pip install playwright)")
    made = BrowserThread()
    yield made
    made.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that has a page in the thread of its browser."""
    thread = pyfuncitem.funcargs.get("browser_thread")
    if thread is None:
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    thread.run(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names})
    return True


@pytest.fixture
def page(browser_thread: BrowserThread) -> Iterator[Page]:
    """A fresh page; a script error or a breach of the Content-Security-Policy fails the test."""
    wrong: list[str] = []

    def open_page() -> Page:
        browser = browser_thread.browser()
        context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark", accept_downloads=True)
        made = context.new_page()
        made.set_default_timeout(15_000)
        made.on("pageerror", lambda error: wrong.append(str(error)))
        made.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        return made

    made = browser_thread.run(open_page)
    yield made
    browser_thread.run(made.context.close)
    assert wrong == []
