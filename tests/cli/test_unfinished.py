"""What a view remembers of a run: the segments in progress, and no others."""

from __future__ import annotations

from streamtags.cli.unfinished import UnfinishedSegments
from streamtags.core.events import ErrorInfo, SegmentFailed
from streamtags.core.records import TimelineIdentity
from streamtags.run.correct import correct
from streamtags.testing.log import make_payloads
from streamtags.testing.memory_store import MemoryStore


def test_each_segment_is_given_once_when_it_is_finished_and_then_forgotten() -> None:
    store = MemoryStore()
    store.open_timeline("tl_a", TimelineIdentity("a"))
    segments = UnfinishedSegments(store)
    shown = []
    most = 0
    for payload in make_payloads(200):
        for event in store.append("tl_a", [payload]):
            shown += [segment] if (segment := segments.take(event)) else []
            most = max(most, len(list(segments)))
    state = store.state("tl_a")
    assert [one.segment for one in shown] == [one.segment for one in state.segments]
    assert [(one.tags, one.caption) for one in shown] == [(one.tags, one.caption) for one in state.segments]
    assert list(segments) == []
    assert most < 20


def test_a_finished_segment_that_is_corrected_is_read_from_the_store() -> None:
    store = MemoryStore()
    store.open_timeline("tl_a", TimelineIdentity("a"))
    segments = UnfinishedSegments(store)
    for event in store.append("tl_a", make_payloads(3)):
        segments.take(event)
    correct(store, "tl_a", "s0001", caption="A lighthouse.", by="test")
    (event,) = store.read("tl_a", after=store.head("tl_a").seq - 1)
    shown = segments.take(event)
    assert shown is not None
    assert (shown.segment, shown.caption) == ("s0001", "A lighthouse.")


def test_a_replayed_log_gives_each_segment_once_as_it_is_now() -> None:
    store = MemoryStore()
    store.open_timeline("tl_a", TimelineIdentity("a"))
    store.append("tl_a", make_payloads(3))
    correct(store, "tl_a", "s0001", caption="A lighthouse.", by="test")
    segments = UnfinishedSegments(store)
    shown = [segment for event in store.read("tl_a") if (segment := segments.take(event))]
    assert [one.segment for one in shown] == ["s0000", "s0001", "s0002"]
    assert shown[1].caption == "A lighthouse."


def test_a_segment_that_will_be_retried_stays_in_progress() -> None:
    store = MemoryStore()
    store.open_timeline("tl_a", TimelineIdentity("a"))
    segments = UnfinishedSegments(store)
    failed = SegmentFailed(segment="s0000", stage="caption", error=ErrorInfo(code="model.busy", message="busy"), will_retry=True)
    for event in store.append("tl_a", [*make_payloads(1)[:2], failed]):
        segments.take(event)
    assert [one.status for one in segments] == ["failed"]
