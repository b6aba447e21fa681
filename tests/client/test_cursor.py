from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamtags.client.cursor import Cursor, Position
from streamtags.core.events import Event
from streamtags.core.protocol import Snapshot
from streamtags.testing import make_events

EVENTS = make_events(6)


def _snapshot(seq: int, epoch: str = "e1") -> Snapshot:
    return Snapshot(id="s", timeline="tl_test", epoch=epoch, seq=seq, state={})


@given(st.lists(st.integers(0, len(EVENTS) - 1)), st.booleans())
def test_new_events_are_the_log_from_its_start_in_any_order_of_arrival(order: list[int], report_gaps: bool) -> None:
    cursor = Cursor(Position("e1", 0))
    taken: list[Event] = []
    for index in order:
        verdict = cursor.take(EVENTS[index])
        if verdict == "new":
            taken.append(EVENTS[index])
        elif report_gaps and verdict == "gap":
            assert EVENTS[index].seq > len(taken) + 1
    assert taken == EVENTS[: len(taken)]


def test_an_event_of_another_epoch_is_a_gap_unless_it_is_the_first() -> None:
    cursor = Cursor(Position("e0", 5))
    assert cursor.take(EVENTS[6]) == "gap"
    assert cursor.take(EVENTS[0]) == "new"
    assert cursor.take(EVENTS[1]) == "new"


def test_a_snapshot_is_new_if_it_is_later_or_of_another_log() -> None:
    cursor = Cursor(Position("e1", 5))
    assert cursor.take(_snapshot(5)) == "old"
    assert cursor.take(_snapshot(3)) == "old"
    assert cursor.take(_snapshot(8)) == "new"
    assert cursor.take(_snapshot(2, "e2")) == "new"
    assert cursor.position("tl_test") == Position("e2", 2)


def test_a_filter_makes_jumps_that_are_no_gaps() -> None:
    cursor = Cursor(Position("e1", 2), whole=False)
    assert cursor.take(EVENTS[7]) == "new"
    assert cursor.take(EVENTS[5]) == "old"


def test_two_heartbeats_ahead_of_the_received_events_mean_that_events_are_missing() -> None:
    cursor = Cursor(Position("e1", 0))
    cursor.take(EVENTS[0])
    assert not cursor.is_behind({"tl_test": 3})
    assert cursor.is_behind({"tl_test": 3})
    cursor.take(EVENTS[1])
    cursor.take(EVENTS[2])
    assert not cursor.is_behind({"tl_test": 3})
    assert not cursor.is_behind({"tl_test": 3})
