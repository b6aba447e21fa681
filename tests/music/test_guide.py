"""What a guide is understood to ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import UsageError
from streamtags.music.guide import MAX_GUIDE_CHARACTERS, Guide, Range, SignedTerm, parse_guide


def test_the_usual_request_is_a_tempo_an_instrument_and_a_mood() -> None:
    guide = parse_guide("slower, only piano, hopeful")
    assert guide == Guide(text="hopeful", signed=(SignedTerm("piano", 1.5),), tempo_steps=-1)


def test_signed_words_have_weights_and_may_be_phrases() -> None:
    guide = parse_guide('warm +piano -vocals:0.5 -"distorted guitar":2 lo-fi')
    assert guide.signed == (SignedTerm("piano", 1), SignedTerm("vocals", -0.5), SignedTerm("distorted guitar", -2))
    assert guide.text == "warm lo-fi"
    listed = parse_guide("+piano, -vocals:0.5; hopeful,+strings")
    assert listed.signed == (SignedTerm("piano", 1), SignedTerm("vocals", -0.5), SignedTerm("strings", 1))
    assert listed.text == "hopeful"


@pytest.mark.parametrize(
    ("text", "bpm", "seconds"),
    [
        ("under 100 bpm", Range(None, 100), Range()),
        ("at least 2 minutes", Range(), Range(120, None)),
        ("90-110 bpm", Range(90, 110), Range()),
        ("between 30 and 60 s", Range(), Range(30, 60)),
        ("over 80 bpm and under 120 BPM", Range(80, 120), Range()),
    ],
)
def test_limits_are_numbers_with_units(text: str, bpm: Range, seconds: Range) -> None:
    guide = parse_guide(text)
    assert (guide.bpm, guide.seconds) == (bpm, seconds)


def test_a_tempo_alone_allows_a_little_to_either_side() -> None:
    bpm = parse_guide("about 100 bpm, strings").bpm
    assert (bpm.low, bpm.high) == (pytest.approx(92), pytest.approx(108))


@pytest.mark.parametrize(
    ("text", "tempo", "energy"),
    [("much slower", -2, 0), ("a bit faster", 0.5, 0), ("calmer", 0, -1), ("more energetic", 0, 1), ("slightly less intense", 0, -0.5)],
)
def test_comparatives_shift_tempo_and_energy(text: str, tempo: float, energy: float) -> None:
    guide = parse_guide(text)
    assert (guide.tempo_steps, guide.energy_steps, guide.text) == (tempo, energy, "")


@pytest.mark.parametrize("text", ["no vocals", "without singing", "instrumental"])
def test_no_vocals_is_a_hard_limit(text: str) -> None:
    assert parse_guide(text).is_instrumental


def test_no_drums_counts_against_drums() -> None:
    assert parse_guide("no drums, more strings").signed == (SignedTerm("drums", -1), SignedTerm("strings", 0.7))


def test_what_is_too_much_is_refused() -> None:
    with pytest.raises(UsageError, match="more than"):
        parse_guide("x" * (MAX_GUIDE_CHARACTERS + 1))
    with pytest.raises(UsageError, match="above 3"):
        parse_guide("+piano:9")


@given(st.text(max_size=200))
def test_any_text_is_a_guide(text: str) -> None:
    try:
        guide = parse_guide(text)
    except UsageError:
        return
    assert len(guide.text) <= len(text) + 2 * len(text.split(","))
