from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.events import Event, Payload, TimelineCancelled
from streamtags.core.fold import Fold, fold
from streamtags.core.state import PERSON, TimelineState

SEGMENTS = st.integers(0, 2)
REVS = st.integers(0, 5)
CONFIDENCES = st.sampled_from([0.0, 0.25, 0.5, 0.5, 0.75, 1.0])
TAGS = st.dictionaries(st.sampled_from(["Calm", "Warm", "Tense", "Sad"]), CONFIDENCES, max_size=3)


@st.composite
def stories(draw: st.DrawFn, *, corrections: bool = True, failures: bool = True) -> list[tuple[str, Any]]:
    """What may happen to three segments, as (method of `Make`, arguments)."""
    kinds = [
        st.tuples(st.just("measured"), st.tuples(SEGMENTS)),
        st.tuples(st.just("captioned"), st.tuples(SEGMENTS, REVS, st.sampled_from(["A boat.", "A pier."]))),
        st.tuples(st.just("tagged"), st.tuples(SEGMENTS, REVS, TAGS)),
    ]
    if corrections:
        caption = st.sampled_from([None, "Mine.", "Yours."])
        kinds.append(st.tuples(st.just("corrected"), st.tuples(SEGMENTS, REVS, st.sets(st.sampled_from(["Calm", "Sad"])), caption, TAGS)))
    if failures:
        kinds.append(st.tuples(st.just("failed"), st.tuples(SEGMENTS, st.sampled_from(["measure", "caption", "tag"]))))
        kinds.append(st.tuples(st.just("completed"), st.just(())))
        kinds.append(st.tuples(st.just("progress"), st.tuples(st.just(1))))
    return draw(st.lists(st.one_of(kinds), max_size=14))


def payload_of(make: Any, kind: str, arguments: Any) -> Payload:
    if kind == "tagged":
        i, rev, tags = arguments
        return make.tagged(i, rev, **tags)
    if kind == "corrected":
        i, rev, untag, caption, tags = arguments
        return make.corrected(i, rev, *sorted(untag), caption=caption, **tags)
    return getattr(make, kind)(*arguments)


def beginning(make: Any) -> list[Payload]:
    return [make.opened(), *(make.detected(i) for i in range(3))]


def segment(make: Any, *payloads: Payload) -> Any:
    return fold(make.events([make.opened(), make.detected(0), *payloads])).segment("s0000")


def tags(segment_state: Any) -> dict[str, float]:
    return {score.tag: score.confidence for score in segment_state.tags}


def test_a_timeline_without_events_is_queued() -> None:
    assert Fold().state.to_dict() == TimelineState().to_dict()
    assert Fold().state.state == "queued"


def test_the_state_has_the_fields_of_the_fold_in_plain_json(make: Any) -> None:
    state = fold(make.events([make.opened(max_seconds=20), make.detected(0), make.measured(0)])).to_dict()
    assert set(state) >= {
        "id",
        "epoch",
        "seq",
        "state",
        "source",
        "vocabulary",
        "profile",
        "settings",
        "progress",
        "segments",
        "scenes",
        "summary",
    }
    assert (state["id"], state["epoch"], state["seq"], state["state"]) == ("tl_test", "e1", 3, "running")
    assert state["source"]["video"]["rate"] == "24000/1001"
    assert state["segments"][0]["end"] == {"pts": 48048, "time_base": "1/24000", "seconds": 2.002, "frame": 48, "timecode": "01:00:02:00"}
    assert json.loads(json.dumps(state)) == state


def test_the_highest_rev_is_kept(make: Any) -> None:
    result = segment(
        make, make.captioned(0, 2, "Second."), make.captioned(0, 1, "First."), make.tagged(0, 2, Calm=0.9), make.tagged(0, 1, Sad=0.9)
    )
    assert result.caption == "Second."
    assert tags(result) == {"Calm": 0.9}
    assert result.rev == 2


