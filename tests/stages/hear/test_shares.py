"""Shares of speech, singing and music from the probabilities of frames."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamtags.stages.hear.shares import decided, shares, windows


def frames(*runs: tuple[int, float, float, float]) -> np.ndarray:
    return np.concatenate([np.tile(np.array(row, np.float32), (count, 1)) for count, *row in runs])


def test_speech_over_music_counts_as_both() -> None:
    content = shares(decided(frames((200, 0.9, 0, 0.9), (200, 0, 0, 0.9), (400, 0, 0, 0))))
    assert abs(content.speech - 0.25) < 0.02
    assert abs(content.music - 0.5) < 0.02
    assert abs(content.other - 0.5) < 0.02


def test_a_single_frame_is_no_word() -> None:
    assert shares(decided(frames((100, 0, 0, 0), (2, 1, 0, 0), (100, 0, 0, 0)))).speech == 0.0


def test_nothing_heard_is_other() -> None:
    assert shares(decided(np.zeros((0, 3), np.float32))).other == 1.0


def test_windows_cover_a_segment_evenly() -> None:
    flags = decided(frames((150, 0.9, 0, 0), (100, 0, 0, 0)))
    assert [(first, last) for first, last, _ in windows(flags, 100)] == [(0, 83), (83, 166), (166, 250)]
    assert windows(flags, 100)[0][2].speech == 1.0
    assert windows(flags, 100)[2][2].speech == 0.0


@given(hnp.arrays(np.float32, st.tuples(st.integers(0, 400), st.just(3)), elements=st.floats(0, 1, width=32)), st.integers(1, 500))
def test_shares_are_shares_and_windows_touch(probabilities: np.ndarray, length: int) -> None:
    flags = decided(probabilities)
    content = shares(flags)
    assert all(0 <= share <= 1 for share in (content.speech, content.singing, content.music, content.other))
    parts = windows(flags, length)
    assert [first for first, _, _ in parts] == [0, *(last for _, last, _ in parts)][: len(parts)]
    assert sum(last - first for first, last, _ in parts) == len(flags)
    assert all(last - first <= length for first, last, _ in parts)
