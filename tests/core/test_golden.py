"""The golden folds in `golden/fold.json`: events in, state out. A client in another language folds the same file.

After a change that is meant, write them anew with `UPDATE_GOLDEN=1 pytest tests/core/test_golden.py` and read the diff.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.answers import (
    HeardShares,
    HeardWindow,
    ScreenLine,
    SegmentHeard,
    SegmentRead,
    SegmentTranscribed,
    TranscriptLine,
    Word,
)
from streamtags.core.cue_events import Cue, CueDecided, CueDetected, CueHit
from streamtags.core.events import (
    CuesSuggested,
    ErrorInfo,
    Event,
    Payload,
    SceneCorrected,
    SceneDetected,
    SourceDropped,
    SourceLost,
    SourceResumed,
    TimelineCancelled,
    TimelineFailed,
    UnknownPayload,
)
from streamtags.core.fold import Fold, fold
from streamtags.core.model import ClipInfo, tag_scores

GOLDEN = Path(__file__).with_name("golden") / "fold.json"


def _scene(make: Any, index: int, first: int, last: int, **tags: float) -> SceneDetected:
    return SceneDetected(
        scene=f"sc{index:04d}",
        index=index,
        first=f"s{first:04d}",
        last=f"s{last:04d}",
        start=make.time(first),
        end=make.time(last + 1),
        tags=list(tag_scores(list(tags.items()))),
    )


def _cues(track: str, **target: str) -> CuesSuggested:
    cue = {"track": track, "title": "Dawn", "artist": "Anon", "score": 0.75, "why": "calm"}
    return CuesSuggested.model_validate({**target, "library": "house", "guide": "no drums", "cues": [cue]})


def _spotted(make: Any, cue: str, first: int, end: int, **fields: Any) -> CueDetected:
    return CueDetected(cue=cue, start=make.time(first), end=make.time(end), reason="calm", **fields)


def _answer(stage: str, i: int, **fields: Any) -> UnknownPayload:
    return UnknownPayload.of(f"segment.{stage}", {"segment": f"s{i:04d}", **fields})


def _live(make: Any) -> Payload:
    opened = make.opened("camera")
    return opened.model_copy(update={"source": opened.source.model_copy(update={"live": True})})


def _lost(make: Any, i: int, attempt: int = 0, retry_seconds: float | None = 1.5) -> SourceLost:
    error = ErrorInfo(code="source.interrupted", message="camera: nothing came for 5 s")
    return SourceLost(at=make.time(i), error=error, attempt=attempt, retry_seconds=retry_seconds)


def _whole(make: Any, i: int) -> list[Payload]:
    return [make.detected(i), make.measured(i), make.captioned(i, 1), make.tagged(i, 1, Calm=0.9, Warm=0.5)]


CASES: dict[str, Callable[[Any], Iterable[Payload]]] = {
    "nothing but opened": lambda m: [m.opened(max_seconds=20)],
    "a whole run": lambda m: [
        m.opened(),
        *_whole(m, 0),
        *_whole(m, 1),
        _scene(m, 0, 0, 1, Calm=0.9),
        m.progress(2),
        m.completed(segments=2),
    ],
    "each status": lambda m: [
        m.opened(),
        *(m.detected(i) for i in range(5)),
        *(m.measured(i) for i in range(1, 5)),
        m.captioned(2, 1),
        *(m.captioned(3, 1), m.tagged(3, 1, Calm=0.9)),
        m.failed(4, "caption"),
    ],
    "a slice, a gradual transition, palette and text": lambda m: [
        m.opened(),
        m.detected(0, kind="slice"),
        m.detected(1, shot=0, kind="slice"),
        m.detected(2, shot=1, transition="gradual"),
        m.measured(2, warmth=-0.25, camera="pan", palette=[{"name": "teal", "hex": "#0f8080", "share": 0.5}], tempo_bpm=None).model_copy(
            update={"text": "Where were you?"}
        ),
    ],
    "clips of an edit, one of them missing": lambda m: [
        m.opened(),
        m.detected(0, clip=ClipInfo(name="one", media="one.mov", source_start=m.time(3), source_end=m.time(4), speed=-1.0)),
        m.detected(1, kind="gap", transition="edit", clip=ClipInfo(name="lost", media="lost.mov")),
        m.detected(2, transition="edit"),
        m.measured(0),
    ],
    "an older caption and older tags arrive late": lambda m: [
        m.opened(),
        m.detected(0),
        m.captioned(0, 3, "The third."),
        m.captioned(0, 1, "The first."),
        m.tagged(0, 3, Calm=0.9),
        m.tagged(0, 2, Tense=0.9),
        m.tagged(0, 3, Tense=0.8),
    ],
    "provisional tags of rev 0 give way": lambda m: [
        m.opened(),
        m.detected(0),
        m.measured(0),
        m.tagged(0, 0, Fast=0.4),
        m.tagged(0, 1, Calm=0.9),
    ],
    "provisional tags alone do not make it tagged": lambda m: [m.opened(), m.detected(0), m.measured(0), m.tagged(0, 0, Fast=0.4)],
    "tags before the measurement": lambda m: [m.opened(), m.detected(0), m.tagged(0, 1, Calm=0.9), m.captioned(0, 1), m.measured(0)],
    "a correction over what a model said": lambda m: [
        m.opened(),
        m.detected(0),
        m.captioned(0, 1),
        m.tagged(0, 1, Calm=0.9, Warm=0.5),
        m.corrected(0, 2, "Warm", caption="A ferry.", Tense=0.7, Calm=0.2),
    ],
    "a correction wins over models that answer later": lambda m: [
        m.opened(),
        m.detected(0),
        m.corrected(0, 1, "Warm", caption="A ferry.", Tense=0.7),
        m.captioned(0, 2),
        m.tagged(0, 2, Calm=0.9, Warm=0.5, Tense=0.1),
    ],
    "a reset returns to the latest answers of the models": lambda m: [
        m.opened(),
        m.detected(0),
        m.captioned(0, 1),
        m.corrected(0, 2, "Warm", caption="A ferry.", Tense=0.7),
        m.tagged(0, 3, Calm=0.9, Warm=0.5, Tense=0.1),
        m.reset(0, 4),
    ],
    "a reset with tags replaces earlier corrections": lambda m: [
        m.opened(),
        m.detected(0),
        m.captioned(0, 1),
        m.tagged(0, 1, Calm=0.9, Warm=0.5),
        m.corrected(0, 2, "Warm", caption="A ferry.", Tense=0.7),
        m.reset(0, 3, Sad=0.4),
    ],
    "models answer again after a reset": lambda m: [
        m.opened(),
        m.detected(0),
        m.corrected(0, 1, "Warm", caption="A ferry.", Tense=0.7),
        m.reset(0, 2),
        m.captioned(0, 3),
        m.tagged(0, 3, Calm=0.9, Warm=0.5),
    ],
    "of two corrections of a tag the later wins": lambda m: [
        m.opened(),
        m.detected(0),
        m.tagged(0, 1, Calm=0.9, Warm=0.5),
        m.corrected(0, 2, "Calm", Tense=0.7, Warm=0.6),
        m.corrected(0, 3, "Tense", by="bo", Calm=0.3),
        m.tagged(0, 4, Calm=0.9, Warm=0.5, Tense=0.8, Sad=0.6),
    ],
    "equal confidences keep their order": lambda m: [
        m.opened(),
        m.detected(0),
        m.corrected(0, 1, Zest=0.5, Ado=0.5),
        m.tagged(0, 2, Warm=0.5, Calm=0.5, Bold=0.6),
    ],
    "a failure stands until its own stage succeeds": lambda m: [
        m.opened(),
        *(m.detected(i) for i in range(3)),
        m.failed(0, "caption", will_retry=True),
        m.captioned(0, 1),
        m.failed(1, "caption"),
        m.tagged(1, 1, Calm=0.9),
        m.captioned(2, 1),
        m.tagged(2, 1, Calm=0.9),
        m.failed(2, "tag"),
        m.tagged(2, 1, Tense=0.9),
    ],
    "of two stages that failed the earlier is told": lambda m: [
        m.opened(),
        m.detected(0),
        m.failed(0, "caption", "blind"),
        m.failed(0, "tag"),
    ],
    "reused from an earlier version": lambda m: [
        m.opened(),
        m.detected(0),
        m.captioned(0, 1, reused_from={"timeline": "tl_before", "segment": "s0007"}),
    ],
    "a scene is told again with other tags": lambda m: [
        m.opened(),
        *(m.detected(i) for i in range(3)),
        _scene(m, 1, 2, 2, Calm=0.5),
        _scene(m, 0, 0, 1, Calm=0.9),
        _scene(m, 0, 0, 1, Tense=0.9),
    ],
    "scenes are split and merged by a person, before and after they are detected": lambda m: [
        m.opened(),
        *(payload for i in range(6) for payload in (m.detected(i, shot=i, kind="gap" if i == 4 else "shot"), m.measured(i))),
        *(m.tagged(i, 1, Calm=0.5, Sea=0.03125 * i) for i in range(6)),
        SceneCorrected(segment="s0002", begins=True, by="ada"),
        _scene(m, 0, 0, 2, Calm=0.5),
        SceneCorrected(segment="s0003", begins=False, by="ada"),
        _scene(m, 1, 3, 3, Calm=0.5),
        _scene(m, 2, 4, 5, Calm=0.5),
        SceneCorrected(segment="s0005", begins=True, by="bo"),
        SceneCorrected(segment="s0000", begins=False, by="bo"),
        m.tagged(3, 2, Tense=0.75),
        m.corrected(2, 2, Sad=1.0),
        SceneCorrected(segment="s0009", begins=True, by="bo"),
        _scene(m, 2, 4, 5, Warm=0.5),
        SceneCorrected(segment="s0005", begins=None, by="bo"),
    ],
    "a scene that was split is whole again": lambda m: [
        m.opened(),
        *(m.detected(i) for i in range(3)),
        _scene(m, 0, 0, 2, Calm=0.9),
        SceneCorrected(segment="s0001", begins=True, by="ada"),
        SceneCorrected(segment="s0002", begins=True, by="ada"),
        SceneCorrected(segment="s0002", begins=None, by="ada"),
        SceneCorrected(segment="s0001", begins=None, by="ada"),
    ],
    "the latest cues for a target": lambda m: [
        m.opened(),
        _cues("a", scene="sc0000"),
        _cues("b", segment="s0000"),
        _cues("c", scene="sc0000"),
    ],
    "failed, and resumed": lambda m: [
        m.opened(),
        *_whole(m, 0),
        TimelineFailed(error=ErrorInfo(code="source.unreadable", message="the disk went away")),
        m.detected(1),
    ],
    "failed": lambda m: [m.opened(), TimelineFailed(error=ErrorInfo(code="source.unreadable", message="the disk went away"))],
    "cancelled, and resumed to the end": lambda m: [
        m.opened(),
        *_whole(m, 0),
        TimelineCancelled(summary={"segments": 1}),
        m.progress(1),
        *_whole(m, 1),
        m.completed(segments=2),
    ],
    "corrected and retagged after the end": lambda m: [
        m.opened(),
        *_whole(m, 0),
        m.completed(segments=1),
        m.corrected(0, 2, "Calm"),
        m.tagged(0, 3, Tense=0.8, Calm=0.7),
    ],
    "a live source, lost and back": lambda m: [
        _live(m),
        *_whole(m, 0),
        SourceDropped(frames=3, start=m.time(0), end=m.time(1), total=3),
        _lost(m, 1),
        _lost(m, 1, attempt=1, retry_seconds=2.5),
        m.detected(1, shot=0, kind="gap"),
        SourceResumed(start=m.time(1), end=m.time(2), seconds=2.002),
        m.detected(2, shot=1, transition="start"),
        SourceDropped(frames=2, start=m.time(2), end=m.time(3), total=5),
    ],
    "a live source that does not come back": lambda m: [
        _live(m),
        *_whole(m, 0),
        _lost(m, 1, attempt=4, retry_seconds=None),
        m.completed(segments=1, ended="camera: nothing came for 5 s"),
    ],
    "a live segment is final when the next is detected": lambda m: [_live(m), m.detected(0), m.detected(1), m.captioned(0, 1)],
    "a live timeline fails and goes on": lambda m: [
        _live(m),
        *(m.detected(i) for i in range(3)),
        TimelineFailed(error=ErrorInfo(code="worker.crashed", message="gone")),
        m.progress(3),
    ],
    "a stage of another package answers, and its highest rev wins": lambda m: [
        m.opened(),
        *_whole(m, 0),
        _answer("scent", 0, rev=3, smell="pine", strength=0.5),
        _answer("scent", 0, rev=2, smell="smoke", strength=0.9),
        _answer("mood", 0, rev=4, words=["calm", "bright"]),
        _answer("scent", 7, rev=1, smell="of a segment that was never detected"),
    ],
    "a stage of another package fails, and the failure stands until it succeeds": lambda m: [
        m.opened(),
        *(m.detected(i) for i in range(3)),
        *(m.failed(0, "scent"), _answer("scent", 0, rev=1, smell="pine")),
        *(m.failed(1, "scent"), m.failed(1, "mood"), _answer("scent", 1, rev=1, smell="pine")),
        *(m.failed(2, "scent"), m.failed(2, "tag"), m.tagged(2, 1, Calm=0.9)),
    ],
    "text on screen, words and what is heard": lambda m: [
        m.opened(),
        *_whole(m, 0),
        m.failed(0, "transcribe"),
        SegmentRead(
            segment="s0000",
            rev=3,
            lines=[ScreenLine(text="THE END", confidence=0.99, box=(0.1, 0.4, 0.8, 0.1), pts=12)],
            frames=[12],
            model="r",
        ),
        SegmentTranscribed(
            segment="s0000",
            rev=4,
            language="en",
            lines=[TranscriptLine(start=m.time(0), end=m.time(1), text="Hello there", words=[Word(start=0, end=9, text="Hello")])],
            model="t",
        ),
        SegmentHeard(
            segment="s0000",
            rev=5,
            content=HeardShares(speech=0.5, singing=0.0, music=0.25, other=0.25),
            windows=[HeardWindow(start=0, end=24, content=HeardShares(speech=1.0, singing=0.0, music=0.0, other=0.0))],
            model="h",
        ),
        SegmentRead(segment="s0000", rev=2, model="r", skipped="an older answer"),
    ],
    "progress counts the answers of a stage of another package": lambda m: [
        m.opened(),
        m.progress(1).model_copy(update={"stages": {"scent": 1}}),
    ],
    "segments out of order": lambda m: [m.opened(), m.detected(1), m.detected(0)],
    "cues are spotted, decided and removed": lambda m: [
        m.opened(),
        _spotted(m, "1M2", 2, 4, intensity=[0.25, 0.5], hits=[CueHit(at=m.time(3), reason="cut")], bpm=(80, 100)),
        _spotted(m, "1M1", 0, 2),
        _spotted(m, "1M3S", 4, 5, usage="source"),
        _cues("t1", cue="1M1"),
        CueDecided(cue="1M1", track="t1", decision="rejected", by="ada"),
        CueDecided(cue="1M2", track="t2", decision="accepted", by="bo", chosen=Cue(track="t2", title="D", artist="", score=0.5, why="x")),
        CueDecided(cue="9M9", track=None, decision="rejected", by="bo"),
        _spotted(m, "1M2", 1, 4),
        _spotted(m, "1M3S", 4, 5, removed=True),
    ],
    "a chosen track names its library, and cues that they were spotted over music": lambda m: [
        m.opened(),
        _spotted(m, "1M1", 0, 2, over_music=True),
        _spotted(m, "1M2", 2, 4, over_music=True),
        CueDecided(
            cue="1M1",
            track="t1",
            decision="accepted",
            by="ada",
            chosen=Cue(track="t1", title="D", artist="", score=0.5, why="x", library="attic"),
        ),
        _cues("t1", cue="1M1"),
        _spotted(m, "1M2", 2, 4),
    ],
    "decisions about cues are taken back": lambda m: [
        m.opened(),
        _spotted(m, "1M1", 0, 2),
        _spotted(m, "1M2", 2, 4),
        CueDecided(cue="1M1", track="t1", decision="rejected", by="ada"),
        CueDecided(cue="1M1", track="t2", decision="rejected", by="ada"),
        CueDecided(cue="1M1", track="t1", decision="reset", by="bo"),
        CueDecided(cue="1M2", track="t3", decision="rejected", by="ada"),
        CueDecided(cue="1M2", track="t2", decision="accepted", by="ada", chosen=Cue(track="t2", title="D", artist="", score=0.5, why="x")),
        CueDecided(cue="1M2", track=None, decision="reset", by="bo"),
    ],
    "a track is rejected in some libraries": lambda m: [
        m.opened(),
        _spotted(m, "1M1", 0, 2),
        _spotted(m, "1M2", 2, 4),
        *(CueDecided(cue="1M1", track="t1", decision="rejected", by="ada", library=name) for name in ("attic", "house", "attic")),
        CueDecided(cue="1M1", track="t1", decision="reset", by="bo", library="house"),
        CueDecided(cue="1M1", track="t2", decision="rejected", by="bo"),
        CueDecided(cue="1M1", track="t2", decision="rejected", by="bo", library="attic"),
        _spotted(m, "1M1", 0, 3),
        CueDecided(cue="1M2", track="t1", decision="rejected", by="ada", library="attic"),
        CueDecided(
            cue="1M2",
            track="t1",
            decision="accepted",
            by="ada",
            chosen=Cue(track="t1", title="D", artist="", score=0.5, why="x", library="house"),
        ),
    ],
    "a segment nobody detected": lambda m: [m.opened(), m.captioned(5, 1), m.tagged(5, 1, Calm=0.9), m.corrected(5, 2, Calm=1.0)],
}

STRANGE_SEGMENT_FIELD = {"v": 1, "timeline": "tl_test", "epoch": "e1", "seq": 3, "at": "2026-11-23T12:00:01Z", "trace": "x"}


def _built(make: Any) -> list[dict[str, Any]]:
    cases = [(name, [json.loads(event.to_json()) for event in make.events(payloads(make))]) for name, payloads in CASES.items()]
    known = [json.loads(event.to_json()) for event in make.events([make.opened(), make.detected(0)])]
    tagged = json.loads(make.events([make.tagged(0, 1, Calm=0.9)])[0].to_json())["data"]
    cases.append(("unknown fields", [*known, {**STRANGE_SEGMENT_FIELD, "type": "segment.tagged", "data": {**tagged, "aura": "blue"}}]))
    cases.append(
        ("an unknown type", [*known, {**STRANGE_SEGMENT_FIELD, "type": "segment.scented", "data": {"segment": "s0000", "smell": 1}}])
    )
    doubled = [event for event in known for _ in range(2)]
    cases.append(("events given twice", [*doubled, *known]))
    return [{"name": name, "events": events, "state": fold(map(Event.model_validate, events)).to_dict()} for name, events in cases]


def test_golden_folds_are_current(make: Any) -> None:
    text = json.dumps(_built(make), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert json.loads(GOLDEN.read_text(encoding="utf-8")) == json.loads(text)


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else [], ids=lambda case: case["name"])
def test_golden_fold_goes_on_from_every_snapshot(case: dict[str, Any]) -> None:
    events = [Event.model_validate(event) for event in case["events"]]
    for at in range(len(events)):
        before = Fold()
        for event in events[:at]:
            before.apply(event)
        after = Fold.from_snapshot(json.loads(json.dumps(before.state.to_dict())))
        for event in events[at:]:
            after.apply(event)
        assert after.state.to_dict() == case["state"]
