"""A format in a package of its own: the one that docs/howto/write-an-export.md explains."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from streamtags.cli import main
from streamtags.core.errors import ConfigError
from streamtags.core.records import TimelineIdentity
from streamtags.export import find_format, formats
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.log import make_payloads
from tests.plugins import install_plugin

PACKAGE = Path(__file__).parent / "plugin"
HOW_TO = Path(__file__).parents[2] / "docs" / "howto" / "write-an-export.md"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_an_installed_format_works_like_the_others(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install_plugin(PACKAGE, site)
    url = f"sqlite:///{tmp_path}/s.db"
    with SqliteStore(tmp_path / "s.db") as store:
        store.open_timeline("tl_a", TimelineIdentity("key"))
        store.append("tl_a", make_payloads(3))
    assert list(formats())[-1] == "markdown"
    assert main(["export", "last", "--format", "markdown", "--store", url, "--start-timecode", "10:00:00:00"]) == 0
    header, rule, first, *rest = capsys.readouterr().out.splitlines()
    assert (header, rule) == ("| timecode | tags | caption |", "| --- | --- | --- |")
    assert first.startswith("| 10:00:00:00 | ")
    assert len(rest) == 2
    assert main(["export", "--list"]) == 0
    assert "markdown" in capsys.readouterr().out


def test_a_plugin_that_does_not_load_is_named_and_the_others_work(
    site: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install_plugin(PACKAGE, site)
    (site / "streamtags_markdown.py").write_text("import no_such_module\n")
    monkeypatch.delitem(sys.modules, "streamtags_markdown", raising=False)
    with pytest.raises(ConfigError, match="streamtags-markdown: cannot be loaded: ModuleNotFoundError"):
        find_format("markdown")
    with caplog.at_level(logging.WARNING):
        assert "markdown" not in formats()
    assert "streamtags-markdown" in caplog.text


def test_a_plugin_cannot_replace_a_format_of_the_package(site: Path) -> None:
    install_plugin(PACKAGE, site)
    for path in site.glob("*.dist-info/entry_points.txt"):
        path.write_text("[streamtags.exports]\ncsv = streamtags_markdown:MARKDOWN\n")
    assert formats()["csv"].suffix == ".csv"


def test_the_how_to_shows_the_package_as_it_is() -> None:
    text = HOW_TO.read_text("utf-8")
    for name in ("pyproject.toml", "streamtags_markdown.py"):
        assert (PACKAGE / name).read_text("utf-8").strip() in text
