"""Frame rates chosen from what a container and a codec state."""

from __future__ import annotations

from fractions import Fraction

import pytest

from streamtags.sources.file.rates import DEFAULT_RATE, choose_rate

F = Fraction


@pytest.mark.parametrize(
    ("guess", "rate"),
    [(F(24000, 1001), F(24000, 1001)), (F(2997, 125), F(24000, 1001)), (F(359, 12), F(30000, 1001)), (F(26777, 1000), F(26777, 1000))],
)
def test_a_rate_near_a_standard_one_is_that_one(guess: Fraction, rate: Fraction) -> None:
    assert choose_rate(guess=guess) == rate


def test_a_rate_of_one_frame_a_tick_counts_only_if_most_ticks_have_a_frame() -> None:
    assert choose_rate(guess=F(90_000), average=F(2160, 77), tick_rate=F(90_000)) == F(2160, 77)
    assert choose_rate(guess=F(100), average=F(20), tick_rate=F(100)) == 20
    assert choose_rate(guess=F(30), average=F(30), tick_rate=F(30)) == 30


def test_codec_and_average_that_agree_win_over_the_guess() -> None:
    assert choose_rate(guess=F(1), average=F(25), codec=F(25), tick_rate=F(90_000)) == 25
    assert choose_rate(guess=F(25, 2), average=F(24_990, 1000), codec=F(25)) == 25
    assert choose_rate(guess=F(25), average=F(25), codec=F(50)) == 25  # fields
    assert choose_rate(guess=F(1), average=F(24000, 1001), codec=F(48000, 1001), tick_rate=F(90_000)) == F(24000, 1001)


@pytest.mark.parametrize("rate", [F(1, 60), F(1, 3600), F(600), F(1000)])
def test_a_time_lapse_and_a_high_speed_camera_keep_their_rate(rate: Fraction) -> None:
    assert choose_rate(guess=rate, average=rate, tick_rate=F(90_000)) == rate
    assert choose_rate(guess=rate, average=rate, tick_rate=rate) == rate
    assert choose_rate(guess=rate, average=rate, codec=F(25), tick_rate=F(90_000)) == rate  # the encoder played it at 25


def test_half_the_frames_of_a_recording_with_gaps_do_not_halve_its_rate() -> None:
    assert choose_rate(guess=F(50), average=F(25), codec=F(50)) == 50
    assert choose_rate(guess=F(30), average=F(11), codec=F(30)) == 30


def test_a_source_that_states_no_rate_has_the_default_one() -> None:
    assert choose_rate() == DEFAULT_RATE
    assert choose_rate(average=F(0), guess=F(90_000), tick_rate=F(90_000)) == DEFAULT_RATE
