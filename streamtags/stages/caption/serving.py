"""The command that serves a model with vLLM on this machine, and the child process that runs it.

vLLM always runs as a child process: it may have an environment of its own, and it is restarted when it dies.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shutil
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType

from streamtags.core.backoff import Backoff
from streamtags.core.errors import BackendError, ConfigError
from streamtags.stages.caption.models import ModelConfig

__all__ = ["Gpu", "VllmServer", "find_gpus", "find_vllm", "healthy", "parse_gpus", "serve_command", "serve_environment"]

_QUERY = ("index", "name", "memory.total", "driver_version", "compute_cap")
_WORKING_GIB = 3.0  # activations, CUDA graphs and a KV cache for a few requests, beside the weights
_FOUR_BITS = 0.32  # weights by bitsandbytes nf4 against 16 bits; vision tower and embeddings stay in 16
_LINE = 2000
_KEPT_LINES = 40
_STEADY_SECONDS = 600.0
_PATIENCE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as nvidia-smi reports it. `memory_gib` is all of its memory; `capability` CUDA's, as (8, 0)."""

    index: int
    name: str
    memory_gib: float
    driver: str
    capability: tuple[int, int]


def parse_gpus(text: str) -> list[Gpu]:
    """GPUs out of `nvidia-smi --query-gpu=... --format=csv,noheader,nounits`; other lines are left out."""
    gpus = []
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        try:
            index, name, memory, driver, capability = row
            major, _, minor = capability.strip().partition(".")
            gpus.append(Gpu(int(index), name.strip(), float(memory) / 1024, driver.strip(), (int(major), int(minor or 0))))
        except ValueError:
            continue
    return gpus


async def find_gpus() -> list[Gpu]:
    """The NVIDIA GPUs of this machine; none without a working driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    process = await asyncio.create_subprocess_exec(
        program, f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits", stdout=PIPE, stderr=DEVNULL
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 20)
    except TimeoutError:
        process.kill()
        await process.wait()
        return []
    return parse_gpus(out.decode("utf-8", "replace")) if process.returncode == 0 else []


def find_vllm(setting: str | None = None) -> str:
    """The `vllm` executable: as set, from STREAMTAGS_VLLM, beside this Python, or on PATH.

    Raises:
        ConfigError: there is none.
    """
    for named in (setting, os.environ.get("STREAMTAGS_VLLM")):
        if named:
            path = shutil.which(named)
            if path is None:
                raise ConfigError("is not an executable", where=named, hint="name the vllm executable of an environment that has vLLM")
            return path
    path = shutil.which("vllm", path=str(Path(sys.executable).parent)) or shutil.which("vllm")
    if path is None:
        raise ConfigError(
            "vllm is not installed", where="vllm", hint="pip install 'streamtags[gpu]', or set STREAMTAGS_VLLM to its executable"
        )
    return path


def serve_command(config: ModelConfig, gpus: Sequence[Gpu], port: int, *, host: str = "127.0.0.1", vllm: str = "vllm") -> list[str]:
    """The `vllm serve` command for a model on these GPUs; without any, for vLLM's build for CPUs.

    In 16 bits on as few GPUs as hold it, or else in 4 bits by bitsandbytes on as few as hold that.

    Args:
        config: the model.
        gpus: all GPUs it may use.
        port: to listen on.
        host: to listen on; beyond loopback, set VLLM_API_KEY.
        vllm: the executable.

    Raises:
        ConfigError: the GPUs do not hold the model in 4 bits either.
    """
    serve, shown = config.serve, config.caption
    video = shown.transport == "video_url"
    limits = {"video": 1, "image": 0} if video else {"image": shown.frames, "video": 0}
    dtype = serve.dtype
    fitted: list[str] = []
    if gpus:
        count, quantized = _plan(config, gpus)
        if dtype == "auto" and min(gpu.capability for gpu in gpus[:count]) < (8, 0):
            dtype = "half"  # bfloat16 needs compute capability 8.0
        fitted += ["--gpu-memory-utilization", f"{serve.gpu_memory_utilization:g}", "--tensor-parallel-size", str(count)]
        fitted += ["--quantization", "bitsandbytes"] if quantized else []
    else:
        fitted += ["--enforce-eager"]  # compiling pays on a CPU only after thousands of requests
    return [
        *(vllm, "serve", config.model),
        *("--host", host, "--port", str(port)),
        *("--served-model-name", config.name, *(() if Path(config.model).is_dir() else (config.model,))),
        *("--dtype", dtype),
        *("--max-model-len", str(serve.max_model_len), "--max-num-seqs", str(serve.max_num_seqs)),
        *("--limit-mm-per-prompt", json.dumps(limits)),
        # By default, vLLM drops frames after the 32nd.
        *(("--media-io-kwargs", json.dumps({"video": {"num_frames": -1}})) if video else ()),
        "--enable-prefix-caching",
        # Without it, the model's own sampling defaults fill in what a request leaves out.
        *("--generation-config", "vllm"),
        *fitted,
        *serve.arguments,
    ]


def serve_environment(config: ModelConfig, gpus: Sequence[Gpu]) -> dict[str, str]:
    """Environment variables to add to this process's own for `serve_command`."""
    added = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if Path(config.model).is_dir():
        added["HF_HUB_OFFLINE"] = "1"
    if gpus:
        count, _ = _plan(config, gpus)
        added["CUDA_VISIBLE_DEVICES"] = ",".join(str(gpu.index) for gpu in gpus[:count])
    elif "VLLM_CPU_KVCACHE_SPACE" not in os.environ:
        added["VLLM_CPU_KVCACHE_SPACE"] = "1" if config.weights_gib < 1 else "4"  # GiB
    return added


