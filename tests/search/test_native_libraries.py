"""The native libraries of search and of sound work in one process, in either order."""

import subprocess
import sys

import pytest

SEARCH = "import streamtags.search.vectors"
SOUND = "from streamtags.stages.measure.speech import SpeechDetector; SpeechDetector()"


@pytest.mark.parametrize("order", [[SEARCH, SOUND], [SOUND, SEARCH]], ids=["search first", "sound first"])
def test_search_and_sound_work_in_one_process(order: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", "\n".join(order)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
