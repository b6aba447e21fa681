"""The process that uses Ray: what is reported when it ends without a word. No Ray is started."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from streamtags.config.settings import load_settings
from streamtags.core.errors import BackendError
from streamtags.run.executors import ray_process
from streamtags.run.executors.ray_process import RayOptions, films_on_ray


def die(sender: object, work: bytes, options: RayOptions, log: str) -> None:
    """Print a last line and die, as Ray's libraries do when the head of the cluster is gone."""
    Path(log).write_text("Failed to connect to GCS\n")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_dies_without_a_word_is_an_error_with_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    monkeypatch.setattr(ray_process, "_run", die)
    with pytest.raises(BackendError) as caught:
        list(films_on_ray(["a.mp4"], load_settings({}), RayOptions(), print))
    assert caught.value.exit_status == 4
    assert "was killed by signal 9; its last line was: Failed to connect to GCS" in str(caught.value)
    assert "run the same command again" in str(caught.value)
