"""Whether confidences can be believed: classifiers of which it is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from streamtags.cli import main
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.evaluation.report import curves, page
from streamtags.evaluation.scores import ItemResult, score

VOCABULARY = Vocabulary(
    id="v", version="1", axes=(Axis(name="mood"), Axis(name="place")), tags=(Tag(name="Sad", axis="mood"), Tag(name="Sea", axis="place"))
)
TAGS = [tag.name for tag in load_vocabulary("seed-eight").tags]


def answers(count: int = 4000) -> list[ItemResult]:
    """Sad is right as often as its confidence says; Sea has a confidence 0.3 above the share that is right."""
    rng = np.random.default_rng(7)
    made = []
    for number in range(count):
        sad, sea = rng.uniform(0.05, 1), rng.uniform(0.35, 1)
        right = [name for name, share in (("Sad", sad), ("Sea", sea - 0.3)) if rng.uniform() < share]
        made.append(ItemResult(f"i{number}", tuple(right), {"Sad": float(sad), "Sea": float(sea)}))
    return made


def test_a_calibrated_axis_and_an_over_confident_one_are_distinguished() -> None:
    scores = score(answers(), VOCABULARY, profile="p", model="m")
    mood, place = scores.axes
    assert mood.calibration_error == pytest.approx(0, abs=0.03)
    assert mood.confidence_gap == pytest.approx(0, abs=0.02)
    assert place.calibration_error == pytest.approx(0.3, abs=0.03)
    assert place.confidence_gap == pytest.approx(0.3, abs=0.03)
    assert sum(each.tags for each in mood.reliability) == 4000
    assert all(abs(each.confidence - each.right) < 0.1 for each in mood.reliability)
    assert all(each.confidence - each.right == pytest.approx(0.3, abs=0.1) for each in place.reliability)


def test_the_curves_say_which_confidences_are_too_high() -> None:
    scores = score(answers(), VOCABULARY, profile="p", model="m")
    text = curves(scores)
    assert f"place: ECE {scores.axes[1].calibration_error:.3f}, confidences 0.3" in text
    assert "too high on average, 4000 tags given" in text
    assert text.count("tags\n") + text.endswith("tags") == len(scores.axes[0].reliability) + len(scores.axes[1].reliability)
    html = page("title", "about", [scores])
    assert html.count("<svg") == 3
    assert f"p, place: ECE {scores.axes[1].calibration_error:.3f}" in html


def test_an_axis_with_few_tags_is_not_judged_and_one_without_is_named() -> None:
    few = score([ItemResult("i", ("Sea",), {"Sad": 0.9})], VOCABULARY, profile="p", model="m")
    text = curves(few)
    assert "mood: ECE 0.900, confidences 0.90 too high on average, 1 tags given, too few to judge" in text
    assert "place: no tag was given, 1 labeled" in text


def test_the_command_draws_each_axis_and_writes_the_bins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset, figures = tmp_path / "d.jsonl", tmp_path / "figures.json"
    items = [{"id": f"i{n}", "caption": "x", "labels": [TAGS[n % 8]] if n % 2 else []} for n in range(64)]
    dataset.write_text("".join(json.dumps(item) + "\n" for item in items))
    settings = tmp_path / "c.toml"
    scripted = 'classifier = { backend = "scripted", tags_per_segment = 1 }'
    settings.write_text(f'[profiles.s]\ncaptioner = {{ backend = "scripted" }}\n{scripted}\n')
    arguments = ["evaluate", str(dataset), "--tags", "seed-eight", "--config", str(settings), "--profile", "s"]
    assert main([*arguments, "--reliability", "--json", str(figures)]) == 0
    out = capsys.readouterr().out
    assert "reliability by axis" in out
    assert "emotion: ECE 0.400, confidences 0.40 too high on average, 32 tags given" in out
    (profile,) = json.loads(figures.read_text())["profiles"]
    assert {axis["axis"]: axis["calibration_error"] for axis in profile["axes"]} == pytest.approx({"emotion": 0.4, "theme": 0.4})
    assert profile["axes"][0]["reliability"] == [pytest.approx({"low": 0.9, "high": 1.0, "tags": 32, "confidence": 0.9, "right": 0.5})]
