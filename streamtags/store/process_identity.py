"""The identity of a process, by which another process can see whether it still runs."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ProcessIdentity", "this_process"]


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process on a host.

    Attributes:
        host: network name of the host.
        pid: process id on that host.
        started: sets it apart from a later process with the same pid; "" where the system does not provide that.
    """

    host: str
    pid: int
    started: str

    @property
    def is_alive(self) -> bool | None:
        """Whether the process runs; None if that cannot be seen from here.

        That is so on another host, in another container, and on a system without `/proc`.
        """
        if self.host != platform.node() or not self.started:
            return None
        if self.started.partition("@")[0] != _pid_namespace():
            return None
        return _start_of(self.pid) == self.started

    def keeps_lock(self, until: float, now: float) -> bool:
        """Whether a lock of this process is still valid: while the process lives, or, if that cannot be seen, before `until`."""
        alive = self.is_alive
        return now < until if alive is None else alive


def this_process() -> ProcessIdentity:
    """Return the identity of the calling process."""
    return ProcessIdentity(host=platform.node(), pid=os.getpid(), started=_start_of(os.getpid()))


def _start_of(pid: int) -> str:
    """Return what sets the process `pid` apart; "" if it is gone, a zombie, or cannot be looked up.

    That is the namespace of process ids (containers may share a host name), the boot id, and the clock ticks since boot of its start.
    Source: proc_pid_stat(5), fields 3 (state) and 22 (starttime). The name in field 2 may contain spaces and brackets.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    state, ticks = fields[0], fields[19]
    return "" if state in "ZXx" else f"{_pid_namespace()}@{boot}:{ticks}"


def _pid_namespace() -> str:
    """Return the number of the namespace in which process ids of this process count (pid_namespaces(7))."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""
