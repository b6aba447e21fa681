from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import EvidenceValue
from streamtags.stages.measure.affect import affect

CALM: dict[str, EvidenceValue] = {
    "brightness_percent": 36.0,
    "colourfulness": 33.0,
    "motion_percent_per_second": 1.0,
    "cuts_per_minute": 3.0,
    "loudness_lufs": -40.0,
}


def estimate(name: str, evidence: dict[str, EvidenceValue]) -> float:
    value = affect(evidence)[f"{name}_estimate"]
    assert isinstance(value, float)
    return value


@pytest.mark.parametrize(
    ("measure", "stirring"), [("motion_percent_per_second", 50.0), ("cuts_per_minute", 40.0), ("loudness_lufs", -12.0)]
)
def test_motion_cuts_and_loudness_each_stir(measure: str, stirring: float) -> None:
    assert estimate("arousal", {**CALM, measure: stirring}) > estimate("arousal", CALM) + 0.1


def test_action_is_stirring_and_a_still_quiet_take_is_not() -> None:
    assert estimate("arousal", {"motion_percent_per_second": 45.0, "cuts_per_minute": 45.0, "loudness_lufs": -12.0}) > 0.8
    assert estimate("arousal", {"motion_percent_per_second": 0.5, "cuts_per_minute": 0.0, "loudness_lufs": -45.0}) < 0.05


def test_cut_density_is_the_published_curve() -> None:
    # Two cuts 6 s apart, on the scale of 6 s: exp(-1).
    assert estimate("arousal", {"cuts_per_minute": 10.0}) == pytest.approx(0.368, abs=0.001)


def test_valence_of_average_light_and_color_is_zero_and_brightness_weighs_as_published() -> None:
    assert estimate("valence", CALM) == 0
    one_brighter = estimate("valence", {**CALM, "brightness_percent": 54.0})
    one_more_colorful = estimate("valence", {**CALM, "colourfulness": 51.0})
    assert one_brighter / one_more_colorful == pytest.approx(0.69 / 0.22, rel=0.02)


def test_missing_sound_is_left_out_and_silence_counts_as_calm() -> None:
    unheard = {name: value for name, value in CALM.items() if name != "loudness_lufs"}
    assert affect(unheard) == affect({**unheard, "loudness_lufs": None, "silence_share": None})
    assert estimate("arousal", {**unheard, "loudness_lufs": None, "silence_share": 1.0}) < estimate("arousal", unheard)


@pytest.mark.parametrize(
    "evidence", [{}, {"brightness_percent": None, "cuts_per_minute": nan, "loudness_lufs": -inf, "motion_percent_per_second": "fast"}]
)
def test_nothing_measured_gives_no_estimate(evidence: dict[str, EvidenceValue]) -> None:
    assert affect(evidence) == {"arousal_estimate": None, "valence_estimate": None}


@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*CALM, "silence_share"], st.floats() | st.none())))
def test_estimates_stay_in_their_ranges(evidence: dict[str, EvidenceValue]) -> None:
    estimates = affect(evidence)
    arousal, valence = estimates["arousal_estimate"], estimates["valence_estimate"]
    assert arousal is None or (isinstance(arousal, float) and 0 <= arousal <= 1)
    assert valence is None or (isinstance(valence, float) and -1 <= valence <= 1)
