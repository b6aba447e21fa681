"""`streamtags analyze` with several sources, and `streamtags ingest`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from streamtags.cli import main
from streamtags.cli.sources_table import SourcesTable
from streamtags.sources.media_files import expand_sources
from streamtags.testing import ShotSpec, make_video


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    (folder / "more").mkdir()
    for number, name in enumerate(("a.mp4", "b.mp4", "more/c.mp4")):
        make_video(folder / name, [ShotSpec(15)], size=(160, 90), sound=False, seed=number)
    (folder / "b-bad.mp4").write_bytes(b"not a film" * 100)
    (folder / "notes.txt").write_text("no film")
    return folder


def run(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


def test_a_folder_is_analyzed_file_by_file_and_a_bad_one_stops_nothing(films: Path, tmp_path: Path, capsys: Any) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    status, out, err = run(capsys, "analyze", str(films), "--recursive", "--store", store)
    assert status == 3
    assert [line.partition(": ")[0] for line in out.splitlines()] == [str(films / n) for n in ("a.mp4", "b.mp4", "more/c.mp4")] + [
        "4 sources"
    ]
    assert out.endswith("4 sources: 3 done, 1 failed\n")
    assert err.startswith(str(films / "b-bad.mp4"))
    status, out, err = run(capsys, "ingest", str(films), "--settle", "0", "--store", store)
    assert (status, out.splitlines()[-1]) == (3, "3 sources: 2 done, 1 failed")
    status, out, err = run(capsys, "ingest", str(films), "--settle", "0", "--store", store)
    assert out == "1 source: 1 failed\n"


def test_a_list_on_standard_input_is_analyzed_and_all_events_go_to_one_stream(
    films: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = io.TextIOWrapper(io.BytesIO(f"{films}/a.mp4\n\n{films}/b.mp4\n{films}/a.mp4\n".encode()))
    monkeypatch.setattr("sys.stdin", names)
    status, out, err = run(capsys, "analyze", "--list", "-", "--jsonl", "--store", f"sqlite:///{tmp_path}/s.db")
    events = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [event["type"] for event in events].count("timeline.completed") == len({event["timeline"] for event in events}) == 2
    assert err.endswith("2 sources: 2 done\n")


def test_arguments_that_stand_for_nothing_are_named_and_the_others_are_analyzed(films: Path, tmp_path: Path, capsys: Any) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    status, out, err = run(capsys, "analyze", str(films / "*.mkv"), str(tmp_path), str(films / "a.*"), "--store", store)
    assert (status, out.splitlines()[-1]) == (3, "1 source: 1 done")
    assert "nothing matches it as a pattern" in err
    assert "no media files in this folder" in err


def test_a_bundle_is_one_edit_and_no_folder_of_films(films: Path, tmp_path: Path, capsys: Any) -> None:
    store, bundle = f"sqlite:///{tmp_path}/s.db", tmp_path / "cut.fcpxmld"
    bundle.mkdir()
    assert main(["analyze", str(films / "a.mp4"), "--store", store]) == 0
    assert main(["export", "last", "--format", "fcpxml", "--output", str(bundle / "Info.fcpxml"), "--store", store]) == 0
    capsys.readouterr()
    assert run(capsys, "analyze", str(bundle), "--store", store)[1].startswith("s0000 ")
    assert run(capsys, "analyze", str(bundle), str(films / "b.mp4"), "--store", store)[1].endswith("2 sources: 2 done\n")
    assert "Is a directory" in run(capsys, "edit", str(films))[2]


@pytest.mark.parametrize("option", [["--export", "csv:x.csv"], ["--dry-run"]])
def test_options_for_one_source_are_refused_with_several(films: Path, tmp_path: Path, capsys: Any, option: list[str]) -> None:
    status, _, err = run(capsys, "analyze", str(films), *option, "--store", f"sqlite:///{tmp_path}/s.db")
    assert (status, "is for one source" in err) == (2, True)


def test_what_stops_every_source_ends_the_command_and_says_what_is_left(films: Path, tmp_path: Path, capsys: Any) -> None:
    status, _, err = run(capsys, "analyze", str(films), "--tags", "no-such-vocabulary", "--store", f"sqlite:///{tmp_path}/s.db")
    assert status == 2
    assert "3 sources: 3 not begun" in err


def test_a_folder_gives_its_media_files_sorted_and_each_source_comes_once(films: Path) -> None:
    refused = list[Exception]()
    sources = expand_sources(
        [str(films), f"{films}/a.mp4", f"{films}/**/*.mp4", "http://x/[1].mp4"], recursive=False, refuse=refused.append
    )
    assert sources == [*(str(films / name) for name in ("a.mp4", "b-bad.mp4", "b.mp4", "more/c.mp4")), "http://x/[1].mp4"]
    assert not refused


def test_names_of_files_are_no_markup_in_the_live_table() -> None:
    screen = io.StringIO()
    table = SourcesTable(Console(file=screen, force_terminal=True, width=80))
    table.begin("folder/[/]film[red].mp4")
    table.end("folder/[/]film[red].mp4", "folder/[/]film[red].mp4: completed", good=True)
    table.close()
    assert "[/]film[red].mp4: completed" in screen.getvalue()
