from __future__ import annotations

import os
import socket
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.vocabulary import Tag
from streamtags.stages.tag.encoders import embed
from streamtags.stages.tag.text import MAX_PASSAGES, PASSAGE_WORDS, TagTexts, load_calibration, passages

OFFLINE = """
import logging, socket, sys
def refuse(*args, **kwargs): raise OSError("no network here")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from streamtags.stages.tag.encoders import embed
assert "wordllama" not in sys.modules
assert embed(["a man walks"]).shape == (1, 256)
assert logging.getLogger().handlers == [] and logging.getLogger().level == logging.WARNING
"""


def test_embeddings_load_without_network_home_or_trace_in_logging(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("nowhere")
    home.chmod(0o500)
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE], env={**os.environ, "HOME": str(home)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(home.iterdir()) == []


def test_embeddings_are_unit_vectors_and_know_what_is_near() -> None:
    vectors = embed(["a man walks his dog", "a woman goes out with a puppy", "quarterly revenue of the bank", ""])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1, 1, 1, 0], abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_a_text_has_the_same_vector_alone_and_among_others() -> None:
    texts = ["a man walks his dog", "quarterly revenue of the bank, which few people read to its end", "", "猫"]
    assert np.array_equal(embed(texts), np.vstack([embed([text]) for text in texts]))


@given(st.text(max_size=3000))
def test_passages_are_short_few_and_lose_no_word_of_a_short_text(text: str) -> None:
    runs = passages(text)
    assert len(runs) <= MAX_PASSAGES
    assert all(0 < len(passage.split()) <= PASSAGE_WORDS for passage in runs)
    if len(runs) < MAX_PASSAGES:
        assert " ".join(runs).split() == text.split()


def test_passages_keep_sentences_together() -> None:
    first, second = "One two three four. " * 9, "Five six seven eight nine ten. " * 2
    assert passages(first + second) == [first.strip(), second.strip()]


def tags(*names: str, **aliases: list[str]) -> TagTexts:
    return TagTexts([Tag(name=name, axis="tag", aliases=tuple(aliases.get(name, ()))) for name in names])


def test_a_tag_is_named_by_whole_words_in_any_case() -> None:
    texts = tags("Love", "Sci Fi", "Sea", Love=["romance"])
    assert texts.named("They make LOVE by the seaside") == {0}
    assert texts.named("a romance; a sci-fi film") == {0, 1}
    assert texts.named("gloves") == set()


def test_a_tag_is_named_in_scripts_without_spaces_and_others() -> None:
    texts = tags("切ない", "Грусть", "حزن")
    assert texts.named("彼女は切ない歌を歌う") == {0}
    assert texts.named("какая грусть!") == {1}
    assert texts.named("في قلبه حزن") == {2}


@pytest.mark.parametrize(
    "text", ["男は森の中を犬と歩く。", "Мужчина идёт по лесу с собакой и поёт.", "الرجل يمشي في الغابة", "♪ ♪", "12:34 -- 56", "", "OK."]
)
def test_what_the_embeddings_cannot_know_gives_no_tag(text: str) -> None:
    for name in ("seed-eight", "music-library"):
        assert TagTexts(load_vocabulary(name).tags).confidences(text, load_calibration()) == {}


def test_a_named_tag_of_another_script_is_given() -> None:
    calibration = load_calibration()
    assert tags("切ない", "Happy").confidences("彼女は切ない歌を歌う", calibration) == {0: calibration.named_alone}


def test_a_tag_of_another_script_is_never_near_to_english() -> None:
    similarity = tags("切ない", "Happy").similarity("she sings a happy song")
    assert similarity is not None
    assert np.isnan(similarity).tolist() == [True, False]


def test_more_similar_is_more_confident_and_more_tags_less() -> None:
    calibration = load_calibration()
    assert calibration.similarity > 0
    assert calibration.named > 0
    assert calibration.log_tags < 0
    assert 0 < calibration.threshold < 1


def test_no_socket_is_opened_by_embedding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert embed(["a quiet lake"]).shape == (1, 256)
