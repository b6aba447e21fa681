"""`streamtags backfill` without a Ray that runs: what it refuses and prints."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from streamtags.cli import backfill, main
from streamtags.config.settings import Settings
from streamtags.run.films import FilmAnalyzer, FilmResult
from streamtags.testing import ShotSpec, make_video


@pytest.fixture
def film(tmp_path: Path) -> str:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"film")
    return str(path)


def run(capsys: Any, *arguments: str) -> tuple[int, str]:
    status = main(["backfill", *arguments])
    return status, capsys.readouterr().err


def test_without_ray_it_says_how_to_get_it(film: str, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "find_spec", lambda name: None)
    status, err = run(capsys, film)
    assert status == 2
    assert "pip install 'streamtags[ray]'" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", "0"], "--workers 0: must be 1 to 100000"),
        (["--captioners", "-1"], "must be 1 to 100000"),
        (["--set", "budget.tokens=5"], "budget: is for runs on one machine"),
        (["--profile", "none-such"], "no profile 'none-such'"),
    ],
)
def test_what_cannot_be_done_is_refused_before_ray_is_started(film: str, words: list[str], said: str, capsys: Any) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    status, err = run(capsys, film, *words)
    assert (status, said in err) == (2, True), err


def test_a_command_without_films_is_refused(capsys: Any) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    status, err = run(capsys)
    assert (status, "SOURCE is missing" in err) == (2, True)


def test_sources_that_cannot_be_read_twice_are_refused_and_named(capsys: Any, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    status, err = run(capsys, "-", "udp://127.0.0.1:1234", str(tmp_path), "--store", f"sqlite:///{tmp_path}/s.db")
    assert status == 3
    assert err.count("is no film that can be read again") == 2
    assert err.endswith("no films to analyze\n")


def _in_this_process(monkeypatch: pytest.MonkeyPatch, stop_after: int | None = None) -> list[Settings]:
    """Let films be analyzed one by one where Ray would distribute them; return the settings that would be sent."""
    from streamtags.run.executors import ray_process

    sent = list[Settings]()

    def films_on_ray(sources: Sequence[str], settings: Settings, *_: object) -> Iterator[FilmResult]:
        sent.append(settings)
        with closing(FilmAnalyzer(settings)) as analyzer:
            for number, source in enumerate(sources):
                if number == stop_after:
                    raise KeyboardInterrupt
                yield analyzer.analyze(source)

    monkeypatch.setattr(ray_process, "films_on_ray", films_on_ray)
    return sent


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(2):
        make_video(folder / f"{number}.mp4", [ShotSpec(15)], size=(160, 90), sound=False, seed=number)
    (folder / "bad.mp4").write_bytes(b"no film" * 100)
    return folder


def test_each_film_ends_with_a_line_and_failures_are_listed_again_at_the_end(
    archive: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    sent = _in_this_process(monkeypatch)
    monkeypatch.chdir(archive.parent)
    status = main(["backfill", "archive", "--store", "sqlite:///s.db"])
    out, err = capsys.readouterr()
    assert status == 3
    assert [line.partition(": ")[0] for line in out.splitlines()] == [f"{archive}/0.mp4", f"{archive}/1.mp4", "3 sources"]
    assert out.endswith("3 sources: 2 done, 1 failed\n")
    assert err.splitlines()[-2] == "not done:"
    assert err.splitlines()[-1].startswith(f"  {archive}/bad.mp4: ")
    assert sent[0].store == f"sqlite:///{archive.parent}/s.db"


def test_an_interruption_says_what_is_left_and_the_same_command_goes_on(
    archive: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    (archive / "bad.mp4").unlink()
    words = ["backfill", str(archive), "--store", f"sqlite:///{archive.parent}/s.db"]
    _in_this_process(monkeypatch, stop_after=1)
    assert main(words) == 130
    assert capsys.readouterr().out.endswith("2 sources: 1 done, 1 not begun\n")
    _in_this_process(monkeypatch)
    assert main(words) == 0
    assert capsys.readouterr().out.endswith("2 sources: 2 done\n")


def test_a_cluster_that_does_not_answer_is_named_at_once(archive: Path, capsys: Any) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    status, err = run(capsys, str(archive), "--address", address, "--store", f"sqlite:///{archive.parent}/s.db")
    assert status == 4
    assert f"{address}: there is no Ray cluster: " in err
    assert "check the address" in err


def test_what_would_stop_every_film_ends_the_command(archive: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    _in_this_process(monkeypatch)
    status, err = run(capsys, str(archive), "--tags", "no-such-vocabulary", "--store", f"sqlite:///{archive.parent}/s.db")
    assert status == 2
    assert "no-such-vocabulary" in err
