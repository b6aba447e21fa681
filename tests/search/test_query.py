from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import UsageError
from streamtags.search.fusion import fuse
from streamtags.search.query import parse_query


def test_words_and_quoted_phrases_are_distinguished() -> None:
    query = parse_query('a boat "red  sail" at Dusk')
    assert query.words == ("boat", "dusk")
    assert query.phrases == ("red sail",)
    assert query.text == "a boat red sail at Dusk"


def test_a_query_of_common_words_alone_keeps_them() -> None:
    assert parse_query("to be or").words == ("to", "be", "or")


@pytest.mark.parametrize("text", ["", "   ", "?!", '""', '" "', "\N{FULL STOP}" * 5])
def test_a_query_without_words_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no word"):
        parse_query(text)


def test_a_query_that_is_too_long_is_refused() -> None:
    with pytest.raises(UsageError, match="1000"):
        parse_query("a " * 600)


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        query = parse_query(text)
    except UsageError:
        return
    assert query.words or query.phrases
    assert '"' not in query.text


def test_a_document_that_is_first_in_both_rankings_scores_one() -> None:
    assert fuse([[7, 3], [7, 5]], (1.0, 1.0))[0] == (7, 1.0)


def test_a_document_in_both_rankings_beats_one_that_leads_a_single_ranking() -> None:
    ranked = [number for number, _ in fuse([[1, 2], [3, 2]], (1.0, 1.0))]
    assert ranked[0] == 2
    assert set(ranked) == {1, 2, 3}


def test_equal_scores_are_ordered_by_number() -> None:
    assert [number for number, _ in fuse([[9], [4]], (1.0, 1.0))] == [4, 9]
