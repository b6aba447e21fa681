"""Timbres, and whether two of them may be of the same voice."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamtags.core.answers import HeardVoice, heard_voices
from streamtags.core.voices import COEFFICIENTS, MAX_VOICES, PACKED_CHARACTERS, Timbre, is_same_voice

FRAMES = hnp.arrays(np.float32, st.tuples(st.integers(2, 30), st.just(COEFFICIENTS)), elements=st.floats(-20, 20, width=32))


def voice(middle: float, frames: int = 150, seed: int = 0) -> Timbre:
    return Timbre.of(np.random.default_rng(seed).normal(middle, 1.0, (frames, COEFFICIENTS)))


@given(one=FRAMES, other=FRAMES)
def test_voices_differ_both_ways_alike_and_from_themselves_by_nothing(one: np.ndarray, other: np.ndarray) -> None:
    first, second = Timbre.of(one), Timbre.of(other)
    assert first.difference(second) == pytest.approx(second.difference(first), rel=1e-6, abs=1e-6)
    assert first.difference(second) >= 0
    assert first.difference(first) == 0


@given(one=FRAMES, other=FRAMES)
def test_joined_voices_are_the_voice_of_all_frames(one: np.ndarray, other: np.ndarray) -> None:
    joined, whole = Timbre.of(one).joined(Timbre.of(other)), Timbre.of(np.concatenate([one, other]))
    assert joined.frames == whole.frames
    np.testing.assert_allclose(joined.mean, whole.mean, atol=1e-6)
    np.testing.assert_allclose(joined.covariance, whole.covariance, atol=1e-4)


def test_a_packed_voice_compares_like_the_voice() -> None:
    one, other = voice(0.0), voice(0.4, seed=1)
    packed = one.packed()
    assert len(packed) == PACKED_CHARACTERS
    again = Timbre.unpacked(packed, one.frames)
    assert again is not None
    assert again.difference(other) == pytest.approx(one.difference(other), rel=0.01)
    assert again.packed() == packed


@given(text=st.text(max_size=PACKED_CHARACTERS) | st.binary(min_size=130, max_size=130).map(lambda raw: base64.b64encode(raw).decode()))
def test_any_text_is_a_voice_that_can_be_compared_or_none(text: str) -> None:
    timbre = Timbre.unpacked(text, 120)
    if timbre is not None:
        assert 0 <= timbre.difference(voice(0.0)) < np.inf
        assert is_same_voice([timbre], [timbre]) is True


def test_between_the_limits_nothing_is_said() -> None:
    def apart(squared: float) -> Timbre:
        mean = np.zeros(COEFFICIENTS)
        mean[0] = squared**0.5
        return Timbre(100, mean, np.eye(COEFFICIENTS))

    here = apart(0.0)
    assert is_same_voice([here], [apart(1.0)]) is True
    assert is_same_voice([here], [apart(3.0)]) is None
    assert is_same_voice([here], [apart(6.0)]) is False
    assert is_same_voice([here], [apart(6.0), apart(1.0)]) is True
    assert is_same_voice([here], []) is None


@pytest.mark.parametrize(
    "voices",
    [
        None,
        "loud",
        [3],
        [{"frames": 0, "timbre": ""}],
        [{"frames": 150, "timbre": "no base64 at all"}],
        [{"frames": 150, "timbre": "A" * 4000}],
        [{"timbre": "AAAA"}],
    ],
)
def test_voices_of_another_version_are_left_out(voices: object) -> None:
    assert heard_voices({"heard": {"voices": voices}}) == []


def test_a_segment_has_a_few_voices_at_most() -> None:
    wire = HeardVoice(frames=150, timbre=voice(0.0).packed()).model_dump()
    assert len(heard_voices({"heard": {"voices": [wire] * 50}})) == MAX_VOICES
