"""Where a tag comes from, as the terminal says it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamtags.cli import main
from streamtags.testing import ShotSpec, make_video

WORDS = "Captain, enemy robots are boarding the spaceship. Fire the laser!"
STORE = ("--store", "sqlite:///s.db")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("film.srt", f"1\n00:00:00,000 --> 00:00:01,000\n{WORDS}\n"),
        ("film.en.vtt", f"WEBVTT\n\n00:00.000 --> 00:01.000\n{WORDS}\n"),
        ("film.ass", f"[Events]\nFormat: Start, End, Text\nDialogue: 0:00:00.00,0:00:01.00,{WORDS.replace(',', ';')}\n"),
    ],
)
def test_tags_of_the_words_beside_a_film_say_subtitle(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "film.mp4", [ShotSpec(30)], size=(160, 90))
    (tmp_path / name).write_text(text)
    assert main(["analyze", "film.mp4", "--jsonl", "log", *STORE]) == 0
    assert "(subtitle)" in capsys.readouterr().out
    assert main(["show", "last", *STORE]) == 0
    assert "(subtitle)" in capsys.readouterr().out
    events = [json.loads(line) for line in Path("log").read_text("utf-8").splitlines()]
    sources = {tag["tag"]: tag["source"] for event in events if event["type"] == "segment.tagged" for tag in event["data"]["tags"]}
    assert sources["Science Fiction"] == "subtitle"
    assert {source for tag, source in sources.items() if tag in {"Dark", "Silent", "Slow"}} <= {"measurement"}
