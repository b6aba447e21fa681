"""What `import streamtags` promises."""

import subprocess
import sys

import streamtags


def test_exported_names_are_sorted_and_exist() -> None:
    assert streamtags.__all__ == sorted(streamtags.__all__, key=lambda name: (name.islower(), name))
    for name in streamtags.__all__:
        assert getattr(streamtags, name).__name__ == name


def test_importing_is_light() -> None:
    code = "import sys, streamtags; print(sorted({'cv2', 'torch', 'av', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(streamtags, "analyze_film")
    assert "analyze" in dir(streamtags)
