"""Serving: the command for the GPUs of the machine, and the child process that runs it, with a substitute for vLLM."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from streamtags.core.errors import BackendError, ConfigError
from streamtags.stages.caption.checks import checks
from streamtags.stages.caption.models import load_model_config
from streamtags.stages.caption.serving import Gpu, VllmServer, find_gpus, find_vllm, parse_gpus, serve_command, serve_environment

A100 = Gpu(0, "NVIDIA A100 80GB PCIe", 80.0, "570.1", (8, 0))
RTX3060 = Gpu(0, "NVIDIA GeForce RTX 3060", 12.0, "570.1", (8, 6))
RTX3090 = Gpu(0, "NVIDIA GeForce RTX 3090", 24.0, "570.1", (8, 6))
T4 = Gpu(0, "Tesla T4", 15.0, "570.1", (7, 5))


def value(command: list[str], flag: str) -> str | None:
    return command[command.index(flag) + 1] if flag in command else None


@pytest.mark.parametrize(
    ("model", "gpus", "count", "quantized", "dtype"),
    [
        ("llava-next-video-7b", [A100], "1", False, "auto"),
        ("llava-next-video-7b", [RTX3060], "1", True, "auto"),
        ("llava-next-video-7b", [T4], "1", True, "half"),
        ("llava-next-video-7b", [RTX3060, RTX3060], "2", False, "auto"),
        ("llava-next-video-34b", [A100], "1", False, "auto"),
        ("llava-next-video-34b", [A100, A100], "1", False, "auto"),
        ("llava-next-video-34b", [RTX3090] * 2, "2", True, "auto"),
        ("llava-next-video-34b", [RTX3090] * 5, "4", False, "auto"),
        ("smolvlm2-2.2b", [T4], "1", False, "half"),
    ],
)
def test_the_model_goes_on_as_few_gpus_as_hold_it_and_in_4_bits_only_where_it_must(
    model: str, gpus: list[Gpu], count: str, quantized: bool, dtype: str
) -> None:
    command = serve_command(load_model_config(model), gpus, 8000)
    assert value(command, "--tensor-parallel-size") == count
    assert (value(command, "--quantization") == "bitsandbytes") is quantized
    assert value(command, "--dtype") == dtype
    assert "--enable-prefix-caching" in command
    assert len(serve_environment(load_model_config(model), gpus)["CUDA_VISIBLE_DEVICES"].split(",")) == int(count)


def test_a_model_that_cannot_fit_says_how_much_it_needs() -> None:
    with pytest.raises(ConfigError, match=r"24 GiB .*smaller model.*RTX 3060"):
        serve_command(load_model_config("llava-next-video-34b"), [RTX3060], 8000)


def test_video_models_take_one_video_and_picture_models_as_many_pictures_as_are_shown() -> None:
    video = serve_command(load_model_config("llava-next-video-7b"), [A100], 8000)
    assert value(video, "--limit-mm-per-prompt") == '{"video": 1, "image": 0}'
    assert value(video, "--media-io-kwargs") == '{"video": {"num_frames": -1}}'
    pictures = serve_command(load_model_config("smolvlm2-2.2b"), [A100], 8000)
    assert value(pictures, "--limit-mm-per-prompt") == '{"image": 8, "video": 0}'
    assert pictures[-2:] == ["--mm-processor-kwargs", '{"do_image_splitting": false}']


def test_it_listens_on_loopback_and_under_the_name_that_profiles_use() -> None:
    config = load_model_config("llava-next-video-7b")
    command = serve_command(config, [A100], 8123)
    assert (value(command, "--host"), value(command, "--port")) == ("127.0.0.1", "8123")
    assert value(command, "--served-model-name") == config.openai_options()["model"]


def test_without_a_gpu_the_command_is_for_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    config = load_model_config("tiny-llava-next-video")
    command = serve_command(config, [], 8000)
    assert "--enforce-eager" in command
    assert "--tensor-parallel-size" not in command
    environment = serve_environment(config, [])
    assert environment["VLLM_CPU_KVCACHE_SPACE"] == "1"
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_nvidia_smi_is_understood() -> None:
    good = "0, NVIDIA A100 80GB PCIe, 81920, 570.86.15, 8.0\n1, Tesla T4, 15360, 570.86.15, 7.5\n"
    text = good + "NVIDIA-SMI has failed\n\n2, [N/A], [N/A], x, y\n"
    assert parse_gpus(text) == [
        Gpu(0, "NVIDIA A100 80GB PCIe", 80.0, "570.86.15", (8, 0)),
        Gpu(1, "Tesla T4", 15.0, "570.86.15", (7, 5)),
    ]


async def test_gpus_are_listed_by_nvidia_smi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "0, Tesla T4, 15360, 570.1, 7.5"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert [gpu.name for gpu in await find_gpus()] == ["Tesla T4"]
    program.write_text("#!/bin/sh\necho broken\nexit 9\n")
    assert await find_gpus() == []


def test_vllm_is_located_or_its_absence_reported_with_advice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "vllm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_vllm(str(program)) == str(program)
    monkeypatch.setenv("STREAMTAGS_VLLM", str(program))
    assert find_vllm() == str(program)
    with pytest.raises(ConfigError, match="not an executable"):
        find_vllm(str(tmp_path / "nothing"))
    monkeypatch.delenv("STREAMTAGS_VLLM")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "empty" / "python"))
    with pytest.raises(ConfigError, match="streamtags\\[gpu\\]"):
        find_vllm()


STAND_IN = """
import http.server, os, subprocess, sys, time
port, manner, notes = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with open(notes, "a") as file: file.write("started\\n")
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(notes + ".child", "w") as file: file.write(str(child.pid))
print("loading weights", flush=True)
starts = open(notes).read().count("started")
if manner == "dies" or (manner == "dies-twice" and starts < 3):
    print("Traceback: noise\\nValueError: no weights\\nmore noise", flush=True); child.kill(); sys.exit(3)
