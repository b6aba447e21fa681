"""A PostgreSQL server of one's own, for tests and benchmarks of the PostgreSQL store."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from streamtags.core.errors import ConfigError
from streamtags.testing.watchdog import Watchdog

__all__ = ["PostgresServer", "find_postgres"]

_FOLDERS = Path("/usr/lib/postgresql")
_START_SECONDS = 60.0
_SETTINGS = {
    "listen_addresses": "",
    "autovacuum": "off",  # its transactions would change the data version of a store that no test writes to
    "shared_buffers": "32MB",
    "max_connections": "200",
    "logging_collector": "off",
}


def find_postgres() -> Path | None:
    """Return the folder of PostgreSQL's programs: the newest that the system has, None if it has none."""
    folders = [folder / "bin" for folder in _FOLDERS.glob("*") if (folder / "bin" / "initdb").is_file()]
    if folders:
        return max(folders, key=lambda folder: float(folder.parent.name))
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


class PostgresServer:
    """A server in a temporary folder that is reached through a socket in it; it ends with the `with` block, or with this process.

    PostgreSQL does not run as root. If this process does, the server runs as the user `postgres`.

    Args:
        settings: of postgresql.conf, such as `{"fsync": "off"}`.

    Raises:
        ConfigError: PostgreSQL is not installed, or does not start.
    """

    def __init__(self, **settings: str) -> None:
        programs = find_postgres()
        if programs is None:
            raise ConfigError("PostgreSQL is not installed", where="initdb", hint="apt-get install postgresql")
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="streamtags-postgres-"))
        self._settings = {**_SETTINGS, "unix_socket_directories": str(self._folder), **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: Watchdog | None = None
        self._user = _user()
        if self._user:
            os.chown(self._folder, self._user["user"], self._user["group"])
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "streamtags", "-E", "UTF8", "--locale", "C", "-D", str(self._data))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def programs(self) -> Path:
        """The folder of PostgreSQL's programs."""
        return self._programs

    @property
    def pid(self) -> int:
        """The process id; 0 while it does not run."""
        return self._process.pid if self._process is not None else 0

    @property
    def folder(self) -> Path:
        """The folder of its socket, its log and its data."""
        return self._folder

    def url(self, database: str = "postgres") -> str:
        """Return the URL of one of its databases, for `open_store`."""
        return f"postgresql://streamtags@/{database}?host={self._folder}&files={self._folder}/files-{database}"

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"test_{secrets.token_hex(4)}"
        self._run("createdb", "-h", str(self._folder), "-U", "streamtags", name)
        return self.url(name)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self._data), *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **self._user)
        self._watchdog = Watchdog(self._process.pid, signal.SIGQUIT, self._folder)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ConfigError("PostgreSQL does not start", where=str(self._folder / "log"), hint="the log says why")
            time.sleep(0.05)

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server; with `immediate`, without writing anything more, as in a crash. Do nothing if it does not run."""
        if self._process is not None:
            # Meaning of the signals: https://www.postgresql.org/docs/current/server-shutdown.html
            self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            self._process.wait(timeout=_START_SECONDS)
            self._process = None
        if self._watchdog is not None:
            self._watchdog.dismiss()
            self._watchdog = None

    def restart(self, *, immediate: bool = False) -> None:
        """Stop the server and start it again."""
        self.stop(immediate=immediate)
        self.start()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", "-h", str(self._folder)]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([str(self._programs / program), *arguments], check=False, capture_output=True, text=True, **self._user)
        if done.returncode:
            raise ConfigError(f"{program} failed: {done.stderr.strip()}", where=str(self._folder))


def _user() -> dict[str, Any]:
    """Return the arguments of `subprocess` that make a program run as another user than root; none if this process is not root."""
    if os.getuid():
        return {}
    with contextlib.suppress(KeyError):
        entry = pwd.getpwnam("postgres")
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise ConfigError("PostgreSQL does not run as root", where="user postgres", hint="create that user, or run as another one")