def test_provisional_tags_show_but_do_not_count_as_tagged(make: Any) -> None:
    result = segment(make, make.measured(0), make.tagged(0, 0, Fast=0.4))
    assert (result.status, tags(result)) == ("measured", {"Fast": 0.4})
    result = segment(make, make.measured(0), make.tagged(0, 0, Fast=0.4), make.tagged(0, 1, Calm=0.9))
    assert (result.status, tags(result)) == ("tagged", {"Calm": 0.9})


def test_a_correction_wins_over_models_before_and_after_it(make: Any) -> None:
    correction = make.corrected(0, 2, "Warm", caption="A ferry.", Tense=0.7)
    before = segment(make, make.captioned(0, 1), make.tagged(0, 1, Calm=0.9, Warm=0.5, Tense=0.1), correction)
    after = segment(make, correction, make.captioned(0, 3), make.tagged(0, 3, Calm=0.9, Warm=0.5, Tense=0.1))
    for result in (before, after):
        assert (result.caption, result.caption_model) == ("A ferry.", PERSON)
        assert tags(result) == {"Calm": 0.9, "Tense": 0.7}
    assert after.caption_rev == 3


def test_a_later_correction_of_the_same_tag_wins(make: Any) -> None:
    result = segment(
        make,
        make.corrected(0, 1, "Calm", Tense=0.7),
        make.corrected(0, 2, "Tense", by="bo", Calm=0.3),
        make.tagged(0, 3, Calm=0.9, Tense=0.9),
    )
    assert tags(result) == {"Calm": 0.3}
    assert result.correction.by == "bo"
    assert result.correction.untag == ("Tense",)


def test_a_failure_is_cleared_by_the_stage_that_failed(make: Any) -> None:
    failed = segment(make, make.failed(0, "caption", "blind"))
    assert (failed.status, failed.error.message, failed.error.stage) == ("failed", "blind", "caption")
    assert segment(make, make.failed(0, "caption"), make.captioned(0, 1)).status == "captioned"
    assert segment(make, make.failed(0, "caption"), make.tagged(0, 1, Calm=0.9)).status == "failed"
    assert segment(make, make.failed(0, "caption"), make.failed(0, "tag"), make.tagged(0, 1)).error.stage == "caption"


def test_segments_are_final_while_the_timeline_has_ended(make: Any) -> None:
    ended = [*beginning(make), TimelineCancelled(summary={"segments": 3})]
    state = fold(make.events(ended))
    assert state.state == "cancelled"
    assert all(each.final for each in state.segments)
    resumed = fold(make.events([*ended, make.progress(3)]))
    assert (resumed.state, resumed.summary) == ("running", None)
    assert not any(each.final for each in resumed.segments)


def test_retagging_and_correcting_leave_a_completed_timeline_completed(make: Any) -> None:
    state = fold(make.events([*beginning(make), make.completed(segments=3), make.tagged(0, 1, Calm=0.9), make.corrected(1, 1, Sad=1.0)]))
    assert state.state == "completed"
    assert all(each.final for each in state.segments)


def test_an_event_folded_before_is_ignored_and_a_missing_one_is_an_error(make: Any) -> None:
    first, second, third, fourth = make.events(beginning(make))
    folding = Fold()
    for event in (first, first, second, first, third):
        folding.apply(event)
    assert folding.seq == 3
    gapped = Fold()
    gapped.apply(first)
    with pytest.raises(StoreError, match="events 2 to 3 are missing") as caught:
        gapped.apply(fourth)
    assert caught.value.code == "store.gap"
    assert gapped.state == fold([first])


def test_events_of_another_log_are_refused(make: Any) -> None:
    folding = Fold()
    folding.apply(make.events([make.opened()])[0])
    for other in (make.events(beginning(make), epoch="e2"), make.events(beginning(make), timeline="tl_other")):
        with pytest.raises(StoreError) as caught:
            folding.apply(other[1])
        assert caught.value.code == "store.epoch"


