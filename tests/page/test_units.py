"""The parts of the page that need no browser, by Node's test runner."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="no node on the PATH: the tests of the page's modules are not run")
def test_the_tests_of_the_modules_pass() -> None:
    folder = Path(__file__).with_name("unit")
    ended = subprocess.run([str(NODE), "--test", f"{folder}/"], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout[-4000:]
