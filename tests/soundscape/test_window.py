"""Loudness against the running average, three instruments, the dominant frequency."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.soundscape.window import Guess, RunningLevel, dominant_hertz, level_db, relative, three_instruments

GUESSES = st.lists(
    st.builds(Guess, st.sampled_from("abcdef"), st.floats(0, 1), st.tuples(st.sampled_from("abcxyz"))), unique_by=lambda g: g.label
)


def labels(*guesses: Guess) -> list[str]:
    return [guess.label for guess in three_instruments(guesses)]


def test_one_identified_instrument_is_followed_by_what_it_may_be_instead() -> None:
    crash = Guess("crash", 0.9, ("splash", "synth"))
    assert labels(crash, Guess("drums", 0.4)) == ["crash", "splash", "synth"]


def test_two_identified_instruments_are_followed_by_a_runner_up() -> None:
    assert labels(Guess("vocal", 0.8), Guess("guitar", 0.9, ("bass",)), Guess("piano", 0.6)) == ["guitar", "vocal", "bass"]


def test_three_identified_instruments_need_no_runner_up() -> None:
    assert labels(Guess("crash", 0.9, ("splash",)), Guess("rimshot", 0.8), Guess("snare", 0.7), Guess("x", 0.69)) == [
        "crash",
        "rimshot",
        "snare",
    ]


def test_without_alternatives_the_next_guesses_follow() -> None:
    assert labels(Guess("harp", 0.9), Guess("flute", 0.3), Guess("cello", 0.5)) == ["harp", "cello", "flute"]


@given(GUESSES)
def test_nothing_is_named_unless_something_is_identified(guesses: list[Guess]) -> None:
    named = three_instruments(guesses)
    assert bool(named) == any(guess.confidence >= 0.7 for guess in guesses)
    assert len({guess.label for guess in named}) == len(named) <= 3


def test_scores_that_only_rank_are_shares_of_the_best() -> None:
    assert [guess.confidence for guess in relative([("a", 0.2), ("b", 0.4), ("c", 0.0)])] == [0.5, 1.0, 0.0]
    assert relative([("a", 0.0)]) == []


def test_loudness_is_compared_with_the_running_average() -> None:
    level = RunningLevel()
    heard = [level.push(db) for db in (-30, -30, -30, -20, -30, -45, -90)]
    assert heard == ["medium", "medium", "medium", "loud", "quiet", "quiet", "quiet"]


def test_silence_does_not_lower_the_average() -> None:
    level = RunningLevel()
    assert [level.push(db) for db in (-30.0, *[-120.0] * 50, -30.0)][-1] == "medium"


@pytest.mark.parametrize("hertz", [60, 440, 1000, 4000])
def test_a_tone_has_its_frequency(hertz: int) -> None:
    tone = 0.1 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000).astype(np.float32)
    assert dominant_hertz(tone, 16_000) == pytest.approx(hertz, abs=4)
    assert level_db(tone) == pytest.approx(-23.0, abs=0.1)
    assert dominant_hertz(tone[:500], 16_000) is not None


def test_silence_has_no_frequency() -> None:
    assert dominant_hertz(np.zeros(16_000, np.float32), 16_000) is None
