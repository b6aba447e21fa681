"""Process-wide settings, applied and undone."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys

import pytest

from streamtags.process import frozen_heap, hidden_programs, ignore_proxy_exceptions, paused_collection


def test_no_garbage_is_collected_inside_the_block_and_it_is_again_after_it() -> None:
    with paused_collection():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_pause_leaves_collection_off_where_it_was_off_before() -> None:
    gc.disable()
    try:
        with paused_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_heap_is_frozen_inside_the_block_only() -> None:
    before = gc.get_freeze_count()
    with frozen_heap():
        assert gc.get_freeze_count() > before
    assert gc.get_freeze_count() == 0


def test_programs_are_hidden_inside_the_block_only() -> None:
    with hidden_programs():
        assert shutil.which("sh") is None
    assert shutil.which("sh") is not None


def test_every_host_goes_through_the_proxy_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "example.org")
    ignore_proxy_exceptions()
    assert "no_proxy" not in os.environ


def test_importing_the_library_changes_nothing_of_the_process() -> None:
    code = (
        "import cv2, gc, os\n"
        "before = cv2.getNumThreads(), gc.get_threshold(), gc.isenabled(), dict(os.environ)\n"
        "import streamtags.run.analyze, streamtags.sources.live.source, streamtags.shots.detectors\n"
        "assert before == (cv2.getNumThreads(), gc.get_threshold(), gc.isenabled(), dict(os.environ))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)
