"""Ends a process that this one has started when this one is killed, so that a killed test run leaves no servers behind."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

__all__ = ["Watchdog"]

# `read` fails when the other end of the pipe is closed, which the system does at the end of a process, however it ends.
_PROGRAM = """
read -r _ && exit
kill "-$1" "$0"
for _ in $(seq 100); do kill -0 "$0" || break; sleep 0.1; done
[ -z "$2" ] || rm -rf "$2"
"""


class Watchdog:
    """A shell that waits for the end of this process and then ends another one.

    Args:
        pid: the process to end.
        how: the signal for it.
        folder: a folder to delete after that.
    """

    def __init__(self, pid: int, how: signal.Signals, folder: Path | None = None) -> None:
        command = ["sh", "-c", _PROGRAM, str(pid), str(how.value), str(folder or "")]
        null = subprocess.DEVNULL
        self._shell = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=null, stderr=null, start_new_session=True)

    def dismiss(self) -> None:
        """Stop watching. Call it when the process has ended."""
        self._shell.communicate(b"\n")
