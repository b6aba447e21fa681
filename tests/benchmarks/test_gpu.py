"""The GPU benchmark, as far as a machine without a GPU can run it."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks import gpu


def test_both_kinds_of_weights_are_measured_by_default() -> None:
    args = gpu.build_parser().parse_args([])
    assert args.quantization == ["none", "nf4"]
    assert args.size == "7b"
    assert args.device == "cuda:0"


def test_an_unknown_kind_of_weights_is_refused() -> None:
    with pytest.raises(SystemExit) as ended:
        gpu.build_parser().parse_args(["--quantization", "int8"])
    assert ended.value.code == 2


def test_missing_packages_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "find_spec", lambda name: None if name == "torch" else object())
    assert gpu.main([]) == 2
    assert capsys.readouterr().err == "benchmarks gpu: not installed: torch. Run: pip install '.[transformers]'\n"


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_a_machine_without_a_cuda_device_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    assert gpu.main([]) == 2
    assert "no CUDA device" in capsys.readouterr().err


def test_a_request_has_frames_in_order_of_time_and_brightness() -> None:
    stills = gpu.request(3, frames=8).measured.stills
    assert [still.pts for still in stills] == sorted({still.pts for still in stills})
    levels = [float(np.mean(still.rgb())) for still in stills]
    assert levels == sorted(levels)
    assert len(set(levels)) == 8