if manner == "silent": time.sleep(600)
if manner == "stubborn":
    import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("x" * 300000, flush=True)
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"data": [{"id": "tiny"}]}'
        self.send_response(200 if self.path in ("/health", "/v1/models") else 404); self.send_header("content-length", str(len(body)))
        self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Health).serve_forever()
"""


class Stand:
    """A stand-in for vLLM, and what became of it."""

    def __init__(self, folder: Path, manner: str) -> None:
        script = folder / "stand_in.py"
        script.write_text(STAND_IN)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.notes = folder / "notes"
        self.lines: list[str] = []
        self.command = [sys.executable, str(script), str(self.port), manner, str(self.notes)]

    def server(self, **options: float) -> VllmServer:
        return VllmServer(
            self.command,
            "127.0.0.1",
            self.port,
            on_line=self.lines.append,
            start_seconds=options.get("start_seconds", 100),
            restarts=int(options.get("restarts", 3)),
            first_delay=0.05,
        )

    @property
    def starts(self) -> int:
        return self.notes.read_text().count("started")

    async def child_is_gone(self) -> bool:
        noted = Path(f"{self.notes}.child")
        if not noted.exists():
            return True  # it was ended before it started one
        child = int(noted.read_text())
        for _ in range(1200):
            state = Path(f"/proc/{child}/stat")
            if not state.exists() or state.read_text().split(") ")[1].startswith("Z"):
                return True
            await asyncio.sleep(0.05)
        return False


async def test_the_server_starts_answers_streams_its_log_and_leaves_nothing_behind(tmp_path: Path) -> None:
    stand = Stand(tmp_path, "well")
    async with stand.server() as server:
        assert server.pid is not None
        results = {check.name: check for check in await checks(base_url=server.base_url)}
        assert results["server"].ok
        assert "tiny" in results["server"].detail
    assert server.pid is None
    assert stand.lines[0] == "loading weights"
    assert max(map(len, stand.lines)) <= 2000
    assert await stand.child_is_gone()
    await server.stop()


async def test_a_start_that_fails_says_what_was_said_last_of_an_error(tmp_path: Path) -> None:
    stand = Stand(tmp_path, "dies")
    with pytest.raises(BackendError, match="status 3 while starting; its last words: ValueError: no weights"):
        await stand.server().start()


async def test_a_start_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    stand = Stand(tmp_path, "silent")
    with pytest.raises(BackendError, match="did not answer within 1 s"):
        await stand.server(start_seconds=1).start()
    assert await stand.child_is_gone()


async def test_a_port_that_is_taken_is_not_mistaken_for_success(tmp_path: Path) -> None:
    stand = Stand(tmp_path, "well")
    async with stand.server():
        with pytest.raises(BackendError, match="port is taken"):
            await stand.server().start()
    assert stand.starts == 1


async def test_no_such_program_is_explained() -> None:
    server = VllmServer(["/no/such/vllm", "serve"], "127.0.0.1", 1)
    with pytest.raises(BackendError):
        await server.start()


async def test_when_it_dies_it_is_started_again(tmp_path: Path) -> None:
    stand = Stand(tmp_path, "well")
    async with stand.server() as server:
        watching = asyncio.create_task(server.watch())
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        while server.starts < 2 or not (await checks(base_url=server.base_url))[3].ok:
            await asyncio.sleep(0.05)
        assert server.pid not in (None, first)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching
    assert any("starting it again" in line for line in stand.lines)
    assert await stand.child_is_gone()


async def test_what_dies_again_and_again_is_given_up(tmp_path: Path) -> None:
    stand = Stand(tmp_path, "well")
    server = stand.server(restarts=2)
    await server.start()
    pid = server.pid
    assert pid is not None
    Path(stand.command[1]).write_text("import sys; print('Error: broken now'); sys.exit(1)")
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(BackendError, match=r"died 3 times in a row.*Error: broken now"):
        await server.watch()
    await server.stop()


async def test_what_does_not_listen_to_reason_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamtags.stages.caption.serving._PATIENCE_SECONDS", 0.3)
    stand = Stand(tmp_path, "stubborn")
    server = stand.server()
    await server.start()
    await server.stop()
    assert server.pid is None
    assert await stand.child_is_gone()


async def test_doctor_says_what_is_missing_and_what_to_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.delenv("HF_HOME", raising=False)
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = load_model_config("llava-next-video-7b")
    results = {c.name: c for c in await checks(config, base_url=f"http://127.0.0.1:{port}/v1", api_key_env="NO_SUCH_KEY")}
    for name in ("gpu", "vllm", "memory", "model files", "key", "server"):
        assert not results[name].ok, name
        assert results[name].hint, name
    assert "hf download llava-hf/LLaVA-NeXT-Video-7B-hf" in results["model files"].hint
    tiny = {c.name: c for c in await checks(load_model_config("tiny-llava-next-video"))}
    assert tiny["model files"].ok
    assert tiny["key"].ok


async def test_only_a_server_of_this_machine_is_started_by_a_hint() -> None:
    for base_url, suggested in (("http://127.0.0.1:9/v1", True), ("http://models.invalid/v1", False)):
        server = next(check for check in await checks(base_url=base_url) if check.name == "server")
        assert not server.ok
        assert ("streamtags model serve" in server.hint) == suggested
