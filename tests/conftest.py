"""Fixtures of all tests: no settings of the user, no writes to the user's folders, no logged errors."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from streamtags.testing.postgres import PostgresServer, find_postgres
from tests.payloads import Make

# Read once, before `isolated_environment` removes every STREAMTAGS_ variable.
SHARED = Path(os.environ.get("STREAMTAGS_SHARED") or Path(__file__).resolve().parents[2] / "shared")

# Stages that run wherever their packages are installed are turned off: a test that wants one turns it on.
OPTIONAL_STAGES = {"STREAMTAGS_READ__ENABLED": "off", "STREAMTAGS_HEAR__ENABLED": "off"}
os.environ.update(OPTIONAL_STAGES)

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """Return the folder of development clips: read-only, outside the project."""
    media = SHARED / "media"
    if not media.is_dir():
        pytest.skip(f"no development media at {media}; set STREAMTAGS_SHARED to the folder that holds media/")
    return media


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a PostgreSQL server for the tests of this process."""
    pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    if find_postgres() is None:
        pytest.skip("PostgreSQL is not installed")
    with PostgresServer(fsync="off") as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """Return the URL of an empty database."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def make() -> Make:
    """Return a maker of payloads and events of a small timeline."""
    return Make()


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the user's STREAMTAGS_ settings, or touches the user's data, config or cache folder."""
    for name in [name for name in os.environ if name.startswith("STREAMTAGS_")]:
        if name not in OPTIONAL_STAGES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("STREAMTAGS_PROFILE", "embedded")  # whatever model server runs on the machine of the tests
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for kind in ("DATA", "CONFIG", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))


@pytest.fixture
def profile_of_the_file(isolated_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the profile that a config file names count: a variable goes before a file."""
    monkeypatch.delenv("STREAMTAGS_PROFILE")


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.levelname}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_logged_errors(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test on any log record of level ERROR or above, unless it carries the marker `allow_error_logs`."""
    handler = _Errors()
    root = logging.getLogger()
    root.addHandler(handler)
    yield
    root.removeHandler(handler)
    if handler.lines and request.node.get_closest_marker("allow_error_logs") is None:
        pytest.fail("errors were logged:\n" + "\n".join(handler.lines), pytrace=False)


class UdpAddress:
    """A free UDP port on the loopback."""

    def __init__(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"udp://127.0.0.1:{self.port}"

    def has_listener(self) -> bool:
        """Whether a socket is bound to the port: packets sent before that are lost."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.05)
            probe.connect(("127.0.0.1", self.port))
            try:
                probe.send(bytes(188))  # not a packet of MPEG-TS: the demuxer skips it
                probe.recv(1)
            except ConnectionRefusedError:
                return False
            except TimeoutError:
                return True
        return True

    def wait(self) -> None:
        """Wait until a socket is bound to the port."""
        deadline = time.monotonic() + 60
        while not self.has_listener():
            if time.monotonic() > deadline:
                pytest.fail(f"no socket is bound to port {self.port}")
            time.sleep(0.02)


@pytest.fixture
def udp() -> UdpAddress:
    """Return an address to send a live source to."""
    return UdpAddress()


_WARM = """
import ctypes, json, os, resource, struct, sys
from streamtags.cli import main
import streamtags.cli.analyze, streamtags.cli.views, streamtags.run.analyze, streamtags.run.retag, streamtags.testing

for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        os.environ.clear()
        os.environ.update(job["env"])
        os.chdir(job["cwd"])
        for number, (name, flags) in enumerate(((job["stdin"], os.O_RDONLY), (job["out"], 577), (job["err"], 577))):
            os.dup2(os.open(name, flags, 0o644), number)
        if os.getuid() == 0 and sys.platform == "linux":  # no capabilities: permissions apply to root, too
            ctypes.CDLL(None).capset(struct.pack("Ii", 0x20080522, 0), bytes(24))
        if job["largest_file"]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"],) * 2)
        os._exit(main([os.fsdecode(bytes.fromhex(word)) for word in job["words"]]))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Ended(NamedTuple):
    """A command that has exited; its streams decoded, with surrogates for bytes that are not UTF-8."""

    status: int
    out: str
    err: str


class Running:
    """A running command."""

    def __init__(self, pid: int, status: Callable[[], int], folder: Path) -> None:
        self.pid = pid
        self._status = status
        self._folder = folder

    def signal(self, number: int) -> None:
        """Send a signal; ignore a process that has exited."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self) -> Ended:
        """Wait for the process to exit."""
        status = self._status()
        return Ended(status, *((self._folder / name).read_text("utf-8", errors="surrogateescape") for name in ("out", "err")))


class Commands:
    """Run `streamtags` in child processes forked from one that has already imported it, which takes a tenth of the time.

    One command runs at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._warm = subprocess.Popen([sys.executable, "-c", _WARM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, *words: str | Path, cwd: Path, stdin: Path | None = None, largest_file: int | None = None) -> Running:
        """Start `streamtags *words` in `cwd`, unable to write a file of more than `largest_file` bytes."""
        job = {
            "words": [os.fsencode(word).hex() for word in words],
            "cwd": str(cwd),
            "env": dict(os.environ),
            "stdin": str(stdin or os.devnull),
            "out": str(self._folder / "out"),
            "err": str(self._folder / "err"),
            "largest_file": largest_file,
        }
        self._send(json.dumps(job))
        return Running(self._read_number(), self._read_number, self._folder)

    def run(self, *words: str | Path, cwd: Path, stdin: Path | None = None, largest_file: int | None = None) -> Ended:
        """Start `streamtags *words` and wait for it to exit."""
        return self.start(*words, cwd=cwd, stdin=stdin, largest_file=largest_file).wait()

    def close(self) -> None:
        """Stop the process that commands are forked from."""
        self._warm.communicate()

    def _send(self, line: str) -> None:
        assert self._warm.stdin is not None
        self._warm.stdin.write(line + "\n")
        self._warm.stdin.flush()

    def _read_number(self) -> int:
        assert self._warm.stdout is not None
        return int(self._warm.stdout.readline())


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Run `streamtags` in processes."""
    running = Commands(tmp_path_factory.mktemp("commands"))
    yield running
    running.close()
