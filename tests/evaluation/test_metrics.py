"""The measures, against what can be worked out by hand and what must hold of any answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from streamtags.evaluation.dataset import Shots
from streamtags.evaluation.metrics import (
    average_precision,
    calibration_error,
    count,
    macro_f1,
    mean_average_precision,
    reliability,
    shot_counts,
    span_counts,
    word_errors,
)

RIGHT = np.array([[True, False], [True, True], [False, True], [False, False]])
GIVEN = np.array([[0.9, 0.0], [0.2, 0.8], [0.6, 0.0], [0.0, 0.0]])


def test_hits_false_and_missed_tags_are_counted_over_all_items_and_tags() -> None:
    assert count(RIGHT, GIVEN, 0.0) == (3, 1, 1)
    assert count(RIGHT, GIVEN, 0.5) == (2, 1, 2)
    assert count(RIGHT, GIVEN, 0.0).f1 == pytest.approx(2 * 3 / (2 * 3 + 1 + 1))


def test_the_mean_over_tags_weighs_rare_tags_as_much_as_common_ones() -> None:
    first = 2 * 2 / (2 * 2 + 1 + 0)
    second = 2 * 1 / (2 * 1 + 0 + 1)
    assert macro_f1(RIGHT, GIVEN, 0.0) == pytest.approx((first + second) / 2)


def test_average_precision_is_the_area_under_the_steps() -> None:
    right = np.array([True, False, True, False])
    assert average_precision(right, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_items_of_one_confidence_count_as_one_step_whatever_their_order() -> None:
    confidence = np.array([0.5, 0.5, 0.5, 0.5])
    for right in ([True, False, False, False], [False, False, False, True]):
        assert average_precision(np.array(right), confidence) == pytest.approx(0.25)


@given(arrays.arrays(bool, (12, 3)), arrays.arrays(np.float64, (12, 3), elements=st.sampled_from([0.0, 0.1, 0.4, 0.4, 0.9, 1.0])))
def test_metrics_lie_in_their_ranges_and_do_not_depend_on_the_order_of_items(right: np.ndarray, confidence: np.ndarray) -> None:
    value = mean_average_precision(right, confidence)
    assert 0 <= value <= 1
    assert mean_average_precision(right[::-1], confidence[::-1]) == pytest.approx(value)
    assert 0 <= calibration_error(reliability(right, confidence)) <= 1
    assert sum(each.tags for each in reliability(right, confidence)) == (confidence > 0).sum()
    if right.any():
        assert mean_average_precision(right, right.astype(float)) == pytest.approx(1)


def test_confidences_that_mean_what_they_say_have_no_error() -> None:
    confidence = np.full((10, 1), 0.7)
    right = np.array([[i < 7] for i in range(10)])
    assert calibration_error(reliability(right, confidence)) == pytest.approx(0)
    assert calibration_error(reliability(~right, confidence)) == pytest.approx(0.4)


def test_tags_that_were_not_given_do_not_make_confidences_look_better() -> None:
    right, confidence = np.array([[False]]), np.array([[0.9]])
    alone = calibration_error(reliability(right, confidence))
    assert calibration_error(reliability(np.vstack([right] + [[[False]]] * 99), np.vstack([confidence] + [[[0.0]]] * 99))) == alone


def test_a_cut_matches_within_two_frames_and_a_dissolve_anywhere_in_it() -> None:
    truth = Shots(cuts=(100, 200), gradual=((300, 330),))
    assert shot_counts([101, 203, 315], truth) == (2, 1, 1)
    assert shot_counts([100, 100, 100], truth) == (1, 2, 2)
    assert shot_counts([], Shots()).f1 == 1


def test_two_spans_match_if_they_share_half_of_what_they_cover() -> None:
    counts, apart = span_counts([(0.0, 10.0), (10.0, 20.0), (40.0, 50.0)], [(1.0, 9.5), (18.0, 30.0), (40.0, 50.0)])
    assert counts == (2, 1, 1)
    assert sorted(apart) == [0.0, 0.0, 0.5, 1.0]
    assert span_counts([(0.0, 1.0)], []) == ((0, 1, 0), [])
    assert span_counts([], [])[0].f1 == 1


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 50))), st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 50))))
def test_no_span_matches_twice(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> None:
    spans, truth = ([(start, start + length) for start, length in each] for each in (one, other))
    counts, apart = span_counts(spans, truth)
    assert counts.hits + counts.false == len(spans)
    assert counts.hits + counts.missed == len(truth)
    assert len(apart) == 2 * counts.hits
    assert span_counts(truth, spans)[0] == (counts.hits, counts.missed, counts.false)


def test_words_are_replaced_inserted_or_removed() -> None:
    assert word_errors("The train leaves at nine.", "the train leaves at nine") == (0, 5)
    assert word_errors("the train leaves at nine", "a train leaves nine o'clock") == (3, 5)
    assert word_errors("", "thank you") == (2, 0)
    assert word_errors("don\u2019t", "Don't!") == (0, 1)


WORDS = st.lists(st.sampled_from("abcd"), max_size=8)


@given(WORDS, WORDS)
def test_word_errors_are_a_distance(one: list[str], other: list[str]) -> None:
    left, right = " ".join(one), " ".join(other)
    errors = word_errors(left, right)[0]
    assert errors == word_errors(right, left)[0]
    assert abs(len(one) - len(other)) <= errors <= max(len(one), len(other))
    assert (errors == 0) == (one == other)
