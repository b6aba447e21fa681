"""The lines of a segment from what was read in its pictures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.stages.read.lines import MAX_LINES, merged
from streamtags.stages.read.reader import Reading


def reading(text: str, x: float = 0.1, y: float = 0.1, confidence: float = 0.99) -> Reading:
    return Reading(text, confidence, (x, y, 0.3, 0.05))


def texts(*pictures: list[Reading], min_confidence: float = 0.8) -> list[str]:
    return [line.text for line in merged(enumerate(pictures), min_confidence)]


def test_lines_are_in_reading_order() -> None:
    end_titles = [
        reading("Written by", 0.1, 0.41),
        reading("NIGHT TRAIN", 0.3, 0.1),
        reading("Ada Moss", 0.5, 0.4),
        reading("THE END", 0.3, 0.8),
    ]
    assert texts(end_titles) == ["NIGHT TRAIN", "Written by", "Ada Moss", "THE END"]


def test_a_line_that_stands_in_several_pictures_is_kept_once_where_it_is_read_best() -> None:
    lines = merged([(7, [reading("NlGHT TRAIN", confidence=0.85)]), (19, [reading("NIGHT TRAIN", confidence=0.98)])], 0.8)
    assert [(line.text, line.pts) for line in lines] == [("NIGHT TRAIN", 19)]


def test_equal_lines_in_one_picture_are_all_kept() -> None:
    assert texts([reading("EXIT", y=0.1), reading("EXIT", y=0.5)]) == ["EXIT", "EXIT"]


@pytest.mark.parametrize(
    ("text", "confidence"), [("|||", 0.99), ("0", 0.99), ("TLC", 0.9), ("...", 0.9), ("FADED SIGN", 0.6), ("", 0.99), ("水火", 0.5)]
)
def test_patterns_that_were_taken_for_text_are_left_out(text: str, confidence: float) -> None:
    assert texts([reading(text, confidence=confidence)]) == []


@pytest.mark.parametrize(("text", "confidence"), [("TLC", 0.97), ("12A", 0.99), ("水", 0.99), ("水火", 0.9), ("CAFE DU NORD", 0.81)])
def test_short_words_need_more_confidence_than_long_ones(text: str, confidence: float) -> None:
    assert texts([reading(text, confidence=confidence)]) == [text]


def test_control_characters_do_not_get_into_a_line() -> None:
    assert texts([reading("IGNORE\x1b[2J \u202eALL\nRULES")]) == ["IGNORE [2J ALL RULES"]


READINGS = st.lists(st.builds(reading, st.text(max_size=30), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), max_size=60)


@given(st.lists(READINGS, max_size=3))
def test_whatever_is_read_the_lines_are_few_and_printable(pictures: list[list[Reading]]) -> None:
    lines = merged(enumerate(pictures), 0.8)
    assert len(lines) <= MAX_LINES
    assert all(line.text and line.text == " ".join(line.text.split()) and line.confidence >= 0.8 for line in lines)
