"""The Python API: one order of arguments, with and without an event loop."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import streamtags
from streamtags import api, sync
from streamtags.core.errors import NotInStore, UsageError
from streamtags.core.records import TimelineIdentity
from streamtags.testing import MemoryStore, ShotSpec, make_payloads, make_video

NAMES = ("analyze", "correct", "export", "retag", "search")


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.open_timeline("tl_abc", TimelineIdentity("film.mp4"))
    store.append("tl_abc", make_payloads(3))
    return store


@pytest.mark.parametrize("name", NAMES)
def test_every_function_takes_its_subject_then_the_store_then_keywords(name: str) -> None:
    function = getattr(api, name)
    assert getattr(streamtags, name) is function
    _, store, *options = inspect.signature(function).parameters.values()
    assert store.name == "store"
    assert all(option.kind in (option.KEYWORD_ONLY, option.VAR_KEYWORD) for option in options)
    assert inspect.signature(getattr(sync, name)) == inspect.signature(function)
    assert inspect.iscoroutinefunction(function)


def test_the_functions_stay_when_the_packages_with_their_names_are_imported() -> None:
    code = (
        "import streamtags.export.registry, streamtags.search.engine\n"
        "from streamtags import export, search\n"
        "print(export.__module__, search.__module__)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["streamtags.api", "streamtags.api"]


def test_a_file_is_analyzed_exported_and_corrected_without_an_event_loop(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    make_video(film, [ShotSpec(30), ShotSpec(30, "blocks")], size=(160, 90))
    store = MemoryStore()
    state = sync.analyze(film, store)
    assert (state.state, state.source and state.source.name) == ("completed", "film.mp4")
    corrected = sync.correct("last", store, segment=state.segments[0].segment, caption="A red square.", by="ana")
    assert corrected.caption == "A red square."
    assert b"A red square." in sync.export("last", store, format="csv")
    assert sync.correct("last", store, segment=corrected.segment, reset=True, by="ana").caption == state.segments[0].caption


async def test_a_timeline_is_named_by_a_prefix_and_options_are_checked(store: MemoryStore) -> None:
    assert await streamtags.export("abc", store, format="json") == await streamtags.export("tl_abc", store, format="json")
    with pytest.raises(NotInStore):
        await streamtags.export("tl_x", store, format="json")
    with pytest.raises(UsageError, match="rates"):
        await streamtags.export("last", store, format="json", rates=25)
