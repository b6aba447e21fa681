"""A run from frames to a log: complete, resumable, and no model called twice for the same thing."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from streamtags.config.settings import ProfileSettings, load_settings
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.errors import SourceError, StoreError
from streamtags.core.events import Event, TimelineOpened
from streamtags.core.fold import fold
from streamtags.core.records import TimelineIdentity
from streamtags.core.state import TimelineState
from streamtags.run.pipeline import Pipeline
from streamtags.run.runners import Runners
from streamtags.stages.tools import Tools
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing import FakeSource, ScriptedCaptioner, ScriptedClassifier, ShotSpec, render_shots

SHOTS = [ShotSpec(frames=30, look="texture"), ShotSpec(frames=40, look="stripes"), ShotSpec(frames=35, look="lights"), ShotSpec(frames=30)]
PICTURES = [picture.copy() for picture in render_shots(SHOTS, rate=25, size=(256, 144))]
SOUND = np.zeros((1, len(PICTURES) * 48000 // 25), np.float32)


def tools(captioner: Any = None, classifier: Any = None, **profile: Any) -> Tools:
    settings = ProfileSettings.model_validate({"captioner": {"backend": "scripted"}, "classifier": {"backend": "scripted"}, **profile})
    return Tools(captioner or ScriptedCaptioner(), classifier or ScriptedClassifier(), load_vocabulary("seed-eight"), settings)


async def run(
    store: SqliteStore,
    source: FakeSource | None = None,
    using: Tools | None = None,
    *,
    timeline: str = "tl_a",
    publish: Callable[[list[Event]], None] = lambda _: None,
    stop: asyncio.Event | None = None,
) -> TimelineState:
    source = source or FakeSource(PICTURES, sound=SOUND)
    using = using or tools()
    store.open_timeline(timeline, TimelineIdentity(timeline))
    if store.head(timeline).seq == 0:
        store.append(timeline, [TimelineOpened(source=source.info, vocabulary=using.vocabulary.ref, profile="test")])
    await Pipeline(store, timeline, source, load_settings(), Runners(using), publish).run(stop or asyncio.Event())
    return store.state(timeline)


def content(state: TimelineState) -> dict[str, Any]:
    """What a state says, without what differs from run to run."""
    kept = state.to_dict()
    for name in ("id", "epoch", "seq", "settings", "source"):
        del kept[name]
    return kept


async def test_every_segment_is_detected_measured_captioned_and_tagged_in_that_order(store: SqliteStore) -> None:
    published: list[Event] = []
    state = await run(store, publish=published.extend)
    assert state.state == "completed"
    assert [s.start.frame for s in state.segments] == [0, 30, 70, 105]
    assert state.segments[-1].end.frame == len(PICTURES)
    for segment in state.segments:
        types = [event.type for event in published if getattr(event.data, "segment", None) == segment.segment]
        assert types == ["segment.detected", "segment.measured", "segment.captioned", "segment.tagged"]
        assert len(segment.frames) == 8
        assert segment.evidence
        assert store.thumbnail("tl_a", segment.segment)[:2] == b"\xff\xd8"
    assert [event.seq for event in published] == list(range(2, len(published) + 2))
    assert fold(store.read("tl_a")) == state


async def test_an_event_is_durable_before_it_is_published(store: SqliteStore) -> None:
    def check(events: list[Event]) -> None:
        with SqliteStore(store.path) as other:
            assert other.head("tl_a").seq >= events[-1].seq

    await run(store, publish=check)


async def test_models_work_at_the_same_time_up_to_the_limit(store: SqliteStore) -> None:
    captioner = ScriptedCaptioner(delay=0.1)
    await run(store, using=tools(captioner, concurrency=3))
    assert 2 <= captioner.peak <= 3


async def test_a_failed_segment_is_reported_and_the_next_run_fills_only_that(store: SqliteStore) -> None:
    failing = ScriptedCaptioner(fail=[1])
    state = await run(store, using=tools(failing))
    assert [s.status for s in state.segments] == ["tagged", "failed", "tagged", "tagged"]
    assert state.segments[1].error is not None
    assert state.segments[1].error.stage == "caption"
    assert state.state == "completed"

    captioner, classifier = ScriptedCaptioner(), ScriptedClassifier()
    state = await run(store, using=tools(captioner, classifier))
    assert [call.measured.segment.id for call in captioner.calls] == ["s0001"]
    assert [call.segment for call in classifier.calls] == ["s0001"]
    assert {s.status for s in state.segments} == {"tagged"}


async def test_a_call_to_a_busy_model_is_retried(store: SqliteStore) -> None:
    state = await run(store, using=tools(ScriptedCaptioner(fail={2: 2}), retries=2))
    assert {s.status for s in state.segments} == {"tagged"}


async def test_a_model_that_never_answers_fails_its_segment_at_the_deadline(store: SqliteStore) -> None:
    captioner = ScriptedCaptioner()
    captioner.hold("s0001")
    state = await run(store, using=tools(captioner, deadline_seconds=1.5, concurrency=4))
    assert [s.status for s in state.segments] == ["tagged", "failed", "tagged", "tagged"]
    assert state.segments[1].error is not None
    assert state.segments[1].error.code == "model.deadline"


async def test_stopping_cancels_and_resuming_runs_only_what_is_missing(store: SqliteStore) -> None:
    stop = asyncio.Event()
    first = ScriptedCaptioner()
    first.hold("s0002")

    def publish(events: list[Event]) -> None:
        if any(event.type == "segment.tagged" and event.data.segment == "s0001" for event in events):
            stop.set()

    state = await asyncio.wait_for(run(store, using=tools(first, concurrency=1), publish=publish, stop=stop), 60)
    assert state.state == "cancelled"

    second = ScriptedCaptioner()
    resumed = await run(store, using=tools(second))
    assert resumed.state == "completed"
    assert [call.measured.segment.id for call in second.calls] == ["s0002", "s0003"]

    with SqliteStore(store.path.with_name("other.db")) as untouched:
        assert content(await run(untouched)) == content(resumed)


async def test_a_source_that_breaks_off_fails_the_timeline_and_keeps_earlier_results(store: SqliteStore) -> None:
    with pytest.raises(SourceError):
        await run(store, FakeSource(PICTURES, sound=SOUND, fail_at=120))
    state = store.state("tl_a")
    assert state.state == "failed"
    assert state.error is not None
    assert [s.status for s in state.segments][:2] == ["tagged", "tagged"]
    assert (await run(store)).state == "completed"


async def test_a_source_that_has_changed_is_not_mixed_into_the_old_timeline(store: SqliteStore) -> None:
    with pytest.raises(SourceError):
        await run(store, FakeSource(PICTURES, sound=SOUND, fail_at=120))
    with pytest.raises(SourceError, match="--fresh"):
        await run(store, FakeSource(PICTURES[10:], sound=SOUND))


async def test_a_store_that_cannot_be_written_ends_the_run(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> list[Event]:
        raise StoreError("no space left", where="s.db")

    source = FakeSource(PICTURES, on_frame=lambda index: monkeypatch.setattr(store, "append", refuse) if index == 80 else None)
    with pytest.raises(StoreError):
        await run(store, source)
    monkeypatch.undo()
    assert (await run(store)).state == "completed"


async def test_a_correction_by_another_process_during_the_run_is_published_in_its_place(store: SqliteStore) -> None:
    from streamtags.run.correct import correct

    published: list[Event] = []

    def publish(events: list[Event]) -> None:
        published.extend(events)
        if any(event.type == "segment.tagged" and event.data.segment == "s0000" for event in events):
            with SqliteStore(store.path) as other:
                correct(other, "tl_a", "s0000", tags=[("Funny", 1.0)], by="editor")

    state = await run(store, publish=publish)
    assert [event.seq for event in published] == list(range(2, len(published) + 2))
    assert state.segments[0].tags[0].tag == "Funny"


async def test_unchanged_shots_of_a_new_version_are_taken_over(store: SqliteStore) -> None:
    await run(store)
    edit = PICTURES[:70] + PICTURES[105:]  # the third shot is gone
    captioner, classifier = ScriptedCaptioner(), ScriptedClassifier()
    state = await run(store, FakeSource(edit, sound=SOUND), tools(captioner, classifier), timeline="tl_b")
    assert [s.start.frame for s in state.segments] == [0, 30, 70]
    assert [s.reused_from.segment if s.reused_from else None for s in state.segments] == ["s0000", "s0001", "s0003"]
    assert not captioner.calls
    assert not classifier.calls


async def test_another_vocabulary_takes_over_captions_and_tags_anew(store: SqliteStore) -> None:
    await run(store)
    captioner, classifier = ScriptedCaptioner(), ScriptedClassifier()
    using = tools(captioner, classifier)
    using = Tools(using.captioner, using.classifier, load_vocabulary("music-library"), using.profile)
    state = await run(store, using=using, timeline="tl_b")
    assert not captioner.calls
    assert len(classifier.calls) == 4
    assert all(s.reused_from for s in state.segments)


async def test_a_persons_correction_goes_along_to_the_next_version(store: SqliteStore) -> None:
    from streamtags.run.correct import correct

    await run(store)
    correct(store, "tl_a", "s0001", tags=[("Love", 0.8)], untag=["Sad"], caption="Two people meet.", by="editor")
    state = await run(store, timeline="tl_b")
    assert state.segments[1].caption == "Two people meet."
    assert state.segments[1].correction is not None
    assert [score.tag for score in state.segments[1].tags if score.confidence == 0.8] == ["Love"]