def test_unknown_types_and_fields_are_ignored(make: Any) -> None:
    events = make.events(beginning(make))
    strange = {
        "v": 1,
        "timeline": "tl_test",
        "epoch": "e1",
        "seq": 5,
        "type": "segment.scented",
        "at": "2026-11-23T12:00:00Z",
        "data": {"segment": "s0000"},
    }
    state = fold([*events, Event.model_validate(strange)])
    assert state.seq == 5
    assert state.segments == fold(events).segments


def test_a_state_once_given_does_not_change(make: Any) -> None:
    folding = Fold()
    events = make.events([*beginning(make), make.tagged(0, 1, Calm=0.9), make.corrected(0, 2, Calm=0.1), make.completed()])
    states = []
    for event in events:
        folding.apply(event)
        folding.state.by_id  # noqa: B018 - what is worked out once must not be carried over
        states.append((folding.state, folding.state.to_dict()))
    assert all(state.to_dict() == then for state, then in states)
    assert all(state.by_id["s0000"] is state.segments[0] for state, _ in states[1:])


def test_a_missing_segment_is_reported_with_the_existing_ones(make: Any) -> None:
    with pytest.raises(NotInStore, match="s0000 to s0002"):
        fold(make.events(beginning(make))).segment("s0009")
    with pytest.raises(NotInStore, match="none yet"):
        TimelineState(id="tl_test").segment("s0000")


@given(story=stories(), cut=st.integers(0, 20))
def test_folding_on_from_a_snapshot_is_folding_everything(make: Any, story: list[tuple[str, Any]], cut: int) -> None:
    events = make.events([*beginning(make), *(payload_of(make, *step) for step in story)])
    snapshot = json.loads(json.dumps(fold(events[:cut]).to_dict()))
    folding = Fold.from_snapshot(snapshot)
    for event in events[cut:]:
        folding.apply(event)
    assert folding.state.to_dict() == fold(events).to_dict()
    assert TimelineState.model_validate(snapshot).to_dict() == snapshot


@given(
    story=stories(corrections=False, failures=False), seed=st.integers(0, 2**16), mine=TAGS, away=st.sets(st.sampled_from(["Calm", "Sad"]))
)
def test_the_order_of_arrival_does_not_matter(
    make: Any, story: list[tuple[str, Any]], seed: int, mine: dict[str, float], away: set[str]
) -> None:
    revs: set[tuple[str, int, int]] = set()
    steps = []
    for kind, arguments in [*story, ("corrected", (0, 5, away, "Mine.", mine))]:
        # One segment is captioned, or tagged, once under each rev.
        if kind not in ("captioned", "tagged") or (kind, *arguments[:2]) not in revs:
            steps.append(payload_of(make, kind, arguments))
            revs.add((kind, *arguments[:2]))
    shuffled = random.Random(seed).sample(steps, len(steps))
    one, other = (fold(make.events([*beginning(make), *order])).to_dict() for order in (steps, shuffled))
    assert one == other


@given(story=stories())
def test_corrected_tags_and_captions_are_what_is_shown(make: Any, story: list[tuple[str, Any]]) -> None:
    state = fold(make.events([*beginning(make), *(payload_of(make, *step) for step in story)]))
    for i in range(3):
        said: dict[str, float | None] = {}
        caption = None
        for kind, arguments in story:
            if kind == "corrected" and arguments[0] == i:
                said |= dict.fromkeys(arguments[2]) | arguments[4]
                caption = arguments[3] or caption
        result = state.segment(f"s{i:04d}")
        shown = tags(result)
        assert {tag: shown.get(tag) for tag in said} == said
        assert caption is None or result.caption == caption
        assert [score.confidence for score in result.tags] == sorted(shown.values(), reverse=True)


def test_what_segments_have_in_common_exists_once() -> None:
    from streamtags.testing.log import make_events

    state = fold(make_events(6))
    first, second = state.segments[:2]
    assert second.start is first.end
    assert first.model_fields_set is second.model_fields_set
    assert first.model_copy(update={"caption": "x"}).model_fields_set == first.model_fields_set
    assert TimelineState.model_validate(state.to_dict()).to_dict() == state.to_dict()
