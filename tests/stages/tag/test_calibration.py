"""Confidences fitted on labels: honest, in the same order, and kept for the classifier they were fitted for."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.errors import ConfigError, UsageError
from streamtags.core.model import ClassifyRequest
from streamtags.stages.tag.calibration import CalibratedClassifier, Confidences, fit_confidences, load_confidences, save_confidences
from streamtags.testing import ScriptedClassifier


def pairs(slope: float, intercept: float, count: int = 4000) -> list[tuple[float, bool]]:
    rng = np.random.default_rng(1)
    given = rng.uniform(0.02, 0.98, count)
    true = 1 / (1 + np.exp(-(slope * np.log(given / (1 - given)) + intercept)))
    return [(float(c), bool(rng.random() < m)) for c, m in zip(given, true, strict=True)]


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.4, -1.0), (2.0, 0.5)])
def test_a_fit_recovers_slope_and_intercept(slope: float, intercept: float) -> None:
    fit = fit_confidences(pairs(slope, intercept), model="m", vocabulary="v")
    assert fit.slope == pytest.approx(slope, abs=0.15)
    assert fit.intercept == pytest.approx(intercept, abs=0.15)


def test_confidences_that_say_the_opposite_become_how_often_it_is_right() -> None:
    fit = fit_confidences([(0.9, False)] * 30 + [(0.1, True)] * 30, model="m", vocabulary="v")
    assert fit.slope == 0
    assert fit.apply(0.9) == fit.apply(0.1) == pytest.approx(0.5, abs=0.01)


@given(st.floats(0, 5), st.floats(-5, 5), st.floats(0, 1), st.floats(0, 1))
def test_the_order_of_tags_stays(slope: float, intercept: float, one: float, two: float) -> None:
    fit = Confidences(model="m", vocabulary="v", slope=slope, intercept=intercept, pairs=100)
    low, high = sorted((fit.apply(min(one, two)), fit.apply(max(one, two))))
    assert (low, high) == (fit.apply(min(one, two)), fit.apply(max(one, two)))
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("pairs", [[(0.9, True)] * 5, [(0.9, True)] * 50, [(0.9, False)] * 50])
def test_too_few_labels_are_refused(pairs: list[tuple[float, bool]]) -> None:
    with pytest.raises(UsageError, match="too few"):
        fit_confidences(pairs, model="m", vocabulary="v")


def test_a_fit_survives_its_file_and_anything_else_is_refused(tmp_path: Path) -> None:
    fit = fit_confidences(pairs(0.5, 0.0, 200), model="m", vocabulary="v")
    save_confidences(fit, tmp_path / "fit.json")
    assert load_confidences(tmp_path / "fit.json") == fit
    (tmp_path / "other.json").write_text("{}")
    for name in ("other.json", "missing.json"):
        with pytest.raises(ConfigError, match="--fit-calibration"):
            load_confidences(tmp_path / name)


async def test_it_lies_over_any_classifier_and_is_named() -> None:
    inner = ScriptedClassifier([{"Happy": 0.9, "Sad": 0.3}])
    fit = Confidences(model="scripted", vocabulary="seed-eight", slope=0.5, intercept=-1.0, pairs=100)
    classifier = CalibratedClassifier(inner, fit)
    result = await classifier.classify(ClassifyRequest("s0", "x", "m"), load_vocabulary("seed-eight"))
    assert [score.tag for score in result.tags] == ["Happy", "Sad"]
    assert result.tags[0].confidence == pytest.approx(1 / (1 + np.exp(-(0.5 * np.log(9) - 1))), abs=1e-4)
    assert result.model == classifier.model != inner.model
    await classifier.ready()
    await classifier.close()
    assert inner.closed
