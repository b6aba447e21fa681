"""The code of the README and the documentation runs as printed, and links lead somewhere."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamtags.cli import main
from streamtags.cli.parser import build_parser, with_long_commands
from streamtags.config.settings import Settings, load_settings
from streamtags.operations.table import METHODS, TOOLS
from streamtags.testing import ShotSpec, make_video
from tests.doc_blocks import PAGES, ROOT, Block, blocks, indented_blocks
from tests.server.conftest import Serve, serve, store

__all__ = ["serve", "store"]  # fixtures

LANGUAGES = {"console", "ini", "js", "json", "python", "sh", "text", "toml", "yaml"}
GENERATED = ROOT / "docs" / "reference"
ADDRESS = "127.0.0.1:8710"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the blocks of a page run: a film, and what the repository's root has."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.syspath_prepend(work)  # a page may show a module and import it
    make_video(work / "film.mp4", [ShotSpec(frames=30), ShotSpec(frames=30, look="stripes")], size=(160, 90))
    for name in ("configs", "examples", "tools"):
        (work / name).symlink_to(ROOT / name)
    return work


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def _run_streamtags(words: list[str], block: Block) -> None:
    if block.reason is None:
        assert main(words) == 0, f"{block}: streamtags {shlex.join(words)}"
        return
    try:
        build_parser().parse_args(with_long_commands(words))
    except SystemExit as ended:
        if ended.code:  # 0: a flag such as --list prints something and ends
            pytest.fail(f"{block}: streamtags {shlex.join(words)} is refused with status {ended.code}")


def _check_pip(words: list[str], block: Block) -> None:
    assert words[0] == "install", block
    for extras in re.findall(r"\[([\w,]+)\]", " ".join(words)):
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"]), block


def _check_module(words: list[str], block: Block) -> None:
    if block.reason is not None and words[0].endswith(".py"):
        assert (ROOT / words[0]).is_file(), f"{block}: no script {words[0]}"
        return
    assert words[0] == "-m", block
    if words[1] == "tools.demo_film":
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
    assert find_spec(words[1]), f"{block}: no module {words[1]}"
    missing = [word for word in words[2:] if word.startswith("tests/") and not (ROOT / word).exists()]
    assert not missing, f"{block}: no {missing}"


def _check_clone(words: list[str], block: Block) -> None:
    assert words[:2] == ["clone", PROJECT["urls"]["Repository"]], block


# What a command of a shell block is checked against. A command that is not here needs the comment `not run`.
CHECKS: dict[str, Callable[[list[str], Block], None]] = {
    "streamtags": _run_streamtags,
    "make": lambda words, block: pytest.fail(f"{block}: no target {words}") if not TARGETS.issuperset(words[:1]) else None,
    "pip": _check_pip,
    "python": _check_module,
    "git": _check_clone,
    "cd": lambda words, block: None,
}


def check_shell(block: Block, output: Callable[[], str]) -> None:
    """Run or check each command, and compare what it prints with the lines below it, in which `...` stands for anything."""
    for command, expected in block.commands():
        words = shlex.split(command.removeprefix(".venv/bin/"))
        output()
        check = CHECKS.get(words[0])
        if check is not None:
            check(words[1:], block)
        else:
            assert block.reason, f"{block}: {command!r} is not tested; say why by <!-- not run: REASON -->"
        printed = output()
        for line in expected:
            pattern = r".*".join(re.escape(" ".join(part.split())) for part in line.split("..."))
            lines = [" ".join(text.split()) for text in printed.splitlines()]
            assert any(re.fullmatch(r"\s*".join(pattern.split(r"\ ")), text) for text in lines), f"{block}: {line!r} is not in {printed}"


def check_javascript(block: Block) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here")
    checked = subprocess.run([node, "--input-type=module", "--check", "-"], input=block.text, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, f"{block}: {checked.stderr}"


def check_json(block: Block) -> None:
    try:
        json.loads(block.text)
    except ValueError:
        for line in block.text.splitlines():
            json.loads(line)


def check_toml(block: Block, folder: Path) -> None:
    """A block with tables of settings is read as settings."""
    keys = set(tomllib.loads(block.text))
    if keys & set(Settings.model_fields) and block.file is None:
        config = folder / "checked.toml"
        config.write_text(block.text, "utf-8")
        load_settings(config=config)


def run_python(block: Block, names: dict[str, Any], runner: asyncio.Runner, output: Callable[[], str]) -> None:
    code = compile(block.text, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if not code.co_flags & inspect.CO_COROUTINE:
        exec(code, names)
    elif block.endless:
        runner.run(_until_printed(eval(code, names), output))
    else:
        runner.run(asyncio.wait_for(eval(code, names), 60))


async def _until_printed(running: Any, output: Callable[[], str]) -> None:
    task = asyncio.ensure_future(running)
    for _ in range(1200):
        await asyncio.wait([task], timeout=0.05)
        if task.done() or output():
            break
    else:
        pytest.fail("the code printed nothing within a minute")
    await asyncio.wait([task], timeout=0.2)
    if task.done():
        task.result()
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page) and not page.is_relative_to(GENERATED)], ids=page_id)
def test_the_code_of_a_page_runs_as_printed(
    page: Path, folder: Path, runner: asyncio.Runner, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """The address of the documentation's server is replaced by that of a server of this test."""
    names: dict[str, Any] = {"__name__": "page"}
    address = _Server(request)
    for block in blocks(page):
        if block.file is not None:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text, "utf-8")
        match block.language:
            case "sh" | "console":
                check_shell(block, lambda: capsys.readouterr().out)
            case "python" if block.reason is None:
                capsys.readouterr()
                served = Block(**{**vars(block), "text": address.replaced(block.text)})
                run_python(served, names, runner, lambda: capsys.readouterr().out)
            case "python":
                compile(block.text, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            case "js":
                check_javascript(block)
            case "json":
                check_json(block)
            case "toml":
                check_toml(block, folder)
            case "yaml":
                yaml.safe_load(block.text)


class _Server:
    """A server with a finished timeline, started when a block needs one."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._address: str | None = None

    def replaced(self, text: str) -> str:
        """`text` with the address of this server in place of the documentation's."""
        if ADDRESS not in text:
            return text
        if self._address is None:
            serve: Serve = self._request.getfixturevalue("serve")
            running = serve()
            running.fill()
            self._address = f"127.0.0.1:{running.port}"
        return text.replace(ADDRESS, self._address)


@pytest.mark.parametrize("page", [page for page in PAGES if not page.is_relative_to(GENERATED)], ids=page_id)
def test_every_block_of_code_names_its_language(page: Path) -> None:
    assert not indented_blocks(page), f"{page.name}: indented code; use a fence with a language"
    unknown = {str(block): block.language for block in blocks(page) if block.language not in LANGUAGES}
    assert not unknown


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readmes_commands_write_what_they_name(folder: Path) -> None:
    for block in blocks(ROOT / "README.md"):
        if block.language == "console":
            check_shell(block, str)
    assert {path.name for path in folder.iterdir()} >= {"events.jsonl", "tags.csv", "film.json"}


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", ROOT / "docs" / "architecture.md"], ids=page_id)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`([\w./-]+/[\w.-]*|[\w-]+\.(?:toml|txt))`", page.read_text("utf-8"))
    assert len(named) > 5
    missing = [name for name in named if not any((base / name).exists() for base in (ROOT, ROOT / "streamtags"))]
    assert not missing


def test_the_tables_of_methods_and_tools_are_complete() -> None:
    """A method or tool that a page leaves out does not exist for its readers."""
    methods = _table(ROOT / "docs" / "howto" / "clients.md", len(METHODS))
    for name, operation in METHODS.items():
        fields = operation.params.model_fields.items()
        assert methods[name][0] == ", ".join(f"`{field}`{'' if info.is_required() else '?'}" for field, info in fields), name
    tools = _table(ROOT / "docs" / "howto" / "assistants.md", len(TOOLS))
    assert {name: cells[-1] for name, cells in tools.items()} == {name: operation.role for name, operation in TOOLS.items()}


def _table(page: Path, rows: int) -> dict[str, list[str]]:
    """Return the cells after the first of the table with that many rows, whose first cells are names of code."""
    tables = re.findall(r"\|(?: --- \|)+\n((?:\|.*\|\n)+)", page.read_text("utf-8"))
    (table,) = [table for table in tables if table.startswith("| `") and table.count("\n") == rows]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    return {name.strip("`"): rest for name, *rest in cells}
