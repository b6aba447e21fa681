"""The minimal plugins, run as a person runs them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.conftest import Serve, serve, store

__all__ = ["serve", "store"]  # fixtures

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NODE = shutil.which("node")
COMMANDS = {
    "minimal_plugin.py": [sys.executable],
    "minimal_plugin.mjs": [NODE or "node", "--experimental-websocket", "--no-warnings"],
}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_minimal_plugin_shows_every_segment_and_sends_a_correction(name: str, serve: Serve) -> None:
    if name.endswith(".mjs") and NODE is None:
        pytest.skip("no node on the PATH")
    assert len((EXAMPLES / name).read_text("utf-8").splitlines()) < 60
    server = serve()
    server.fill(segments=3)
    words = [*COMMANDS[name], str(EXAMPLES / name), f"ws://127.0.0.1:{server.port}", "tl_test", "--calm", "s0001"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    state = server.store.state("tl_test")
    assert state.segment("s0001").correction is not None
    lines = done.stdout.splitlines()
    for segment in (state.segment("s0000"), state.segment("s0002")):  # the correction is later than the end of the analysis
        tags = ", ".join(f"{score.tag} {score.confidence:.2f}" for score in segment.tags)
        assert f"{segment.start.timecode}  {segment.segment}  {tags}" in lines
