"""The help and the version are printed at once."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_what_needs_no_command_imports_none(option: str) -> None:
    heavy = "{'numpy', 'pydantic', 'av'}"
    program = f"import sys; from streamtags.cli import main; main(sys.argv[1:]); print(*{heavy} & set(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program, option], capture_output=True, text=True, check=True)
    assert "streamtags" in done.stdout
    assert done.stderr.strip() == ""


def test_an_option_of_a_command_is_suggested_with_and_without_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    from streamtags.cli import main

    assert main(["show", "x", "--stroe", "y"]) == 2
    assert "did you mean --store?" in capsys.readouterr().err
    assert main(["shwo"]) == 2
    assert "did you mean show?" in capsys.readouterr().err
