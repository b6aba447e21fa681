"""A ledger says of a timeline what the fold of its log says, in little memory."""

import gc
import json
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import StoreError
from streamtags.core.events import Event, Payload, SceneDetected, SegmentCorrected
from streamtags.core.fold import fold
from streamtags.core.model import TagScore
from streamtags.core.state import SegmentState
from streamtags.run.ledger import Ledger
from streamtags.run.shelf import SegmentShelf
from streamtags.stages.table import BUILT_IN
from streamtags.testing.log import make_payloads

STAGES = [stage for stage in BUILT_IN if stage.scope == "segment" and stage.name != "measure"]
GOLDEN = [
    case
    for case in json.loads((Path(__file__).parents[1] / "core" / "golden" / "fold.json").read_text())
    if case["name"] != "segments out of order"  # a run detects them in order
]


def events_of(payloads: Sequence[Payload]) -> list[Event]:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return [Event.of(payload, timeline="tl_a", epoch="e", seq=seq, at=at) for seq, payload in enumerate(payloads, 1)]


def ledger_of(events: Sequence[Event], kept: int = 256) -> Ledger:
    ledger = Ledger(STAGES)
    ledger.segments = SegmentShelf(kept)
    for event in events:
        ledger.apply(event)
    return ledger


def content(segment: SegmentState) -> dict[str, Any]:
    return segment.model_dump(mode="json", exclude={"final"})


@pytest.mark.parametrize("kept", [1, 256])
@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_a_ledger_knows_of_segments_and_scenes_what_the_fold_says(case: dict[str, Any], kept: int) -> None:
    events = [Event.model_validate(event) for event in case["events"]]
    state, ledger = fold(events), ledger_of(events, kept)
    assert [content(segment) for segment in ledger.segments] == [content(segment) for segment in state.segments]
    assert (ledger.seq, ledger.state, ledger.summary) == (state.seq, state.state, state.summary)
    assert len(ledger.scenes) == len(state.models_scenes)
    assert all(ledger.has_scene(scene) for scene in state.models_scenes)
    assert ledger.counts.shots == len({segment.shot for segment in state.segments})
    assert ledger.counts.captioned == sum(segment.caption is not None for segment in state.segments)
    assert ledger.counts.tagged == sum(bool(segment.tags_rev) for segment in state.segments)
    assert ledger.counts.failed == sum(segment.status == "failed" for segment in state.segments)
    if state.live is not None:
        reception = ledger.reception
        assert reception is not None
        assert (reception.dropped, reception.gaps, reception.lost) == (state.live.dropped, len(state.live.gaps), state.live.lost)


def test_a_correction_of_a_segment_long_past_is_taken() -> None:
    payloads = make_payloads(40)
    tags = [TagScore(tag="Calm", confidence=1.0)]
    ledger = ledger_of(events_of([*payloads, SegmentCorrected(segment="s0000", rev=9, tags=tags, caption="A door.", by="ann")]), kept=4)
    first = ledger.segment("s0000")
    assert first is not None
    assert (first.caption, first.rev, first.tags[0].tag) == ("A door.", 9, "Calm")
    assert len(ledger.segments) == 40
    assert ledger.segment("s0999") is None


def test_a_scene_that_has_changed_is_not_the_one_in_the_log() -> None:
    payloads = make_payloads(20)
    ledger = ledger_of(events_of(payloads))
    scene = next(payload for payload in payloads if isinstance(payload, SceneDetected))
    assert ledger.has_scene(scene)
    assert not ledger.has_scene(scene.model_copy(update={"last": "s0099"}))


def test_missing_events_and_those_of_another_log_are_refused() -> None:
    first, second, third = events_of(make_payloads(2))[:3]
    ledger = ledger_of([first])
    with pytest.raises(StoreError, match="missing"):
        ledger.apply(third)
    with pytest.raises(StoreError, match="another log"):
        ledger.apply(second.model_copy(update={"epoch": "f"}))
    ledger.apply(first)
    assert ledger.seq == 1


def test_a_segment_more_takes_less_than_a_kilobyte() -> None:
    events = iter(events_of(make_payloads(700)))
    ledger = Ledger(STAGES)

    def grow(segments: int) -> int:
        while len(ledger.segments) < segments:
            ledger.apply(next(events))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        assert (-grow(400) + grow(700)) / 300 < 1024
    finally:
        tracemalloc.stop()