def _plan(config: ModelConfig, gpus: Sequence[Gpu]) -> tuple[int, bool]:
    """How many GPUs, and whether in 4 bits. Tensor parallelism wants a power of two, and every GPU takes as much as the smallest has."""
    for quantized in (False, True):
        weights = config.weights_gib * (_FOUR_BITS if quantized else 1.0)
        for count in (1, 2, 4, 8):
            if count <= len(gpus):
                room = min(gpu.memory_gib for gpu in gpus[:count]) * config.serve.gpu_memory_utilization
                if weights / count + _WORKING_GIB <= room:
                    return count, quantized
    needed = config.weights_gib * _FOUR_BITS + _WORKING_GIB
    raise ConfigError(
        f"needs about {needed:.0f} GiB of GPU memory even in 4 bits",
        where=config.title,
        hint=f"choose a smaller model; this machine has {', '.join(f'{gpu.name} with {gpu.memory_gib:.0f} GiB' for gpu in gpus)}",
    )


def healthy(host: str, port: int, timeout: float = 2.0) -> bool:
    """Whether a model server answers `GET /health` with 200 within `timeout` seconds. Blocks."""
    connection = HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class VllmServer:
    """A served model as a child process in a group of its own, so that ending it ends its workers.

    ```python
    async with VllmServer(command, host, port, environment=..., on_line=print) as server:
        await server.watch()    # starts it again when it dies
    ```

    Args:
        command: as `serve_command` gives it.
        host: where it will answer.
        port: where it will answer.
        environment: added to this process's own.
        on_line: called with each line of its log.
        start_seconds: the most a start may take; the first one may download the model.
        restarts: how often in a row it is started again before that is given up.
        first_delay: seconds before the first restart; doubled each time, at most a minute.
    """

    def __init__(
        self,
        command: Sequence[str],
        host: str,
        port: int,
        *,
        environment: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] = lambda line: None,
        start_seconds: float = 3600.0,
        restarts: int = 5,
        first_delay: float = 1.0,
    ) -> None:
        self._command = list(command)
        self._host, self._port = host, port
        self._environment = {**os.environ, **(environment or {})}
        self._on_line = on_line
        self._start_seconds = start_seconds
        self._restarts = restarts
        self._first_delay = first_delay
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._last: deque[str] = deque(maxlen=_KEPT_LINES)
        self.starts = 0

    @property
    def base_url(self) -> str:
        """Where clients ask it."""
        return f"http://{self._host}:{self._port}/v1"

    @property
    def pid(self) -> int | None:
        """Process id of the server, also its process group; None while there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def __aenter__(self) -> VllmServer:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            BackendError: the port is taken, it cannot be started, dies while starting, or does not answer in time.
        """
        if await self._listening():
            raise BackendError(
                "the port is taken",
                where=f"{self._host}:{self._port}",
                code="model.port_taken",
                hint="stop what listens there, or choose another --port",
            )
        # Where this process is killed outright, the kernel ends the server too.
        guard = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        try:
            self._process = await asyncio.create_subprocess_exec(
                *guard, *self._command, env=self._environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
            )
        except OSError as error:
            raise BackendError(f"cannot be started: {error.strerror}", where=self._command[0], code="model.not_started") from error
        self.starts += 1
        self._last.clear()
        self._reader = asyncio.create_task(self._read(self._process))
        await self._answering(self._process)

    async def watch(self) -> None:
        """Return never: start the server again whenever it dies. Cancel to leave.

        Raises:
            BackendError: it died `restarts` times in a row without having run for ten minutes between.
        """
        died = 0
        while True:
            began = time.monotonic()
            if self._process is not None:
                await _ended(self._process)
            await self._end()
            died = 1 if time.monotonic() - began > _STEADY_SECONDS else died + 1
            if died > self._restarts:
                raise self._dead(f"died {died} times in a row")
            delay = Backoff(self._first_delay, 60.0, least_share=1.0).seconds(died - 1)
            self._on_line(f"streamtags: the model server died; starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            try:
                await self.start()
            except BackendError as error:
                self._on_line(f"streamtags: {error}")

    async def stop(self) -> None:
        """End the server and its workers: terminate, then kill; safe to call twice."""
        await self._end()

    async def _listening(self) -> bool:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(self._host, self._port), 2)
        except (OSError, TimeoutError):
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    async def _answering(self, process: Process) -> None:
        began, pause = time.monotonic(), 0.1
        while process.returncode is None:
            if await asyncio.to_thread(healthy, self._host, self._port):
                return
            if time.monotonic() - began > self._start_seconds:
                await self._end()
                raise self._dead(f"did not answer within {self._start_seconds:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(_ended(process), pause)
            pause = min(1.0, pause * 1.5)
        await self._end()
        raise self._dead(f"ended with status {process.returncode} while starting")

    async def _end(self) -> None:
        """End the process group and the reader of its log."""
        process, self._process = self._process, None
        reader, self._reader = self._reader, None
        if process is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, number)
                with suppress(TimeoutError):
                    await asyncio.wait_for(_ended(process), _PATIENCE_SECONDS)
                    if not _group_alive(process.pid) or number == signal.SIGKILL:
                        break
        if reader is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(reader, 2)

    async def _read(self, process: Process) -> None:
        if process.stdout is None:
            return
        rest = b""
        while chunk := await process.stdout.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[-_LINE:]
            for line in lines:
                text = line[:_LINE].decode("utf-8", "replace").rstrip()
                self._last.append(text)
                self._on_line(text)

    def _dead(self, what: str) -> BackendError:
        lines = [line for line in self._last if "Error" in line or "error" in line] or list(self._last)
        said = f"; its last words: {lines[-1][-300:].strip()}" if lines else ""
        return BackendError(
            f"vllm {what}{said}",
            where=self._command[-1] if len(self._command) < 3 else self._command[2],
            code="model.not_started",
            hint="`streamtags doctor` says what is missing",
        )


async def _ended(process: Process) -> None:
    """Wait until the process itself has ended. `Process.wait` also waits for its output, which its workers may keep open."""
    while process.returncode is None:  # noqa: ASYNC110 - asyncio has no event for it
        await asyncio.sleep(0.05)


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
