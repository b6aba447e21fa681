"""Time of a live source: late by comparison, and continued across gaps."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from streamtags.sources.live.clock import LiveEdge, continued

BASE = Fraction(1, 90_000)
TURN = 1 << 33


def test_a_frame_is_late_by_the_one_that_was_delayed_least() -> None:
    edge = LiveEdge()
    assert edge.see(0.0, now=100.0) == 0.0
    assert edge.see(5.0, now=100.1) == 0.0  # a burst: the frames before it were delayed
    assert round(edge.see(5.04, now=100.64), 2) == 0.5
    assert round(edge.at(101.0), 2) == 5.9


def test_clocks_that_drift_apart_are_tolerated() -> None:
    edge = LiveEdge()
    late = [edge.see(second * (1 - 200e-6), now=float(second)) for second in range(0, 3 * 3600, 10)]
    assert max(late) < 0.1


def test_a_sender_that_kept_its_clock_is_believed_to_the_tick() -> None:
    assert continued(900_000, 1_395_000, 1_350_007, BASE) == 1_350_007


def test_a_sender_that_began_anew_goes_on_by_the_wall_clock() -> None:
    assert continued(900_000, 1_395_000, 126_000, BASE) == 1_395_000
    assert continued(900_000, 1_395_000, 90_000_000, BASE) == 1_395_000


def test_a_server_that_keeps_what_it_sent_continues_after_any_gap() -> None:
    assert continued(900_000, 900_000 + 60 * 90_000, 900_000, BASE, keeps=True) == 900_000
    assert continued(900_000, 1_395_000, 126_000, BASE, keeps=True) == 1_395_000


def test_a_counter_that_started_over_in_the_gap_is_unwrapped() -> None:
    assert continued(TURN - 1000, TURN + 180_000, 179_000, BASE, wraps=True) == TURN + 179_000


@given(st.integers(-(1 << 40), 1 << 40), st.integers(-(10**6), 10**7), st.integers(-(1 << 40), 1 << 40), st.booleans())
def test_time_never_runs_back(end: int, waited: int, own: int, wraps: bool) -> None:
    assert continued(end, end + waited, own, BASE, wraps=wraps) >= end
