"""`streamtags cues train` and `--matcher`, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamtags.cli import main
from streamtags.core.records import TimelineIdentity
from streamtags.store.opening import open_store
from tests.cues.films import Part, film_payloads
from tests.matching import toy

pytest.importorskip("torch", reason="needs the extra streamtags[matching]")
pytest.importorskip("safetensors", reason="needs the extra streamtags[matching]")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with a film and a library, in the folder where the commands run."""
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/s.db"
    with open_store(url) as opened:
        opened.open_timeline("tl_film", TimelineIdentity("key of the film"))
        opened.append("tl_film", film_payloads([Part(20, 4, {"Calm": 0.9}), Part(20, 4, {"Tense": 0.9}, energies=[0.2, 0.8])]))
    rows = "".join(f"{track.track},{track.title},{track.tags[0]}\n" for track in toy.tracks(120))
    Path("house.csv").write_text(f"id,title,tags\n{rows}", "utf-8")
    assert main(["library", "add", "house.csv", "--store", url]) == 0
    assert main(["cues", "tl_film", "--store", url]) == 0
    return url


def test_a_matcher_is_trained_and_takes_part_in_the_ranking(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"track": f"t{place:03}", "scene": toy.scene(place).words} for place in range(120)]
    rows += [{"track": "t000", "timeline": "tl_film", "cue": "1M1", "text": "soft piano"}]
    rows += [{"track": "nowhere", "scene": "x"}, {"track": "t001", "timeline": "tl_film", "cue": "9M9"}]
    Path("pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    capsys.readouterr()
    arguments = ["cues", "train", "pairs.jsonl", "--library", "house", "--epochs", "8", "--profile", "embedded", "--store", store, "--json"]
    assert main(arguments) == 5  # pairs were left out
    report = json.loads(capsys.readouterr().out)
    assert [problem["line"] for problem in report["problems"]] == [122, 123]
    assert report["texts"] == {"written": 1, "by_model": 0, "by_template": 120, "failed": 0}
    assert report["score"]["tracks"] == 120
    assert report["score"]["with_text"]["recall_at_10"] > report["score"]["chance"]["recall_at_10"]
    assert report["trained"] + report["score"]["pairs"] == 121
    assert main(["cues", "tl_film", "--library", "house", "--matcher", "matcher.safetensors", "--json", "--store", store]) == 0
    cues = json.loads(capsys.readouterr().out)["cues"]
    assert all(any("trained matcher +" in track["why"] for track in cue["tracks"]) for cue in cues)
    Path("bad.safetensors").write_bytes(b"no matcher")
    assert main(["cues", "tl_film", "--library", "house", "--matcher", "bad.safetensors", "--store", store]) == 2
    assert "bad.safetensors: is no file of safetensors" in capsys.readouterr().err


def test_wrong_options_say_what_is_wrong(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pairs.csv").write_text("track,scene\nt001,rain\nt002,rain\n", "utf-8")
    given = ["cues", "train", "pairs.csv", "--library", "house", "--store", store]
    for options, message in (
        (["--epochs", "0"], "--epochs: "),
        (["--text-dropout", "2"], "--text-dropout: "),
        (["--test-share", "1"], "--test-share: "),
        (["--library", "nowhere"], "nowhere"),
        (["--output", "missing/m.safetensors"], "its folder does not exist"),
    ):
        capsys.readouterr()
        assert main([*given, *options]) == 2
        assert message in capsys.readouterr().err
