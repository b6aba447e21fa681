"""The JavaScript client: its own tests, and against a server that breaks connections."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.events import (
    Cue,
    CueDecided,
    CueDetected,
    CuesSuggested,
    ErrorInfo,
    Event,
    Payload,
    SceneCorrected,
    SceneDetected,
    SegmentCaptioned,
    SegmentCorrected,
    SegmentDetected,
    SegmentFailed,
    SegmentMeasured,
    SegmentTagged,
    TimelineCancelled,
    TimelineCompleted,
    TimelineFailed,
    TimelineProgress,
    VocabularyRef,
)
from streamtags.core.fold import fold
from streamtags.testing import make_events, make_payloads
from streamtags.testing.stream_server import MemoryLog, StreamServer, mishaps

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "javascript"
FOLLOW = Path(__file__).with_name("follow.mjs")
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="no node on the PATH: the JavaScript client is not tested")


def test_the_tests_of_the_client_pass() -> None:
    done = subprocess.run([str(NODE), "--test", "test/"], cwd=CLIENT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


TIME = {"pts": 48048, "time_base": "1/24000", "seconds": 2.002, "frame": 48, "timecode": "01:00:02:00"}
VOCABULARIES = [VocabularyRef(id="moods", version=version) for version in "12"]


def _scores(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {"tag": tag, "confidence": rng.choice((0.2, 0.5, 0.5, 0.9))}
        for tag in rng.sample(("Calm", "Tense", "Sad", "Warm"), rng.randint(0, 3))
    ]


def _decision(rng: random.Random) -> dict[str, Any]:
    track, library = rng.choice(("t1", "t2")), rng.choice(("", "attic", "house"))
    if rng.random() < 0.5:
        return {"decision": rng.choice(("rejected", "reset")), "track": rng.choice((None, track)), "library": library}
    return {
        "decision": "accepted",
        "track": track,
        "chosen": Cue(track=track, title="T", artist="", score=0.5, why="words", library=library),
    }


def _payload(rng: random.Random) -> Payload:
    """Anything a log may say, right after anything else: folds must agree on what makes no sense as well."""
    index, rev = rng.randint(0, 3), rng.randint(0, 4)
    segment, bounds = f"s{index}", {"start": TIME, "end": TIME}
    made: dict[type[Payload], dict[str, Any]] = {
        SegmentDetected: {"index": rng.choice((index, index, 4 + index)), "shot": index, "kind": "shot", "transition": "cut", **bounds},
        SegmentMeasured: {"evidence": {"loudness_lufs": rng.choice((None, -23.5))}, "text": rng.choice(("", "Hm."))},
        SegmentCaptioned: {"rev": rev, "caption": f"Caption {rev}.", "model": "eye", "frames": [rev]},
        SegmentTagged: {"rev": rev, "tags": _scores(rng), "model": "mind", "vocabulary": rng.choice(VOCABULARIES)},
        SegmentCorrected: {
            "rev": rev,
            "tags": _scores(rng),
            "untag": rng.sample(("Calm", "Sad", "Odd"), rng.randint(0, 2)),
            "caption": rng.choice((None, "", "Mine.")),
            "by": rng.choice(("ada", "bo")),
            "reset": rng.random() < 0.3,
        },
        SegmentFailed: {"stage": rng.choice(("measure", "caption", "tag")), "error": ErrorInfo(code="x", message=str(rev))},
        SceneDetected: {
            "scene": f"c{index}",
            "index": rng.choice((index, 4 + index)),
            "first": "s0",
            "last": segment,
            **bounds,
            "tags": _scores(rng),
        },
        SceneCorrected: {"segment": segment, "begins": rng.choice((True, True, False, None)), "by": "ada"},
        CuesSuggested: {
            "library": "house",
            "cues": [],
            "scene": rng.choice((None, "c1")),
            "cue": rng.choice((None, "1M1")),
            "guide": str(rev),
        },
        CueDetected: {
            "cue": f"1M{index}",
            "reason": f"Reason {rev}.",
            "over_music": rng.random() < 0.4,
            "removed": rng.random() < 0.2,
            **bounds,
        },
        CueDecided: {"cue": f"1M{index}", "by": "ada", **_decision(rng)},
        TimelineProgress: {"decoded_seconds": rev, "duration_seconds": None, "segments": rev, "captioned": 0, "tagged": 0, "failed": 0},
        TimelineCompleted: {"summary": {"segments": rev}},
        TimelineFailed: {"error": ErrorInfo(code="y", message=str(rev))},
        TimelineCancelled: {},
    }
    usual = [kind for kind in made if kind.__name__.startswith("Segment")]
    kind = rng.choice(usual if rng.random() < 0.85 else list(made))
    fields = {"segment": segment, **made[kind]} if "segment" in kind.model_fields else made[kind]
    return kind.model_validate(fields)


def test_any_log_folds_to_the_same_state_as_in_python(tmp_path: Path) -> None:
    rng = random.Random(4)
    logs = [make_events([make_payloads(1)[0], *(_payload(rng) for _ in range(rng.randint(0, 60)))]) for _ in range(400)]
    written = tmp_path / "logs.json"
    written.write_text(json.dumps([[json.loads(event.to_json()) for event in events] for events in logs]), encoding="utf-8")
    done = subprocess.run(
        [str(NODE), str(FOLLOW.with_name("fold.mjs")), str(written)], capture_output=True, text=True, timeout=200, check=True
    )
    for events, state in zip(logs, json.loads(done.stdout), strict=True):
        assert state == fold(events).to_dict()


async def follow(*addresses: str) -> dict[str, Any]:
    """Return the events and the state that the client has at the end of `tl_1`."""
    command = [str(NODE), "--experimental-websocket", "--no-warnings", str(FOLLOW), ",".join(addresses), "tl_1"]
    node = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await node.communicate()
    return dict(json.loads(out))


async def test_a_client_of_two_servers_goes_on_at_the_other_one_without_losing_an_event(log: MemoryLog) -> None:
    payloads = make_payloads(60)
    log.append("tl_1", payloads[:20])
    async with StreamServer(log) as first, StreamServer(log) as second:
        following = asyncio.create_task(follow(first.url, second.url))
        async with asyncio.timeout(60):
            while not first.connections:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            await first.__aexit__(None, None, None)
            await log.grow("tl_1", payloads[20:])
            output = await following
        assert second.connections
    assert [Event.model_validate(event) for event in output["events"]] == log.events["tl_1"]
    assert output["state"] == log.state("tl_1").to_dict()


async def test_no_event_is_lost_or_repeated_in_two_hundred_disconnects(log: MemoryLog) -> None:
    log.append("tl_1", make_payloads(300)[:1])
    async with StreamServer(log, faults=mishaps(200), heartbeat_seconds=0.05) as server:
        growing = asyncio.create_task(log.grow("tl_1", make_payloads(300)[1:]))
        output = await follow(server.url)
        await growing
        assert next(server.faults, None) is None, f"only {server.connections} connections were made"
    assert [Event.model_validate(event) for event in output["events"]] == log.events["tl_1"]
    assert output["state"] == log.state("tl_1").to_dict()
