"""`streamtags serve` as a process of its own, for tests and benchmarks that kill it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamtags.testing.watchdog import Watchdog

__all__ = ["ServerProcess"]

_START_SECONDS = 60.0
_PROGRAM = "import sys; from streamtags.cli import main; sys.exit(main())"


class ServerProcess:
    """A server on a port of its own. It keeps the port when it is started again, and ends with this process.

    Args:
        store: URL of the store.
        flags: further flags of `streamtags serve`.
        environment: further variables.
        log: file for what it prints.
    """

    def __init__(self, store: str, flags: Sequence[str] = (), *, environment: Mapping[str, str] | None = None, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._command = [sys.executable, "-c", _PROGRAM, "serve", "--port", str(self.port), "--store", store, *flags]
        self._environment = {**os.environ, **(environment or {})}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: Watchdog | None = None

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id; 0 before the first start."""
        return self._process.pid if self._process is not None else 0

    @property
    def is_running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process without waiting."""
        self._dismiss()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._environment)
        self._watchdog = Watchdog(self._process.pid, signal.SIGKILL)

    def wait_until_ready(self) -> None:
        """Wait until `/readyz` says that the server takes work.

        Raises:
            TimeoutError: it does not.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)) as probe:
                probe.request("GET", "/readyz")
                if probe.getresponse().status == 200:
                    return
            time.sleep(0.05)
        raise TimeoutError(f"the server at {self.url} is not ready; see {self._log}")

    def kill(self) -> None:
        """Kill the server, as a power cut would, and wait for its end."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop the server as a supervisor does, and wait for its end."""
        self._end(signal.SIGTERM)

    def workers(self) -> list[int]:
        """Return the process ids of its analyses."""
        if self._process is None:
            return []
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pids = children.read_text().split() if children.exists() else []
        return [int(pid) for pid in pids if _is_worker(int(pid))]

    def _end(self, number: int) -> None:
        if self._process is not None:
            watchdog, self._watchdog = self._watchdog, None  # another thread may start the server again as soon as it has ended
            self._process.send_signal(number)
            self._process.wait(timeout=_START_SECONDS)
            if watchdog is not None:
                watchdog.dismiss()

    def _dismiss(self) -> None:
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:
            watchdog.dismiss()


def _is_worker(pid: int) -> bool:
    try:
        return b"streamtags_server.jobs.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
