from pathlib import Path

import pytest

from tools import check_language


def test_a_listed_word_is_reported_with_its_line_and_what_to_write() -> None:
    assert check_language.mistakes("ok\nthe client is told\n") == [(2, "told", "emitted, published, reported")]


@pytest.mark.parametrize("text", ["_was_told", "wasTold", "TOLD_READERS", "toldReaders"])
def test_identifiers_are_split_into_words(text: str) -> None:
    assert [word for _, word, _ in check_language.mistakes(text)] == ["told"]


@pytest.mark.parametrize("text", ["threshold", "foundation", "model.not_found", "FileNotFoundError", "a hand-held camera", "newsreel"])
def test_words_that_only_contain_a_listed_one_and_standard_terms_are_fine(text: str) -> None:
    assert check_language.mistakes(text) == []


def test_phrases_are_reported() -> None:
    assert [word for _, word, _ in check_language.mistakes("the frames at hand")] == ["at hand"]


def test_exceptions_have_a_glob_words_and_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "exceptions.txt"
    file.write_text("# comment\ndocs/*.md: told held  # quotes\n\n", "utf-8")
    assert check_language.exceptions(file) == [("docs/*.md", frozenset({"told", "held"}))]


def test_every_exception_of_the_project_has_a_reason() -> None:
    lines = check_language.EXCEPTIONS.read_text("utf-8").splitlines()
    assert all("#" in line for line in lines if line.strip())
