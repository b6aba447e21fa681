"""The README's commands and code do what they say, and its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest

from streamtags.cli import main
from streamtags.testing import ShotSpec, make_video

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "film.mp4", [ShotSpec(frames=30), ShotSpec(frames=30, look="stripes")], size=(160, 90))
    return tmp_path / "film.mp4"


def test_the_readmes_commands_work_in_order(film: Path) -> None:
    commands = [
        line[2:] for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line.startswith("$ ")
    ]
    assert len(commands) > 5
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "streamtags"
        assert main(words[1:]) == 0, command
    assert {path.name for path in film.parent.iterdir()} >= {"events.jsonl", "tags.csv", "film.json"}


def test_the_readmes_python_works(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("00:00:00:00")


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
