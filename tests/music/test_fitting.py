"""Laying a track under a span: accents meet hit points."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.music import TrackSound
from streamtags.music.fitting import HIT_TOLERANCE, fit_track

BEATS = tuple(round(0.2 + 0.5 * beat, 2) for beat in range(100))


def test_both_hits_meet_an_accent_at_the_offset() -> None:
    sound = TrackSound(60, hits=(3.0, 10.0, 17.3, 24.0))
    fit = fit_track(sound, 20, [5.0, 12.3])
    assert fit.offset_seconds == pytest.approx(5.0)
    assert fit.hits == (0, 1)


def test_a_track_begins_with_its_beginning_if_no_other_place_meets_more() -> None:
    sound = TrackSound(60, hits=BEATS)
    fit = fit_track(sound, 10, [2.2, 4.2])
    assert (fit.offset_seconds, fit.fade_in_seconds, fit.hits) == (0, 0, (0, 1))


def test_a_short_track_is_heard_to_its_end_without_a_fade() -> None:
    fit = fit_track(TrackSound(8, hits=(1.0,)), 20, [1.0])
    assert (fit.seconds, fit.fade_out_seconds) == (8, 0)


def test_a_track_that_is_loud_where_the_cue_ends_fades() -> None:
    loud, still = (TrackSound(60, curve=(level,) * 120) for level in (80, 5))
    assert fit_track(loud, 20, []).fade_out_seconds == 3
    assert fit_track(still, 20, []).fade_out_seconds == 0


@given(
    st.lists(st.floats(0, 59), max_size=40).map(lambda times: tuple(sorted(round(time, 2) for time in times))),
    st.floats(0.5, 80),
    st.lists(st.floats(-5, 90), max_size=8),
)
def test_a_fit_stays_in_the_track_and_its_hits_are_met(accents: tuple[float, ...], seconds: float, hits: list[float]) -> None:
    fit = fit_track(TrackSound(60, hits=accents, curve=(50,) * 120), seconds, hits)
    assert 0 <= fit.offset_seconds <= max(0.0, 60 - seconds) + 1e-3
    assert fit.offset_seconds + fit.seconds <= 60 + 1e-3
    assert fit.fade_in_seconds >= 0
    assert fit.fade_in_seconds + fit.fade_out_seconds <= max(seconds, 1)
    for place in fit.hits:
        assert any(abs(accent - fit.offset_seconds - hits[place]) <= HIT_TOLERANCE + 1e-3 for accent in accents)


def test_a_track_without_sound_begins_with_the_span() -> None:
    fit = fit_track(None, 12, [3.0])
    assert (fit.offset_seconds, fit.seconds, fit.hits) == (0, 12, ())
    assert fit_track(None, 0, []) is None
