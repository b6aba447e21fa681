"""A captioner in a package of its own: the one that docs/howto/write-a-captioner.md explains."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import ConfigError
from streamtags.run.backends import find_backend
from streamtags.testing import ShotSpec, make_video
from streamtags.testing.captioner_conformance import check_captioner
from tests.plugins import install_plugin

pytestmark = pytest.mark.usefixtures("profile_of_the_file")

PACKAGE = Path(__file__).parent / "plugin"
HOW_TO = Path(__file__).parents[3] / "docs" / "howto" / "write-a-captioner.md"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.delitem(sys.modules, "streamtags_colors", raising=False)
    install_plugin(PACKAGE, folder)
    return folder


def profile_of_the_how_to() -> str:
    text = HOW_TO.read_text("utf-8")
    return next(block for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "[profiles.colors.captioner]" in block)


def test_the_command_line_analyzes_with_an_installed_captioner(site: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "film.mp4", [ShotSpec(30), ShotSpec(30, "blocks")], size=(160, 90))
    (tmp_path / "colors.toml").write_text(profile_of_the_how_to())
    command = [sys.executable, "-m", "streamtags", "analyze", "film.mp4", "--config", "colors.toml", "--store", "sqlite:///s.db"]
    done = subprocess.run([*command, "--jsonl", "log.jsonl"], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    events: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    captions = [event["data"] for event in events if event["type"] == "segment.captioned"]
    assert len(captions) == 2
    assert all(re.fullmatch(r"(Dark|Red|Green|Blue)( then (dark|red|green|blue))?\.", caption["caption"]) for caption in captions)
    assert {caption["model"] for caption in captions} == {"colors-1+2.40"}
    assert [len(caption["frames"]) for caption in captions] == [2, 2]


async def test_the_captioner_conforms(site: Path) -> None:
    await check_captioner(find_backend("captioner", "colors"), {"frames": 2})


def test_its_options_are_checked_like_those_of_the_package(site: Path) -> None:
    with pytest.raises(ConfigError, match="captioner colors: no option 'frame'; did you mean 'frames'"):
        find_backend("captioner", "colors").build({"frame": 2})


def test_the_how_to_shows_the_package_as_it_is() -> None:
    text = HOW_TO.read_text("utf-8")
    for name in ("pyproject.toml", "streamtags_colors.py"):
        assert (PACKAGE / name).read_text("utf-8").strip() in text
