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


@pytest.mark.parametrize(
    "text",
    [
        "+piano:abc",
        "+piano:",
        "+piano: 0.5",
        "+piano:1e9",
        "+piano:nan",
        "+piano:inf",
        "+piano:-1",
        "+piano:\u22121",
        "+piano:0.5:2",
        "+piano:0,5",
        "warm +piano:\u0663",
        '+"slow strings":x',
        '-"slow strings',
        '+""',
        "++piano",
        "-+piano",
        "+ piano",
        "warm, - piano",
        "+:2",
        "+10 bpm",
        "+piano+strings",
        "piano:0.5",
        "(vocals:2)",
        '"slow strings":2',
    ],
)
def test_a_signed_word_that_is_written_wrong_is_quoted_and_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_guide(text)
    assert refused.value.where is not None
    assert refused.value.where.startswith("guide, ")
    assert refused.value.where.split(", ", 1)[1].strip("'\"")[:2] in text
    assert "write" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("text", "term", "weight"),
    [
        ("\u2212vocals", "vocals", -1),
        ("\u2013vocals:0.5", "vocals", -0.5),
        ("\uff0bpiano\uff1a2", "piano", 2),
        ("+\u201cslow strings\u201d:2", "slow strings", 2),
        ("(+piano:.5)", "piano", 0.5),
        ("+piano:2.", "piano", 2),
        ("+piano,", "piano", 1),
        ("+r&b!", "r&b", 1),
        ('+"80s"', "80s", 1),
        ("+\u0938\u0902\u0917\u0940\u0924", "\u0938\u0902\u0917\u0940\u0924", 1),
    ],
)
def test_signs_of_phones_and_other_keyboards_are_understood(text: str, term: str, weight: float) -> None:
    assert parse_guide(text) == Guide(signed=(SignedTerm(term, weight),))


@pytest.mark.parametrize("text", ["slow - almost still", "slow -- almost still", "warm + strings", "like 4:33, lo-fi C++"])
def test_a_dash_or_plus_between_words_is_no_sign(text: str) -> None:
    assert parse_guide(text) == Guide(text=text)


def test_a_word_has_one_sign() -> None:
    for text in ("+piano +piano:2", "+piano, -Piano", "+drums, no drums"):
        with pytest.raises(UsageError, match=r"(?i)'(piano|drums)' (has a sign twice|is wanted and not wanted)"):
            parse_guide(text)
    assert parse_guide("only piano, +piano").signed == (SignedTerm("piano", 1), SignedTerm("piano", 1.5))


@pytest.mark.parametrize("text", ["110-90 bpm", "over 120 bpm, under 80 bpm", "at least 3 minutes, at most 60 s"])
def test_limits_that_exclude_everything_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"no (tempo|length) is at least"):
        parse_guide(text)


@given(st.text(max_size=200) | st.text(alphabet='+-\u2212:,;. "()ab1\n', max_size=40))
def test_any_text_is_a_guide(text: str) -> None:
    try:
        guide = parse_guide(text)
    except UsageError:
        return
    assert len(guide.text) <= len(text) + 2 * len(text.split(","))
