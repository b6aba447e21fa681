"""`model serve` and `doctor`: what is started, and what is said to be missing."""

import shlex
from pathlib import Path

import pytest

from streamtags.cli import main


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_the_command_can_be_seen_before_it_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "serve", "qwen2.5-vl-7b", "--port", "8123", "--print", "--", "--max-num-batched-tokens", "4096"]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert words[words.index("serve") + 1] == "Qwen/Qwen2.5-VL-7B-Instruct"
    assert words[words.index("--port") + 1] == "8123"
    assert words[-2:] == ["--max-num-batched-tokens", "4096"]


def test_without_a_name_the_model_of_the_profile_vllm_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "serve", "--print", "--set", "profiles.vllm.captioner.preset=smolvlm2-2.2b", "--", "--seed", "1"]) == 0
    out = capsys.readouterr().out
    assert "SmolVLM2" in out
    assert out.endswith("--seed 1\n")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["serve", "no-such-model"], 2, "choose one of"),
        (["serve", "--port", "0"], 2, "--port 0"),
        (["serve", "tiny-llava-next-video", "--vllm", "/nowhere/vllm"], 2, "/nowhere/vllm"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", *arguments]) == status
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_what_serves_is_looked_for_and_said_to_be_missing(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = ["--set", "profiles.vllm.captioner.base_url=http://127.0.0.1:9/v1"]
    assert main(["doctor", *nowhere]) == 0
    assert "streamtags model serve" in capsys.readouterr().out
    assert main(["doctor", "--profile", "vllm", *nowhere]) == 4
    assert "server" in capsys.readouterr().err
