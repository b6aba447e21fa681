"""Naming a process so that another, later, can tell whether it still lives."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Process", "this_process"]


@dataclass(frozen=True, slots=True)
class Process:
    """A process on some host.

    Attributes:
        host: the host's network name.
        pid: its process id there.
        started: what sets it apart from a later process of the same pid; "" where the system does not tell.
    """

    host: str
    pid: int
    started: str

    @property
    def alive(self) -> bool | None:
        """Whether it still runs; None where that cannot be told from here (another host, or a system without `/proc`)."""
        if self.host != platform.node() or not self.started:
            return None
        return _started(self.pid) == self.started

    def holds(self, until: float, now: float) -> bool:
        """Whether what it took is still its own: while it lives, or, where that cannot be told, before `until`."""
        return now < until if self.alive is None else self.alive


def this_process() -> Process:
    """The process that asks."""
    return Process(host=platform.node(), pid=os.getpid(), started=_started(os.getpid()))


def _started(pid: int) -> str:
    """When `pid` began, as boot id and clock ticks since boot; "" if it is gone, a zombie, or cannot be looked up.

    Source: proc_pid_stat(5), fields 3 (state) and 22 (starttime). The name in field 2 may hold spaces and brackets.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    state, ticks = fields[0], fields[19]
    return "" if state in "ZXx" else f"{boot}:{ticks}"
