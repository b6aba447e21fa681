"""Checks that every store must pass.

```python
@pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)
def test_my_store(check: StoreCheck, tmp_path: Path) -> None:
    check(lambda: MyStore(tmp_path / "events"))
```

Each check opens handles on one set of data, which is empty at first, and raises `AssertionError` where the store breaks a rule.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.events import Payload, SegmentDetected, TimelineCancelled
from streamtags.core.fold import fold
from streamtags.core.records import Candidate, Fingerprint, TimelineIdentity
from streamtags.core.stores import Store
from streamtags.core.vocabulary import Axis, Tag, Vocabulary
from streamtags.testing.change_conformance import CHANGE_CHECKS
from streamtags.testing.copy_conformance import COPY_CHECKS
from streamtags.testing.job_conformance import JOB_CHECKS
from streamtags.testing.log import make_payloads
from streamtags.testing.raising import raises

__all__ = ["STORE_CHECKS", "OpenHandle", "StoreCheck"]

OpenHandle = Callable[[], Store]
"""Opens one more handle on the data of a check."""

StoreCheck = Callable[[OpenHandle], None]

_A, _B = TimelineIdentity("source a"), TimelineIdentity("source b")
_FINGERPRINT = Fingerprint(48, b"fingerprint")


def _payloads(segments: int = 2) -> list[Payload]:
    return make_payloads(segments)


def _detected(index: int) -> SegmentDetected:
    return next(payload for payload in make_payloads(index + 1) if isinstance(payload, SegmentDetected) and payload.index == index)


def events_are_numbered_without_gaps_and_read_back_as_written(open_handle: OpenHandle) -> None:
    """Check `append`, `read` and `read_json`, also through a second handle."""
    payloads = _payloads()
    with open_handle() as store, open_handle() as other:
        head = store.open_timeline("tl_a", _A)
        events = store.append("tl_a", payloads[:3]) + other.append("tl_a", payloads[3:])
        assert [event.data for event in events] == payloads
        assert [event.seq for event in events] == list(range(1, len(payloads) + 1))
        assert {(event.timeline, event.epoch) for event in events} == {("tl_a", head.epoch)}
        for handle in (store, other):
            assert handle.read("tl_a") == events
            assert handle.read("tl_a", after=2, limit=3) == events[2:5]
            assert handle.read("tl_a", after=len(events)) == []
            assert handle.read_json("tl_a", after=1) == [event.to_json() for event in events[1:]]
            assert handle.head("tl_a") == (head.epoch, len(events))
            assert handle.heads() == {"tl_a": (head.epoch, len(events))}
        assert store.append("tl_a", []) == []


def threads_append_without_gaps_or_duplicates(open_handle: OpenHandle) -> None:
    """Check that four threads can append to one log at once."""
    appended: list[int] = []
    with open_handle() as store:
        store.open_timeline("tl_a", _A)

        def work() -> None:
            for _ in range(10):
                appended.extend(event.seq for event in store.append("tl_a", _payloads(1)[:2]))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(appended) == list(range(1, 81)) == [event.seq for event in store.read("tl_a")]


def state_is_the_fold_of_the_log(open_handle: OpenHandle) -> None:
    """Check `state` while a log grows through two handles, is replaced and is removed."""
    with open_handle() as store, open_handle() as other:
        store.open_timeline("tl_a", _A)
        assert (store.state("tl_a").id, store.state("tl_a").state) == ("tl_a", "queued")
        for payload in _payloads():
            other.append("tl_a", [payload])
            assert store.state("tl_a") == fold(other.read("tl_a"))
        other.replace("tl_a", _payloads(1))
        assert store.state("tl_a") == fold(other.read("tl_a"))
        other.remove("tl_a")
        with raises(NotInStore, "not_found"):
            store.state("tl_a")


def a_replaced_log_has_a_new_epoch_and_starts_at_1(open_handle: OpenHandle) -> None:
    """Check `replace` and `expect_epoch`."""
    with open_handle() as store:
        old = store.open_timeline("tl_a", _A)
        store.append("tl_a", _payloads(), expect_epoch=old.epoch, thumbnails={"s0000": b"jpeg"}, fingerprints={"s0000": _FINGERPRINT})
        events = store.replace("tl_a", _payloads(1))
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert store.read("tl_a") == events
        assert {event.epoch for event in events} == {store.head("tl_a").epoch}
        assert store.head("tl_a").epoch != old.epoch
        with raises(StoreError, "store.epoch"):
            store.append("tl_a", _payloads(), expect_epoch=old.epoch, thumbnails={"s0000": b"jpeg"})
        assert store.read("tl_a") == events
        with raises(NotInStore, "not_found"):
            store.thumbnail("tl_a", "s0000")
        assert store.candidates(48) == []
        try:
            store.replace("tl_a", [])
        except ValueError:
            assert store.read("tl_a") == events
        else:
            raise AssertionError("a log was replaced by nothing")


def an_emptied_log_has_a_new_epoch_and_no_events(open_handle: OpenHandle) -> None:
    """Check `empty`."""
    with open_handle() as store:
        old = store.open_timeline("tl_a", _A)
        store.append("tl_a", _payloads(), thumbnails={"s0000": b"jpeg"})
        head = store.empty("tl_a")
        assert head == store.head("tl_a") == (head.epoch, 0)
        assert head.epoch != old.epoch
        assert (store.state("tl_a").state, store.summary("tl_a").segments) == ("queued", 0)
        with raises(NotInStore, "not_found"):
            store.thumbnail("tl_a", "s0000")
        assert store.append("tl_a", _payloads(1), expect_epoch=head.epoch)[0].seq == 1


def names_and_identities_resolve_to_timelines(open_handle: OpenHandle) -> None:
    """Check `open_timeline`, `by_identity`, `find` and the order of `timelines`."""
    with open_handle() as store:
        with raises(NotInStore, "not_found"):
            store.find("last")
        first = store.open_timeline("tl_abc", _A, name="a.mp4")
        store.open_timeline("tl_abd", _B)
        assert (store.by_identity(_A), store.by_identity(TimelineIdentity("other"))) == ("tl_abc", None)
        assert store.find("last") == store.find("tl_abd") == store.find("abd") == "tl_abd"
        assert store.open_timeline("tl_abc", _A) == first
        assert store.find("last") == "tl_abc"
        assert [summary.id for summary in store.timelines()] == ["tl_abc", "tl_abd"]
        for name in ("ab", "tl_x", "", "%", "tl_ab_"):
            with raises(NotInStore, "not_found"):
                store.find(name)
        for timeline, identity in (("tl_abc", _B), ("tl_abc", TimelineIdentity("other")), ("tl_other", _A)):
            with raises(StoreError, "store.key"):
                store.open_timeline(timeline, identity)


def recordings_of_a_source_belong_together(open_handle: OpenHandle) -> None:
    """Check `recordings`, and `timelines` by captioner."""
    first = TimelineIdentity("live:camera", captioner="one", settings='{"a": 1}')
    second, other = replace(first, recording="00000001"), replace(first, captioner="other")
    with open_handle() as store:
        for timeline, identity in (("tl_1", first), ("tl_2", second), ("tl_3", other)):
            store.open_timeline(timeline, identity)
        assert [(summary.id, summary.identity) for summary in store.recordings(second)] == [("tl_2", second), ("tl_1", first)]
        assert [summary.id for summary in store.timelines(captioner="one")] == ["tl_2", "tl_1"]
        assert store.timelines(captioner="none") == []


def a_list_goes_on_where_its_last_page_ended(open_handle: OpenHandle) -> None:
    """Check `limit`, `before` and `source` of `timelines`, also while timelines are opened and removed."""
    names = [f"tl_{number}" for number in range(5)]
    with open_handle() as store:
        for number, timeline in enumerate(names):
            store.open_timeline(timeline, TimelineIdentity(f"film {number % 2}", profile=timeline))
        first = store.timelines(limit=2)
        assert [summary.id for summary in first] == ["tl_4", "tl_3"]
        store.open_timeline("tl_0", TimelineIdentity("film 0", profile="tl_0"))
        store.remove("tl_3")
        assert [summary.id for summary in store.timelines(before=first[-1].opened, limit=5)] == ["tl_2", "tl_1"]
        assert [summary.id for summary in store.timelines()] == ["tl_0", "tl_4", "tl_2", "tl_1"]
        assert [summary.id for summary in store.timelines(source="film 0", limit=2)] == ["tl_0", "tl_4"]
        assert (store.timelines(source="film", limit=1), store.timelines(limit=0)) == ([], [])


def a_summary_agrees_with_the_state(open_handle: OpenHandle) -> None:
    """Check the fields of summaries."""
    with open_handle() as store:
        store.open_timeline("tl_a", _A, name="waiting.mp4")
        assert (store.summary("tl_a").name, store.summary("tl_a").state) == ("waiting.mp4", "queued")
        for payloads in (_payloads()[:1], [_detected(1)], [_detected(0)], [TimelineCancelled()]):
            store.append("tl_a", payloads)
            summary, state = store.summary("tl_a"), store.state("tl_a")
            assert [summary] == store.timelines()
            assert (summary.id, summary.identity) == ("tl_a", _A)
            assert (summary.state, summary.epoch, summary.seq) == (state.state, state.epoch, state.seq)
            assert state.source is not None
            assert (summary.name, summary.seconds) == (state.source.name, state.source.video.duration)
        assert summary.segments == 2
        assert summary.opened_at.endswith("Z")


def removing_deletes_one_timeline(open_handle: OpenHandle) -> None:
    """Check `remove`."""
    with open_handle() as store:
        for timeline, identity in (("tl_a", _A), ("tl_b", _B)):
            store.open_timeline(timeline, identity)
            store.append(timeline, _payloads(), thumbnails={"s0000": b"jpeg"}, fingerprints={"s0000": _FINGERPRINT})
        store.remove("tl_a")
        assert list(store.heads()) == ["tl_b"]
        assert store.thumbnail("tl_b", "s0000") == b"jpeg"
        assert store.candidates(48) == [Candidate("tl_b", "s0000", _FINGERPRINT)]
        assert store.open_timeline("tl_a", _A).seq == 0


def an_unknown_timeline_is_not_found(open_handle: OpenHandle) -> None:
    """Check that every method says that a timeline does not exist."""
    with open_handle() as store:
        calls: tuple[Callable[[], object], ...] = (
            lambda: store.append("tl_x", _payloads()),
            lambda: store.read("tl_x"),
            lambda: store.read_json("tl_x"),
            lambda: store.head("tl_x"),
            lambda: store.state("tl_x"),
            lambda: store.summary("tl_x"),
            lambda: store.remove("tl_x"),
            lambda: store.replace("tl_x", _payloads()),
            lambda: store.empty("tl_x"),
            lambda: store.thumbnail("tl_x", "s0000"),
            lambda: store.waveforms("tl_x"),
            lambda: store.claim("tl_x", "me"),
            lambda: store.check_free("tl_x"),
        )
        for call in calls:
            with raises(NotInStore, "not_found"):
                call()
        store.release("tl_x", "me")


def vocabularies_are_kept_by_content(open_handle: OpenHandle) -> None:
    """Check `save_vocabulary` and `vocabulary`."""
    old, new = (
        Vocabulary(id="moods", version="1", axes=(Axis(name="mood"),), tags=(Tag(name="Calm", axis="mood", description=text),))
        for text in ("still", "still, at rest")
    )
    with open_handle() as store:
        digest = store.save_vocabulary(old)
        store.save_vocabulary(new)
        assert (store.vocabulary(old.ref), store.vocabulary(old.ref, digest)) == (new, old)
        assert store.save_vocabulary(old) == digest
        assert store.vocabulary(old.ref) == old
        assert store.vocabularies() == [new, old]
        with raises(NotInStore, "not_found"):
            store.vocabulary(old.ref.model_copy(update={"id": "weather"}))


def a_claim_keeps_other_owners_away(open_handle: OpenHandle) -> None:
    """Check `claim`, `release` and `check_free`, and what a claim forbids."""
    with open_handle() as store, open_handle() as other:
        store.open_timeline("tl_a", _A)
        store.check_free("tl_a")
        store.claim("tl_a", "me")
        store.claim("tl_a", "me")
        calls: tuple[Callable[[], object], ...] = (
            lambda: other.claim("tl_a", "you"),
            lambda: other.check_free("tl_a"),
            lambda: other.remove("tl_a"),
            lambda: other.empty("tl_a"),
        )
        for call in calls:
            with raises(StoreError, "store.claimed"):
                call()
        other.append("tl_a", _payloads())  # a person's correction needs no claim
        other.release("tl_a", "you")
        with raises(StoreError, "store.claimed"):
            other.claim("tl_a", "you")
        store.release("tl_a", "me")
        other.claim("tl_a", "you")


def a_claim_that_was_lost_locks_its_writer_out(open_handle: OpenHandle) -> None:
    """Check that a writer whose claim another owner has had since writes nothing, even after that owner has finished."""
    with open_handle() as store, open_handle() as other:
        store.open_timeline("tl_a", _A)
        store.claim("tl_a", "me")
        store.append("tl_a", _payloads()[:1])
        other.release("tl_a", "me")  # as if it had expired
        other.claim("tl_a", "you")
        other.append("tl_a", _payloads()[1:2])
        calls: tuple[Callable[[], object], ...] = (
            lambda: store.append("tl_a", _payloads()[:1]),
            lambda: store.replace("tl_a", _payloads()),
            lambda: store.claim("tl_a", "me"),
        )
        for _ in range(2):
            for call in calls:
                with raises(StoreError, "store.claim_lost"):
                    call()
            other.release("tl_a", "you")
        assert [event.data for event in other.read("tl_a")] == _payloads()[:2]
        store.release("tl_a", "me")
        store.claim("tl_a", "me")
        store.append("tl_a", _payloads()[2:3])


def blobs_are_written_with_their_events(open_handle: OpenHandle) -> None:
    """Check `thumbnail` and `candidates`."""
    with open_handle() as store:
        for timeline, identity in (("tl_a", _A), ("tl_b", _B)):
            store.open_timeline(timeline, identity)
            prints = {f"s{index:04d}": Fingerprint(48, bytes([index])) for index in range(2)}
            store.append(timeline, _payloads(), thumbnails={"s0000": b"jpeg"}, fingerprints=prints)
        assert store.thumbnail("tl_a", "s0000") == b"jpeg"
        with raises(NotInStore, "not_found"):
            store.thumbnail("tl_a", "s0001")
        store.open_timeline("tl_a", _A)
        candidates = [(candidate.timeline, candidate.segment) for candidate in store.candidates(48)]
        assert candidates == [("tl_a", "s0000"), ("tl_a", "s0001"), ("tl_b", "s0000"), ("tl_b", "s0001")]
        assert store.candidates(47) == []
        assert len(store.candidates(47, slack=1)) == 4
        assert [candidate.timeline for candidate in store.candidates(48, exclude="tl_a")] == ["tl_b", "tl_b"]


def candidates_are_excluded_by_traits(open_handle: OpenHandle) -> None:
    """Check `candidates` with traits, and that fingerprints keep theirs."""
    dark, light = ((10, 20), (-5, 5)), ((21, 200), (-5, 5))
    prints = {"s0000": Fingerprint(48, b"a", dark), "s0001": Fingerprint(48, b"b", light), "s0002": Fingerprint(48, b"c", light[:1])}
    with open_handle() as store:
        store.open_timeline("tl_a", _A)
        store.append("tl_a", _payloads(), fingerprints={**prints, "s0003": _FINGERPRINT})
        assert store.fingerprints("tl_a") == {**prints, "s0003": _FINGERPRINT}

        def segments(*traits: tuple[int, int]) -> list[str]:
            return [candidate.segment for candidate in store.candidates(48, traits=traits)]

        assert segments((0, 10)) == segments((20, 20)) == segments(*dark) == ["s0000", "s0003"]
        assert segments((20, 21)) == ["s0000", "s0001", "s0002", "s0003"]
        assert segments((0, 255), (6, 9)) == ["s0002", "s0003"]
        assert store.candidates(48, traits=light[:1])[0].fingerprint == prints["s0001"]


def waveforms_are_read_on_from_a_cursor(open_handle: OpenHandle) -> None:
    """Check `waveforms`."""
    with open_handle() as store, open_handle() as other:
        for timeline, identity in (("tl_a", _A), ("tl_b", _B)):
            store.open_timeline(timeline, identity)
        store.append("tl_a", _payloads(), waveforms={"s0000": b"\x00\xff", "s0001": b""})
        store.append("tl_b", _payloads(), waveforms={"s0000": b"\x07"})
        first, second = other.waveforms("tl_a")
        assert (first.segment, first.peaks, second.segment, second.peaks) == ("s0000", b"\x00\xff", "s0001", b"")
        assert other.waveforms("tl_a", limit=1) == [first]
        assert other.waveforms("tl_a", after=first.number) == [second]
        store.append("tl_a", [_detected(2)], waveforms={"s0000": b"\x01"})  # in place of the earlier one, and read again
        (newest,) = other.waveforms("tl_a", after=second.number)
        assert (newest.segment, newest.peaks) == ("s0000", b"\x01")
        assert len(other.waveforms("tl_a")) == 2
        store.empty("tl_a")
        assert other.waveforms("tl_a") == []
        store.append("tl_a", _payloads(), waveforms={"s0000": b"\x02"})
        assert [one.peaks for one in other.waveforms("tl_a", after=newest.number)] == [b"\x02"]
        assert [one.peaks for one in other.waveforms("tl_b")] == [b"\x07"]


def a_closed_handle_refuses_calls(open_handle: OpenHandle) -> None:
    """Check `check_health` and `close`."""
    store = open_handle()
    store.check_health()
    store.close()
    store.close()
    calls: tuple[Callable[[], object], ...] = (store.timelines, store.data_version, store.check_health, lambda: store.claim("tl_a", "me"))
    for call in calls:
        with raises(StoreError, "store.closed"):
            call()


STORE_CHECKS: tuple[StoreCheck, ...] = (
    events_are_numbered_without_gaps_and_read_back_as_written,
    threads_append_without_gaps_or_duplicates,
    state_is_the_fold_of_the_log,
    a_replaced_log_has_a_new_epoch_and_starts_at_1,
    an_emptied_log_has_a_new_epoch_and_no_events,
    names_and_identities_resolve_to_timelines,
    recordings_of_a_source_belong_together,
    a_list_goes_on_where_its_last_page_ended,
    a_summary_agrees_with_the_state,
    removing_deletes_one_timeline,
    an_unknown_timeline_is_not_found,
    vocabularies_are_kept_by_content,
    a_claim_keeps_other_owners_away,
    a_claim_that_was_lost_locks_its_writer_out,
    blobs_are_written_with_their_events,
    candidates_are_excluded_by_traits,
    waveforms_are_read_on_from_a_cursor,
    a_closed_handle_refuses_calls,
    *CHANGE_CHECKS,
    *COPY_CHECKS,
    *JOB_CHECKS,
)
