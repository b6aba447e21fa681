"""What the command line advises when a command has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamtags.cli import main
from streamtags.cli.hints import untagged_hint
from streamtags.core.fold import fold
from streamtags.testing import ShotSpec, make_video

# No description or alias that the measurements could fit.
VOCABULARY = """
id: instruments
version: "1"
axes: [{name: instrument, description: What plays.}]
tags:
  - {name: Oboe, axis: instrument, description: An oboe plays.}
  - {name: Harp, axis: instrument, description: A harp plays.}
"""


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "instruments.yaml").write_text(VOCABULARY)
    make_video(tmp_path / "film.mp4", [ShotSpec(30), ShotSpec(30, "blocks"), ShotSpec(30, "stripes")], size=(160, 90))
    return tmp_path / "film.mp4"


def test_an_analysis_without_a_tag_says_that_the_profile_does_not_see(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", film.name, "--tags", "instruments.yaml", "--store", "sqlite:///s.db"]) == 0
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("0 of 3 segments tagged: this profile measures but does not see. Try `--profile vllm`")


def test_retagging_without_a_tag_says_the_same(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", film.name, "--store", "sqlite:///s.db"]) == 0
    assert "segments tagged:" not in capsys.readouterr().err
    assert main(["retag", "last", "--tags", "instruments.yaml", "--store", "sqlite:///s.db"]) == 0
    assert "0 of 3 segments tagged: this profile measures but does not see" in capsys.readouterr().err


def test_captions_that_fit_no_tag_get_other_advice(make: Any) -> None:
    tagged = make.tagged(0, 1)
    payloads = [make.opened(), make.detected(0), make.measured(0), make.captioned(0, 1), tagged, make.completed(segments=1)]
    hint = untagged_hint(fold(make.events(payloads)), "instruments.yaml")
    assert hint is not None
    assert hint.startswith("0 of 1 segments tagged: no tag of instruments.yaml fits the captions.")
