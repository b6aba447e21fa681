"""Analyses on Ray in a process of their own.

Ray can end the process that uses it without an exception, for example when the head of the cluster dies, and it prints lines of its own.
The caller of this module survives that and learns how far the work got.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, cast

from streamtags.config.settings import Settings
from streamtags.core.errors import BackendError, StreamtagsError
from streamtags.process import hidden_programs
from streamtags.run.films import FilmResult

__all__ = ["RayOptions", "check_reachable", "films_on_ray"]

_CONNECT_SECONDS = 10.0
# Ray stops its own processes when the work is interrupted.
_END_SECONDS = 20.0
_GO_ON = "check that the cluster runs, then run the same command again: it goes on where this one stopped"
_LOST = "lost"


@dataclass(frozen=True, slots=True)
class RayOptions:
    """How to analyze on Ray.

    Attributes:
        address: of a cluster that runs, as `ray.init` takes it; None starts Ray on this machine.
        workers: most films at once; None for one for each CPU that captioners do not need.
        captioners: processes with a captioner that is loaded in process; None for one for each GPU.
        debug: print what Ray logs.
    """

    address: str | None = None
    workers: int | None = None
    captioners: int | None = None
    debug: bool = False


def films_on_ray(
    sources: Sequence[str], settings: Settings, options: RayOptions, notice: Callable[[str], None]
) -> Generator[FilmResult, None, None]:
    """Analyze films on Ray; yield how each ended, in the order in which they end.

    Args:
        sources: films, each once, under names that every machine can open.
        settings: with a store that every machine can open, and a named profile.
        options: which cluster, and how much of it.
        notice: called with a line that says what is waited for.

    Raises:
        ConfigError: the store or the profile cannot work on that cluster.
        BackendError: there is no cluster, or Ray ended the work or the process that used it.
    """
    if options.address is not None:
        check_reachable(options.address)
    with hidden_programs():
        from ray import cloudpickle  # the class of the settings is made when they are loaded

    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.NamedTemporaryFile(prefix="streamtags-ray-", suffix=".log") as log, receiver:
        process = context.Process(target=_run, args=(sender, cloudpickle.dumps((list(sources), settings)), options, log.name), daemon=True)
        process.start()
        sender.close()
        try:
            while (received := _receive(receiver)) != _LOST:
                if received is None:
                    return
                if isinstance(received, StreamtagsError):
                    raise received
                if isinstance(received, FilmResult):
                    yield received
                else:
                    notice(cast("str", received))
            process.join(_END_SECONDS)
            raise BackendError(_why(process, Path(log.name)), where=options.address, hint=_GO_ON, code="ray")
        finally:
            _end(process)


def check_reachable(address: str) -> None:
    """Check that something answers at the address of a cluster: Ray waits for a quarter of an hour if nothing does.

    Raises:
        BackendError: nothing accepts connections there.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # a word that Ray explains, such as `auto`
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        hint = "check the address that `ray start --head` printed, and that no firewall is between"
        raise BackendError(f"there is no Ray cluster: {error}", where=address, hint=hint, code="ray") from error


def _receive(receiver: Connection) -> Any:
    """The next message of the process, None for its last one; `_LOST` if it has ended without that."""
    try:
        return receiver.recv()
    except (EOFError, ConnectionError):
        return _LOST


def _end(process: SpawnProcess) -> None:
    """Ask the process to end, which stops a Ray of its own, and wait for it."""
    process.terminate()
    process.join(_END_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()


def _why(process: SpawnProcess, log: Path) -> str:
    """What is known of a process that ended without its last message: its exit status, and the last line that it printed."""
    code = process.exitcode
    how = "is still running" if code is None else f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    last = f"; its last line was: {lines[-1][:300]}" if lines else ""
    return f"lost the cluster: the process that used Ray {how}{last}"


def _run(sender: Connection, work: bytes, options: RayOptions, log: str) -> None:
    """What the process does: send notices and results, then None or an error."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches both processes; the other one decides
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if not options.debug:
        _redirect(log)
    try:
        sources, settings = pickle.loads(work)  # noqa: S301 - ours
        for message in _messages(sources, settings, options, sender):
            sender.send(message)
        sender.send(None)
    except StreamtagsError as error:
        sender.send(error)
    except KeyboardInterrupt:
        pass
    except Exception as error:
        sender.send(StreamtagsError(f"internal error: {type(error).__name__}: {error}", where="Ray", hint="--debug prints more"))
        raise


def _redirect(log: str) -> None:
    """Keep what Ray prints away from the results of the command."""
    os.environ["RAY_DEDUP_LOGS_SKIP_REGEX"] = "."  # messages about tasks that Ray repeats
    for target, flags, descriptor in ((os.devnull, os.O_WRONLY, 1), (log, os.O_WRONLY | os.O_APPEND, 2)):
        opened = os.open(target, flags)
        os.dup2(opened, descriptor)
        os.close(opened)


def _end_with_parent() -> None:
    """Interrupt this process when the one that started it has been killed, then end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_END_SECONDS)
        os._exit(1)


def _messages(sources: list[str], settings: Settings, options: RayOptions, sender: Connection) -> Iterator[FilmResult]:
    with hidden_programs():
        from streamtags.run.executors.ray_films import analyze_films, ray_cluster

    wanted = (options.workers or os.cpu_count() or 1) + (options.captioners or 1)
    with ray_cluster(options.address, wanted, debug=options.debug, notice=sender.send) as cluster:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ray has set its own
        workers = options.workers or max(1, cluster.cpus - (options.captioners or cluster.gpus or 1))
        machines = "this machine" if options.address is None else f"{cluster.nodes} machines" if cluster.nodes != 1 else "one machine"
        sender.send(f"Ray has {cluster.cpus} CPUs and {cluster.gpus} GPUs on {machines}; {min(workers, len(sources))} films at once")
        yield from analyze_films(sources, settings, cluster, workers=workers, captioners=options.captioners, notice=sender.send)
