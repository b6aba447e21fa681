"""The whole analysis against a real vLLM server: an edit of clips whose truth is known, from file to captions in the log."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from streamtags.config.settings import Settings, load_settings
from streamtags.core.events import Event
from streamtags.core.state import TimelineState
from streamtags.run.analyze import analyze
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.mux import Encoding, write_media
from streamtags.testing.shapes import Clip, clip, read_caption

pytest.importorskip("openai", reason="needs the extra streamtags[models]")

pytestmark = [pytest.mark.vllm, pytest.mark.slow]

FRAMES = 30
RATE = Fraction(25)


def chosen(count: int) -> list[Clip]:
    """Clips of which each is on another background than the one before, so that every cut can be seen."""
    clips: list[Clip] = []
    seed = 1000
    while len(clips) < count:
        made = clip(seed, frames=FRAMES)
        seed += 1
        if not clips or made.background != clips[-1].background:
            clips.append(made)
    return clips


def film(path: Path, clips: Sequence[Clip], *, backwards: bool = False, swapped: bool = False) -> Path:
    """The clips one after the other as a file. Pictures are written as BGR: `swapped` writes red for blue."""
    shots = [shown.frames[::-1] if backwards else shown.frames for shown in clips]
    pictures = [frame if swapped else frame[:, :, ::-1].copy() for shot in shots for frame in shot]
    height, width = pictures[0].shape[:2]
    encoding = Encoding(crf=8, pix_fmt="yuv444p")
    times = range(len(pictures))
    write_media(path, pictures, size=(width, height), rate=RATE, times=times, time_base=1 / RATE, sound=None, encoding=encoding)
    return path


def settings(served: Any, **more: Any) -> Settings:
    captioner = {"preset": served.config.name, "base_url": served.server.base_url}
    profile = {"captioner": captioner, "classifier": {"backend": "embedded"}, "concurrency": 6, **more}
    return load_settings({"profile": "vllm", "tags": "seed-eight", "profiles": {"vllm": profile}})


async def run(path: Path, using: Settings, publish: Callable[[Sequence[Event]], None] = lambda _: None) -> TimelineState:
    with SqliteStore(path.with_suffix(".db")) as store:
        return await analyze(str(path), using, store, publish=publish)


def right(state: TimelineState, clips: Sequence[Clip]) -> float:
    assert [segment.start.frame for segment in state.segments] == [FRAMES * number for number in range(len(clips))]
    hits = 0
    for segment, truth in zip(state.segments, clips, strict=True):
        seen = read_caption(segment.caption or "")
        hits += (seen.color, seen.motion, seen.background) == (truth.color, truth.motion, truth.background)
    return hits / len(clips)


async def test_every_shot_of_an_edit_is_captioned_as_it_is(served: Any, tmp_path: Path) -> None:
    clips = chosen(60)
    published: list[Event] = []
    state = await run(film(tmp_path / "edit.mp4", clips), settings(served), published.extend)
    assert right(state, clips) >= 0.95
    captioned = [event.data for event in published if event.type == "segment.captioned"]
    assert {payload.usage.prompt_tokens for payload in captioned} == {16 * 8 + 10}


async def test_an_edit_shown_backwards_turns_its_directions_round(served: Any, tmp_path: Path) -> None:
    turned = {"left": "right", "right": "left", "up": "down", "down": "up", "still": "still"}
    clips = chosen(30)
    state = await run(film(tmp_path / "back.mp4", clips, backwards=True), settings(served))
    assert right(state, [replace(shown, motion=turned[shown.motion]) for shown in clips]) >= 0.95


async def test_swapped_channels_are_noticed(served: Any, tmp_path: Path) -> None:
    clips = [shown for shown in chosen(60) if shown.color in ("red", "blue")]
    clips = [shown for number, shown in enumerate(clips) if number == 0 or shown.background != clips[number - 1].background]
    state = await run(film(tmp_path / "swapped.mp4", clips, swapped=True), settings(served))
    colors = [read_caption(segment.caption or "").color for segment in state.segments]
    assert len(colors) == len(clips)
    assert sum(color == shown.color for color, shown in zip(colors, clips, strict=True)) / len(clips) <= 0.1


async def test_a_server_killed_in_mid_run_loses_nothing_and_no_event_comes_twice(served: Any, tmp_path: Path) -> None:
    clips = chosen(40)
    killed: list[int] = []
    published: list[Event] = []

    def publish(events: Sequence[Event]) -> None:
        published.extend(events)
        if not killed and sum(event.type == "segment.captioned" for event in published) >= 10:
            killed.append(served.server.pid)
            os.kill(served.server.pid, signal.SIGKILL)

    watching = asyncio.run_coroutine_threadsafe(served.server.watch(), served.run(_loop()))
    try:
        state = await run(film(tmp_path / "edit.mp4", clips), settings(served, deadline_seconds=400.0), publish)
    finally:
        watching.cancel()
    assert killed
    assert served.server.pid not in (None, *killed)
    assert right(state, clips) >= 0.95
    segments = [event.data for event in published if event.type == "segment.captioned"]
    assert sorted(payload.segment for payload in segments) == [f"s{number:04d}" for number in range(len(clips))]


async def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()
