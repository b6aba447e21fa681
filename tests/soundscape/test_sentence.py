"""The grammar of AIMV: its three examples, and a sentence for whatever is heard."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import ConfigError
from streamtags.soundscape.grammar import Color, load_grammar, shipped_grammar
from streamtags.soundscape.sentence import abstract_words, main_word, sentence
from streamtags.soundscape.window import Guess, Loudness, Window

GRAMMAR = shipped_grammar()
COLOR = Color(name="(hexcolorname)", hex="#000000")


def window(loudness: Loudness, words: str, *instruments: str, **content: float) -> Window:
    return Window(0.0, 1.0, loudness, content, words, tuple(Guess(name, 0.9) for name in instruments), 440.0)


# The worked examples of the README of https://github.com/ferdavid1/AIMV: what is heard, the abstract words, the sentence.
EXAMPLES = [
    (
        window("loud", "heart", "crash", "splash", "synth", singing=1.0),
        ["impact", "wave", "tech"],
        "Person loudly sings, holding a heart, in the background of a Crash and Splash hit with a foreground techy synth wave impact, "
        "the scene has a (hexcolorname) color palette.",
    ),
    (
        window("loud", "", "kick", "bass", "tom", music=1.0),
        ["canon", "deep", "bounce"],
        "Kick and Bass hit with a foreground bouncey tom deep canon, the scene has a (hexcolorname) color palette.",
    ),
    (
        window("quiet", "", "cello", "vocal", "guitar", music=1.0),
        ["floating", "vibrate", "pedal"],
        "Cello and Vocal play with a foreground pedaly guitar vibrate floating, the scene has a (hexcolorname) color palette.",
    ),
]


@pytest.mark.parametrize(("heard", "abstract", "expected"), EXAMPLES)
def test_the_worked_examples_come_out_word_for_word(heard: Window, abstract: list[str], expected: str) -> None:
    assert abstract_words(heard, GRAMMAR) == abstract
    seed = next(str(seed) for seed in range(100) if "holding" in sentence(EXAMPLES[0][0], GRAMMAR, seed=str(seed)))
    assert sentence(heard, GRAMMAR, color=COLOR, seed=seed) == expected


def test_the_same_seed_gives_the_same_sentence_and_others_other_actions() -> None:
    heard = EXAMPLES[0][0]
    assert sentence(heard, GRAMMAR, seed="7") == sentence(heard, GRAMMAR, seed="7")
    assert len({sentence(heard, GRAMMAR, seed=str(seed)) for seed in range(40)}) == len(GRAMMAR.actions)


WINDOWS = st.builds(
    Window,
    st.just(0.0),
    st.just(1.0),
    st.sampled_from(["loud", "medium", "quiet"]),
    st.dictionaries(st.sampled_from(["speech", "singing", "music", "other"]), st.floats(0, 1)),
    st.text(max_size=60),
    st.lists(st.builds(Guess, st.sampled_from([*GRAMMAR.instruments, "theremin"]), st.floats(0, 1)), max_size=3).map(tuple),
    st.none() | st.floats(20, 8000),
)


@given(WINDOWS)
def test_every_window_has_a_sentence(heard: Window) -> None:
    text = sentence(heard, GRAMMAR)
    assert text[0].isupper()
    assert text.endswith(" color palette.")
    assert "{" not in text.replace(heard.words, "")
    assert "  " not in text


def test_silence_noise_and_speech_have_sentences_of_their_own() -> None:
    silence = Window(0.0, 1.0, "quiet", {"other": 1.0})
    assert sentence(silence, GRAMMAR) == "A still place where nothing moves, the scene has a black color palette."
    assert sentence(window("loud", "", other=1.0), GRAMMAR).startswith("A loud place in motion without people, ")
    assert sentence(window("quiet", "the train to Lisbon", speech=0.8), GRAMMAR, seed="1").startswith("Person softly speaks, ")
    assert sentence(window("medium", "", "choir"), GRAMMAR).startswith("Choir sings with a foreground echoing choir, ")


def test_an_instrument_that_the_grammar_lacks_gets_the_nearest_word() -> None:
    heard = window("medium", "", "theremin")
    assert abstract_words(heard, GRAMMAR, lambda name, words: words[-1]) == ["wing"]


@pytest.mark.parametrize(
    ("words", "word"),
    [
        ("and then the train was there", "train"),
        ("yes I know", ""),
        ("", ""),
        ("Hold my heart", "heart"),
        ("don't", ""),
        ("remembered the cart", "cart"),
        ("her knights rode", "knights"),
    ],
)
def test_the_object_is_a_word_that_names_something(words: str, word: str) -> None:
    assert main_word(words, GRAMMAR) == word


def test_several_things_have_no_article() -> None:
    text = sentence(window("medium", "her knights", speech=1.0), GRAMMAR, seed="1")
    assert any(text.startswith(f"Person speaks, {action} knights, ") for action in GRAMMAR.actions)


def test_a_grammar_of_ones_own_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "grammar.toml"
    with pytest.raises(ConfigError, match="cannot be read"):
        load_grammar(file)
    file.write_text("actions = [")
    with pytest.raises(ConfigError, match="not TOML"):
        load_grammar(file)
    shipped = (Path(__file__).parents[2] / "streamtags" / "soundscape" / "grammar.toml").read_text()
    file.write_text(shipped.replace("actions = ", "deeds = "))
    with pytest.raises(ConfigError, match="actions"):
        load_grammar(file)
    file.write_text(shipped.replace('actions = ["holding"', 'actions = ["throwing"'))
    assert "throwing" in load_grammar(file).actions
