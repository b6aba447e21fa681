"""Errors keep what they say when they leave their process."""

from __future__ import annotations

import pickle

import pytest

from streamtags.core.errors import ModelError, NotInStore, SourceError, StoreError, StreamtagsError, VocabularyError
from streamtags.core.model import Usage


@pytest.mark.parametrize(
    "error",
    [
        SourceError("has no video", where="film.mp4", hint="give a video", code="source.no_picture"),
        StoreError("is claimed", code="store.claimed"),
        VocabularyError("has mistakes", mistakes=((3, "no axis"),), where="v.yaml"),
        ModelError("is busy", retryable=True, retry_after=2.5, usage=Usage(prompt_tokens=3, completion_tokens=4)),
        NotInStore("no such timeline"),
    ],
)
def test_an_error_that_was_pickled_says_the_same(error: StreamtagsError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back.code == error.code
    assert vars(back) == vars(error)
