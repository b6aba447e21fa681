from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.stages.tag.negation import split_denied
from streamtags.stages.tag.text import TagTexts, load_calibration


@pytest.mark.parametrize(
    ("text", "rest", "denied"),
    [
        ("An empty street; there are no people and no cars.", "An empty street; there are and .", ("people", "cars")),
        ("She is not sad but tired.", "She is but tired.", ("sad",)),
        ("The dog isn't aggressive, it plays.", "The dog , it plays.", ("aggressive",)),
        ("A lake without a boat.", "A lake .", ("a boat",)),
        ("Nobody laughs.", ".", ("laughs",)),
        ("A notable nose of a knight.", "A notable nose of a knight.", ()),
        ("No one sees two three four five six.", "six.", ("sees two three four five",)),
        ("No.", ".", ()),
        ("Nobody laughs in the waiting room.", "in the waiting room.", ("laughs",)),
        ("They are no longer in love at home.", "They are at home.", ("in love",)),
        ("There is no snow on the hills this winter.", "There is on the hills this winter.", ("snow",)),
    ],
)
def test_denied_words_are_taken_out(text: str, rest: str, denied: tuple[str, ...]) -> None:
    assert split_denied(text) == (rest, denied)


@given(st.text(alphabet=st.sampled_from("no t,.ab'"), max_size=200))
def test_no_word_is_invented(text: str) -> None:
    rest, denied = split_denied(text)
    for words in (rest, *denied):
        assert all(word in text for word in words.split())


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("He is not angry any more; he puts the cup down and nods.", "Angry"),
        ("It is not a wedding; the guests are at an office meeting.", "Wedding"),
        ("The couple is no longer in love; they look past each other.", "Romantic"),
    ],
)
def test_a_tag_that_a_text_denies_is_not_given(text: str, tag: str) -> None:
    tags = load_vocabulary("music-library").tags
    given_tags = {tags[index].name for index in TagTexts(tags).confidences(text, load_calibration())}
    assert tag not in given_tags


@pytest.mark.parametrize(
    ("text", "vocabulary", "tag"),
    [
        ("Nobody is laughing in the waiting room of the clinic.", "music-library", "Hospital"),
        ("They are not afraid of the dark house and walk right in.", "music-library", "Dark"),
        ("No one plays in the stadium tonight; the lights are off.", "music-library", "Sports Ground"),
        ("There is no snow on the mountains of this wild valley.", "seed-eight", "Nature"),
    ],
)
def test_the_place_of_what_does_not_happen_is_not_denied(text: str, vocabulary: str, tag: str) -> None:
    tags = load_vocabulary(vocabulary).tags
    given_tags = {tags[index].name for index in TagTexts(tags).confidences(text, load_calibration())}
    assert tag in given_tags


def test_a_tag_that_a_text_denies_and_then_names_is_given() -> None:
    tags = load_vocabulary("seed-eight").tags
    confidences = TagTexts(tags).confidences("He is not angry at her, he is angry and furious at himself.", load_calibration())
    assert "Angry" in {tags[index].name for index in confidences}
