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
def test_whatever_arrives_what_is_called_new_is_the_log_from_its_start(order: list[int], tell_gaps: bool) -> None:
    cursor = Cursor(Position("e1", 0))
    taken: list[Event] = []
    for index in order:
        verdict = cursor.take(EVENTS[index])
        if verdict == "new":
            taken.append(EVENTS[index])
        elif tell_gaps and verdict == "gap":
            assert EVENTS[index].seq > len(taken) + 1
    assert taken == EVENTS[: len(taken)]


def test_an_event_of_another_epoch_is_a_gap_unless_it_is_the_first() -> None:
    cursor = Cursor(Position("e0", 5))
    assert cursor.take(EVENTS[6]) == "gap"
    assert cursor.take(EVENTS[0]) == "new"
    assert cursor.take(EVENTS[1]) == "new"


def test_a_snapshot_is_new_where_it_tells_more_or_of_another_log() -> None:
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


def test_a_heartbeat_that_twice_tells_of_more_than_came_means_something_is_missing() -> None:
    cursor = Cursor(Position("e1", 0))
    cursor.take(EVENTS[0])
    assert not cursor.is_behind({"tl_test": 3})
    assert cursor.is_behind({"tl_test": 3})
    cursor.take(EVENTS[1])
    cursor.take(EVENTS[2])
    assert not cursor.is_behind({"tl_test": 3})
    assert not cursor.is_behind({"tl_test": 3})
